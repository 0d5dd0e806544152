"""An operator resets a call's workflow by hand: it goes through its life again and repeats nothing."""

import itertools

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client

from tests.e2e.stack import Stack
from workflows.connection import Keyring, connect
from workflows.ports import call_workflow_id

_numbers = itertools.count(1)


@pytest.mark.parametrize("point", [1, 3, -2])
async def test_a_call_that_is_reset_after_its_end_writes_no_second_note(stack: Stack, point: int) -> None:
    """Whichever of its workflow tasks it is reset to: one ticket, each note once."""
    stack.start_gateway()
    stack.start_workers(1)
    call_id = f"c-{next(_numbers)}"
    stack.run_call(call_id)
    client = await connect(Keyring.parse(stack.key), environment={"TEMPORAL_ADDRESS": stack.temporal.address})
    run_id = await reset(client, call_id, point)
    stack.until(call_id, lambda s: s["run_id"] == run_id and s["state"] == "completed")
    again = stack.ended(call_id)
    assert (again["run_id"], again["needs_attention"]) == (run_id, False)
    books = stack.books()
    assert [ticket["external_id"] for ticket in books["tickets"]] == [call_id]
    assert books["counts"]["notes_by_mark"] == {f"[call {call_id} · started]": 1, f"[call {call_id} · completed]": 1}
    assert (books["tickets"][0]["status"], books["tickets"][0]["custom_status"]) == ("open", None)


async def reset(client: Client, call_id: str, point: int) -> str:
    """Reset the call's workflow to one of its finished workflow tasks, by place; the new run's id."""
    handle = client.get_workflow_handle(call_workflow_id(call_id))
    finished = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    tasks = [event.event_id async for event in handle.fetch_history_events() if event.event_type == finished]
    execution = WorkflowExecution(workflow_id=handle.id, run_id=(await handle.describe()).run_id)
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=execution,
            reason="a test",
            request_id=f"reset-{call_id}",
            workflow_task_finish_event_id=tasks[point],
        )
    )
    return answer.run_id
