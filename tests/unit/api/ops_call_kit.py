"""A call's records, planted by the second."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from api.account import Account, Pending
from api.reading import PastMend, Records, SentRequest

START = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after the call began."""
    return START + timedelta(seconds=seconds)


def sent(
    step: str, seconds: float, outcome: str | None = "done", status: int | None = 200, *, attempt: int = 1
) -> SentRequest:
    """A request that took 0.1 s; without an outcome it has no end."""
    return SentRequest(
        step=step,
        attempt=attempt,
        request_id=f"c-1.{step}.{attempt}.{seconds}",
        method="GET",
        path="/api/v2/search/query.json",
        sent_at=at(seconds),
        http_status=status if outcome else None,
        outcome=outcome,
        finished_at=at(seconds + 0.1) if outcome else None,
    )


def received(kind: str, seconds: float, late: float = 0) -> dict[str, Any]:
    """An event as the status tells of it."""
    times = {"occurred_at": at(seconds - late).isoformat(), "received_at": at(seconds).isoformat()}
    return {"type": kind, "event_id": None, **times}


def mended(seconds: float) -> PastMend:
    """What somebody did."""
    return PastMend(
        mend_id="0123456789abcdef",
        action="use_ticket",
        step=None,
        ticket_id=7,
        asked_by="Eve",
        reason="the other one is right",
        result="done",
        text="This call goes on with ticket 7.",
        mended_at=at(seconds),
    )


def step(activity_id: str, state: str, error: str | None = None) -> dict[str, Any]:
    """A step as the status tells of it."""
    name = activity_id.partition(" ")[0].partition("-")[0]
    return {"name": name, "activity_id": activity_id, "state": state, "attempts": 1, "last_error": error}


def account(*, pending: dict[str, Pending] | None = None, open_: bool | None = True, **status: object) -> Account:
    """What workflow and Temporal tell."""
    known = {"call_id": "c-1", "state": "in_call", "causes": [], "events": [], "steps": [], **status}
    return Account(status=known, source="workflow", open=open_, pending=pending or {})


def records(requests: Sequence[SentRequest] = (), mends: Sequence[PastMend] = (), unread: int = 0) -> Records:
    """What the ledger has."""
    return Records(requests=list(requests), mends=list(mends), unread=unread)
