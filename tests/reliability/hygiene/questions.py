"""Every statement of the product as it is asked on the hot path and by operations, with the values of one call."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg.types.json import Jsonb

from activities.postgres.sql import QUERIES

Params = Mapping[str, object]
MOST_PAGES = 1500
"""Pages of 8 KiB that a statement may touch; a look through all of a million calls touches a hundred times as many."""
_BLOCKS = ("matching", "usable_ticket", "latest_generation")
_OTHERWISE = ("list_calls", "search_calls", "figures", "calls_in_need", "screen_pops", "audit_entries")
"""Asked with other values below; an audit is one person's, and reads whatever span it is to tell of."""
_NO_FILTER: Params = {"before": None, "state": None, "ticket_id": None, "agent_id": None, "needs_attention": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A named statement; `params` gives its values for the call of a number, in a ledger of so many calls.

    `before`: what the same prepared statement was asked until then, by which PostgreSQL may have settled on a plan.
    """

    name: str
    detail: str
    params: Callable[[int, int], Params]
    before: Callable[[int, int], Params] | None = None
    most_pages: Callable[[int], int] = lambda _: MOST_PAGES

    @property
    def sql(self) -> str:
        """The statement as it stands in queries.sql."""
        return QUERIES[self.name]


def questions() -> Iterator[Question]:
    """Every statement once, those of lists and searches once a filter."""
    for name in QUERIES:
        if name in (*_BLOCKS, *_OTHERWISE):
            continue
        yield Question(name=name, detail="", params=_of_call)
    # Asked once in ten seconds, and bounded by limits of its own: it looks at so many calls however many there are.
    yield Question(name="figures", detail="", params=_of_call, most_pages=lambda _: 6000)
    # By a person, and bounded as well: 5,000 calls at most, however many there are.
    for detail, given in (("all", {"cause": None, "step": None, "action": None}), ("one group", {"action": "retry"})):
        params = _with(_of_call, {"each": 50, "limit": 120, **given})
        yield Question(name="calls_in_need", detail=detail, params=params, most_pages=lambda _: 12_000)
    # The same of the page's longest period.
    week = _with(_of_call, {"period_s": 7 * 86400, "slot_s": 86400, "limit": 20_000, "within_ms": 2000})
    yield Question(name="screen_pops", detail="of a week", params=week, most_pages=lambda _: 12_000)
    for name in ("look_for_ticket", "begin_create"):
        yield Question(name=name, detail="of a switchboard's number", params=_of_switchboard)
    # Operations look through all calls of that number, a hundredth of all: the one statement that grows with them.
    many = "of a switchboard's number"
    yield Question(name="search_calls", detail=many, params=_of_switchboard, most_pages=lambda calls: calls // 20)
    for detail, params in _lists():
        yield Question(name="list_calls", detail=detail, params=params)
        # psycopg sends None and a text as the same type, so these are one prepared statement.
        if detail in ("ringing", "end_not_reported", "of an unknown agent"):
            name = f"{detail}, after many without a filter"
            yield Question(name="list_calls", detail=name, params=params, before=_newest)
    for detail, given in (("by email", {"phone_hash": None}), ("by phone", {"email_hash": None})):
        yield Question(name="search_calls", detail=detail, params=_with(_of_call, given))


def _lists() -> Iterator[tuple[str, Callable[[int, int], Params]]]:
    def of(**given: object) -> Callable[[int, int], Params]:
        return lambda number, _: {**_NO_FILTER, "limit": 51, **given}

    yield "without a filter", of()
    yield "a later page", lambda number, _: {**_NO_FILTER, "limit": 51, "before": number}
    for state in ("ringing", "in_call", "completed", "missed", "end_not_reported"):
        yield state, of(state=state)
    yield "of a ticket", lambda number, _: {**_NO_FILTER, "limit": 51, "ticket_id": number // 2}
    yield "of an agent", lambda number, _: {**_NO_FILTER, "limit": 51, "agent_id": f"a-{number % 200}"}
    yield "of an unknown agent", of(agent_id="nobody")
    yield "in need of attention", of(needs_attention=True)
    yield "in need of attention, of an agent", of(needs_attention=True, agent_id="a-8")
    yield "ringing, of an agent", of(state="ringing", agent_id="a-8")


def _newest(_: int, __: int) -> Params:
    return {**_NO_FILTER, "limit": 51}


def _with(params: Callable[[int, int], Params], given: Params) -> Callable[[int, int], Params]:
    return lambda number, calls: {**params(number, calls), **given}


def _of_switchboard(number: int, calls: int) -> Params:
    phone = hashlib.sha256(b"switchboard").digest()
    switchboard = max(1, number - number % 100 + 1)
    return {**_of_call(switchboard, calls), "phone_hash": phone, "email_hash": None}


def _of_call(number: int, calls: int) -> Params:
    """Values for every name a statement has; a `save` of a version that is newer, requests never sent before."""
    call_id, customer = f"c-{number}", number % (calls // 5 + 1)
    now = datetime.now(UTC)
    return {
        "call_id": call_id,
        "generation": 1,
        "email_hash": hashlib.sha256(f"e{customer}".encode()).digest(),
        "phone_hash": hashlib.sha256(f"p{customer}".encode()).digest(),
        "names": [f"call {call_id}", f"identity {customer:x}"],
        "run_id": "run",
        "occurred_at": now,
        "max_duration_s": 14400,
        "state": "completed",
        "workflow_id": f"call-{call_id}",
        "status": Jsonb({"state": "completed"}),
        "memory": Jsonb({"told_at": now.isoformat()}),
        "excluded": [number + 10**9],
        "left": [],
        "mend_id": f"m-{now.timestamp()}",
        "action": "retry",
        "asked_by": "Eve",
        "reason": "it was refused",
        "result": "done",
        "mended_at": now,
        "window_s": 300,
        "age_s": 60,
        "life_s": 3600,
        "ids": [number],
        "ticket_id": 1 + number // 2,
        "pending": False,
        "active": False,
        "agent_id": f"a-{number % 200}",
        "needs_attention": False,
        "version": 9,
        "locked": True,
        "label": call_id,
        "step": "update_ticket",
        "attempt": 2,
        "request_id": f"{call_id}.asked.{now.timestamp()}",
        "method": "PUT",
        "path": "/api/v2/tickets/1",
        "key": f"talkbridge-{call_id}-1",
        "looked_until": 0,
        "note": True,
        "final": True,
        "outcome": "completed",
        "http_status": 200,
        "attempt_id": number,
        "sent_at": now,
        "account": "account",
        "known_version": 1,
        "key_id": "k1",
        "token_encrypted": b"x",
        "obtained_at": now,
        "expires_at": now,
        "scopes": ["tickets:write"],
        "kind": "misconfigured",
        "cause": "StepRefused",
        "text": "text",
        "name": "another",
        "value_encrypted": b"x",
        "before": None,
        "limit": 51,
    }
