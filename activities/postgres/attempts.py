"""The gate: a request gets its row before it is sent, and the statement that writes it decides whether it may be."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from activities.postgres.database import Database, Row
from activities.postgres.errors import LedgerUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request about to be sent. `path` has no query; `attempt` is Temporal's number, anew after a reset."""

    call_id: str
    generation: int
    step: str
    attempt: int
    request_id: str
    method: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePermit:
    """`attempt_id` when it may be sent; else a matching call's ticket, or `unknown_until`, the last unsettled row."""

    attempt_id: int | None
    joined_ticket_id: int | None = None
    unknown_until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePermit:
    """`attempt_id` when it may be sent, with status or without; else `unknown_until`, the last unsettled row."""

    attempt_id: int | None
    send_status: bool = False
    unknown_until: int = 0


class Attempts:
    """Every request to a vendor, before and after. Each method raises `StoreError`, mostly `LedgerUnavailable`.

    An attempt's outcome is known when it is `done` (a 2xx that could be read), `not_sent`, or its HTTP status a 4xx
    other than 408. Each method is one statement.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, attempt: Attempt) -> int:
        """Write down a request that needs no decision; the id of its row."""
        return int((await self._one("begin_attempt", asdict(attempt)))["id"])

    async def begin_create(
        self, attempt: Attempt, *, key: str, excluded: Sequence[int], window_s: int, looked_until: int
    ) -> CreatePermit:
        """May a ticket be created with this idempotency key? `looked_until`: rows up to it are settled."""
        given = {"key": key, "excluded": list(excluded), "window_s": window_s, "looked_until": looked_until}
        return CreatePermit(**await self._one("begin_create", {**asdict(attempt), **given}))

    async def begin_update(
        self,
        attempt: Attempt,
        *,
        ticket_id: int,
        final: bool,
        note: bool,
        looked_until: int,
        max_duration_s: int,
        outcome: str | None = None,
    ) -> UpdatePermit:
        """May this update be sent, and with its status? A `final` one ends the call's hold on the ticket here.

        `outcome`, the call's state by then, is shown from now on, however long the vendor keeps the update waiting.
        """
        given = {
            "ticket_id": ticket_id,
            "final": final,
            "note": note,
            "looked_until": looked_until,
            "max_duration_s": max_duration_s,
            "outcome": outcome,
            "label": holder_label(attempt.call_id, attempt.generation),
        }
        return UpdatePermit(**await self._one("begin_update", {**asdict(attempt), **given}))

    async def end(self, attempt_id: int, *, http_status: int | None, outcome: str) -> None:
        """What became of a request: `done`, `not_sent`, or the name of what went wrong."""
        given = {"attempt_id": attempt_id, "http_status": http_status, "outcome": outcome}
        await self._database.run("end_attempt", given)

    async def end_create(self, attempt_id: int, *, http_status: int, ticket_id: int, max_duration_s: int) -> None:
        """A create worked: the ticket becomes the call's, which holds it while its end is unknown."""
        given = {"attempt_id": attempt_id, "http_status": http_status, "ticket_id": ticket_id}
        await self._database.run("end_create", {**given, "max_duration_s": max_duration_s})

    async def record(
        self, attempt: Attempt, *, sent_at: datetime, http_status: int | None, outcome: str | None
    ) -> None:
        """Write down a request that did not wait for the ledger. A second time changes nothing."""
        given = {"sent_at": sent_at, "http_status": http_status, "outcome": outcome}
        await self._database.run("record_attempt", {**asdict(attempt), **given})

    async def _one(self, name: str, params: dict[str, object]) -> Row:
        row = await self._database.one(name, params)
        if row is None:
            raise LedgerUnavailable(f"{name} answered nothing")
        return row


def holder_label(call_id: str, generation: int) -> str:
    """The name under which a call holds a ticket. Kept within the ledger; `end_create` builds the same in SQL."""
    return call_id if generation == 1 else f"{call_id}#{generation}"
