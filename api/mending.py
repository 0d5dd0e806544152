"""`POST /calls/{call_id}/mends`: what a person does to a call that is stuck, handed to its workflow and answered."""

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from temporalio.client import Client

from api import answers, problems
from api.body import read_body
from api.gateway import gateway_of
from api.problems import Problem
from api.schemas import CALL_ID
from workflows.asking import (
    AnswerUnreadable,
    CallOver,
    CallSilent,
    CallUnknown,
    WishRefused,
    ask_for_mend,
    cut_back_off,
)
from workflows.domain.mend import Mend, Mended
from workflows.ports import call_workflow_id

MAX_MEND_BYTES = 8192
_SOON = {"Retry-After": "5"}

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
            problems.READ_ONLY,
            problems.ANOTHER_SITE,
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
    mended = await _asked(temporal, call_id, wish)
    log.info("call_mended", call_id=call_id, mend=wish.action, mend_id=wish.id, result=mended.result)
    if mended.hurry and (hindrance := await cut_back_off(temporal, call_id, identity="talkbridge-gateway")):
        log.warning("back_off_not_cut", workflow_id=call_workflow_id(call_id), error_type=hindrance)
    return mended


def _wish(body: bytes) -> Mend:
    try:
        asked = answers.Mend.model_validate_json(body)
    except ValidationError as error:
        raise problems.invalid_body(error) from None
    return Mend(**asked.model_dump())


async def _asked(temporal: Client, call_id: str, wish: Mend) -> Mended:
    try:
        return await ask_for_mend(temporal, call_id, wish)
    except CallUnknown:
        raise Problem(problems.UNKNOWN_CALL) from None
    except CallOver:
        raise Problem(problems.CALL_CLOSED) from None
    except WishRefused as error:
        raise problems.invalid([(("body",), str(error))]) from None
    except CallSilent:
        detail = "Its workflow does not answer: does a worker run? The same mend may be sent again, it is done once."
        raise Problem(problems.CALL_UNREADABLE, detail, headers=_SOON) from None
    except AnswerUnreadable as error:
        log.warning("mend_undecryptable", error=str(error))
        raise Problem(problems.CALL_UNREADABLE, "ENCRYPTION_KEYS here are not the workers'.", headers=_SOON) from None
