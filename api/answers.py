"""The JSON the gateway takes and gives, as the OpenAPI document shows it; answers are built by hand, for speed."""

import secrets
from typing import Any, Literal

from pydantic import BaseModel, Field

from api import examples
from api.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from api.values import MAX_TICKET_ID


class Accepted(BaseModel):
    """The event is durable: the call's workflow has been signalled."""

    model_config = examples.shown({"status": "accepted", "call_id": "c-1234567890"})

    status: Literal["accepted"]
    call_id: str


class AlreadyProcessed(BaseModel):
    """A redelivery, or an event for a call that is closed."""

    model_config = examples.shown({"status": "already_processed", "call_id": "c-1234567890"})

    status: Literal["already_processed"]
    call_id: str


class Ignored(BaseModel):
    """An event type that is not handled."""

    model_config = examples.shown({"status": "ignored"})

    status: Literal["ignored"]


class MaskedCustomer(BaseModel):
    """The caller, masked."""

    email: str | None = Field(default=None, description="Its first character and its domain.")
    phone: str | None = Field(default=None, description="Its first five characters and its last two.")


class Agent(BaseModel):
    """Who answered last."""

    id: str | None = None
    name: str | None = None


class Event(BaseModel):
    """One event as received."""

    type: str
    event_id: str | None = Field(description="The sender's own id of it.")
    occurred_at: str = Field(description="By the sender's clock.")
    received_at: str = Field(description="By the gateway's.")


class Step(BaseModel):
    """One vendor request."""

    name: str = Field(description="As in the ledger and in Temporal.")
    state: Literal["done", "running", "retrying", "waiting", "skipped", "refused", "missed"]
    attempts: int = Field(description="Those begun; 0 waits for a worker.")
    last_error: str | None = Field(default=None, description="What its last attempt failed of; customer data masked.")
    finished_at: str | None = None


class ScreenPop(BaseModel):
    """One screen pop."""

    agent_id: str | None = Field(description="Whom it is for.")
    state: Literal["pending", "shown", "missed", "refused", "not_needed"]
    latency_ms: int | None = Field(description="From the gateway's receipt to the vendor's first answer.")
    left_out: list[str] = Field(description="Properties that were shortened or did not fit.")


class Cause(BaseModel):
    """Why a person has to look."""

    step: str = Field(description="The step that is stuck; a mend may name it.")
    cause: str = Field(description="Its name, explained in `docs/errors.md` and `docs/operations.md`.")
    text: str = Field(description="A sentence for people.")
    since: str


class Mend(BaseModel):
    """What a person wants done. `id`: the wish's own name; the same one again does nothing more."""

    model_config = examples.shown(examples.MEND)

    id: str = Field(
        default_factory=lambda: secrets.token_hex(8),
        min_length=1,
        max_length=128,
        description="The wish's own name: sent again under the same one, it is done once.",
    )
    action: Literal["retry", "use_ticket", "skip", "end"] = Field(description="One of the call's `mends`.")
    by: str = Field(min_length=1, max_length=128, description="Who asks for it.")
    reason: str = Field(min_length=1, max_length=500, description="Why; the ledger keeps it.")
    step: str | None = Field(default=None, max_length=128, description="The entry of the call's `causes` it is for.")
    ticket_id: int | None = Field(default=None, ge=1, le=MAX_TICKET_ID, description="For `use_ticket`.")


class Mended(BaseModel):
    """What came of it, in words."""

    model_config = examples.shown(examples.MENDED)

    id: str = Field(description="The wish's name.")
    result: Literal["done", "not_needed", "refused"]
    text: str = Field(description="A sentence for whoever asked.")


class Call(BaseModel):
    """What is known of a call, from its workflow or else from the ledger."""

    model_config = examples.shown(examples.CALL)

    call_id: str
    source: Literal["workflow", "ledger"] = Field(description="Whose word it is.")
    state: Literal["ringing", "in_call", "completed", "missed", "end_not_reported"]
    needs_attention: bool = Field(description="Whether it waits for a person.")
    attention: str | None = Field(description="Why, in one sentence.")
    causes: list[Cause] = Field(default=[], description="Why, step by step.")
    mends: dict[str, str] = Field(
        default={}, description="What can be done to the call, by name, each with what it will do."
    )
    warnings: list[str] = Field(description="Fields of its webhooks that could not be used.")
    ticket_id: int | None
    ticket_origin: Literal["payload", "recent", "search", "created", "follow_up"] | None = Field(
        description="How the ticket was found: named by the payload, used lately by the same caller, found, made."
    )
    customer: MaskedCustomer
    agent: Agent | None
    events: list[Event]
    steps: list[Step]
    screen_pops: list[ScreenPop]
    workflow_id: str = Field(description="For the Temporal UI.")
    run_id: str = Field(description="For the Temporal UI.")


class Calls(BaseModel):
    """A page of calls; `next_cursor` asks for the next one, null when there is none."""

    model_config = examples.shown(examples.CALLS)

    calls: list[Call] = Field(description="As they stand in the ledger.")
    next_cursor: str | None = Field(description="The `cursor` of the next page.")


CURSOR: dict[str, Any] = {"pattern": "^[0-9]{0,18}$"}
"""What cursors look like, for the document; one that was never handed out is refused in words of its own."""
CURSOR_MEANS = "Where the page before ended: its `next_cursor`."
LIMIT_MEANS = "How many calls a page has at most."


class Search(BaseModel):
    """Whose calls to look for; an email or a phone is needed."""

    model_config = examples.shown(examples.SEARCH)

    email: str | None = Field(default=None, max_length=320, description="In any case of letters.")
    phone: str | None = Field(default=None, max_length=256, description="E.164, or national where PHONE_REGION is set.")
    limit: int = Field(default=50, ge=1, le=200, description=LIMIT_MEANS)
    cursor: str | None = Field(default=None, max_length=512, json_schema_extra=CURSOR, description=CURSOR_MEANS)


def _text(meaning: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "maxLength": 256, "description": meaning}


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
                "status": _text("The platform's own word; not used."),
                "customer": {
                    "type": ["object", "null"],
                    "properties": {
                        "email": _text("An email address; one that is none counts as absent."),
                        "phone_number": _text("E.164, or national where `PHONE_REGION` is set; withheld: absent."),
                        "name": _text("Who a new ticket is of."),
                    },
                    "description": "The caller; without email and phone the call is anonymous.",
                },
                "ticket_id": {
                    "type": ["integer", "string", "null"],
                    "description": "A ticket the platform knows of; it is read before it is used.",
                },
                "agent": {
                    "type": ["object", "null"],
                    "properties": {"id": _text("Whom the screen pop is for."), "name": _text("For the note.")},
                    "description": "Who answered.",
                },
                "direction": _text("`inbound` or `outbound`; absent: inbound."),
                "from_line": _text("The line called from."),
                "to_line": _text("The line called."),
                "duration_s": {"type": ["integer", "null"], "minimum": 0, "description": "Seconds."},
                "recording_url": {"type": ["string", "null"], "maxLength": 2048, "description": "For the ticket."},
                "disposition": _text("What the agent chose at the end."),
                "queue": _text("The queue it waited in."),
            },
        },
    },
    "example": examples.EVENT,
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
