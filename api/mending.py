"""`POST /calls/{call_id}/mends`: what a person does to a call that is stuck, handed to its workflow and answered."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import ResetActivityRequest
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from api import answers, problems
from api.body import read_body
from api.gateway import gateway_of
from api.problems import Problem
from api.schemas import CALL_ID
from workflows.connection import UnknownKeyError
from workflows.domain.mend import Mend, Mended
from workflows.ports import CALL_MEND_UPDATE, call_workflow_id

MAX_MEND_BYTES = 8192
ANSWER_S = 20.0
"""A request that is out already has its answer first: its time-out, and a little."""
_SOON = {"Retry-After": "5"}
_CLOSED = (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION)

log = structlog.stdlib.get_logger("api.mending")
router = APIRouter(tags=["calls"])


@router.post(
    "/calls/{call_id:path}/mends",
    summary="Mend a call that is stuck",
    response_class=JSONResponse,
    responses={
        200: {"model": answers.Mended},
        **problems.declared(
            problems.SIGN_IN,
            problems.UNKNOWN_CALL,
            problems.BODY_TOO_SLOW,
            problems.CALL_CLOSED,
            problems.BODY_TOO_LARGE,
            problems.INVALID_REQUEST,
            problems.CALL_UNREADABLE,
        ),
    },
    openapi_extra={**answers.CALL_ID_IN_PATH, **answers.json_body(answers.Mend.model_json_schema())},
)
async def mend_call(request: Request) -> JSONResponse:
    """Retry at once, write to another ticket, skip a step, or end the call. The same `id` again does nothing more."""
    gateway, call_id = gateway_of(request), request.path_params["call_id"]
    if not CALL_ID.fullmatch(call_id):
        raise Problem(problems.UNKNOWN_CALL)
    wish = _wish(await read_body(request, MAX_MEND_BYTES))
    mended = await mend(gateway.temporal, call_id, wish)
    return JSONResponse({"id": wish.id, "result": mended.result, "text": mended.text})


async def mend(temporal: Client, call_id: str, wish: Mend) -> Mended:
    """Have the call's workflow do it, then cut the back-off of what it waits for. Raises `Problem`."""
    handle = temporal.get_workflow_handle(call_workflow_id(call_id))
    mended = await _update(handle, wish)
    log.info("call_mended", call_id=call_id, mend=wish.action, mend_id=wish.id, result=mended.result)
    if mended.hurry:
        await _hurry(temporal, handle)
    return mended


def _wish(body: bytes) -> Mend:
    try:
        asked = answers.Mend.model_validate_json(body)
    except ValidationError as error:
        raise problems.invalid_body(error) from None
    return Mend(**asked.model_dump())


async def _update(handle: WorkflowHandle[Any, Any], wish: Mend) -> Mended:
    try:
        async with asyncio.timeout(ANSWER_S):
            mended: Mended = await handle.execute_update(
                CALL_MEND_UPDATE, wish, id=wish.id, result_type=Mended, rpc_timeout=timedelta(seconds=ANSWER_S)
            )
    except WorkflowUpdateFailedError as error:
        raise problems.invalid([(("body",), str(error.cause))]) from None
    except RPCError as error:
        if error.status in _CLOSED:
            known = "completed" in str(error) or error.status == RPCStatusCode.FAILED_PRECONDITION
            raise Problem(problems.CALL_CLOSED if known else problems.UNKNOWN_CALL) from None
        raise _unanswered() from None
    except (WorkflowUpdateRPCTimeoutOrCancelledError, RuntimeError, TimeoutError):
        raise _unanswered() from None
    except (UnknownKeyError, ValueError) as error:
        log.warning("mend_undecryptable", error=str(error))
        raise Problem(problems.CALL_UNREADABLE, "ENCRYPTION_KEYS here are not the workers'.", headers=_SOON) from None
    return mended


def _unanswered() -> Problem:
    detail = "Its workflow does not answer: does a worker run? The same mend may be sent again, it is done once."
    return Problem(problems.CALL_UNREADABLE, detail, headers=_SOON)


async def _hurry(temporal: Client, handle: WorkflowHandle[Any, Any]) -> None:
    """Reset the activities that wait for their next attempt; where that fails, their time comes by itself."""
    limit = timedelta(seconds=2)
    try:
        about = await handle.describe(rpc_timeout=limit)
        for activity_id in _in_back_off(about.raw_description.pending_activities):
            request = ResetActivityRequest(
                namespace=temporal.namespace,
                execution=WorkflowExecution(workflow_id=handle.id),
                identity="talkbridge-gateway",
                id=activity_id,
            )
            await temporal.workflow_service.reset_activity(request, timeout=limit)
    except (RPCError, RuntimeError) as error:
        log.warning("back_off_not_cut", workflow_id=handle.id, error_type=type(error).__name__)


def _in_back_off(pending: Iterable[PendingActivityInfo]) -> list[str]:
    scheduled = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    return [each.activity_id for each in pending if each.state == scheduled and each.attempt > 1]
