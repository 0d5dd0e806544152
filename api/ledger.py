"""The ledger as the gateway reads it: `activities.postgres` behind `Reading`, every question bounded in time."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import structlog

from activities.postgres.database import Database
from activities.postgres.errors import IdentityKeyMissing, SchemaTooOld, StoreError
from activities.postgres.identity import IdentityHasher, IdentityKey
from activities.postgres.reading import CursorNotOurs, LedgerReader
from activities.postgres.reading import Page as Rows
from api.reading import (
    MOST_MENDS,
    MOST_REQUESTS,
    Filters,
    InNeed,
    KeysMisfit,
    LedgerUnreadable,
    NotSetUp,
    Page,
    PastMend,
    Records,
    SentRequest,
    UnusableCursor,
)
from workflows.connection import Keyring, UnknownKeyError

ANSWER_S = 1.5
LET_GO_S = 0.5
"""How long a server may take, after that, to stop what it was asked."""
KEYS_S = 2.0
"""How long a start waits at most for PostgreSQL's word on the keys."""
POOL_SIZE = 4

log = structlog.stdlib.get_logger("api.ledger")


class PostgresLedger:
    """`Reading` on PostgreSQL. Opens without waiting: the gateway serves webhooks while the database is away."""

    def __init__(self, url: str, keyring: Keyring) -> None:
        self._database = Database(url, size=POOL_SIZE, statement_timeout_s=ANSWER_S)
        self._reader = LedgerReader(self._database)
        self._identities = IdentityKey(self._database, decrypt=keyring.decrypt)

    async def open(self) -> None:
        """Begin to connect."""
        await self._database.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._database.close()

    async def call_status(self, call_id: str) -> Mapping[str, Any] | None:
        """The call's status as it was last saved."""
        async with _readable():
            return await self._reader.call_status(call_id)

    async def list_calls(self, filters: Filters) -> Page:
        """A page of the calls that match every filter given."""
        async with _readable():
            return _page(await self._reader.list_calls(**asdict(filters)))

    async def search_calls(
        self, email: str | None, phone: str | None, *, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """A page of the calls with that email or that phone."""
        async with _readable():
            identity = (await self._hasher()).identity(email=email, phone=phone)
            return _page(await self._reader.search_calls(identity, limit=limit, cursor=cursor))

    async def records(self, call_id: str) -> Records:
        """The call's latest requests and mends, the oldest first."""
        async with _readable():
            sent = await self._reader.requests(call_id, limit=MOST_REQUESTS)
            mends = await self._reader.mends(call_id, limit=MOST_MENDS)
        unread = max(0, sent[0]["in_all"] - len(sent)) if sent else 0
        requests = [SentRequest(**{name: row[name] for name in row if name != "in_all"}) for row in reversed(sent)]
        return Records(requests=requests, mends=[PastMend(**row) for row in reversed(mends)], unread=unread)

    async def calls_in_need(
        self, *, cause: str | None = None, step: str | None = None, action: str | None = None, each: int, limit: int
    ) -> Sequence[InNeed]:
        """Calls that need a person, by cause and step."""
        async with _readable():
            rows = await self._reader.calls_in_need(cause=cause, step=step, action=action, each=each, limit=limit)
        return [InNeed(**row) for row in rows]

    async def figures(self) -> Sequence[tuple[str, str, float]]:
        """The fleet in numbers, as of now."""
        async with _readable():
            return await self._reader.figures()

    async def screen_pops(
        self, *, period_s: int, slot_s: int, limit: int, within_ms: int
    ) -> Sequence[Mapping[str, Any]]:
        """Numbers on the screen pops of a period, of its newest calls."""
        async with _readable():
            return await self._reader.screen_pops(period_s=period_s, slot_s=slot_s, limit=limit, within_ms=within_ms)

    async def ping(self) -> None:
        """Whether a page of nothing can be had: reachable, and the schema is there."""
        async with _readable():
            await self._reader.call_status("")

    async def check_keys(self) -> None:
        """Whether this keyring reads the identity key. Logs nothing: it is asked again and again."""
        try:
            async with _within(KEYS_S):
                await self._hasher()
        except (SchemaTooOld, IdentityKeyMissing) as error:
            raise NotSetUp(str(error)) from None
        except (StoreError, TimeoutError) as error:
            raise LedgerUnreadable(str(error) or "PostgreSQL has not answered in time") from None

    async def _hasher(self) -> IdentityHasher:
        try:
            return await self._identities.hasher()
        except (UnknownKeyError, ValueError) as error:
            raise KeysMisfit(f"ENCRYPTION_KEYS cannot read the identity key in the database: {error}") from None


@asynccontextmanager
async def _within(limit_s: float) -> AsyncIterator[None]:
    """psycopg, interrupted, asks the server to stop and waits ten seconds for that; interrupted again it lets go."""
    async with asyncio.timeout(limit_s + LET_GO_S), asyncio.timeout(limit_s):
        yield


@asynccontextmanager
async def _readable() -> AsyncIterator[None]:
    """Whatever keeps the ledger from answering is one thing to the gateway; the log says what it was."""
    try:
        async with _within(ANSWER_S):
            yield
    except CursorNotOurs:
        raise UnusableCursor from None
    except KeysMisfit as error:
        log.warning("ledger_unreadable", error_type="KeysMisfit", error=str(error))
        raise
    except (StoreError, TimeoutError) as error:
        log.warning("ledger_unreadable", error_type=type(error).__name__, error=str(error))
        raise LedgerUnreadable from None


def _page(rows: Rows) -> Page:
    calls, next_cursor = rows
    return Page(calls=list(calls), next_cursor=next_cursor)
