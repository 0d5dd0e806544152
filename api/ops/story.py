"""A call's story: what came in, what was sent, what was waited for and what people did, as pieces on one time line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from api.account import Account
from api.ops.pieces import EVENTS, PEOPLE, Kind, Look, Numbered, Piece, wait_of
from api.ops.under_way import UnderWay, Waiting, activity_id
from api.ops.wording import (
    UNDER_WAY,
    duration,
    outcome_words,
    sent_nothing,
    step_words,
    wait_after,
    why_nothing,
)
from api.reading import PastMend, Records, SentRequest

MOST_DRAWN = 60
_FIRST_DRAWN = 20
_UNFINISHED = ("running", "retrying", "waiting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The pieces in order of time, at most a few hundred. `undrawn`: how many requests they leave out.

    `under_way`: the ids of the requests that are out just now.
    """

    pieces: Sequence[Piece]
    waiting: Sequence[Waiting]
    undrawn: int
    now: datetime
    under_way: frozenset[str] = frozenset()

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
        *_past_waits(drawn, account.status.get("events") or []),
    ]
    under_way: set[str] = set()
    for step in _unfinished(account):
        told = UnderWay(step, account.pending.get(activity_id(step)), drawn, now)
        waiting.append(told.waiting())
        pieces += told.pieces()
        under_way |= told.request_ids()
    pieces += [_request(sent, now, running=sent.request_id in under_way) for _, sent in drawn]
    if account.open is not False:
        pieces += [_for_a_person(cause, now) for cause in account.status.get("causes") or []]
    undrawn = len(records.requests) - len(drawn) + records.unread
    return Story(
        pieces=sorted(pieces, key=_order),
        waiting=waiting,
        undrawn=undrawn,
        now=now,
        under_way=frozenset(under_way),
    )


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
        outcome=UNDER_WAY if running else status + outcome_words(sent.outcome),
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


def _past_waits(drawn: Sequence[Numbered], events: Sequence[Mapping[str, Any]]) -> Iterator[Piece]:
    """Between two requests of a step of which the first did not work, and before one whose first attempts sent none."""
    last: dict[str, Numbered] = {}
    known = [moment(event["received_at"]) for event in events]
    for place, sent in drawn:
        before = last.get(sent.step)
        last[sent.step] = (place, sent)
        began = max((at for at in known if at <= sent.sent_at), default=sent.sent_at)
        known.append(sent.finished_at or sent.sent_at)
        if before is None:
            if place == 1 and sent.attempt > 1:
                # Nothing tells when the first attempt was: not before what came last until then.
                yield _without_request(sent, began, 1)
            continue
        earlier, begins = before[1], before[1].finished_at or before[1].sent_at
        if (left_out := place - before[0] - 1) > 0:
            yield wait_of(sent.step, begins, sent.sent_at, f"{left_out} more requests, not drawn")
        elif sent.attempt > earlier.attempt + 1:
            yield _without_request(sent, begins, earlier.attempt + 1)
        elif earlier.outcome != "done" and sent.sent_at > begins:
            words = wait_after(sent.step, earlier.outcome, earlier.http_status)
            yield wait_of(sent.step, begins, sent.sent_at, words)


def _without_request(sent: SentRequest, begins: datetime, first: int) -> Piece:
    words = sent_nothing(first, sent.attempt - 1)
    return wait_of(sent.step, min(begins, sent.sent_at), sent.sent_at, words, why_nothing(sent.step))


def _for_a_person(cause: Mapping[str, Any], now: datetime) -> Piece:
    since = moment(cause["since"])
    what = f"waiting for a person: {cause['cause']} in {step_words(cause['step'])}"
    return Piece(kind=Kind.WAIT, lane=PEOPLE, start=since, end=max(since, now), at=since, what=what)


def _unfinished(account: Account) -> list[Mapping[str, Any]]:
    if account.open is False:
        return []
    return [step for step in account.status.get("steps") or [] if step["state"] in _UNFINISHED]


def moment(iso: str) -> datetime:
    """A moment of a call's status; one without a zone is UTC."""
    at = datetime.fromisoformat(iso)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
