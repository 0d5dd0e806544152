"""`/ops/calls/{call_id}`: one call, what happened to it, what it waits for, and what can be done about it."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from api.account import Account, account_of
from api.gateway import Gateway, gateway_of
from api.ops import wording
from api.ops.causes import advice
from api.ops.links import call_path
from api.ops.pages import HEADERS, Refused, fragment, render
from api.ops.session import Session, reader
from api.ops.story import Story, story_of
from api.ops.timeline import drawing_of
from api.problems import Problem
from api.reading import LedgerUnreadable, PastMend, Records, SentRequest
from workflows.domain.mend import MendResult

MOST_LISTED = 100
LABELS = {
    "retry": "Retry now",
    "use_ticket": "Use another ticket",
    "skip": "Skip this step",
    "end": "End this call",
}
_ENDED = ("completed", "missed", "end_not_reported")
_ORIGINS = {
    "payload": "named by the webhook",
    "recent": "of another call of this customer",
    "search": "found by search",
    "created": "created for this call",
    "follow_up": "created as a follow-up",
}
_NO_LEDGER = "The ledger cannot be read: requests and mends cannot be shown until it is back. The call goes on."

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything the page tells of; `problem` when a part of it is missing."""

    account: Account
    records: Records
    story: Story
    problem: str | None

    @property
    def going_on(self) -> bool:
        """Whether more may happen."""
        return self.account.open is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Something that can be done: the button, the sentence that says what it will do, where it is confirmed."""

    action: str
    label: str
    sentence: str
    address: str

    @property
    def key(self) -> str:
        """The button's id: when the page asks for itself anew, focus stays on it."""
        return "do-" + re.sub(r"[^A-Za-z0-9]+", "-", self.address.partition("?")[2])


def choices(call: Mapping[str, Any], step: str | None, *, end: bool) -> list[Choice]:
    """What the call offers, for a cause's `step` or as it stands; `end` alone concerns the whole call."""
    given = {"step": step} if step else {}
    return [
        Choice(
            action=action,
            label=LABELS[action],
            sentence=sentence,
            address=f"{call_path(call['call_id'])}/mend?{urlencode({'action': action, **given})}",
        )
        for action, sentence in (call.get("mends") or {}).items()
        if action in LABELS and (action == "end") is end
    ]


async def known_of(gateway: Gateway, call_id: str) -> Known:
    """What workflow, Temporal and ledger tell of the call. Raises `Problem` when none of them does."""
    account = await account_of(gateway, call_id)
    problem = None
    try:
        records = await gateway.ledger.records(call_id)
    except LedgerUnreadable:
        records, problem = Records(requests=[], mends=[]), _NO_LEDGER
    story = story_of(account, records, gateway.now())
    return Known(account=account, records=records, story=story, problem=problem)


@router.get("/ops/calls/{call_id:path}")
async def call_page(request: Request) -> Response:
    """The page; for htmx, which asks again and again, the part that changes."""
    session, call_id = reader(request), request.path_params["call_id"]
    partial = request.headers.get("hx-request") == "true"
    try:
        known = await known_of(gateway_of(request), call_id)
    except Problem as problem:
        return _unknown(request, session, problem, partial=partial)
    name = "call_account.html" if partial else "call.html"
    return render(request, session, name, **_context(request, known))


def _unknown(request: Request, session: Session, problem: Problem, *, partial: bool) -> Response:
    text = in_words(problem)
    if not partial:
        raise Refused(problem.kind.status, text, session)
    # What stands there is still the best that is known: only a line above it says that it is not the latest.
    told = fragment("call_problem.html", request, session, text=f"This page is not up to date. {text}")
    return Response(
        told, media_type="text/html", headers={**HEADERS, "HX-Retarget": "#stale", "HX-Reswap": "innerHTML"}
    )


def in_words(problem: Problem) -> str:
    """A problem as a sentence or two."""
    return " ".join(f"{text.rstrip('.')}." for text in (problem.kind.title, problem.detail) if text)


def _context(request: Request, known: Known) -> dict[str, Any]:
    call, requests = whole(known.account.status), known.records.requests
    page = _page_number(request, len(requests))
    mended = request.query_params.get("mended")
    return {
        "call": call,
        "source": known.account.source,
        "open": known.account.open,
        "ended": call["state"] in _ENDED,
        "origin": _ORIGINS.get(call.get("ticket_origin") or ""),
        "causes": [(cause, advice(cause["cause"])) for cause in call.get("causes") or []],
        "choices": choices,
        "story": known.story,
        "drawing": drawing_of(known.story, going_on=known.going_on),
        "requests": [_row(sent, known.story.under_way) for sent in _listed(requests, page)],
        "requests_page": page,
        "more_requests": len(requests) > page * MOST_LISTED,
        "requests_in_all": len(requests) + known.records.unread,
        "mends": known.records.mends,
        "came_of": _came_of(known.records.mends, mended) if mended else None,
        "problem": known.problem,
        "step_words": wording.step_words,
        "exact": wording.exact,
    }


def _page_number(request: Request, requests: int) -> int:
    """Which hundred of the requests to list, the latest being the first."""
    asked = request.query_params.get("requests", "1")
    last = max(1, -(-requests // MOST_LISTED))
    return min(last, max(1, int(asked))) if re.fullmatch(r"[0-9]{1,3}", asked) else 1


def _listed(requests: Sequence[SentRequest], page: int) -> Sequence[SentRequest]:
    end = len(requests) - (page - 1) * MOST_LISTED
    return requests[max(0, end - MOST_LISTED) : end]


def whole(status: Mapping[str, Any]) -> dict[str, Any]:
    """A call's status with everything the template asks for: a call of long ago was saved with less."""
    steps = [{"attempts": 0, "last_error": None, "finished_at": None, **step} for step in status.get("steps") or []]
    return {"causes": [], "mends": {}, "warnings": [], "screen_pops": [], **status, "steps": steps}


def _row(sent: SentRequest, under_way: Collection[str]) -> dict[str, object]:
    took = wording.duration((sent.finished_at - sent.sent_at).total_seconds()) if sent.finished_at else ""
    state = "done" if sent.outcome == "done" else "unknown" if sent.outcome is None else "failed"
    return {
        "sent": sent,
        "step": wording.step_words(sent.step),
        "state": state,
        "outcome": wording.UNDER_WAY if sent.request_id in under_way else wording.outcome_words(sent.outcome),
        "took": took,
    }


def _came_of(mends: Sequence[PastMend], mend_id: str) -> str:
    """What came of the mend that was just asked for. The call told what it will do, not what it did."""
    found = next((mend for mend in mends if mend.mend_id == mend_id), None)
    if found is None:
        return "It was done, or is being done; the ledger does not tell of it yet."
    return f"Asked for: {found.text}" if found.result == MendResult.DONE else found.text
