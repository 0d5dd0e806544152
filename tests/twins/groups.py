"""Calls that are stuck for one cause, and the start of a mend for all of them, as the gateway does it."""

from collections.abc import Sequence

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from tests.twins.calls import ANSWERED, COMPLETED, STARTED, Stage, has_ticket
from workflows.domain.customer import Customer
from workflows.domain.group import GroupCall, GroupMend, GroupProgress
from workflows.ports import CALLS_QUEUE, GROUP_MEND_WORKFLOW, group_workflow_id

Group = WorkflowHandle[object, GroupProgress]


async def stuck(stage: Stage, call_ids: Sequence[str]) -> None:
    """Calls whose final update Zendesk refuses, even without its status; from now on it refuses no more.

    Each has a caller of its own, and so a ticket of its own: nothing but its final update is written there.
    """
    callers = {call_id: Customer(email=f"{call_id}@example.com") for call_id in call_ids}
    for call_id, caller in callers.items():
        await stage.play(call_id, STARTED, ANSWERED, customer=caller)
        await stage.until(call_id, has_ticket)
    stage.world.answers["update_ticket"] = ["refused"] * 2 * len(call_ids)
    for call_id, caller in callers.items():
        await stage.play(call_id, COMPLETED, customer=caller)
    for call_id in call_ids:
        await stage.until(call_id, lambda s: s.needs_attention)
    assert stage.world.answers["update_ticket"] == []


async def begin(
    client: Client, group_id: str, call_ids: Sequence[str], per_second: int = 20, action: str = "retry"
) -> Group:
    """Start it as the gateway does."""
    group = GroupMend(
        id=group_id,
        action=action,
        cause="StepRefused",
        step="final_update",
        by="Eve",
        reason="it takes them again",
        calls=[GroupCall(call_id=call_id, step="final_update") for call_id in call_ids],
        per_second=per_second,
    )
    return await client.start_workflow(
        GROUP_MEND_WORKFLOW,
        group,
        id=group_workflow_id(group_id),
        task_queue=CALLS_QUEUE,
        result_type=GroupProgress,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    )
