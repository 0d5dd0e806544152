"""What the telephony platform tells of a call, in the order of a call and whatever the order of arrival."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from workflows.domain.customer import Customer

MAX_EVENTS = 200
"""Distinct events one call keeps, the first of each type besides; a sender may invent ids without end."""


class EventType(StrEnum):
    """The events that are handled; `docs/follow-a-call.md` tells what each leads to."""

    STARTED = "call.started"
    ANSWERED = "call.answered"
    COMPLETED = "call.completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Who answered."""

    id: str | None = None
    name: str | None = None

    @property
    def key(self) -> str:
        """What tells one agent from another; a nameless agent is one agent."""
        return self.id or self.name or "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """One webhook, as the gateway understood it: the argument of the signal `event`.

    `occurred_at` and `received_at` carry a zone; `customer` is normalised; texts are cut to 256 characters.
    `warnings` names what was in the payload but unusable.
    """

    type: str
    occurred_at: datetime
    received_at: datetime
    event_id: str | None = None
    customer: Customer = field(default_factory=Customer)
    agent: Agent | None = None
    ticket_id: int | None = None
    direction: str | None = None
    from_line: str | None = None
    to_line: str | None = None
    queue: str | None = None
    disposition: str | None = None
    duration_s: int | None = None
    recording_url: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """What makes a second delivery the same event: the sender's event id, else the type (and an answer's agent)."""
        if self.event_id:
            return f"{self.type} id {self.event_id}"
        if self.type == EventType.ANSWERED:
            return f"{self.type} agent {self.agent.key if self.agent else '-'}"
        return self.type


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a set of events says of the call, the same for every order of arrival."""

    started: CallEvent | None
    answers: tuple[CallEvent, ...]
    completed: CallEvent | None
    customer: Customer
    ticket_ids: tuple[int, ...]
    _events: tuple[CallEvent, ...]

    @property
    def agents(self) -> tuple[Agent, ...]:
        """Every agent once, in the order they answered."""
        by_key = {(event.agent or Agent()).key: event.agent or Agent() for event in self.answers}
        return tuple(by_key.values())

    @property
    def last_answer(self) -> CallEvent | None:
        """The answer that counts for the ticket: the latest."""
        return self.answers[-1] if self.answers else None

    @property
    def talking_to(self) -> str | None:
        """The key of the agent who has the call, as far as is known."""
        last = self.last_answer
        return (last.agent or Agent()).key if last else None

    def first(self, attribute: str) -> str | None:
        """The first value any event has for an optional text attribute."""
        return next((value for event in self._events if (value := getattr(event, attribute)) is not None), None)

    @property
    def duration_s(self) -> int | None:
        """The duration the sender gave, else the seconds between the first answer and the end."""
        stated = next((e.duration_s for e in reversed(self._events) if e.duration_s is not None), None)
        if stated is not None or self.completed is None or not self.answers:
            return stated
        return max(0, round((self.completed.occurred_at - self.answers[0].occurred_at).total_seconds()))


_ORDER = {EventType.STARTED: 0, EventType.ANSWERED: 1, EventType.COMPLETED: 2}


def facts_of(events: Iterable[CallEvent]) -> Facts:
    """Fold events into what they say. Order of arrival and repetition make no difference."""
    ordered = tuple(sorted(events, key=lambda e: (_ORDER[EventType(e.type)], e.occurred_at, e.key)))
    of_type = {kind: tuple(e for e in ordered if e.type == kind) for kind in EventType}
    return Facts(
        started=next(iter(of_type[EventType.STARTED]), None),
        answers=of_type[EventType.ANSWERED],
        completed=next(reversed(of_type[EventType.COMPLETED]), None),
        customer=Customer(
            email=next((e.customer.email for e in ordered if e.customer.email), None),
            phone=next((e.customer.phone for e in ordered if e.customer.phone), None),
            name=next((e.customer.name for e in ordered if e.customer.name), None),
        ),
        ticket_ids=tuple(dict.fromkeys(e.ticket_id for e in ordered if e.ticket_id is not None)),
        _events=ordered,
    )
