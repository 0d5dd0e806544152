"""What happened to calls, for auditors: events, requests and mends in order of time, streamed, reads only."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from activities.postgres.database import CONNECT_TIMEOUT_S, translated
from activities.postgres.sql import QUERIES

FETCHED_AT_ONCE = 1000
# A long account takes its time, and nobody's vacuum should find it in the way of writes.
_OPTIONS = "-c statement_timeout=0 -c default_transaction_read_only=on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event, request or mend (`kind`), at the time it was received, sent or done.

    `name` is the event's type, the step or the action; `own_id` the sender's event id, the `X-Request-ID` or the
    mend's own. A request without an `outcome` is one of which nobody knows what became of it. Customer data is masked.
    """

    at: datetime
    call_id: str
    generation: int
    kind: str
    name: str
    attempt: int | None
    own_id: str | None
    method: str | None
    path: str | None
    http_status: int | None
    outcome: str | None
    finished_at: datetime | None
    asked_by: str | None
    reason: str | None
    note: str | None


class Audit:
    """The ledger as an auditor reads it, on one connection. Raises `StoreError`."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def call_status(self, call_id: str) -> dict[str, Any] | None:
        """The call as it was last saved; None when the ledger does not know it."""
        with translated():
            async with self._connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(QUERIES["call_status"].encode(), {"call_id": call_id})
                row = await cursor.fetchone()
        return dict(row["status"]) if row else None

    async def entries(
        self, *, call_id: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> AsyncGenerator[Entry, None]:
        """Everything of one call, or of all, from `since` to before `until`, the oldest first.

        However much that is, only a thousand of them are held here.
        """
        given = {"call_id": call_id, "since": since, "until": until}
        with translated():
            async with (
                self._connection.transaction(),
                self._connection.cursor(name="audit", row_factory=class_row(Entry)) as cursor,
            ):
                cursor.itersize = FETCHED_AT_ONCE
                await cursor.execute(QUERIES["audit_entries"].encode(), given)
                async for entry in cursor:
                    yield entry


@asynccontextmanager
async def audit_at(url: str) -> AsyncIterator[Audit]:
    """An audit of the ledger at this address. Raises `StoreError`."""
    with translated():
        connection = await psycopg.AsyncConnection.connect(
            url,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="talkbridge audit",
            options=_OPTIONS,
        )
    async with connection:
        yield Audit(connection)
