"""Workers of several versions over the twins, on a real server, and the calls that live through their replacement."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.twins.calls import ANSWERED, COMPLETED, STARTED, Stage, event
from tests.twins.stores import TwinLedger
from tests.twins.workers import KEYS, register_search_attributes, workers
from tests.twins.world import World
from workflows.connection import Keyring, connect
from workflows.domain.customer import Customer
from workflows.ports import CALLS_QUEUE, CRM_QUEUE, HELP_DESK_QUEUE, TOKEN_QUEUE
from workflows.serving import STICKY, all_activities


class Fleet:
    """The queues but that of workflows are always served; who serves that one is what this is about."""

    def __init__(self, client: Client, world: World, address: str) -> None:
        self.stage = Stage(client, world)
        self.world = world
        self._address = address
        self._serving: list[tuple[Worker, asyncio.Task[None]]] = []

    async def serve(self, *versions: type[Any]) -> None:
        """From now on workers of these versions, and no others, work on calls."""
        await self.stop()
        for version in versions:
            # The SDK allows one worker a queue on a connection.
            worker = Worker(
                await _client(self._address),
                task_queue=CALLS_QUEUE,
                activities=all_activities(TwinLedger(self.world)),
                workflows=[version],
                # A variant's own import of the original is what our sandbox rightly objects to.
                workflow_runner=UnsandboxedWorkflowRunner(),
                sticky_queue_schedule_to_start_timeout=STICKY,
            )
            self._serving.append((worker, asyncio.create_task(worker.run())))

    async def stop(self) -> None:
        """The workers go."""
        for worker, running in self._serving:
            await worker.shutdown()
            await running
        self._serving.clear()

    async def start(self, call_id: str, *, answered: bool = False) -> None:
        """A call of a caller of its own begins; it has its ticket, and its screen pop if somebody answers."""
        await self.stage.send(call_id, event(STARTED, customer=_caller(call_id)))
        await self.stage.until(call_id, lambda s: s.ticket_id is not None, limit_s=60)
        if answered:
            await self.stage.send(call_id, event(ANSWERED, customer=_caller(call_id)))
            await self.stage.until(call_id, lambda s: any(pop.state == "shown" for pop in s.screen_pops), limit_s=60)

    async def end(self, call_id: str) -> None:
        """The rest of a call."""
        for kind in (ANSWERED, COMPLETED):
            await self.stage.send(call_id, event(kind, customer=_caller(call_id)))

    async def over(self, call_id: str, limit_s: float = 90) -> None:
        """Until its workflow has ended as it should. Raises `TimeoutError`."""
        async with asyncio.timeout(limit_s):
            await self.stage.handle(call_id).result()

    def wrong(self, call_id: str) -> str | None:
        """What its ticket says that it should not; None when all is well."""
        tickets = [t for t in self.world.tickets.values() if t.external_id == call_id]
        marks = [mark for ticket in tickets for mark in ticket.marks]
        wanted = [f"[call {call_id} · started]", f"[call {call_id} · completed]"]
        return None if len(tickets) == 1 and marks == wanted else f"{call_id}: {len(tickets)} tickets, {marks}"

    async def task_failures(self, call_id: str) -> int:
        """Workflow tasks of the call that failed because its history says otherwise than the code."""
        history = await self.stage.handle(call_id).fetch_history()
        cause = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
        failed = (e for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED)
        return sum(e.workflow_task_failed_event_attributes.cause == cause for e in failed)

    async def patched(self, call_id: str) -> bool:
        """Whether the call's history says that it began with the change."""
        history = await self.stage.handle(call_id).fetch_history()
        markers = [e for e in history.events if e.event_type == EventType.EVENT_TYPE_MARKER_RECORDED]
        return any("patch" in e.marker_recorded_event_attributes.marker_name for e in markers)


@asynccontextmanager
async def fleet_at(address: str) -> AsyncIterator[Fleet]:
    """A fleet on the server there; what is still open at the end is terminated."""
    client = await _client(address)
    await register_search_attributes(client)
    world = World()
    world.shape(grace_s=1, linger_s=2)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(workers(client, world, queues=[HELP_DESK_QUEUE, CRM_QUEUE, TOKEN_QUEUE]))
        fleet = Fleet(client, world, address)
        try:
            yield fleet
        finally:
            await fleet.stop()
            await fleet.stage.end()


async def _client(address: str) -> Client:
    return await connect(Keyring.parse(KEYS), environment={"TEMPORAL_ADDRESS": address})


def _caller(call_id: str) -> Customer:
    return Customer(email=f"{call_id}@example.com")
