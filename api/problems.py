"""Every refusal as an RFC 9457 problem document; `docs/errors.md` explains each kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:talkbridge:problem:"


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to be refused. `name` ends the document's `type`."""

    name: str
    status: int
    title: str


NOT_HTTP = Kind("not-http", 400, "The bytes received are not an HTTP request")
NOT_JSON = Kind("not-json", 400, "The body is not JSON")
SIGNATURE_REFUSED = Kind("signature-refused", 401, "The signature is missing, wrong or too old")
SIGN_IN = Kind("ops-token", 401, "The ops token is missing or wrong")
READ_ONLY = Kind("read-only", 403, "This needs the operators' token")
ANOTHER_SITE = Kind("another-site", 403, "A session's request from another site")
UNKNOWN_CALL = Kind("unknown-call", 404, "No such call")
HEAD_TOO_SLOW = Kind("head-too-slow", 408, "The request's head did not arrive in time")
BODY_TOO_SLOW = Kind("body-too-slow", 408, "The body did not arrive in time")
CALL_CLOSED = Kind("call-closed", 409, "The call is over and takes no mend")
BODY_TOO_LARGE = Kind("body-too-large", 413, "The body is too large")
NOT_JSON_TYPE = Kind("media-type", 415, "The content type is not JSON")
NOT_A_CALL = Kind("not-a-call-event", 422, "JSON, but not a call event")
INVALID_REQUEST = Kind("invalid-request", 422, "The request has a value that cannot be used")
HEAD_TOO_LARGE = Kind("head-too-large", 431, "The request's head is too large")
INTERNAL = Kind("internal", 500, "A fault of ours")
TEMPORAL_UNAVAILABLE = Kind("temporal-unavailable", 503, "Temporal did not acknowledge in time")
LEDGER_UNAVAILABLE = Kind("ledger-unavailable", 503, "The ledger cannot be read")
CALL_UNREADABLE = Kind("call-unreadable", 503, "The call cannot be told of yet")
NOT_READY = Kind("not-ready", 503, "Webhooks cannot be taken")

KINDS = (
    NOT_HTTP,
    NOT_JSON,
    SIGNATURE_REFUSED,
    SIGN_IN,
    READ_ONLY,
    ANOTHER_SITE,
    UNKNOWN_CALL,
    HEAD_TOO_SLOW,
    BODY_TOO_SLOW,
    CALL_CLOSED,
    BODY_TOO_LARGE,
    NOT_JSON_TYPE,
    NOT_A_CALL,
    INVALID_REQUEST,
    HEAD_TOO_LARGE,
    INTERNAL,
    TEMPORAL_UNAVAILABLE,
    LEDGER_UNAVAILABLE,
    CALL_UNREADABLE,
    NOT_READY,
)


class ProblemDocument(BaseModel):
    """The body of every error answer (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(default="about:blank", description="What kind of problem; `about:blank` for plain HTTP ones.")
    title: str
    status: int
    detail: str | None = None


class Problem(Exception):
    """Ends a request with a problem document. `detail` and `members` hold no customer data and no secret."""

    def __init__(
        self, kind: Kind, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **members: object
    ) -> None:
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.members = members
        super().__init__(kind.name)

    def response(self) -> JSONResponse:
        """The answer."""
        kind = self.kind
        return document(_TYPE_PREFIX + kind.name, kind.title, kind.status, self.detail, self.headers, **self.members)


def document(
    type_: str, title: str, status: int, detail: str | None, headers: Mapping[str, str] | None, **members: object
) -> JSONResponse:
    """A problem document as a response."""
    content: dict[str, object] = {"type": type_, "title": title, "status": status}
    if detail is not None:
        content["detail"] = detail
    return JSONResponse({**content, **members}, status, dict(headers or {}), MEDIA_TYPE)


def declared(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for these kinds of problem."""
    by_status: dict[int | str, list[str]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind.title)
    content = {MEDIA_TYPE: {"schema": ProblemDocument.model_json_schema()}}
    return {status: {"description": " · ".join(titles), "content": content} for status, titles in by_status.items()}


def install(app: FastAPI) -> None:
    """Make the framework's own refusals problem documents as well."""
    app.add_exception_handler(Problem, _of_ours)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)


async def _of_ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return error.response()


async def _of_http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return document("about:blank", HTTPStatus(error.status_code).phrase, error.status_code, None, error.headers)


async def _of_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return invalid([(each["loc"], each["msg"]) for each in error.errors()]).response()


def invalid(errors: list[tuple[tuple[int | str, ...], str]]) -> Problem:
    """What pydantic found wrong, by place and reason; the value itself may be a customer's and is left out."""
    found = [{"field": ".".join(map(str, where)), "problem": why} for where, why in errors]
    return Problem(INVALID_REQUEST, "; ".join(f"{each['field']}: {each['problem']}" for each in found), errors=found)


def invalid_body(error: ValidationError) -> Problem:
    """What pydantic found wrong in a body."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return invalid([(("body", *each["loc"]), each["msg"]) for each in found])
