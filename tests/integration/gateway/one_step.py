"""A call's workflow with one step, and the worker that runs it, for tests of what the gateway tells of a call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.integration.gateway.kit import Served
from workflows.connection import connect
from workflows.domain.events import CallEvent
from workflows.domain.status import CallStatus, CustomerStatus, StepStatus
from workflows.ports import CALL_EVENT_SIGNAL, CALL_STATUS_QUERY, CALL_WORKFLOW, CALLS_QUEUE, CallStart


@activity.defn
async def refuse(kind: str) -> None:
    """A vendor request that never works, and whose error quotes a customer."""
    message = "503 for planted.person@example.com, +15550199"
    raise ApplicationError(message, type=kind, next_retry_delay=timedelta(minutes=5))


@workflow.defn(name=CALL_WORKFLOW)
class OneStep:
    """A call with one step; the event's queue says how the step fails, or that the call ends at once."""

    def __init__(self) -> None:
        self.kind: str | None = None
        self.steps: list[StepStatus] = []

    @workflow.run
    async def run(self, _: CallStart) -> None:
        """Fail on and on, or end."""
        await workflow.wait_condition(lambda: self.kind is not None)
        if self.kind != "end":
            self.steps.append(StepStatus(name="create_ticket", activity_id="create 1"))
            limit = timedelta(seconds=5)
            await workflow.execute_activity(
                refuse, str(self.kind), activity_id="create 1", start_to_close_timeout=limit
            )

    @workflow.signal(name=CALL_EVENT_SIGNAL)
    def event(self, event: CallEvent) -> None:
        """Take the event."""
        self.kind = event.queue

    @workflow.query(name=CALL_STATUS_QUERY)
    def status(self) -> CallStatus:
        """Tell."""
        customer = CustomerStatus(email="u•••@example.com")
        return CallStatus(call_id="told", state="ringing", customer=customer, steps=self.steps, workflow_id="call-told")


@asynccontextmanager
async def a_worker(served: Served) -> AsyncIterator[None]:
    """Somebody who runs the calls' workflows."""
    # A lazy client cannot serve a worker.
    address = {"TEMPORAL_ADDRESS": served.temporal.service_client.config.target_host}
    async with Worker(
        await connect(served.gateway.settings.keyring, environment=address),
        task_queue=CALLS_QUEUE,
        workflows=[OneStep],
        activities=[refuse],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield
