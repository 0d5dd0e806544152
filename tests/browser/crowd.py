"""Five thousand calls in a ledger, as a bad day leaves them: many live, many stuck, every text as long as it may be."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from workflows.domain.errors import Failure
from workflows.domain.status import (
    AgentStatus,
    CallStatus,
    CauseStatus,
    CustomerStatus,
    EventStatus,
    PopStatus,
    StepStatus,
)

CALLS = 5_000
REQUESTS = 500
BUSIEST = "crowd-busiest"
"""The newest call, with as many requests of its own."""
MENDS = {
    "retry": "Tries at once. Will update ticket 123. Will not create another.",
    "use_ticket": "Writes this call to the ticket you name, and no longer to any other.",
    "skip": "The ticket gets no note and no metadata of this call, and keeps its status.",
    "end": "Gives up what is left to do. Nothing more is sent to Zendesk for this call.",
}
_CAUSES = (Failure.STEP_REFUSED, Failure.FORBIDDEN, Failure.UNAVAILABLE, Failure.MISCONFIGURED, Failure.UNEXPECTED)
_STEPS = ("update_ticket-final", "create_ticket", "update_ticket-in_call")
_STATES = ("ringing", "in_call", "completed", "completed", "missed")
_COPY = (
    "COPY calls (call_id, generation, arrival, ticket_id, pending, active, active_until, state, agent_id,"
    " needs_attention, workflow_id, run_id, status, first_seen_at, updated_at) FROM STDIN"
)
_COPY_ATTEMPTS = (
    "COPY attempts (call_id, generation, step, attempt, request_id, method, path, sent_at, http_status, outcome,"
    " finished_at) FROM STDIN"
)


def crowd(url: str) -> None:
    """Fill the ledger at `url`; one call in three needs a person."""
    now = datetime.now(UTC)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy(_COPY) as calls:
            for row in _calls(now):
                calls.write_row(row)
        with cursor.copy(_COPY_ATTEMPTS) as attempts:
            for row in _attempts(now):
                attempts.write_row(row)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE calls")


def _calls(now: datetime) -> Iterator[tuple[Any, ...]]:
    for number in range(CALLS):
        at = now - timedelta(seconds=4 * (CALLS - number))
        told = _status(number, at)
        agent = told.agent.id if told.agent else None
        live = told.state in ("ringing", "in_call")
        yield (
            *(told.call_id, 1, number, told.ticket_id, False, live, at + timedelta(hours=4), told.state, agent),
            *(told.needs_attention, told.workflow_id, told.run_id, Jsonb(asdict(told)), at, at),
        )


def _attempts(now: datetime) -> Iterator[tuple[Any, ...]]:
    for number in range(REQUESTS):
        at = now - timedelta(seconds=REQUESTS - number)
        place = ("update_ticket-final", number + 1, f"{BUSIEST}.update_ticket-final.{number + 1}.0123abcd", "PUT")
        yield (BUSIEST, 1, *place, "/api/v2/tickets/123456789", at, 503, "ServerFault", at + timedelta(seconds=0.4))


def _status(number: int, at: datetime) -> CallStatus:
    call_id = f"crowd-{number:026}" if number < CALLS - 1 else BUSIEST
    stuck, moment = number % 3 == 0, at.isoformat()
    cause = _CAUSES[number % len(_CAUSES)]
    text = f"{cause}: " + "the administrator of the account refuses this field. " * 3
    steps = [
        _step(name, moment, text if stuck else None) for name in ("search_tickets", "fetch_customer", "patch_call")
    ]
    return CallStatus(
        call_id=call_id,
        state=_STATES[number % len(_STATES)],
        needs_attention=stuck,
        attention=text[:200] if stuck else None,
        causes=[CauseStatus(step=_STEPS[number % 3], cause=cause, text=text[:200], since=moment)] if stuck else [],
        mends=MENDS if stuck else {"end": MENDS["end"]},
        warnings=["the phone number cannot be read and counts as absent"] * 3,
        ticket_id=100_000_000 + number,
        ticket_origin="created",
        customer=CustomerStatus(email="u•••@a-rather-long-name-of-a-company.example.com", phone="+1555•••00"),
        agent=AgentStatus(id=f"a-{number % 200:010}", name="Wolfeschlegelsteinhausenbergerdorff the Younger"),
        events=[_event(kind, moment) for kind in ("call.started", "call.answered", "call.completed")],
        steps=steps,
        screen_pops=[_pop(number)],
        workflow_id=f"call-{call_id}",
        run_id="00000000-0000-0000-0000-000000000000",
    )


def _step(name: str, moment: str, error: str | None) -> StepStatus:
    state = "refused" if error else "done"
    return StepStatus(name=name, activity_id=name, state=state, attempts=1, last_error=error, finished_at=moment)


def _event(kind: str, moment: str) -> EventStatus:
    return EventStatus(type=kind, event_id="e" * 36, occurred_at=moment, received_at=moment)


def _pop(number: int) -> PopStatus:
    state = ("shown", "shown", "shown", "missed", "refused", "not_needed")[number % 6]
    latency = 80 + number % 2400 if state == "shown" else None
    return PopStatus(agent_id=f"a-{number % 200:010}", state=state, latency_ms=latency, left_out=[])
