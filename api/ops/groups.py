"""One mend for all calls of a group: what it will do, its start, and how far it has come at `/ops/groups/{id}`."""

import asyncio
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from temporalio.client import Client, WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.gateway import Gateway, gateway_of
from api.ops import attention
from api.ops.causes import advice
from api.ops.pages import HEADERS, Refused, fragment, render
from api.ops.session import Form, Session, operator, reader
from api.reading import InNeed, LedgerUnreadable
from workflows.connection import UnknownKeyError
from workflows.domain.group import MOST_CALLS, MOST_PER_SECOND, GroupCall, GroupMend, GroupProgress
from workflows.domain.mend import MendAction, unusable
from workflows.ports import (
    CALLS_QUEUE,
    GROUP_MEND_WORKFLOW,
    GROUP_PROGRESS_QUERY,
    GROUP_STOP_SIGNAL,
    group_workflow_id,
)

RETRY = f"{attention.PATH}/retry"
PER_SECOND = 5
START_S = 5.0
ANSWER_S = 2.0
MOST_BY, MOST_REASON = 128, 500
GROUP_ID = re.compile(r"[0-9a-f]{16}")
_NO_LEDGER = "The ledger cannot be read, so nothing was begun. Calls go on; try again when it is back."
_NO_TEMPORAL = "Temporal did not answer. Send the form again: the same form begins one group, however often it is sent."
_LOOK_ONLY = "You are signed in to look only. To retry, sign out and sign in with the operators' token (OPS_TOKEN)."
_UNKNOWN = "There is no such group, or it is too long ago: Temporal keeps them for as long as the calls."

log = structlog.stdlib.get_logger("api.ops.groups")
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody put into the form. `group_id` was made with the form: sent twice, it is one wish."""

    cause: str
    step: str
    group_id: str
    by: str = ""
    reason: str = ""
    per_second: str = str(PER_SECOND)

    def problem(self) -> str | None:
        """Why it cannot be begun."""
        if not GROUP_ID.fullmatch(self.group_id):
            return "This form is incomplete. Open it again from the list."
        if not self.by or len(self.by) > MOST_BY:
            return f"Say who asks for it, in at most {MOST_BY} characters."
        if not self.reason or len(self.reason) > MOST_REASON:
            return f"Give a reason, in at most {MOST_REASON} characters."
        if unusable(self.cause, self.step, self.by, self.reason):
            return "The form has a character that cannot be kept: a control character."
        if not (re.fullmatch(r"[0-9]{1,3}", self.per_second) and 1 <= int(self.per_second) <= MOST_PER_SECOND):
            return f"Calls a second: a whole number from 1 to {MOST_PER_SECOND}."
        return None


def group_of(wish: Wish, rows: list[InNeed]) -> GroupMend:
    """The workflow's argument: each call once, the longest waiting first, at most 200."""
    calls: dict[str, GroupCall] = {}
    for row in rows:
        calls.setdefault(row.call_id, GroupCall(call_id=row.call_id, step=row.own_step))
    return GroupMend(
        id=wish.group_id,
        action=MendAction.RETRY,
        cause=wish.cause,
        step=wish.step,
        by=wish.by,
        reason=wish.reason,
        calls=list(calls.values())[:MOST_CALLS],
        per_second=int(wish.per_second),
    )


def lasting(calls: int, per_second: int) -> str:
    """How long that many calls take, in words."""
    seconds = max(1, ceil(calls / per_second))
    if seconds < 90:
        return "about a second" if seconds == 1 else f"about {seconds} seconds"
    return f"about {ceil(seconds / 60)} minutes"


@router.get(RETRY)
async def confirm(request: Request) -> Response:
    """What will happen, to how many calls, and for how long."""
    session = reader(request)
    if not session.may_act:
        raise Refused(403, _LOOK_ONLY, session)
    cause, step = attention.wanted(request)
    if cause is None or step is None:
        return RedirectResponse(attention.PATH, status_code=303)
    wish = Wish(cause=cause, step=step, group_id=secrets.token_hex(8))
    return await _asked(request, session, wish)


async def _asked(request: Request, session: Session, wish: Wish, problem: str | None = None) -> HTMLResponse:
    """The form; with a problem, what was put in stands there still."""
    rows = await _calls(request, session, wish, limit=1)
    size = rows[0].size if rows else 0
    calls = min(size, MOST_CALLS)
    return render(
        request,
        session,
        "group_confirm.html",
        status=422 if problem else 200,
        wish=wish,
        advice=advice(wish.cause),
        size=size,
        calls=calls,
        lasting=lasting(calls, PER_SECOND),
        per_second=PER_SECOND,
        most_per_second=MOST_PER_SECOND,
        most_by=MOST_BY,
        most_reason=MOST_REASON,
        key=attention.query_of(wish.cause, wish.step),
        problem=problem,
    )


