"""A call's own account of itself: the answer to the query `status` and to `GET /calls/{call_id}`, masked."""

from dataclasses import dataclass, field
from enum import StrEnum


class SearchAttribute(StrEnum):
    """What Temporal's list of calls can be filtered by."""

    CALL_STATE = "CallState"
    TICKET_ID = "TicketId"
    AGENT_ID = "AgentId"
    NEEDS_ATTENTION = "NeedsAttention"


class StepState(StrEnum):
    """How far a vendor request has come."""

    DONE = "done"
    RUNNING = "running"
    RETRYING = "retrying"
    WAITING = "waiting"
    SKIPPED = "skipped"
    REFUSED = "refused"
    MISSED = "missed"


@dataclass(slots=True, kw_only=True)
class StepStatus:
    """One vendor request; `activity_id` is its id in the Temporal UI. Moments are ISO 8601, UTC."""

    name: str
    activity_id: str
    state: str = StepState.RUNNING
    attempts: int = 0
    last_error: str | None = None
    finished_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStatus:
    """One event as received."""

    type: str
    event_id: str | None
    occurred_at: str
    received_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PopStatus:
    """One screen pop."""

    agent_id: str | None
    state: str
    latency_ms: int | None
    left_out: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseStatus:
    """Why a person has to look: step or request, cause by its name in `docs/errors.md`, words, since when."""

    step: str
    cause: str
    text: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerStatus:
    """The caller, masked."""

    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """The last who answered."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStatus:
    """The JSON of `GET /calls/{call_id}`; the gateway adds `source` and leaves out the activity ids."""

    call_id: str
    state: str
    needs_attention: bool = False
    attention: str | None = None
    causes: list[CauseStatus] = field(default_factory=list)
    mends: dict[str, str] = field(default_factory=dict)
    """What can be done to the call, by name, each with the sentence that says what it will do."""
    warnings: list[str] = field(default_factory=list)
    ticket_id: int | None = None
    ticket_origin: str | None = None
    customer: CustomerStatus = field(default_factory=CustomerStatus)
    agent: AgentStatus | None = None
    events: list[EventStatus] = field(default_factory=list)
    steps: list[StepStatus] = field(default_factory=list)
    screen_pops: list[PopStatus] = field(default_factory=list)
    workflow_id: str = ""
    run_id: str = ""
