"""A call's story: what came in, what was sent, what was waited for and what people did, as pieces on one time line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from api.account import Account, Pending
from api.ops.wording import duration, outcome_words, step_words, until, vendor, wait_after, waits_for
from api.reading import PastMend, Records, SentRequest

EVENTS, PEOPLE = "events", "people"
MOST_DRAWN = 60
_FIRST_DRAWN = 20
_UNFINISHED = ("running", "retrying", "waiting")
_CLOCKS_APART = timedelta(seconds=2)
"""PostgreSQL and Temporal have a clock each."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A step under way, and in words what it waits for. `next_at`: when it is tried again, where Temporal tells."""

    step: str
    words: str
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The pieces in order of time, at most a few hundred. `undrawn`: how many requests they leave out."""

    pieces: Sequence[Piece]
    waiting: Sequence[Waiting]
    undrawn: int
    now: datetime

    @property
    def lanes(self) -> list[str]:
        """Events first, then steps in order of their first request, then what people did."""
        found = dict.fromkeys(piece.lane for piece in self.pieces)
        steps = [lane for lane in found if lane not in (EVENTS, PEOPLE)]
        return [*([EVENTS] if EVENTS in found else []), *steps, *([PEOPLE] if PEOPLE in found else [])]


def story_of(account: Account, records: Records, now: datetime) -> Story:
    """The story as of now, from a call's account and the ledger's records of it."""
    drawn = _drawn(records.requests)
    waiting: list[Waiting] = []
    pieces = [
        *map(_event, account.status.get("events") or []),
        *map(_mend, records.mends),
        *_past_waits(drawn),
    ]
    under_way: set[str] = set()
    for step in _unfinished(account):
        told = _Unfinished(step, account.pending.get(_id(step)), drawn, now)
        waiting.append(told.waiting())
        pieces += told.pieces()
        under_way |= told.request_ids()
    pieces += [_request(sent, now, running=sent.request_id in under_way) for _, sent in drawn]
    if account.open is not False:
        pieces += [_for_a_person(cause, now) for cause in account.status.get("causes") or []]
    undrawn = len(records.requests) - len(drawn) + records.unread
    return Story(pieces=sorted(pieces, key=_order), waiting=waiting, undrawn=undrawn, now=now)


Numbered = tuple[int, SentRequest]
"""A request and its place among those of its step."""


def _drawn(requests: Sequence[SentRequest]) -> list[Numbered]:
    """The first ones and the last ones of many."""
    places: dict[str, int] = {}
    numbered = []
    for sent in requests:
        places[sent.step] = places.get(sent.step, 0) + 1
        numbered.append((places[sent.step], sent))
    if len(numbered) <= MOST_DRAWN:
        return numbered
    return numbered[:_FIRST_DRAWN] + numbered[_FIRST_DRAWN - MOST_DRAWN :]


def _order(piece: Piece) -> tuple[datetime, str]:
    return piece.at, piece.kind


def _event(event: Mapping[str, Any]) -> Piece:
    occurred, received = moment(event["occurred_at"]), moment(event["received_at"])
    apart = (received - occurred).total_seconds()
    late = f"occurred {duration(abs(apart))} {'earlier' if apart > 0 else 'later'}" if abs(apart) >= 0.001 else ""
    return Piece(
        kind=Kind.EVENT,
        lane=EVENTS,
        start=min(occurred, received),
        end=max(occurred, received),
        at=received,
        what=f"{event['type']} received",
        outcome=late,
    )


def _mend(mend: PastMend) -> Piece:
    at = mend.mended_at
    what = f"{mend.action.replace('_', ' ')} by {mend.asked_by}"
    outcome = mend.result.replace("_", " ")
    return Piece(kind=Kind.MEND, lane=PEOPLE, start=at, end=at, at=at, what=what, outcome=outcome)


def _request(sent: SentRequest, now: datetime, *, running: bool) -> Piece:
    look = Look.RUNNING if running else _look(sent.outcome)
    status = f"{sent.http_status} " if sent.http_status is not None else ""
    ended = sent.finished_at or (max(now, sent.sent_at) if running else sent.sent_at)
    return Piece(
        kind=Kind.REQUEST,
        lane=step_words(sent.step),
        start=sent.sent_at,
        end=max(ended, sent.sent_at),
        at=sent.sent_at,
        what=f"{step_words(sent.step)}, attempt {sent.attempt}",
        outcome="under way" if running else status + outcome_words(sent.outcome),
        look=look,
    )


def _look(outcome: str | None) -> Look:
    match outcome:
        case None:
            return Look.UNKNOWN
        case "done":
            return Look.DONE
        case "not_sent":
            return Look.NOT_SENT
        case _:
            return Look.FAILED


def _past_waits(drawn: Sequence[Numbered]) -> Iterator[Piece]:
    """Between two requests of a step of which the first did not work."""
    last: dict[str, Numbered] = {}
    for place, sent in drawn:
        before = last.get(sent.step)
        last[sent.step] = (place, sent)
        if before is None:
            continue
        earlier, begins = before[1], before[1].finished_at or before[1].sent_at
        if (left_out := place - before[0] - 1) > 0:
            yield _wait(sent.step, begins, sent.sent_at, f"{left_out} more requests, not drawn")
        elif earlier.outcome != "done" and sent.sent_at > begins:
            words = wait_after(sent.step, earlier.outcome, earlier.http_status)
            yield _wait(sent.step, begins, sent.sent_at, words)


def _wait(step: str, start: datetime, end: datetime, words: str) -> Piece:
    end = max(start, end)
    return Piece(kind=Kind.WAIT, lane=step_words(step), start=start, end=end, at=start, what=words)


def _for_a_person(cause: Mapping[str, Any], now: datetime) -> Piece:
    since = moment(cause["since"])
    what = f"waiting for a person: {cause['cause']} in {step_words(cause['step'])}"
    return Piece(kind=Kind.WAIT, lane=PEOPLE, start=since, end=max(since, now), at=since, what=what)


def _unfinished(account: Account) -> list[Mapping[str, Any]]:
    if account.open is False:
        return []
    return [step for step in account.status.get("steps") or [] if step["state"] in _UNFINISHED]


def _id(step: Mapping[str, Any]) -> str:
    return str(step.get("activity_id") or step["name"])


class _Unfinished:
    """A step under way: what Temporal and the ledger say of it together."""

    def __init__(
        self, step: Mapping[str, Any], pending: Pending | None, drawn: Sequence[Numbered], now: datetime
    ) -> None:
        # A step that is done once more has a number after a space in its activity's id.
        self._name = _id(step).partition(" ")[0]
        self._step, self._pending, self._now = step, pending, now
        self._last = next((sent for _, sent in reversed(drawn) if sent.step == self._name), None)

    def request_ids(self) -> set[str]:
        """The request that is out just now, if there is one."""
        begun = self._pending.begun_at if self._pending else None
        last = self._last
        out = begun is not None and last is not None and last.outcome is None and last.finished_at is None
        return {last.request_id} if out and last and begun and last.sent_at >= begun - _CLOCKS_APART else set()

    def waiting(self) -> Waiting:
        """In words."""
        if self.request_ids() and self._last is not None:
            since = duration(max(0.0, (self._now - self._last.sent_at).total_seconds()))
            return Waiting(step=self._name, words=f"asked {vendor(self._name)} {since} ago, no answer yet")
        pending = self._pending
        if pending is None:
            paused = f"{self._why()}, tried again within ten minutes"
            return Waiting(step=self._name, words="under way" if self._step["state"] == "running" else paused)
        if pending.next_at is not None:
            words = f"{self._why()}, {until(pending.next_at, self._now)}"
            return Waiting(step=self._name, words=words, next_at=pending.next_at)
        if pending.begun_at is not None or pending.failed_at is not None:
            return Waiting(step=self._name, words=self._why())
        return Waiting(step=self._name, words="waiting for a worker, or for its turn")

    def pieces(self) -> list[Piece]:
        """The wait that has not ended, if it is known since when."""
        pending = self._pending
        begins = self._last.finished_at if self._last else None
        if pending is not None and pending.failed_at is not None:
            begins = max(begins, pending.failed_at) if begins else pending.failed_at
        if begins is None or self.request_ids() or self._step["state"] == "running":
            return []
        ends = pending.next_at if pending and pending.next_at else self._now
        return [_wait(self._name, begins, max(ends, self._now), self.waiting().words)]

    def _why(self) -> str:
        last = self._last
        failed = last is not None and last.outcome not in (None, "done")
        return waits_for(self._step, last.http_status if failed and last else None)


def moment(iso: str) -> datetime:
    """A moment of a call's status; one without a zone is UTC."""
    at = datetime.fromisoformat(iso)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
