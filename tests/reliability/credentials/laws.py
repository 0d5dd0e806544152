"""What holds for token requests and calls whatever happens to the credential, judged from journal and books alone."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.e2e.webhooks import Json

SLACK_S = 0.25
"""Two requests of one distance may be this much closer on the wire: the first was answered after it had come."""


def doubling(attempt: int) -> float:
    """1 s, doubling to 60: the distance (in s) after the first, second, … fruitless exchange."""
    return min(60.0, 2.0**attempt)


def a_minute(_attempt: int) -> float:
    """A minute each."""
    return 60.0


def most_at_once(requests: Iterable[Json]) -> int:
    """The largest number of requests that were in flight at the same moment, whoever sent them.

    One without an answer counts until its sender's time-out cannot be known: at the moment it came.
    """
    moments = [moment for r in requests for moment in ((r["at"], 1), (r["answered_at"] or r["at"] + 0.001, -1))]
    flying = most = 0
    # At the same moment an end goes before a beginning.
    for _, change in sorted(moments):
        flying += change
        most = max(most, flying)
    return most


def apart(requests: Sequence[Json]) -> list[float]:
    """Seconds between the arrivals of one request and the next."""
    return [later["at"] - earlier["at"] for earlier, later in pairwise(requests)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """Between two moments (seconds since 1970) token requests keep a distance, which may grow by the attempt."""

    began: float
    ended: float
    at_least: Callable[[int], float]

    def broken(self, tokens: Sequence[Json]) -> list[str]:
        """Where two came closer than that."""
        inside = [request for request in tokens if self.began <= request["at"] <= self.ended]
        return [
            f"token requests {seconds:.2f} s apart instead of {self.at_least(attempt):g}"
            for attempt, seconds in enumerate(apart(inside))
            if seconds < self.at_least(attempt) - SLACK_S
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """So many token requests at most, in the whole scene."""

    at_most: int

    def broken(self, tokens: Sequence[Json]) -> list[str]:
        """Whether there were more."""
        return [f"{len(tokens)} token requests instead of {self.at_most} at most"] if len(tokens) > self.at_most else []


Law = Distance | Number


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What is wrong: calls that are lost, effects that came twice, token requests and alerts that should not be."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    exchanges: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)

    @property
    def everything(self) -> list[str]:
        """All of it, in sentences."""
        return [*self.lost, *self.twice, *self.exchanges, *self.alerts]


def lost(call_ids: Iterable[str], books: Json) -> list[str]:
    """Acknowledged calls without a ticket, without their end on it, or whose ticket does not stand as it should."""
    tickets = {ticket["external_id"]: ticket for ticket in books["tickets"]}
    return [f"{call_id}: {why}" for call_id in call_ids if (why := _missing(call_id, tickets.get(call_id)))]


def twice(books: Json) -> list[str]:
    """Tickets made twice for a call, and marks written twice."""
    counts: Mapping[str, Counter[str] | dict[str, int]] = books["counts"]
    return [
        *(f"{call_id}: {count} tickets" for call_id, count in counts["tickets_by_external_id"].items()),
        *(f"{mark}: {count} times" for mark, count in counts["notes_by_mark"].items() if count > 1),
    ]


def exchanges(tokens: Sequence[Json], laws: Iterable[Law]) -> list[str]:
    """Token requests that were in flight together, and those that break a scene's laws."""
    together = most_at_once(tokens)
    found = [f"{together} token requests in flight at once"] if together > 1 else []
    return found + [sentence for law in laws for sentence in law.broken(tokens)]


def alerts(posted: Sequence[str], due: Iterable[str]) -> list[str]:
    """Kinds of alert posted more than once, not at all, or without reason."""
    counted, wanted = Counter(posted), set(due)
    return [
        *(f"{kind} was posted {count} times" for kind, count in counted.items() if count > 1),
        *(f"{kind} was not posted" for kind in sorted(wanted - set(counted))),
        *(f"{kind} was posted without reason" for kind in sorted(set(counted) - wanted)),
    ]


def _missing(call_id: str, ticket: Json | None) -> str | None:
    if ticket is None:
        return "no ticket"
    if not is_told(call_id, ticket):
        return "its ticket was not told how it ended"
    if (ticket["status"], ticket["custom_status"]) != ("open", None):
        return f"its ticket stands at {ticket['status']}, {ticket['custom_status']}"
    told = (ticket["metadata"] or {}).get("call", {})
    return None if (told.get("id"), told.get("outcome")) == (call_id, "completed") else "its ticket lacks the metadata"


def is_told(call_id: str, ticket: Json) -> bool:
    """Whether the note of the call's end stands on the ticket."""
    mark = f"[call {call_id} · completed]"
    return any(comment["body"].endswith(mark) for comment in ticket["comments"])