async def _calls(request: Request, session: Session, wish: Wish, *, limit: int) -> list[InNeed]:
    try:
        rows = await gateway_of(request).ledger.calls_in_need(
            cause=wish.cause, step=wish.step, action=MendAction.RETRY, each=limit, limit=limit
        )
    except LedgerUnreadable:
        raise Refused(503, _NO_LEDGER, session) from None
    return list(rows)


@router.post(RETRY)
async def begin(request: Request) -> Response:
    """Begin the group, once, and on to its progress."""
    form = await operator(request)
    wish = _wish(form)
    if (problem := wish.problem()) is not None:
        return await _asked(request, form.session, wish, problem)
    rows = await _calls(request, form.session, wish, limit=MOST_CALLS)
    group = group_of(wish, rows)
    address = f"/ops/groups/{wish.group_id}"
    gateway = gateway_of(request)
    # The same form again may find nothing left to do, because the first time did it.
    if not group.calls and isinstance(await _progress(gateway, wish.group_id), RPCStatusCode):
        return await _asked(request, form.session, wish, None)
    if group.calls:
        await _start(gateway.temporal, group, form.session)
    return RedirectResponse(address, status_code=303)


def _wish(form: Form) -> Wish:
    return Wish(
        cause=form.get("cause")[: attention.MOST_NAME],
        step=form.get("step")[: attention.MOST_NAME],
        group_id=form.get("group"),
        by=form.get("by"),
        reason=form.get("reason"),
        per_second=form.get("per_second"),
    )


async def _start(temporal: Client, group: GroupMend, session: Session) -> None:
    try:
        async with asyncio.timeout(START_S):
            await temporal.start_workflow(
                GROUP_MEND_WORKFLOW,
                group,
                id=group_workflow_id(group.id),
                task_queue=CALLS_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=f"{group.action} · {group.cause} · {len(group.calls)} calls",
                rpc_timeout=timedelta(seconds=START_S),
            )
    except WorkflowAlreadyStartedError:
        return
    except (RPCError, RuntimeError, TimeoutError):
        raise Refused(503, _NO_TEMPORAL, session) from None
    log.info("group_mend_begun", group=group.id, mend=group.action, cause=group.cause, calls=len(group.calls))


@router.get("/ops/groups/{group_id}")
async def show(request: Request) -> Response:
    """How far it has come; for htmx the part that changes."""
    session = reader(request)
    group_id = request.path_params["group_id"]
    found = await _progress(gateway_of(request), group_id) if GROUP_ID.fullmatch(group_id) else RPCStatusCode.NOT_FOUND
    if found is RPCStatusCode.NOT_FOUND:
        raise Refused(404, _UNKNOWN, session)
    told = found if isinstance(found, GroupProgress) else None
    left = lasting(told.left, told.per_second) if told else ""
    context = {"group_id": group_id, "progress": told, "left": left}
    if request.headers.get("hx-request") == "true":
        return HTMLResponse(fragment("group_progress.html", request, session, **context), headers=HEADERS)
    return render(request, session, "group.html", status=200 if told else 503, **context)


@router.post("/ops/groups/{group_id}/stop")
async def stop(request: Request) -> Response:
    """Begin no further call of the group."""
    form = await operator(request)
    group_id = request.path_params["group_id"]
    if not GROUP_ID.fullmatch(group_id):
        raise Refused(404, _UNKNOWN, form.session)
    handle = gateway_of(request).temporal.get_workflow_handle(group_workflow_id(group_id))
    try:
        async with asyncio.timeout(START_S):
            await handle.signal(GROUP_STOP_SIGNAL, rpc_timeout=timedelta(seconds=START_S))
    except RPCError as error:
        # Not found: it has ended by itself, or never was; the next page tells which.
        if error.status != RPCStatusCode.NOT_FOUND:
            raise Refused(503, _NO_TEMPORAL, form.session) from None
    except (RuntimeError, TimeoutError):
        raise Refused(503, _NO_TEMPORAL, form.session) from None
    else:
        log.info("group_mend_stopped", group=group_id)
    return RedirectResponse(f"/ops/groups/{group_id}", status_code=303)


async def _progress(gateway: Gateway, group_id: str) -> GroupProgress | RPCStatusCode:
    """The group's own word, or why there is none."""
    handle = gateway.temporal.get_workflow_handle(group_workflow_id(group_id))
    try:
        async with asyncio.timeout(ANSWER_S):
            told: GroupProgress = await handle.query(
                GROUP_PROGRESS_QUERY, result_type=GroupProgress, rpc_timeout=timedelta(seconds=ANSWER_S)
            )
    except RPCError as error:
        return error.status
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError, UnknownKeyError, ValueError):
        return RPCStatusCode.FAILED_PRECONDITION
    except (RuntimeError, TimeoutError):
        return RPCStatusCode.UNAVAILABLE
    return told
