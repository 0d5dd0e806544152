"""A connection of its own, to learn which PostgreSQL server is there, or why none is: the pool tells less."""

import psycopg


class OutOfReach(Exception):
    """No connection could be made. The text names host and reason, no secret."""


async def server_version(url: str, timeout_s: float) -> int:
    """The server's major version. Raises `OutOfReach`."""
    # Of an operational error the text is safe; psycopg waits two seconds at the least.
    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=int(timeout_s)) as connection:
            return connection.info.server_version // 10_000
    except psycopg.OperationalError as error:
        raise OutOfReach(" ".join(str(error).split())[:200]) from None
    except psycopg.Error as error:
        raise OutOfReach(type(error).__name__) from None
