"""The simulator's own count against what the stories should have led to."""

from collections import Counter
from collections.abc import Iterator, Sequence

from cli.demo.stories import Story
from cli.demo.telling import Row
from cli.demo.world import Document

POP_LIMIT_MS = 2000
TOKENS = 2


def rows(books: Document, stories: Sequence[Story], latencies_ms: Sequence[int]) -> Iterator[Row]:
    """Every count. `books` is the simulator's account, the latencies are those Talkbridge measured."""
    tickets, counts = books["tickets"], books["counts"]
    marks = Counter(_kind(mark) for mark, count in counts["notes_by_mark"].items() for _ in range(count))
    calls = sum(story.calls for story in stories)
    created = sum(story.created for story in stories)
    yield _row("calls played", calls, len(books["calls"]))
    yield _row("webhooks delivered", sum(story.webhooks for story in stories), _accepted(books["calls"]))
    yield _row("tickets", created + sum(story.seeded for story in stories), len(tickets))
    yield _row("customers with more than one ticket", 0, _shared(tickets))
    yield _row("calls with more than one ticket", 0, len(counts["tickets_by_external_id"]))
    yield _row("tickets left In-Call", 0, sum(ticket["custom_status"] == "In-Call" for ticket in tickets))
    yield _row("notes that a call started", created, marks.pop("started", 0))
    yield _row("notes that a call was completed", calls, marks.pop("completed", 0))
    yield _row("other notes of calls", 0, marks.total())
    yield _row("notes written twice", 0, sum(count - 1 for count in counts["notes_by_mark"].values()))
    yield _row("calls with a screen pop", sum(story.pops for story in stories), _popped(books["calls"]))
    slowest = max(latencies_ms, default=0)
    limit = f"≤ {POP_LIMIT_MS} ms"
    yield Row(what="slowest screen pop", expected=limit, seen=f"{slowest} ms", right=slowest <= POP_LIMIT_MS)
    yield _row("access tokens issued", TOKENS, counts["tokens_issued"])


def refusals(requests: Sequence[Document], stories: Sequence[Story]) -> Iterator[Row]:
    """Requests of the journal that a vendor answered with a 4xx."""
    seen = Counter(each["status"] for each in requests if 400 <= (each["status"] or 0) < 500)
    dead_tokens = sum(story.refused_tokens for story in stories)
    yield _row("requests refused for their token (401)", dead_tokens, seen.pop(401, 0))
    # Two calls on one ticket may write in the same second: one of them reads the ticket and writes again.
    seen.pop(409, 0)
    yield _row("requests refused but for 401 and 409", 0, seen.total())


def _row(what: str, expected: int, seen: int) -> Row:
    return Row(what=what, expected=str(expected), seen=str(seen), right=expected == seen)


def _kind(mark: str) -> str:
    """`[call c-1 · completed]` → `completed`."""
    return mark.rstrip("]").rpartition(" · ")[2]


def _accepted(calls: Sequence[Document]) -> int:
    return sum(200 <= (each["status"] or 0) < 300 for call in calls for each in call["deliveries"])


def _shared(tickets: Sequence[Document]) -> int:
    owners = Counter(str((ticket["requester"] or {}).get("email")) for ticket in tickets)
    return sum(count > 1 for count in owners.values())


def _popped(calls: Sequence[Document]) -> int:
    return sum(bool(call["pops"]) for call in calls)
