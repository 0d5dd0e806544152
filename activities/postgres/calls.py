"""The rows of calls: who matches whom, who waits for whom, and what is remembered."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from activities.postgres.attempts import holder_label
from activities.postgres.database import Database, Row, Session
from activities.postgres.identity import Identity

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """A call as it is entered. `status` is what is shown of it until it is saved for the first time."""

    call_id: str
    workflow_id: str
    run_id: str
    identity: Identity
    occurred_at: datetime
    max_duration_s: int
    status: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A matching call that was there before and still looks for its ticket."""

    id: int
    call_id: str
    generation: int
    workflow_id: str
    needs_attention: bool
    create_unknown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The ticket of a matching call, if there is one; and whom to wait for, if not."""

    ticket_id: int | None = None
    earlier: tuple[Earlier, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The generation, what an earlier run of this call has saved (none for a new call), and a new call's first look.

    `ticket_id`, `create_unknown` and `ended` are the gate's word: that run may not have had the time to save.
    """

    generation: int
    version: int
    memory: Json | None
    ticket_id: int | None
    create_unknown: bool
    ended: bool
    look: Look | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedCall:
    """A call to be written. `excluded`: tickets it lost; `left`: those a person took it off."""

    call_id: str
    generation: int
    version: int
    workflow_id: str
    run_id: str
    identity: Identity
    ticket_id: int | None
    excluded: Sequence[int]
    left: Sequence[int]
    pending: bool
    active: bool
    max_duration_s: int
    status: Json
    memory: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMend:
    """What a person did to a call, and what came of it in words."""

    call_id: str
    generation: int
    mend_id: str
    action: str
    step: str | None
    ticket_id: int | None
    asked_by: str
    reason: str
    result: str
    text: str
    mended_at: datetime


class Calls:
    """The table `calls`. Raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, call: NewCall, *, window_s: int) -> Opened:
        """Take the call over, or enter it: then it stands behind every matching call that was there before.

        A new call looks at once for the ticket of another.
        """
        given = {
            "call_id": call.call_id,
            "workflow_id": call.workflow_id,
            "run_id": call.run_id,
            "email_hash": call.identity.email_hash,
            "phone_hash": call.identity.phone_hash,
            "occurred_at": call.occurred_at,
            "max_duration_s": call.max_duration_s,
            "state": call.status["state"],
            "status": Jsonb(call.status),
        }
        async with self._database.transaction() as session:
            await _lock(session, call.call_id, call.identity)
            row = await session.one("open_call", given)
            assert row is not None
            if row["memory"] is not None:
                return Opened(**row)
            looking = {"generation": row["generation"], "excluded": [], "window_s": window_s}
            look = _look(await session.one("look_for_ticket", {**given, **looking}))
        return Opened(**row, look=look)

    async def look(
        self, call_id: str, generation: int, *, identity: Identity, excluded: Sequence[int], window_s: int
    ) -> Look:
        """Look for the ticket of a matching call, `excluded` ones apart, which nobody is offered any more.

        A call that had finished its search, lost another ticket or learned who is calling is pending again and stands
        last.
        """
        given = {
            "call_id": call_id,
            "generation": generation,
            "email_hash": identity.email_hash,
            "phone_hash": identity.phone_hash,
            "excluded": list(excluded),
            "window_s": window_s,
        }
        row = await self._database.one("look_for_ticket", given)
        if row is not None and row["unsettled"]:
            async with self._database.transaction() as session:
                await _lock(session, call_id, identity, excluded)
                await session.run("look_again", given)
                await session.run("drop_tickets", given)
            row = await self._database.one("look_for_ticket", given)
        return _look(row)

    async def may_ask(self, call_id: str, generation: int) -> bool:
        """Whether it is time to ask Temporal about those the call waits for; twice a minute at most."""
        return await self._database.one("may_ask", {"call_id": call_id, "generation": generation}) is not None

    async def gave_way(self, ids: Sequence[int]) -> None:
        """These will not find a ticket any more: nobody needs to wait for them."""
        await self._database.run("gave_way", {"ids": list(ids)})

    async def save(self, call: SavedCall) -> bool:
        """Write the call as it stands; False when a later version is there."""
        given = _saved_params(call)
        if await self._database.one("save_call", {**given, "locked": False}):
            return True
        # Either that was an old version, or an identity is new, or the row is gone: all rare.
        async with self._database.transaction() as session:
            await _lock(session, call.call_id, call.identity)
            await session.run("restore_call", given)
            return await session.one("save_call", {**given, "locked": True}) is not None

    async def keep_mend(self, mend: KeptMend) -> None:
        """Write it down, unless it is there."""
        await self._database.run("keep_mend", asdict(mend))


def _look(row: Row | None) -> Look:
    # A call the ledger has lost matches nobody.
    if row is None:
        return Look()
    return Look(ticket_id=row["ticket_id"], earlier=tuple(Earlier(**each) for each in row["earlier"]))


async def _lock(session: Session, call_id: str, identity: Identity, excluded: Sequence[int] = ()) -> None:
    """Lock the call and whatever it matches by, now and after, so that two who match do so one after the other."""
    row = await session.one("identity_of_call", {"call_id": call_id}) or {}
    hashes = {identity.email_hash, identity.phone_hash, row.get("email_hash"), row.get("phone_hash")}
    names = [f"call {call_id}"]
    names += [f"identity {value.hex()}" for value in hashes if value is not None]
    names += [f"ticket {ticket_id}" for ticket_id in {*excluded, *row.get("excluded", ())}]
    await session.all("lock_names", {"names": names})


def _saved_params(call: SavedCall) -> dict[str, object]:
    agent = call.status.get("agent") or {}
    return {
        "call_id": call.call_id,
        "generation": call.generation,
        "version": call.version,
        "workflow_id": call.workflow_id,
        "run_id": call.run_id,
        "email_hash": call.identity.email_hash,
        "phone_hash": call.identity.phone_hash,
        "ticket_id": call.ticket_id,
        "excluded": list(call.excluded),
        "left": list(call.left),
        "pending": call.pending,
        "active": call.active,
        "max_duration_s": call.max_duration_s,
        "state": call.status["state"],
        "agent_id": agent.get("id"),
        "needs_attention": call.status["needs_attention"],
        "status": Jsonb(call.status),
        "memory": Jsonb(call.memory),
        "label": holder_label(call.call_id, call.generation),
    }
