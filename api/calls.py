"""`GET /calls/{call_id}` from the workflow, else from the ledger; lists and searches from the ledger."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from temporalio.client import (
    WorkflowExecutionDescription,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.service import RPCError, RPCStatusCode

from api import answers, problems
from api.body import read_body
from api.gateway import Gateway, gateway_of
from api.merging import merge
from api.problems import Problem
from api.reading import Filters, KeysMisfit, LedgerUnreadable, Page, UnusableCursor
from api.schemas import CALL_ID
from api.values import MAX_TICKET_ID, email_address, phone_number
from workflows.connection import UnknownKeyError
from workflows.domain.call import CallState
from workflows.domain.status import CallStatus
from workflows.ports import CALL_STATUS_QUERY, call_workflow_id

ANSWER_S = 2.0
MAX_SEARCH_BYTES = 4096
_SOON = {"Retry-After": "5"}

log = structlog.stdlib.get_logger("api.calls")
router = APIRouter(tags=["calls"])


@router.get(
    "/calls",
    summary="List calls",
    response_class=JSONResponse,
    responses={
        200: {"model": answers.Calls},
        **problems.declared(problems.SIGN_IN, problems.INVALID_REQUEST, problems.LEDGER_UNAVAILABLE),
    },
)
async def list_calls(
    request: Request,
    *,
    state: Annotated[CallState | None, Query(description="Only calls in this state.")] = None,
    ticket_id: Annotated[int | None, Query(ge=1, le=MAX_TICKET_ID, description="Only calls on this ticket.")] = None,
    agent_id: Annotated[
        str | None, Query(max_length=256, pattern=r"^[^\x00]+$", description="Only calls this agent answered last.")
    ] = None,
    needs_attention: Annotated[bool | None, Query(description="Only calls that do, or do not.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description=answers.LIMIT_MEANS)] = 50,
    cursor: Annotated[
        str | None, Query(max_length=512, json_schema_extra=answers.CURSOR, description=answers.CURSOR_MEANS)
    ] = None,
) -> JSONResponse:
    """Newest first, from the ledger, page by page."""
    filters = Filters(
        state=state,
        ticket_id=ticket_id,
        agent_id=agent_id,
        needs_attention=needs_attention,
        limit=limit,
        cursor=cursor,
    )
    with _answered():
        page = await gateway_of(request).ledger.list_calls(filters)
    return _page(page)


@router.post(
    "/calls/search",
    summary="Find a customer's calls",
    response_class=JSONResponse,
    responses={
        200: {"model": answers.Calls},
        **problems.declared(
            problems.SIGN_IN,
            problems.BODY_TOO_SLOW,
            problems.BODY_TOO_LARGE,
            problems.INVALID_REQUEST,
            problems.LEDGER_UNAVAILABLE,
        ),
    },
    openapi_extra=answers.json_body(answers.Search.model_json_schema()),
)
async def search_calls(request: Request) -> JSONResponse:
    """By email or phone, in the body: customer data never stands in an address."""
    gateway = gateway_of(request)
    search = _search(await read_body(request, MAX_SEARCH_BYTES))
    email, phone = _wanted(search, gateway.settings.phone_region)
    with _answered():
        page = await gateway.ledger.search_calls(email, phone, limit=search.limit, cursor=search.cursor)
    return _page(page)


def _search(body: bytes) -> answers.Search:
    try:
        return answers.Search.model_validate_json(body)
    except ValidationError as error:
        raise problems.invalid_body(error) from None


def _wanted(search: answers.Search, region: str | None) -> tuple[str | None, str | None]:
    try:
        email = email_address(search.email) if search.email is not None else None
    except ValueError:
        raise problems.invalid([(("body", "email"), "it is not an email address")]) from None
    try:
        phone = phone_number(search.phone, region) if search.phone is not None else None
    except ValueError:
        raise problems.invalid([(("body", "phone"), "it is not a phone number")]) from None
    if email is None and phone is None:
        raise problems.invalid([(("body",), "give an email or a phone number")])
    return email, phone


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except UnusableCursor:
        raise problems.invalid([(("cursor",), "it is not one that a page ended with")]) from None
    except KeysMisfit as error:
        raise Problem(problems.LEDGER_UNAVAILABLE, str(error), headers=_SOON) from None
    except LedgerUnreadable:
        raise Problem(problems.LEDGER_UNAVAILABLE, headers=_SOON) from None


@router.get(
    "/calls/{call_id:path}",
    summary="Show a call",
    response_class=JSONResponse,
    responses={
        200: {"model": answers.Call},
        **problems.declared(problems.SIGN_IN, problems.UNKNOWN_CALL, problems.CALL_UNREADABLE),
    },
    openapi_extra=answers.CALL_ID_IN_PATH,
)
async def show_call(request: Request) -> JSONResponse:
    """The workflow's own word, running or closed; the ledger's when the workflow cannot be asked."""
    gateway, call_id = gateway_of(request), request.path_params["call_id"]
    if not CALL_ID.fullmatch(call_id):
        raise Problem(problems.UNKNOWN_CALL)
    handle: WorkflowHandle[Any, Any] = gateway.temporal.get_workflow_handle(call_workflow_id(call_id))
    status, description = await asyncio.gather(_ask(handle), _describe(handle))
    if isinstance(status, CallStatus):
        return JSONResponse(await _from_workflow(gateway, status, description))
    silence = _silence(status, description)
    try:
        known = await gateway.ledger.call_status(call_id)
    except LedgerUnreadable:
        detail = f"The ledger cannot be read, and {silence}"
        raise Problem(problems.CALL_UNREADABLE, detail, headers=_SOON) from None
    if known is not None:
        return JSONResponse(_shown(known, "ledger"))
    if description is RPCStatusCode.NOT_FOUND or status is RPCStatusCode.NOT_FOUND:
        raise Problem(problems.UNKNOWN_CALL)
    raise Problem(problems.CALL_UNREADABLE, f"The ledger does not know it yet, and {silence}", headers=_SOON)


def _silence(status: RPCStatusCode | KeysMisfit, description: WorkflowExecutionDescription | RPCStatusCode) -> str:
    """Why the workflow has not told, and what to look at."""
    if isinstance(status, KeysMisfit):
        return str(status)
    if isinstance(description, WorkflowExecutionDescription):
        return "its workflow does not answer. Does a worker run? If one does, its log says what holds the call up."
    if description is RPCStatusCode.NOT_FOUND:
        return "Temporal does not know the call."
    return "Temporal does not answer."


async def _ask(handle: WorkflowHandle[Any, Any]) -> CallStatus | RPCStatusCode | KeysMisfit:
    """The workflow's answer, or why there is none."""
    try:
        async with asyncio.timeout(ANSWER_S):
            status: CallStatus = await handle.query(
                CALL_STATUS_QUERY, result_type=CallStatus, rpc_timeout=timedelta(seconds=ANSWER_S)
            )
    except RPCError as error:
        return error.status
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError):
        return RPCStatusCode.FAILED_PRECONDITION
    except (RuntimeError, TimeoutError):
        return RPCStatusCode.UNAVAILABLE
    except (UnknownKeyError, ValueError) as error:
        # The codec's own; an answer of another shape is a TypeError.
        log.warning("call_undecryptable", error=str(error))
        return KeysMisfit("its workflow's answer cannot be decrypted: ENCRYPTION_KEYS here are not the workers'.")
    return status


async def _describe(handle: WorkflowHandle[Any, Any]) -> WorkflowExecutionDescription | RPCStatusCode:
    try:
        async with asyncio.timeout(ANSWER_S):
            return await handle.describe(rpc_timeout=timedelta(seconds=ANSWER_S))
    except RPCError as error:
        return error.status
    except (RuntimeError, TimeoutError):
        return RPCStatusCode.UNAVAILABLE


async def _from_workflow(
    gateway: Gateway, status: CallStatus, description: WorkflowExecutionDescription | RPCStatusCode
) -> dict[str, Any]:
    if isinstance(description, WorkflowExecutionDescription):
        pending = description.raw_description.pending_activities
        status = replace(status, steps=await merge(status.steps, pending, gateway.temporal.data_converter))
    return _shown(asdict(status), "workflow")


def _shown(status: Mapping[str, Any], source: str) -> dict[str, Any]:
    """A call as it is shown: where the word comes from, and no activity ids."""
    steps = [{name: value for name, value in step.items() if name != "activity_id"} for step in status["steps"]]
    return {**status, "source": source, "steps": steps}


def _page(page: Page) -> JSONResponse:
    return JSONResponse({"calls": [_shown(call, "ledger") for call in page.calls], "next_cursor": page.next_cursor})
