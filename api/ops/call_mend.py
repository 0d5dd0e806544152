"""`/ops/calls/{call_id}/mend`: says what a mend will do, asks who and why, does it once, and tells what came of it."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from api import answers
from api.account import account_of
from api.gateway import Gateway, gateway_of
from api.mending import mend
from api.ops.call import LABELS, call_page, in_words
from api.ops.links import call_path
from api.ops.pages import Refused, render
from api.ops.session import Form, Session, operator, reader
from api.problems import Problem
from api.reading import LedgerUnreadable
from workflows.domain.mend import Mend, MendAction, MendResult

BY_COOKIE = "talkbridge_by"
_BY_S = 90 * 86400
_READ_ONLY = "To mend a call, sign in with the operators' token (OPS_TOKEN)."
_CHANGED = "The call has changed meanwhile, so nothing was done yet. Look what this will do now."
_GONE = "There is nothing to do here any more: the call itself, or somebody else, was quicker."
_SILENT = "The call's workflow does not answer, so nothing can be done to it now. Does a worker run?"
_UNUSABLE = "The form has a value that cannot be used."
_FIELDS = {
    "by": "Say who you are, in 128 characters at most.",
    "reason": "Give a reason, in 500 characters at most.",
    "ticket_id": "Give the ticket's number, in digits.",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The form as somebody filled it in. `sentence`: what it said that it would do."""

    id: str
    action: str
    step: str = ""
    by: str = ""
    reason: str = ""
    ticket_id: str = ""
    sentence: str = ""


class _AskAgain(Exception):
    """The form has to be shown once more: with this problem, this status, and what was put in."""

    def __init__(self, problem: str, status: int, draft: Draft) -> None:
        self.problem = problem
        self.status = status
        self.draft = draft
        super().__init__(problem)


@router.get("/ops/calls/{call_id:path}/mend")
async def mend_form(request: Request) -> Response:
    """What it will do, and the form; nothing happens."""
    if not request.scope["raw_path"].endswith(b"/mend"):
        # The end of a call's id: there the slash is escaped.
        request.scope["path_params"] = {"call_id": f"{request.path_params['call_id']}/mend"}
        return await call_page(request)
    session, given = reader(request), request.query_params
    action, step = _action(given.get("action", ""), session), given.get("step", "")[:128]
    try:
        call = (await account_of(gateway_of(request), request.path_params["call_id"])).shown()
    except Problem as problem:
        raise Refused(problem.kind.status, in_words(problem), session) from None
    sentence = _sentence(call, action)
    draft = Draft(id=secrets.token_hex(8), action=action, step=step, by=_remembered(request), sentence=sentence or "")
    if not session.may_act:
        return _page(request, session, draft, call, problem=_READ_ONLY, offered=False)
    why_not = None if sentence else _SILENT if call["source"] == "ledger" else _GONE
    return _page(request, session, draft, call, problem=why_not, offered=bool(sentence))


@router.post("/ops/calls/{call_id:path}/mend")
async def mend_call(request: Request) -> Response:
    """Do it, once however often the form is sent, and back to the call."""
    form = await operator(request)
    gateway, call_id, draft = gateway_of(request), request.path_params["call_id"], _draft(form)
    call: Mapping[str, Any] = {"call_id": call_id, "ticket_id": None}
    try:
        if not await _is_done(gateway, call_id, draft.id):
            wish = _wish(draft)
            call = (await account_of(gateway, call_id)).shown()
            await _do(gateway, call, draft, wish)
    except Problem as problem:
        text, status = in_words(problem), problem.kind.status
    except _AskAgain as again:
        text, status, draft = again.problem, again.status, again.draft
    else:
        return _to_the_call(request, call_id, draft)
    return _page(request, form.session, draft, call, problem=text, offered=True, status=status)


async def _do(gateway: Gateway, call: Mapping[str, Any], draft: Draft, wish: Mend) -> None:
    """Raises `_AskAgain`, `Problem`."""
    now_says = _sentence(call, draft.action)
    # Where the call offers it no more, its workflow may have done it already: it knows the wish by its id.
    if now_says is not None and now_says != draft.sentence:
        raise _AskAgain(_CHANGED, 409, replace(draft, id=secrets.token_hex(8), sentence=now_says))
    mended = await mend(gateway.temporal, call["call_id"], wish)
    if mended.result == MendResult.REFUSED:
        # The same wish would have the same answer.
        raise _AskAgain(mended.text, 409, replace(draft, id=secrets.token_hex(8)))


def _action(name: str, session: Session) -> str:
    if name not in LABELS:
        raise Refused(404, "There is no such thing to do to a call.", session)
    return name


def _draft(form: Form) -> Draft:
    mend_id = form.get("id")
    if not re.fullmatch(r"[0-9a-f]{16}", mend_id):
        raise Refused(422, "This form was not made here. Open the call and choose what to do again.", form.session)
    fields = {name: form.get(name) for name in ("step", "by", "reason", "ticket_id", "sentence")}
    return Draft(id=mend_id, action=_action(form.get("action"), form.session), **fields)


def _sentence(call: Mapping[str, Any], action: str) -> str | None:
    """What it will do, by the call's own word; None when it cannot be done."""
    sentence = (call.get("mends") or {}).get(action)
    return str(sentence) if sentence else None


def _wish(draft: Draft) -> Mend:
    """What is asked for. Raises `_AskAgain`."""
    number = draft.ticket_id.removeprefix("#") if draft.action == MendAction.USE_TICKET else None
    given = {"id": draft.id, "action": draft.action, "by": draft.by, "reason": draft.reason}
    try:
        asked = answers.Mend.model_validate({**given, "step": draft.step or None, "ticket_id": number})
    except ValidationError as error:
        fields = dict.fromkeys(str(each["loc"][0]) for each in error.errors())
        raise _AskAgain(" ".join(_FIELDS.get(field, _UNUSABLE) for field in fields), 422, draft) from None
    return Mend(**asked.model_dump())


async def _is_done(gateway: Gateway, call_id: str, mend_id: str) -> bool:
    """Whether the ledger has this very mend already; what it cannot tell is left to the workflow."""
    try:
        records = await gateway.ledger.records(call_id)
    except LedgerUnreadable:
        return False
    return any(kept.mend_id == mend_id for kept in records.mends)


def _page(
    request: Request,
    session: Session,
    draft: Draft,
    call: Mapping[str, Any],
    *,
    problem: str | None,
    offered: bool,
    status: int = 200,
) -> Response:
    """`offered`: with the form, not only with what it would do."""
    return render(
        request,
        session,
        "call_mend.html",
        status=status,
        call=call,
        draft=draft,
        offered=offered,
        label=LABELS[draft.action],
        problem=problem,
    )


def _to_the_call(request: Request, call_id: str, draft: Draft) -> Response:
    answer = RedirectResponse(f"{call_path(call_id)}?{urlencode({'mended': draft.id})}", status_code=303)
    answer.set_cookie(
        BY_COOKIE,
        quote(draft.by[:128], safe=""),
        max_age=_BY_S,
        path="/ops",
        secure=request.scope["scheme"] == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


def _remembered(request: Request) -> str:
    """Who pressed here last, on this browser."""
    return unquote(request.cookies.get(BY_COOKIE, ""))[:128]
