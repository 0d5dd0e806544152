"""What the gateway may ask of the ledger: reads only."""

from collections.abc import Mapping
from typing import Any

from activities.postgres.database import Database, Row
from activities.postgres.identity import Identity

Page = tuple[list[dict[str, Any]], str | None]
"""Calls as `CallStatus` JSON, the newest first, and the cursor of the next page."""

LONGEST_PAGE = 200


class CursorNotOurs(ValueError):
    """A cursor that no page of ours ended with."""


class LedgerReader:
    """Calls as the ledger tells of them, customer data masked. Raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def call_status(self, call_id: str) -> dict[str, Any] | None:
        """The call as it was last saved; None when the ledger does not know it."""
        row = await self._database.one("call_status", {"call_id": call_id})
        return dict(row["status"]) if row else None

    async def list_calls(
        self,
        *,
        state: str | None = None,
        ticket_id: int | None = None,
        agent_id: str | None = None,
        needs_attention: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """A page of the calls that match every filter given. Raises `CursorNotOurs`."""
        given = {"state": state, "ticket_id": ticket_id, "agent_id": agent_id, "needs_attention": needs_attention}
        return await self._page("list_calls", given, limit, cursor)

    async def search_calls(self, identity: Identity, *, limit: int = 50, cursor: str | None = None) -> Page:
        """A page of the calls with that email or that phone. Raises `CursorNotOurs`."""
        given = {"email_hash": identity.email_hash, "phone_hash": identity.phone_hash}
        return await self._page("search_calls", given, limit, cursor)

    async def calls_in_need(
        self, *, cause: str | None = None, step: str | None = None, action: str | None = None, each: int, limit: int
    ) -> list[Row]:
        """Calls that need a person, grouped by cause and step: `each` of a group at most, `limit` of all.

        `action`: only those that offer that mend.
        """
        given = {"cause": cause, "step": step, "action": action, "each": each, "limit": limit}
        return await self._database.all("calls_in_need", given)

    async def attempts(self, call_id: str) -> list[Row]:
        """Every request of the call, in order; a row without an outcome says honestly that it is unknown."""
        return await self._database.all("attempts_of_call", {"call_id": call_id})

    async def requests(self, call_id: str, *, limit: int) -> list[Row]:
        """The latest requests of the call's latest generation, the newest first; `in_all` says how many there are."""
        return await self._database.all("requests_of_call", {"call_id": call_id, "limit": limit})

    async def mends(self, call_id: str, *, limit: int) -> list[Row]:
        """What people did to the call's latest generation, the newest first."""
        return await self._database.all("mends_of_call", {"call_id": call_id, "limit": limit})

    async def figures(self) -> list[tuple[str, str, float]]:
        """The fleet in numbers: figure, label, value. Figures without anything to count are not there."""
        rows = await self._database.all("figures")
        return [(row["figure"], row["label"], float(row["value"])) for row in rows]

    async def screen_pops(self, *, period_s: int, slot_s: int, limit: int, within_ms: int) -> list[Row]:
        """Numbers on the screen pops of the newest `limit` calls of a period; the statement says what each row is."""
        given = {"period_s": period_s, "slot_s": slot_s, "limit": limit, "within_ms": within_ms}
        return await self._database.all("screen_pops", given)

    async def credentials(self) -> list[Row]:
        """What is kept of each account's token, the newest first; never the token."""
        return await self._database.all("credentials_kept")

    async def _page(self, name: str, given: Mapping[str, object], limit: int, cursor: str | None) -> Page:
        size = max(1, min(limit, LONGEST_PAGE))
        # One more than shown tells whether there is a next page.
        rows = await self._database.all(name, {**given, "before": _before(cursor), "limit": size + 1})
        shown = rows[:size]
        return [dict(row["status"]) for row in shown], str(shown[-1]["id"]) if len(rows) > size else None


def _before(cursor: str | None) -> int | None:
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdigit()) or len(cursor) > 18:
        raise CursorNotOurs("this cursor was not made here")
    return int(cursor)
