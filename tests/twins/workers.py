"""Workers over the twins, on a real Temporal server, the way `worker.py` builds them over the adapters."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.mending import WorkflowMender
from tests.twins.help_desk import TwinHelpDesk
from tests.twins.stores import TwinCredentials, TwinCrm, TwinLedger
from tests.twins.world import World
from workflows.call import CallWorkflow
from workflows.connection import SEARCH_ATTRIBUTES
from workflows.group_mend import GroupMendWorkflow
from workflows.ports import CALLS_QUEUE, CRM_QUEUE, HELP_DESK_QUEUE, TOKEN_QUEUE
from workflows.serving import all_activities, workflow_runner
from workflows.token import TokenWorkflow

KEYS = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"""The key of the tests, and of the recorded histories: never one of a real installation."""

WORKFLOWS: tuple[type[Any], ...] = (CallWorkflow, TokenWorkflow, GroupMendWorkflow)


async def register_search_attributes(client: Client) -> None:
    """What `talkbridge setup` does on a real namespace; for a server that has none of ours yet."""
    kinds = {"NeedsAttention": IndexedValueType.INDEXED_VALUE_TYPE_BOOL}
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    attributes = {key.name: kinds.get(key.name, keyword) for key in SEARCH_ATTRIBUTES}
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=client.namespace, search_attributes=attributes)
    )


@asynccontextmanager
async def workers(
    client: Client, world: World, *, max_cached_workflows: int = 1000, queues: Sequence[str] = ()
) -> AsyncIterator[None]:
    """All four queues, or those named, served by one process over the twins."""
    async with AsyncExitStack() as stack:
        # The mender is no twin: what it reaches is the calls themselves.
        for queue, adapters, workflows in (
            (TOKEN_QUEUE, [TwinCredentials(world)], [TokenWorkflow]),
            (CALLS_QUEUE, [TwinLedger(world), WorkflowMender(client)], [CallWorkflow, GroupMendWorkflow]),
            (HELP_DESK_QUEUE, [TwinHelpDesk(world)], []),
            (CRM_QUEUE, [TwinCrm(world)], []),
        ):
            if queues and queue not in queues:
                continue
            worker = Worker(
                client,
                task_queue=queue,
                activities=[each for adapter in adapters for each in all_activities(adapter)],
                workflows=workflows,
                workflow_runner=workflow_runner(),
                max_cached_workflows=max_cached_workflows,
            )
            await stack.enter_async_context(worker)
        yield
