"""Workers over the twins, on a real Temporal server, the way `worker.py` builds them over the adapters."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.worker import Worker

from tests.twins.world import TwinCredentials, TwinCrm, TwinHelpDesk, TwinLedger, World
from workflows.call import CallWorkflow
from workflows.connection import missing_search_attributes
from workflows.domain.customer import Customer
from workflows.domain.events import Agent, CallEvent, EventType
from workflows.ports import (
    CALL_EVENT_SIGNAL,
    CALL_WORKFLOW,
    CALLS_QUEUE,
    CRM_QUEUE,
    HELP_DESK_QUEUE,
    TOKEN_QUEUE,
    CallStart,
    call_workflow_id,
)
from workflows.serving import all_activities, workflow_runner
from workflows.token import TokenWorkflow

CALLER = Customer(email="user@example.com", phone="+15550100", name="Ada Caller")
AGENT = Agent(id="a-9876543210", name="Agent Smith")


async def register_search_attributes(client: Client) -> None:
    """What `talkbridge setup` does on a real namespace."""
    kinds = {"NeedsAttention": IndexedValueType.INDEXED_VALUE_TYPE_BOOL}
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    names = await missing_search_attributes(client)
    if names:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={name: kinds.get(name, keyword) for name in names},
            )
        )


@asynccontextmanager
async def workers(client: Client, world: World, *, max_cached_workflows: int = 1000) -> AsyncIterator[None]:
    """All four queues served by one process over the twins."""
    async with AsyncExitStack() as stack:
        for queue, activities, workflows in (
            (TOKEN_QUEUE, all_activities(TwinCredentials(world)), [TokenWorkflow]),
            (CALLS_QUEUE, all_activities(TwinLedger(world)), [CallWorkflow]),
            (HELP_DESK_QUEUE, all_activities(TwinHelpDesk(world)), []),
            (CRM_QUEUE, all_activities(TwinCrm(world)), []),
        ):
            worker = Worker(
                client,
                task_queue=queue,
                activities=activities,
                workflows=workflows,
                workflow_runner=workflow_runner(),
                max_cached_workflows=max_cached_workflows,
            )
            await stack.enter_async_context(worker)
        yield


def event(kind: EventType, at: datetime | None = None, **fields: object) -> CallEvent:
    """One event of the reference call."""
    moment = at or datetime.now(UTC)
    agent = AGENT if kind == EventType.ANSWERED else None
    known = CallEvent(type=kind, occurred_at=moment, received_at=moment, customer=CALLER, agent=agent)
    return replace(known, **fields)  # type: ignore[arg-type]


async def deliver(client: Client, call_id: str, webhook: CallEvent) -> WorkflowHandle[Any, Any]:
    """Signal with start, as the gateway does."""
    return await client.start_workflow(
        CALL_WORKFLOW,
        CallStart(call_id=call_id),
        id=call_workflow_id(call_id),
        task_queue=CALLS_QUEUE,
        task_timeout=timedelta(seconds=5),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        start_signal=CALL_EVENT_SIGNAL,
        start_signal_args=[webhook],
    )
