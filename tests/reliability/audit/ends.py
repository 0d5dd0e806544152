"""How each call ended, by all three accounts: its ticket, its state, its moments, its changes."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.reliability.audit.finding import Finding, Judged, Lie
from tests.reliability.audit.records import Json, LedgerCall, Records

MARK = re.compile(r"\[call (\S+) · ([^\]]*)\]\s*$")
MOMENTS = {"started_at": "call.started", "answered_at": "call.answered", "ended_at": "call.completed"}
_UPDATE = re.compile(r"/api/v2/tickets/(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One change of a ticket in a call's name; `mark` and `metadata` as far as it had them."""

    at: float
    ticket_id: int
    by: str
    mark: str | None
    metadata: Json | None


def about_ends(records: Records) -> Judged:
    """Everything about calls and tickets but screen pops."""
    told, marks = _told(records.tickets), _marks(records.tickets)
    known = {workflow_id for workflow_id in records.runs_of if workflow_id.startswith("call-")}
    for workflow_id in sorted(known - {f"call-{call_id}" for call_id in records.latest}):
        yield Finding(lie=Lie.NO_CALL, about=workflow_id.removeprefix("call-"), text="the ledger does not know it")
    for call in records.latest.values():
        run = records.runs_of.get(f"call-{call.call_id}", [None])[-1]
        if run is None:
            yield Finding(lie=Lie.NO_CALL, about=call.call_id, text="Temporal does not know it")
            continue
        yield from _ticket(call, run.ticket_id, marks.get(call.label, []))
        yield from _state(call, run.state, told.get(call.label, []))
        yield from _moments(call, told.get(call.label, []))
    yield from _changes(records)
    yield from _creates(records)


def _ticket(call: LedgerCall, of_workflow: int | None, marks: Sequence[tuple[int, str]]) -> Judged:
    on = {ticket_id for ticket_id, word in marks if word != "started" and ticket_id not in call.excluded}
    shown = call.status.get("ticket_id")
    if {call.ticket_id, of_workflow, shown, *on} != {call.ticket_id}:
        text = f"ledger {call.ticket_id} (shown {shown}), workflow {of_workflow}, notes on {sorted(on) or 'none'}"
        yield Finding(lie=Lie.TICKET, about=call.label, text=text)


def _state(call: LedgerCall, of_workflow: str | None, told: Sequence[Told]) -> Judged:
    outcomes = [each.metadata["outcome"] for each in told if each.metadata and each.metadata.get("outcome")]
    by_vendor = outcomes[-1] if outcomes else None
    shown = call.status.get("state")
    if not call.state == of_workflow == shown or (by_vendor or call.state) != call.state:
        text = f"ledger {call.state} (shown {shown}), workflow {of_workflow}, ticket {by_vendor}"
        yield Finding(lie=Lie.STATE, about=call.label, text=text)
    if not call.active and not any(each.mark for each in told):
        yield Finding(lie=Lie.STATE, about=call.label, text=f"the ledger says {call.state}, no ticket was told so")
    if call.active != (call.ended_at is None):
        text = f"active is {call.active}, and its end {call.ended_at}"
        yield Finding(lie=Lie.TIMES, about=call.label, text=text)
    noted = min((each.at for each in told if each.mark), default=None)
    if noted is not None and (call.ended_at is None or call.ended_at > noted):
        text = f"its ticket was told the end at {noted:.3f}, the ledger has {call.ended_at}"
        yield Finding(lie=Lie.TIMES, about=call.label, text=text)


def _moments(call: LedgerCall, told: Sequence[Told]) -> Judged:
    """Each moment on the ticket is that of an event the call received."""
    received = {(each["type"], _moment(each["occurred_at"])) for each in call.status.get("events", [])}
    for each in told:
        for name, event in MOMENTS.items():
            said = (each.metadata or {}).get(name)
            if said is not None and (event, _moment(said)) not in received:
                yield Finding(lie=Lie.TIMES, about=call.label, text=f"{name} is {said}, and no {event} says so")


def _changes(records: Records) -> Judged:
    """Each change in a call's name was made by a request of that call to that ticket."""
    for ticket in records.tickets:
        for label, each in _changes_of(ticket):
            row = records.row_of.get(each.by)
            path = _UPDATE.fullmatch(row.path) if row else None
            named = (each.metadata or {}).get("id", label)
            if row is None or {row.label, named} != {label} or path is None or int(path[1]) != each.ticket_id:
                text = f"{each.by} on ticket {each.ticket_id}, in the name of {named}"
                yield Finding(lie=Lie.CHANGE, about=label, text=text)


def _creates(records: Records) -> Judged:
    existing = {ticket["external_id"] for ticket in records.tickets}
    for served in records.journal:
        if served.kind != "create_ticket" or not served.acted:
            continue
        row = records.row_of.get(served.request_id or "")
        if row is not None and row.label != served.external_id:
            text = f"{row.request_id} made a ticket of {served.external_id}"
            yield Finding(lie=Lie.CHANGE, about=row.label, text=text)
        if served.external_id not in existing:
            text = f"{served.request_id} made a ticket that is not in the books"
            yield Finding(lie=Lie.CHANGE, about=str(served.external_id), text=text)


def _told(tickets: Sequence[Json]) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = defaultdict(list)
    for ticket in tickets:
        for label, each in _changes_of(ticket):
            found[label].append(each)
    return {label: sorted(changes, key=lambda each: each.at) for label, changes in found.items()}


def _changes_of(ticket: Json) -> Iterator[tuple[str, Told]]:
    """The changes of a ticket that name a call, by mark or by metadata."""
    bodies = {comment["id"]: comment["body"] for comment in ticket["comments"]}
    for change in ticket["changes"]:
        match = MARK.search(bodies.get(change["comment_id"], ""))
        metadata = (change["fields"].get("metadata") or {}).get("call")
        label = match[1] if match else (metadata or {}).get("id")
        if label is not None and change["by"] != "agent":
            mark = match[2] if match else None
            yield (
                str(label),
                Told(at=change["at"], ticket_id=ticket["id"], by=change["by"], mark=mark, metadata=metadata),
            )


def _marks(tickets: Sequence[Json]) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for ticket in tickets:
        for comment in ticket["comments"]:
            if match := MARK.search(comment["body"]):
                found[match[1]].append((ticket["id"], match[2]))
    return found


def _moment(text: str) -> float:
    return round(datetime.fromisoformat(text).timestamp(), 3)
