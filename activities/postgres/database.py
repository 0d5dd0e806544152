"""A small pool of connections, and the one place where psycopg's errors become ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from activities.postgres.errors import LedgerUnavailable, SchemaTooOld, StatementRefused, StoreError
from activities.postgres.migrate import NEWEST
from activities.postgres.sql import QUERIES

Row = dict[str, Any]
Params = Mapping[str, object]

POOL_SIZE = 8
CONNECT_TIMEOUT_S = 5
CHECKOUT_TIMEOUT_S = 3.0
STATEMENT_TIMEOUT_S = 5.0
NO_COMPILING = "-c jit=off"
"""For every session: PostgreSQL compiles what it takes for expensive, and how many elements a JSON list has it only
guesses; a second of compiling for what then takes 50 ms."""


def translate(error: Exception) -> StoreError:
    """An error of psycopg, its pool, the network or a time limit in our words. Values and addresses stay behind."""
    match error:
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn():
            return SchemaTooOld(0, NEWEST)
        case psycopg.OperationalError() | psycopg.InterfaceError() | OSError():
            # The pool's own errors are among these, and so are time limits, the server's and ours.
            return LedgerUnavailable(f"PostgreSQL is out of reach or too slow ({type(error).__name__})")
        case psycopg.errors.ReadOnlySqlTransaction():
            return LedgerUnavailable("this PostgreSQL server is a read-only standby")
        case psycopg.Error():
            return StatementRefused(type(error).__name__, error.sqlstate)
        case _:
            return StatementRefused(type(error).__name__, None)


@contextmanager
def translated() -> Iterator[None]:
    """Raise `StoreError` for whatever psycopg raises inside."""
    try:
        yield
    except (psycopg.Error, OSError) as error:
        raise translate(error) from None


class Session:
    """One connection, for named statements."""

    def __init__(self, connection: psycopg.AsyncConnection[Row]) -> None:
        self._connection = connection

    async def all(self, name: str, params: Params) -> list[Row]:
        """Every row of a named statement."""
        cursor = await self._connection.execute(QUERIES[name].encode(), params)
        return await cursor.fetchall()

    async def one(self, name: str, params: Params) -> Row | None:
        """The first row of a named statement."""
        cursor = await self._connection.execute(QUERIES[name].encode(), params)
        return await cursor.fetchone()

    async def run(self, name: str, params: Params) -> int:
        """Run a named statement; how many rows it touched."""
        cursor = await self._connection.execute(QUERIES[name].encode(), params)
        return cursor.rowcount


class Database:
    """PostgreSQL, as this process sees it. Opens without waiting; every method raises `StoreError`.

    `statement_timeout_s` bounds each statement on the server. An asynchronous context manager.
    """

    def __init__(self, url: str, *, size: int = POOL_SIZE, statement_timeout_s: float = STATEMENT_TIMEOUT_S) -> None:
        limits = f"-c statement_timeout={int(statement_timeout_s * 1000)} -c idle_in_transaction_session_timeout=10000"
        self._pool = AsyncConnectionPool[psycopg.AsyncConnection[Row]](
            url,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": "talkbridge",
                "options": f"{NO_COMPILING} {limits}",
                # A host that vanished without a word is noticed in seconds, not in the two hours of TCP's default.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 2,
                "tcp_user_timeout": 10_000,
            },
            min_size=1,
            max_size=size,
            open=False,
            timeout=CHECKOUT_TIMEOUT_S,
            name="ledger",
        )
        self._sweep: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to connect; does not wait until it has worked."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        if self._sweep is not None:
            self._sweep.cancel()
        await self._pool.close(timeout=5)

    async def all(self, name: str, params: Params | None = None) -> list[Row]:
        """Every row of a named statement."""
        async with self._session() as session:
            return await session.all(name, params or {})

    async def one(self, name: str, params: Params | None = None) -> Row | None:
        """The first row of a named statement."""
        async with self._session() as session:
            return await session.one(name, params or {})

    async def run(self, name: str, params: Params | None = None) -> int:
        """Run a named statement; how many rows it touched."""
        async with self._session() as session:
            return await session.run(name, params or {})

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Several statements, all or none."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                yield Session(connection)

    async def check_schema(self) -> None:
        """Raise `SchemaTooOld` unless every migration of this release is there; a newer schema is welcome."""
        row = await self.one("schema_version")
        found = row["version"] if row else 0
        if found < NEWEST:
            raise SchemaTooOld(found, NEWEST)

    async def now(self) -> datetime:
        """The time by the server's clock."""
        row = await self.one("time_now")
        assert row is not None
        found: datetime = row["now"]
        return found

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        with translated():
            try:
                async with self._pool.connection() as connection:
                    yield Session(connection)
            except psycopg.OperationalError:
                self._check_idle()
                raise

    def _check_idle(self) -> None:
        # After a restart of the server every idle connection is broken: find them all at once, not one per request.
        if self._sweep is None or self._sweep.done():
            self._sweep = asyncio.create_task(self._check())

    async def _check(self) -> None:
        # What is still wrong then, the next user of the pool finds out.
        with suppress(psycopg.Error, OSError):
            await self._pool.check()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()
