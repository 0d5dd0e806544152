"""`GET /calls/{call_id}` from the workflow, else from the ledger; lists and searches from the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from api import answers, problems
from api.account import account_of, shown
from api.body import read_body
from api.gateway import gateway_of
from api.problems import Problem
from api.reading import Filters, KeysMisfit, LedgerUnreadable, Page, UnusableCursor
from api.values import MAX_TICKET_ID, email_address, phone_number
from workflows.domain.call import CallState

MAX_SEARCH_BYTES = 4096
_SOON = {"Retry-After": "5"}

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
    account = await account_of(gateway_of(request), request.path_params["call_id"])
    return JSONResponse(account.shown())


def _page(page: Page) -> JSONResponse:
    return JSONResponse({"calls": [shown(call, "ledger") for call in page.calls], "next_cursor": page.next_cursor})
