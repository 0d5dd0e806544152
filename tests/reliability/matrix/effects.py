"""What a call did to the vendor, counted in the simulator's books."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.e2e.webhooks import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """All that one call left behind; `tickets` are its customer's, with those that were there before.

    `started` and `notes` are the marks of a created ticket's comment and of the final note, `updates` those that
    changed something, `pops` those that reached the live call, with the caller's record in one of them or not.
    """

    tickets: int = 1
    started: int = 1
    notes: int = 1
    updates: int = 1
    pops: int = 1
    customer_shown: bool = True
    other_marks: int = 0
    left: str = "open"
    """Of the ticket the call ends on: its custom status, or else its status; `none` without a ticket."""


def effects_of(books: Json, call_id: str, email: str, ticket_id: int | None) -> Effects:
    """The effects of one call that ended on this ticket."""
    tickets = [t for t in books["tickets"] if t["requester"].get("email") == email or t["external_id"] == call_id]
    marks = Counter(_marks(tickets, call_id))
    pops = [pop for call in books["calls"] if call["id"] == call_id for pop in call["pops"]]
    last = next((t for t in tickets if t["id"] == ticket_id), None)
    return Effects(
        tickets=len(tickets),
        started=marks.pop("started", 0),
        notes=marks.pop("completed", 0),
        updates=sum(change["by"].startswith(f"{call_id}.") for t in tickets for change in t["changes"]),
        pops=len(pops),
        customer_shown=any("crm_customer_id" in pop["custom_properties"] for pop in pops),
        other_marks=marks.total(),
        left="none" if last is None else last["custom_status"] or last["status"],
    )


def _marks(tickets: Iterable[Json], call_id: str) -> Iterable[str]:
    beginning = f"[call {call_id} · "
    for ticket in tickets:
        for comment in ticket["comments"]:
            last = comment["body"].rstrip().rpartition("\n")[2]
            if last.startswith(beginning):
                yield last.removeprefix(beginning).rstrip("]")
