"""What a ticket is told of a call: subject, comments with their marks, metadata, and which status may be sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from workflows.domain.events import CallEvent, Facts

IN_CALL = "In-Call"
IN_CALL_STATUS = "open"


class TicketOrigin(StrEnum):
    """How the call came by its ticket."""

    PAYLOAD = "payload"
    RECENT = "recent"
    SEARCH = "search"
    CREATED = "created"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketView:
    """A ticket as the vendor showed it, cut to what decisions use. `updated_at` is the vendor's text: the stamp."""

    id: int
    status: str | None = None
    custom_status: str | None = None
    updated_at: str | None = None

    @property
    def closed(self) -> bool:
        """A closed ticket takes no update; only a follow-up can be made."""
        return self.status == "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The call's ticket: where it came from, the last stamp seen, and the status it had before we wrote."""

    id: int
    origin: str
    stamp: str | None = None
    status_before: str | None = None
    custom_status_before: str | None = None
    status_set: str | None = None
    custom_status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMetadata:
    """The `metadata.call` object of an update; absent values are left out when sent."""

    id: str
    direction: str = "inbound"
    from_: str | None = None
    to: str | None = None
    started_at: str | None = None
    answered_at: str | None = None
    ended_at: str | None = None
    duration_s: int | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    queue: str | None = None
    disposition: str | None = None
    outcome: str | None = None
    recording_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """The ticket to create. `plain`, after a 422: subject, comment, requester name and external id only."""

    subject: str
    comment: str
    requester_name: str
    external_id: str
    requester_email: str | None = None
    requester_phone: str | None = None
    in_call: bool = True
    tags: list[str] = field(default_factory=list)
    follows: int | None = None
    plain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketChange:
    """One update of a ticket.

    `status` None sends neither `status` nor `custom_status`; else both, `custom_status` null unless `in_call`.
    `stamp` None sends the update without `safe_update`.
    """

    status: str | None = None
    in_call: bool = False
    note: str | None = None
    metadata: CallMetadata | None = None
    stamp: str | None = None


def call_label(call_id: str, generation: int) -> str:
    """The call's name towards the vendor (external id, keys, marks): a call id that is used again gets a number."""
    return call_id if generation == 1 else f"{call_id}#{generation}"


def mark(label: str, what: str) -> str:
    """The last line of a comment of ours, by which it is found again."""
    return f"[call {label} · {what}]"


def subject_of(facts: Facts) -> str:
    """The subject of a created ticket."""
    return f"Call from {_one_line(facts.customer.display_name)}"[:150]


def opening_comment(label: str, facts: Facts, follows: int | None) -> str:
    """The private comment of a created ticket."""
    lines = [f"Phone call from {_one_line(facts.customer.display_name)}."]
    if follows is not None:
        lines.append(f"Follow-up of ticket {follows}, which is closed.")
    return "\n".join([*lines, mark(label, "started")])


def metadata_of(label: str, facts: Facts, outcome: str) -> CallMetadata:
    """What is known of the call, for the ticket."""
    direction = facts.first("direction") or "inbound"
    customer = facts.customer.phone
    last = facts.last_answer
    agent = last.agent if last else None
    return CallMetadata(
        id=label,
        direction=direction,
        from_=facts.first("from_line") or (customer if direction == "inbound" else None),
        to=facts.first("to_line"),
        started_at=_moment(facts.started),
        answered_at=_moment(facts.answers[0] if facts.answers else None),
        ended_at=_moment(facts.completed),
        duration_s=facts.duration_s,
        agent_id=agent.id if agent else None,
        agent_name=agent.name if agent else None,
        queue=facts.first("queue"),
        disposition=facts.first("disposition"),
        outcome=outcome,
        recording_url=facts.first("recording_url"),
    )


_HEADLINES = {
    "completed": "Call completed.",
    "missed": "Missed call: nobody answered.",
    "end_not_reported": "The end of this call was never reported.",
}


def note_of(label: str, facts: Facts, outcome: str, what: str) -> str:
    """The private note of a final or correcting update: the metadata in words, then its mark (`what`)."""
    data = metadata_of(label, facts, outcome)
    agents = ", ".join(f"{a.name} ({a.id})" if a.name and a.id else a.name or a.id or "unknown" for a in facts.agents)
    rows: Sequence[tuple[str, object]] = (
        ("Direction", data.direction),
        ("From", data.from_),
        ("To", data.to),
        ("Started", data.started_at),
        ("Answered", data.answered_at),
        ("Ended", data.ended_at),
        ("Duration", None if data.duration_s is None else f"{data.duration_s} s"),
        ("Agents" if len(facts.agents) > 1 else "Agent", agents or None),
        ("Queue", data.queue),
        ("Disposition", data.disposition),
        ("Recording", data.recording_url),
    )
    headline = ("Correction. " if what.startswith("corrected") else "") + _HEADLINES[outcome]
    return "\n".join(
        [headline, *(f"{name}: {_one_line(value)}" for name, value in rows if value is not None), mark(label, what)]
    )


def status_may_be_sent(ticket: Ticket, seen: TicketView) -> bool:
    """Whether, after somebody else wrote, our status may go out: only over one of ours or the one before us."""
    in_call = seen.status == IN_CALL_STATUS and seen.custom_status == IN_CALL
    ours = ticket.status_set is not None and (seen.status, seen.custom_status) == (
        ticket.status_set,
        ticket.custom_status,
    )
    before = (seen.status, seen.custom_status) == (ticket.status_before, ticket.custom_status_before)
    return in_call or ours or before


def _moment(event: CallEvent | None) -> str | None:
    return None if event is None else iso(event.occurred_at)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(value: object) -> str:
    # A line break in a sender's text could forge a second mark or note line.
    return " ".join(str(value).split())
