"""`POST /webhooks/calls`: verify, translate, hand to the workflow, acknowledge. Speaks to Temporal only."""

import asyncio
import time
from datetime import datetime, timedelta

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from api import answers, problems
from api.body import SenderGone, read_body, require_json
from api.gateway import Gateway, gateway_of
from api.problems import Problem
from api.schemas import Ignored, NotACall, NotJson, Received, read_event
from api.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, Verdict, verify
from workflows.ports import CALL_EVENT_SIGNAL, CALL_WORKFLOW, CALLS_QUEUE, CallStart, call_workflow_id

MAX_BODY_BYTES = 64 * 1024
ACKNOWLEDGE_S = 2.5
RETRY_AFTER_S = 5
TASK_TIMEOUT = timedelta(seconds=5)
_AGAIN = "nothing was lost: send it again"

log = structlog.stdlib.get_logger("api.webhooks")
router = APIRouter(tags=["webhooks"])


@router.post(
    "/webhooks/calls",
    summary="Take a call event",
    status_code=202,
    response_class=JSONResponse,
    responses={
        202: {"model": answers.Accepted, "description": "Signalled: durable"},
        200: {
            "model": answers.AlreadyProcessed | answers.Ignored,
            "description": "A redelivery, or a type not handled",
        },
        **problems.declared(
            problems.NOT_JSON,
            problems.SIGNATURE_REFUSED,
            problems.BODY_TOO_SLOW,
            problems.BODY_TOO_LARGE,
            problems.NOT_JSON_TYPE,
            problems.NOT_A_CALL,
            problems.TEMPORAL_UNAVAILABLE,
            problems.NOT_READY,
        ),
    },
    openapi_extra=answers.WEBHOOK_REQUEST,
)
async def take_webhook(request: Request) -> Response:
    """Every event is verified, recorded durably as a signal to the call's workflow, and then acknowledged."""
    gateway = gateway_of(request)
    try:
        status, answer = await _take(request, gateway)
    except Problem as problem:
        gateway.metrics.webhook(problem.kind.name)
        raise
    except SenderGone:
        gateway.metrics.webhook("sender-gone")
        return Response(status_code=400)
    gateway.metrics.webhook(answer["status"])
    return JSONResponse(answer, status)


async def _take(request: Request, gateway: Gateway) -> tuple[int, dict[str, str]]:
    require_json(request)
    body = await read_body(request, MAX_BODY_BYTES)
    received_at = gateway.now()
    _check_signature(request, body, received_at, gateway)
    received = translate(body, received_at, gateway.settings.phone_region)
    if isinstance(received, Ignored):
        gateway.metrics.ignored(received.type)
        return 200, {"status": "ignored"}
    # Before the redeliveries: what was acknowledged under a stray key has not reached anybody either.
    _check_keys(gateway)
    call_id, key = received.call_id, received.event.key
    if gateway.recent.acknowledged(call_id, key, gateway.steady()):
        return _already_processed(gateway, received, "recent")
    try:
        await _signal(gateway, received)
    except WorkflowAlreadyStartedError:
        return _already_processed(gateway, received, "closed_call")
    gateway.recent.remember(call_id, key, gateway.steady())
    log.info("webhook_accepted", call_id=call_id, event_type=received.event.type, warnings=received.event.warnings)
    return 202, {"status": "accepted", "call_id": call_id}


def _check_signature(request: Request, body: bytes, now: datetime, gateway: Gateway) -> None:
    verdict = verify(
        gateway.settings.secrets,
        signature=_header(request, SIGNATURE_HEADER),
        timestamp=_header(request, TIMESTAMP_HEADER),
        body=body,
        now=now,
        tolerance_s=gateway.settings.webhook_tolerance_s,
    )
    if verdict is not Verdict.GENUINE:
        gateway.refusals.tell(verdict, gateway.steady())
        raise Problem(problems.SIGNATURE_REFUSED)
    gateway.signed_at = gateway.steady()


def _check_keys(gateway: Gateway) -> None:
    if gateway.keys.misfit is not None:
        gateway.misfits.tell(gateway.keys.misfit, gateway.steady())
        raise Problem(problems.NOT_READY, _AGAIN, headers={"Retry-After": str(RETRY_AFTER_S)})


def _header(request: Request, name: str) -> bytes | None:
    wanted = name.lower().encode()
    # Blanks around a value are not part of it (RFC 9110, section 5.5); the parser leaves those at its end.
    return next((value.strip(b" \t") for key, value in request.scope["headers"] if key == wanted), None)


def translate(body: bytes, received_at: datetime, region: str | None) -> Received | Ignored:
    """What a webhook's body says. Raises `Problem` for one that says nothing we can use."""
    try:
        return read_event(body, received_at, region)
    except NotJson as error:
        raise Problem(problems.NOT_JSON, str(error)) from None
    except NotACall as error:
        where = error.field or "body"
        found = [{"field": where, "problem": str(error)}]
        raise Problem(problems.NOT_A_CALL, f"{where}: {error}", errors=found) from None


async def _signal(gateway: Gateway, received: Received) -> None:
    """Signal with start: one request to Temporal, durable when it returns, with or without a worker."""
    began = time.perf_counter()
    try:
        # The request's own time-out does not cover the connecting, nor a wait for somebody else's connecting.
        async with asyncio.timeout(ACKNOWLEDGE_S):
            await gateway.temporal.start_workflow(
                CALL_WORKFLOW,
                CallStart(call_id=received.call_id),
                id=call_workflow_id(received.call_id),
                task_queue=CALLS_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                start_signal=CALL_EVENT_SIGNAL,
                start_signal_args=[received.event],
                task_timeout=TASK_TIMEOUT,
                static_summary=f"Telephone call {received.call_id}",
                rpc_timeout=timedelta(seconds=ACKNOWLEDGE_S),
            )
    except (RPCError, RuntimeError, TimeoutError) as error:
        log.warning("temporal_unavailable", call_id=received.call_id, error=_reason(error))
        raise Problem(problems.TEMPORAL_UNAVAILABLE, _AGAIN, headers={"Retry-After": str(RETRY_AFTER_S)}) from None
    gateway.metrics.signalled(time.perf_counter() - began)


def _reason(error: Exception) -> str:
    if isinstance(error, RPCError):
        return f"{error.status.name}: {error.message}"
    return "no acknowledgement in time" if isinstance(error, TimeoutError) else str(error)


def _already_processed(gateway: Gateway, received: Received, known_by: str) -> tuple[int, dict[str, str]]:
    gateway.metrics.duplicate(known_by)
    log.info("webhook_already_processed", call_id=received.call_id, event_type=received.event.type, known_by=known_by)
    return 200, {"status": "already_processed", "call_id": received.call_id}
