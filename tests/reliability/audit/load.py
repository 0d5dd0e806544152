"""Reading the three accounts: PostgreSQL's rows, Temporal's histories, the simulator's journal and books."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.converter import DataConverter

from tests.e2e.vendor import Vendor
from tests.reliability.audit.records import Activity, Json, LedgerCall, Records, Row, Run, Served
from workflows.connection import Keyring, connect
from workflows.domain.status import SearchAttribute
from workflows.ports import CALL_WORKFLOW, TOKEN_WORKFLOW

_AT_ONCE = 16
_ROWS = """
SELECT call_id, generation, step, attempt, request_id, method, path, extract(epoch FROM sent_at)::float8 AS sent_at,
    http_status, outcome
FROM attempts ORDER BY id
"""
_CALLS = """
SELECT call_id, generation, ticket_id, state, active, extract(epoch FROM ended_at)::float8 AS ended_at, excluded, status
FROM calls ORDER BY id
"""
_SILENT = frozenset({"joined", "outcome_unknown"})
_ENDS = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: "completed",
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: "failed",
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: "timed out",
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: "canceled",
}


async def load(*, database_url: str, temporal_address: str, keys: str, vendor: Vendor) -> Records:
    """Everything, once the system has come to rest. `keys` as in `ENCRYPTION_KEYS`."""
    client = await connect(Keyring.parse(keys), environment={"TEMPORAL_ADDRESS": temporal_address})
    rows, calls = await _ledger(database_url)
    runs = await _runs(client)
    # In a thread: the simulator takes its time for a long run's journal.
    journal = [_served(request) for request in (await asyncio.to_thread(_asked, vendor, "/journal"))["requests"]]
    books = await asyncio.to_thread(_asked, vendor, "/books")
    return Records(
        rows=rows, ledger_calls=calls, runs=runs, journal=journal, tickets=books["tickets"], calls=books["calls"]
    )


async def _ledger(url: str) -> tuple[list[Row], list[LedgerCall]]:
    async with (
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        rows = [Row(**row) for row in await (await cursor.execute(_ROWS)).fetchall()]
        return rows, [LedgerCall(**row) for row in await (await cursor.execute(_CALLS)).fetchall()]


def _asked(vendor: Vendor, path: str) -> Json:
    found: Json = vendor.http.get(f"{vendor.simulator_url}/_sim{path}", timeout=300).json()
    return found


def _served(request: Json) -> Served:
    kept = ("at", "kind", "method", "path", "request_id", "status", "answered_at", "acted", "fault")
    body = request["body"] if isinstance(request["body"], dict) else {}
    ticket = body.get("ticket")
    external_id = ticket.get("external_id") if isinstance(ticket, dict) else None
    return Served(external_id=external_id, **{name: request[name] for name in kept})


async def _runs(client: Client) -> list[Run]:
    found = client.list_workflows(f"WorkflowType IN ('{CALL_WORKFLOW}', '{TOKEN_WORKFLOW}')")
    listed = [(each.id, each.run_id) async for each in found]
    slots = asyncio.Semaphore(_AT_ONCE)

    async def fetch(workflow_id: str, run_id: str) -> Run:
        async with slots:
            history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        return await run_of(workflow_id, run_id, history.events, client.data_converter)

    return list(await asyncio.gather(*(fetch(*each) for each in listed)))


async def run_of(workflow_id: str, run_id: str, events: Sequence[HistoryEvent], converter: DataConverter) -> Run:
    """One history as a record."""
    told = dict(_told(events))
    ticket_id = told.get(SearchAttribute.TICKET_ID)
    attempts, closed = dict(_attempts(events)), {_scheduled_by(event): event for event in events if _is_end(event)}
    scheduled = [event for event in events if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED]
    activities = [
        await _activity(event, attempts.get(event.event_id), closed.get(event.event_id), converter)
        for event in scheduled
    ]
    return Run(
        workflow_id=workflow_id,
        run_id=run_id,
        began_at=_at(events[0]),
        ticket_id=int(ticket_id) if ticket_id else None,
        state=told.get(SearchAttribute.CALL_STATE),
        activities=activities,
    )


async def _activity(
    event: HistoryEvent, attempt: int | None, end: HistoryEvent | None, converter: DataConverter
) -> Activity:
    about = event.activity_task_scheduled_event_attributes
    return Activity(
        type=about.activity_type.name,
        # A step that is scheduled again has a number behind its name.
        step=about.activity_id.partition(" ")[0],
        scheduled_at=_at(event),
        closed_at=_at(end) if end else None,
        attempt=attempt,
        end=_ENDS[end.event_type] if end else None,
        silent=end is not None and await _is_silent(about.activity_type.name, end, converter),
    )


async def _is_silent(name: str, end: HistoryEvent, converter: DataConverter) -> bool:
    """Whether the result says that nothing was sent: another call's ticket, an open question, no searchable caller."""
    payloads = end.activity_task_completed_event_attributes.result.payloads
    if not payloads or name not in ("create_ticket", "update_ticket", "search_tickets"):
        return False
    (result,) = await converter.decode(payloads, [dict[str, Any]])
    return result.get("result") in _SILENT or (name == "search_tickets" and bool(result.get("detail")))


def _attempts(events: Sequence[HistoryEvent]) -> Iterator[tuple[int, int]]:
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            about = event.activity_task_started_event_attributes
            yield about.scheduled_event_id, about.attempt


def _is_end(event: HistoryEvent) -> bool:
    return event.event_type in _ENDS


def _scheduled_by(event: HistoryEvent) -> int:
    name = event.WhichOneof("attributes")
    return int(getattr(event, name).scheduled_event_id) if name else 0


def _told(events: Sequence[HistoryEvent]) -> Iterator[tuple[str, str]]:
    """Search attributes as they were set, the last value last."""
    for event in events:
        fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        for name, payload in fields.items():
            yield name, json.loads(payload.data)


def _at(event: HistoryEvent) -> float:
    return event.event_time.ToMicroseconds() / 1e6
