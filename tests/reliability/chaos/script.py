"""One call as it happens, and as its sender tells of it."""

from dataclasses import dataclass

KINDS = ("started", "answered", "completed")
AGENTS = {f"a-{number}": f"Agent {number}" for number in range(1, 8)}
GONE = 999_999_999
"""A ticket id that no account has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happens in a call, `happened_s` after the run began (the sender's `timestamp`)."""

    kind: str
    happened_s: float
    agent: str | None = None
    event_id: str | None = None

    @property
    def key(self) -> str:
        """What makes a second delivery the same event: the sender's id, else the type (and an answer's agent)."""
        return self.event_id or (f"{self.kind} {self.agent}" if self.agent else self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One delivery of an event, `at_s` after the run began. `again`: sent once more, whatever came of the first."""

    at_s: float
    event: Event
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One call. All calls of one `customer` belong on one ticket; `ticket` is what the payload names.

    `ticket`: "" for none, "seeded" for the customer's own earlier ticket, "gone" for one that does not exist.
    `anybody`: only some of the customer's calls say who calls (a number alone beside an email), so a ticket outside the
    recent window cannot be found for all of them.
    """

    call_id: str
    story: str
    customer: str
    email: str | None
    phone: str | None
    name: str | None = None
    ticket: str = ""
    seeded: str | None = None
    anybody: bool = False
    events: tuple[Event, ...]
    sends: tuple[Send, ...]

    @property
    def begins_s(self) -> float:
        """When the first delivery is due."""
        return min(send.at_s for send in self.sends)

    def of(self, kind: str) -> tuple[Event, ...]:
        """Its events of a kind, in the order they happened."""
        return tuple(sorted((e for e in self.events if e.kind == kind), key=lambda e: e.happened_s))
