"""What a call's story is made of, however it is told."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from api.ops.wording import duration, step_words
from api.reading import SentRequest

EVENTS, PEOPLE = "events", "people"
"""The lanes that are no step's."""

Numbered = tuple[int, SentRequest]
"""A request and its place among those of its step."""


class Kind(StrEnum):
    """What a piece is."""

    EVENT = "event"
    REQUEST = "request"
    WAIT = "wait"
    MEND = "mend"


class Look(StrEnum):
    """How it went; drawn as a shape and a pattern."""

    PLAIN = "plain"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One thing that took from `start` to `end`, in a lane. `at`: the moment that counts, of an event its receipt."""

    kind: Kind
    lane: str
    start: datetime
    end: datetime
    at: datetime
    what: str
    outcome: str = ""
    look: Look = Look.PLAIN

    @property
    def lasted(self) -> str:
        """How long, in words; nothing for a moment."""
        return duration((self.end - self.start).total_seconds()) if self.end > self.start else ""


def wait_of(step: str, start: datetime, end: datetime, words: str, why: str = "") -> Piece:
    """A pause of a step."""
    end = max(start, end)
    return Piece(kind=Kind.WAIT, lane=step_words(step), start=start, end=end, at=start, what=words, outcome=why)
