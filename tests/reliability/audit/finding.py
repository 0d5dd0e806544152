"""What can be untrue in an account, and what looks so but has its excuse."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Lie(StrEnum):
    """A kind of discrepancy; its value names it in the report."""

    UNNAMED = "a request without an id"
    REPEATED = "a request id used twice"
    UNLEDGERED = "a request without a row"
    DIFFERENT = "a row that tells of another request"
    AFTERWARDS = "a row written after its request"
    WRONG_STATUS = "a row with another answer than was given"
    PHANTOM = "a row that denies a request"
    UNEXPLAINED = "a row without outcome, and nothing to explain it"
    UNSCHEDULED = "a request that no step asked for"
    OVERDUE = "a request sent after its step was over"
    UNWRITTEN = "a finished step without its row"
    NO_CALL = "a call that one account lacks"
    TICKET = "accounts name different tickets"
    STATE = "accounts name different ends"
    TIMES = "a moment nobody reported"
    CHANGE = "a change of a ticket that no row accounts for"
    POP = "a screen pop that accounts tell differently"
    OVERLAP = "two token requests at once"


class Excuse(StrEnum):
    """What is missing by contract: a process died, or the ledger was out of reach, at the wrong moment."""

    ROW_LOST = "screen pops, CRM reads and token requests whose later row was lost with its worker or database"
    UNHEARD = "rows without outcome: the answer went unheard in a fault"
    NEVER_ARRIVED = "rows without outcome: the request never arrived"
    UNANSWERED = "rows without outcome: the vendor gave no answer"
    TOLD_TWICE = "screen pops sent again because the first answer was lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is untrue: about whom, and in words."""

    lie: Lie
    about: str
    text: str

    def __str__(self) -> str:
        return f"{self.about}: {self.lie}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Excused:
    """One thing that is missing and may be."""

    excuse: Excuse
    about: str


Judged = Iterator[Finding | Excused]


@dataclass(frozen=True, kw_only=True)
class Result:
    """The findings, what was excused, and how much was compared."""

    findings: list[Finding]
    excused: Counter[Excuse]
    compared: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, judged: Iterable[Finding | Excused], compared: dict[str, int]) -> "Result":
        """Sorted apart."""
        everything = list(judged)
        return cls(
            findings=[each for each in everything if isinstance(each, Finding)],
            excused=Counter(each.excuse for each in everything if isinstance(each, Excused)),
            compared=compared,
        )
