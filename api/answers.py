"""The JSON the gateway takes and gives, as the OpenAPI document shows it; answers are built by hand, for speed."""

import secrets
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from api.values import MAX_TICKET_ID


class Accepted(BaseModel):
    """The event is durable: the call's workflow has been signalled."""

    status: Literal["accepted"]
    call_id: str


class AlreadyProcessed(BaseModel):
    """A redelivery, or an event for a call that is closed."""

    status: Literal["already_processed"]
    call_id: str


class Ignored(BaseModel):
    """An event type that is not handled."""

    status: Literal["ignored"]


class MaskedCustomer(BaseModel):
    """The caller, masked."""

    email: str | None = None
    phone: str | None = None


class Agent(BaseModel):
    """Who answered last."""

    id: str | None = None
    name: str | None = None


class Event(BaseModel):
    """One event as received."""

    type: str
    event_id: str | None
    occurred_at: str
    received_at: str


class Step(BaseModel):
    """One vendor request. `attempts` counts those begun; 0 waits for a worker."""

    name: str
    state: Literal["done", "running", "retrying", "waiting", "skipped", "refused", "missed"]
    attempts: int
    last_error: str | None = None
    finished_at: str | None = None


class ScreenPop(BaseModel):
    """One screen pop. `latency_ms`: gateway receipt to the vendor's answer to the first request."""

    agent_id: str | None
    state: Literal["pending", "shown", "missed", "refused", "not_needed"]
    latency_ms: int | None
    left_out: list[str]


class Cause(BaseModel):
    """Why a person has to look; `cause` is a name of `docs/errors.md`."""

    step: str
    cause: str
    text: str
    since: str


class Mend(BaseModel):
    """What a person wants done. `id`: the wish's own name; the same one again does nothing more."""

    id: str = Field(default_factory=lambda: secrets.token_hex(8), min_length=1, max_length=128)
    action: Literal["retry", "use_ticket", "skip", "end"]
    by: str = Field(min_length=1, max_length=128, description="Who asks for it.")
    reason: str = Field(min_length=1, max_length=500)
    step: str | None = Field(default=None, max_length=128, description="The entry of the call's `causes` it is for.")
    ticket_id: int | None = Field(default=None, ge=1, le=MAX_TICKET_ID, description="For `use_ticket`.")


class Mended(BaseModel):
    """What came of it, in words."""

    id: str
    result: Literal["done", "not_needed", "refused"]
    text: str


class Call(BaseModel):
    """What is known of a call, from its workflow or else from the ledger."""

    call_id: str
    source: Literal["workflow", "ledger"]
    state: Literal["ringing", "in_call", "completed", "missed", "end_not_reported"]
    needs_attention: bool
    attention: str | None
    causes: list[Cause] = []
    mends: dict[str, str] = Field(
        default={}, description="What can be done to the call, by name, each with what it will do."
    )
    warnings: list[str]
    ticket_id: int | None
    ticket_origin: Literal["payload", "recent", "search", "created", "follow_up"] | None
    customer: MaskedCustomer
    agent: Agent | None
    events: list[Event]
    steps: list[Step]
    screen_pops: list[ScreenPop]
    workflow_id: str
    run_id: str


class Calls(BaseModel):
    """A page of calls; `next_cursor` asks for the next one, null when there is none."""

    calls: list[Call]
    next_cursor: str | None


CURSOR: dict[str, Any] = {"pattern": "^[0-9]{0,18}$"}
"""What cursors look like, for the document; one that was never handed out is refused in words of its own."""


class Search(BaseModel):
    """Whose calls to look for; an email or a phone is needed."""

    email: str | None = Field(default=None, max_length=320)
    phone: str | None = Field(default=None, max_length=256, description="E.164, or national where PHONE_REGION is set.")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=512, json_schema_extra=CURSOR)


_NULLABLE_TEXT: dict[str, Any] = {"type": ["string", "null"], "maxLength": 256}

_EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "id": {"type": ["string", "null"], "maxLength": 128, "description": "The sender's event id."},
        "event": {
            "type": "string",
            "minLength": 1,
            "description": "`call.started`, `call.answered` or `call.completed`.",
        },
        "timestamp": {"type": "integer", "description": "When it happened, epoch milliseconds."},
        "data": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {
                    "description": "The call's id.",
                    "anyOf": [{"type": "string", "pattern": "^[!-~]{1,128}$"}, {"type": "integer"}],
                },
                "status": _NULLABLE_TEXT,
                "customer": {
                    "type": ["object", "null"],
                    "properties": {"email": _NULLABLE_TEXT, "phone_number": _NULLABLE_TEXT, "name": _NULLABLE_TEXT},
                },
                "ticket_id": {"type": ["integer", "string", "null"]},
                "agent": {"type": ["object", "null"], "properties": {"id": _NULLABLE_TEXT, "name": _NULLABLE_TEXT}},
                "direction": _NULLABLE_TEXT,
                "from_line": _NULLABLE_TEXT,
                "to_line": _NULLABLE_TEXT,
                "duration_s": {"type": ["integer", "null"], "minimum": 0},
                "recording_url": {"type": ["string", "null"], "maxLength": 2048},
                "disposition": _NULLABLE_TEXT,
                "queue": _NULLABLE_TEXT,
            },
        },
    },
    "example": {
        "event": "call.started",
        "timestamp": 1678901234567,
        "data": {
            "id": "c-1234567890",
            "status": "ringing",
            "customer": {"email": "user@example.com", "phone_number": "+15550100"},
            "ticket_id": None,
            "agent": {"id": "a-9876543210", "name": "Agent Smith"},
        },
    },
}


def json_body(schema: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI of a body that an endpoint reads by itself."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


CALL_ID_IN_PATH: dict[str, Any] = {
    "parameters": [
        {
            "name": "call_id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
            "description": "The call's id, percent-encoded.",
        }
    ]
}

WEBHOOK_REQUEST: dict[str, Any] = {
    **json_body(_EVENT_SCHEMA),
    "parameters": [
        {
            "name": SIGNATURE_HEADER,
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": "base64(HMAC-SHA256(secret, timestamp + raw body))",
        },
        {
            "name": TIMESTAMP_HEADER,
            "in": "header",
            "required": True,
            "schema": {"type": "string", "format": "date-time"},
            "description": "When it was signed, RFC 3339.",
        },
    ],
}
