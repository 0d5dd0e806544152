"""The comparison at the end: what was promised against what the vendor's books say. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from tests.reliability.chaos.deliveries import Heard
from tests.reliability.chaos.expected import metadata_wanted

Json = dict[str, Any]
ENDS = ("completed", "missed", "end not reported")
ROW_LATER = ("patch_call", "fetch_customer")
"""Steps that wait for no ledger: their row is written afterwards, and lost with a worker that dies first. They write no
ticket; the audit tells which of them have that excuse."""
_MARK = re.compile(r"\[call (\S+) · ([^\]]*)\]\s*$")


class Kind(StrEnum):
    """What can be wrong with a call."""

    LOST = "lost"
    DUPLICATE_TICKET = "duplicate ticket"
    DUPLICATE_NOTE = "duplicate note"
    WRONG_TICKET = "wrong ticket"
    WRONG_STATE = "wrong final state"
    MISSING_METADATA = "missing metadata"
    MISSING_AUDIT = "missing audit rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, and whose."""

    kind: Kind
    call_id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything there is to compare. Times in seconds since 1970.

    `calls`: by call id. `tickets`: the books' tickets. `seeded`: customer → the ticket they had before.
    `began_at`: call → the moment its script counts from. `request_ids`: the vendor's journal; `audited`: the system's
    own record of requests, None for a system that keeps none.
    """

    calls: Mapping[str, Heard]
    tickets: Sequence[Json]
    began_at: Mapping[str, float]
    window_s: float
    max_duration_s: float
    seeded: Mapping[str, int] = field(default_factory=dict)
    request_ids: Sequence[str] = ()
    audited: Collection[str] | None = None

    @cached_property
    def by_id(self) -> dict[int, Json]:
        """Tickets by their id."""
        return {ticket["id"]: ticket for ticket in self.tickets}

    @cached_property
    def notes(self) -> dict[str, list[tuple[int, str]]]:
        """Call → (ticket, mark) of each comment of ours."""
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for ticket in self.tickets:
            for comment in ticket["comments"]:
                if match := _MARK.search(comment["body"]):
                    found[match[1].partition("#")[0]].append((ticket["id"], match[2]))
        return found

    @cached_property
    def metadata(self) -> dict[str, Json]:
        """Call → the metadata it was told last."""
        told: dict[str, tuple[float, Json]] = {}
        for ticket in self.tickets:
            for change in ticket["changes"]:
                call = (change["fields"].get("metadata") or {}).get("call") or {}
                call_id = str(call.get("id", "")).partition("#")[0]
                if call_id and change["at"] >= told.get(call_id, (0.0, {}))[0]:
                    told[call_id] = (change["at"], call)
        return {call_id: call for call_id, (_, call) in told.items()}

    @cached_property
    def made(self) -> dict[str, list[int]]:
        """Call → the tickets created in its name."""
        found: dict[str, list[int]] = defaultdict(list)
        for ticket in self.tickets:
            if ticket["external_id"]:
                found[ticket["external_id"].partition("#")[0]].append(ticket["id"])
        return found

    def customers(self) -> dict[str, list[Heard]]:
        """The calls of each customer."""
        found: dict[str, list[Heard]] = defaultdict(list)
        for call in self.calls.values():
            found[call.script.customer].append(call)
        return found


def judge(evidence: Evidence) -> list[Finding]:
    """Everything that is wrong, call by call; an empty list is a clean run."""
    found = [finding for call in evidence.calls.values() for finding in _about_call(evidence, call)]
    for customer, calls in evidence.customers().items():
        found += _about_customer(evidence, customer, calls)
    return [*found, *_about_audit(evidence)]


def _about_call(evidence: Evidence, call: Heard) -> Iterator[Finding]:
    call_id = call.script.call_id
    marks = Counter(mark for _, mark in evidence.notes.get(call_id, []))
    ends = [mark for mark in marks if mark in ENDS]
    if call.promised and not ends:
        yield Finding(kind=Kind.LOST, call_id=call_id, text="acknowledged, and its end stands on no ticket")
    for mark, times in marks.items():
        if times > 1:
            yield Finding(kind=Kind.DUPLICATE_NOTE, call_id=call_id, text=f"{mark!r} stands {times} times")
    if len(ends) > 1:
        yield Finding(kind=Kind.DUPLICATE_NOTE, call_id=call_id, text=f"it ended more than once: {', '.join(ends)}")
    if len(evidence.made.get(call_id, [])) > 1:
        text = f"tickets {evidence.made[call_id]} were created for it"
        yield Finding(kind=Kind.DUPLICATE_TICKET, call_id=call_id, text=text)
    if ends:
        yield from _about_metadata(evidence, call)


def _about_metadata(evidence: Evidence, call: Heard) -> Iterator[Finding]:
    call_id = call.script.call_id
    told = evidence.metadata.get(call_id)
    if told is None:
        yield Finding(kind=Kind.MISSING_METADATA, call_id=call_id, text="its ticket was told no metadata")
        return
    if told.get("outcome") not in call.outcomes:
        text = f"told {told.get('outcome')!r}, right is {' or '.join(sorted(call.outcomes))}"
        yield Finding(kind=Kind.WRONG_STATE, call_id=call_id, text=text)
    wanted = metadata_wanted(call, evidence.began_at[call_id], evidence.max_duration_s)
    wrong = [
        f"{name} is {told.get(name)!r}, not {' or '.join(repr(value) for value in sorted(values, key=str))}"
        for name, values in wanted.items()
        if told.get(name) not in values
    ]
    if wrong:
        yield Finding(kind=Kind.MISSING_METADATA, call_id=call_id, text="; ".join(wrong))


def _about_customer(evidence: Evidence, customer: str, calls: Sequence[Heard]) -> Iterator[Finding]:
    ids = {call.script.call_id for call in calls}
    own = {ticket for call_id in ids for ticket in evidence.made.get(call_id, [])}
    seeded = evidence.seeded.get(customer)
    used = {ticket for call_id in ids for ticket, _ in evidence.notes.get(call_id, [])}
    for call_id in sorted(ids):
        strange = {t for t, _ in evidence.notes.get(call_id, [])} - own - {seeded}
        if strange:
            text = f"its notes stand on {sorted(strange)}, which are not of this customer"
            yield Finding(kind=Kind.WRONG_TICKET, call_id=call_id, text=text)
    yield from _about_seeded(evidence, seeded, used, own, min(ids))
    if len(own) > 1 and not _excused(evidence, calls, own):
        text = f"{customer} has tickets {sorted(own)}, made by calls {sorted(ids)}"
        yield Finding(kind=Kind.DUPLICATE_TICKET, call_id=min(ids), text=text)
    for ticket_id in sorted(own | used):
        yield from _about_ticket(evidence.by_id[ticket_id], min(ids))


def _about_seeded(
    evidence: Evidence, seeded: int | None, used: set[int], own: set[int], call_id: str
) -> Iterator[Finding]:
    if seeded is None:
        return
    closed = evidence.by_id[seeded]["status"] == "closed"
    if closed and any(evidence.by_id[ticket]["via_followup_source_id"] != seeded for ticket in own):
        text = f"ticket {sorted(own)} is no follow-up of {seeded}, which is closed"
        yield Finding(kind=Kind.WRONG_TICKET, call_id=call_id, text=text)
    if not closed and own:
        text = f"tickets {sorted(own)} were created though the customer has {seeded}"
        yield Finding(kind=Kind.DUPLICATE_TICKET, call_id=call_id, text=text)
    if closed and seeded in used:
        yield Finding(kind=Kind.WRONG_TICKET, call_id=call_id, text=f"a note stands on {seeded}, which is closed")


def _excused(evidence: Evidence, calls: Sequence[Heard], tickets: set[int]) -> bool:
    """Whether a customer known by different signs rang again after the window: no look-up could find the ticket."""
    if not any(call.script.anybody for call in calls):
        return False
    first, second, *_ = sorted(tickets)
    idle: float = _created_at(evidence.by_id[second]) - max(
        [_created_at(evidence.by_id[first]), *(change["at"] for change in evidence.by_id[first]["changes"])]
    )
    # Stamps have whole seconds.
    return idle > evidence.window_s - 1


def _created_at(ticket: Json) -> float:
    made_at: str = ticket["created_at"]
    return datetime.strptime(made_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def _about_ticket(ticket: Json, call_id: str) -> Iterator[Finding]:
    state = (ticket["status"], ticket["custom_status"])
    if state != ("open", None) and ticket["status"] != "closed":
        yield Finding(kind=Kind.WRONG_STATE, call_id=call_id, text=f"ticket {ticket['id']} is left {state}")


def _about_audit(evidence: Evidence) -> Iterable[Finding]:
    if evidence.audited is None:
        return
    missing: dict[str, list[str]] = defaultdict(list)
    for request_id in evidence.request_ids:
        call_id, step, *_ = request_id.split(".")
        if call_id in evidence.calls and not step.startswith(ROW_LATER) and request_id not in evidence.audited:
            missing[call_id].append(request_id)
    for call_id, requests in missing.items():
        yield Finding(kind=Kind.MISSING_AUDIT, call_id=call_id, text=f"no row for {', '.join(requests)}")
