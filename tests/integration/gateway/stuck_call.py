"""A call that waits for a person, and its worker, which keeps each mend in the ledger as the product does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.postgres.calls import Calls, KeptMend
from activities.postgres.database import Database
from tests.integration.gateway.kit import Served
from workflows.connection import connect
from workflows.domain.events import CallEvent
from workflows.domain.mend import Mend, Mended
from workflows.domain.status import CallStatus, CauseStatus, CustomerStatus, EventStatus, StepStatus
from workflows.ports import (
    CALL_EVENT_SIGNAL,
    CALL_MEND_UPDATE,
    CALL_STATUS_QUERY,
    CALL_WORKFLOW,
    CALLS_QUEUE,
    CallStart,
)

TRIES = "Tries at once. Will update ticket 123. Will not create another."
_SINCE = "2026-11-22T20:00:00.000Z"


@dataclass
class Keeper:
    """Writes mends into the ledger, and counts what was done."""

    database: str
    done: list[str] = field(default_factory=list)

    @activity.defn
    async def keep(self, call_id: str, mend: Mend, mended: Mended, at: datetime) -> None:
        """Once each."""
        self.done.append(mend.id)
        kept = KeptMend(
            call_id=call_id,
            generation=1,
            mend_id=mend.id,
            action=mend.action,
            step=mend.step,
            ticket_id=mend.ticket_id,
            reason=mend.reason,
            asked_by=mend.by,
            result=mended.result,
            text=mended.text,
            mended_at=at,
        )
        async with Database(self.database) as database:
            await Calls(database).keep_mend(kept)


@workflow.defn(name=CALL_WORKFLOW)
class Stuck:
    """Its final update was refused. A retry tells the ticket; ticket 99 is the call's own; `end` closes it."""

    def __init__(self) -> None:
        self.mends = {
            "retry": TRIES,
            "use_ticket": "Writes this call to the ticket you name, and no longer to any other.",
            "end": "Gives up what is left to do.",
        }
        self.answers: dict[str, Mended] = {}
        self.over = False

    @workflow.run
    async def run(self, start: CallStart) -> None:
        """Until somebody ends it."""
        self.call_id = start.call_id
        await workflow.wait_condition(lambda: self.over and workflow.all_handlers_finished())

    @workflow.signal(name=CALL_EVENT_SIGNAL)
    def event(self, event: CallEvent) -> None:
        """An event with a queue changes what a retry will do."""
        if event.queue:
            self.mends["retry"] = f"Tries at once. Will update ticket {event.queue}. Will not create another."

    @workflow.update(name=CALL_MEND_UPDATE)
    async def mend(self, mend: Mend) -> Mended:
        """Each wish once."""
        if (known := self.answers.get(mend.id)) is not None:
            return known
        sentence = self.mends.get(mend.action)
        result = "refused" if mend.ticket_id == 99 else "done" if sentence else "not_needed"
        text = {"refused": "Nothing was done: 99 is the call's ticket.", "not_needed": "Nothing was done."}
        mended = self.answers[mend.id] = Mended(result=result, text=text.get(result, sentence or ""))
        if result == "done":
            self.mends.pop("retry", None)
        await workflow.execute_activity_method(
            Keeper.keep,
            args=[self.call_id, mend, mended, workflow.now()],
            start_to_close_timeout=timedelta(seconds=5),
        )
        self.over = mend.action == "end"
        return mended

    @mend.validator
    def check(self, mend: Mend) -> None:
        """As the product's."""
        if (mend.action == "use_ticket") != (mend.ticket_id is not None):
            raise ApplicationError("use_ticket needs ticket_id, and no other action takes one")

    @workflow.query(name=CALL_STATUS_QUERY)
    def status(self) -> CallStatus:
        """Tell."""
        cause = CauseStatus(step="final_update", cause="StepRefused", text="Zendesk refuses it: 422", since=_SINCE)
        told = "retry" not in self.mends
        return CallStatus(
            call_id=self.call_id,
            state="completed",
            needs_attention=not told,
            attention=None if told else cause.text,
            causes=[] if told else [cause],
            mends=dict(self.mends),
            ticket_id=123,
            ticket_origin="created",
            customer=CustomerStatus(email="u•••@example.com"),
            events=[EventStatus(type="call.started", event_id=None, occurred_at=_SINCE, received_at=_SINCE)],
            steps=[StepStatus(name="update_ticket", activity_id="update_ticket-final", state="refused", attempts=1)],
            workflow_id=workflow.info().workflow_id,
            run_id=workflow.info().run_id,
        )


@asynccontextmanager
async def stuck_calls(served: Served, database: str) -> AsyncIterator[Keeper]:
    """Somebody who runs such calls."""
    keeper = Keeper(database)
    # A lazy client cannot serve a worker.
    address = {"TEMPORAL_ADDRESS": served.temporal.service_client.config.target_host}
    async with Worker(
        await connect(served.gateway.settings.keyring, environment=address),
        task_queue=CALLS_QUEUE,
        workflows=[Stuck],
        activities=[keeper.keep],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield keeper
