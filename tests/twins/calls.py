"""Calls as tests play them: webhooks delivered as the gateway does, and waiting until the call tells what is wanted."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from tests.twins.world import World
from workflows.domain.customer import Customer
from workflows.domain.events import Agent, CallEvent, EventType
from workflows.domain.status import CallStatus
from workflows.ports import (
    CALL_EVENT_SIGNAL,
    CALL_STATUS_QUERY,
    CALL_WORKFLOW,
    CALLS_QUEUE,
    CallStart,
    call_workflow_id,
)

CALLER = Customer(email="user@example.com", phone="+15550100", name="Ada Caller")
AGENT = Agent(id="a-9876543210", name="Agent Smith")
OTHER_AGENT = Agent(id="a-2", name="Agent Jones")
STARTED, ANSWERED, COMPLETED = EventType.STARTED, EventType.ANSWERED, EventType.COMPLETED
RECORD: dict[str, str | int | float | bool] = {"crm_customer_id": "CUST_999888", "account_status": "Premium"}

LIMIT_S = 10
_PAUSE_S = 0.03


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


class Stage:
    """A world with workers over it, and the calls that a test plays there."""

    def __init__(self, client: Client, world: World) -> None:
        self.client = client
        self.world = world
        self.played: set[str] = set()

    async def play(self, call_id: str, *kinds: EventType, **fields: object) -> CallStatus:
        """Deliver these events of the reference call, and tell where the call stands."""
        for kind in kinds:
            await self.send(call_id, event(kind, None, **fields))
        return await self.status(call_id)

    async def send(self, call_id: str, webhook: CallEvent) -> WorkflowHandle[Any, Any]:
        """Deliver one webhook."""
        self.played.add(call_id)
        return await deliver(self.client, call_id, webhook)

    def handle(self, call_id: str) -> WorkflowHandle[Any, Any]:
        """The call's workflow."""
        return self.client.get_workflow_handle(call_workflow_id(call_id))

    async def status(self, call_id: str) -> CallStatus:
        """The call's own word. A workflow task that failed, as on a worker that stood still, is tried again: so is this."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    answer: CallStatus = await self.handle(call_id).query(CALL_STATUS_QUERY, result_type=CallStatus)
                except RPCError as error:
                    if error.status != RPCStatusCode.FAILED_PRECONDITION:
                        raise
                    await asyncio.sleep(_PAUSE_S)
                else:
                    return answer

    async def until(self, call_id: str, what: Callable[[CallStatus], object], limit_s: float = LIMIT_S) -> CallStatus:
        """Ask again and again until `what` holds of the call. Raises `TimeoutError` with where it stands."""
        status = await self.status(call_id)
        try:
            async with asyncio.timeout(limit_s):
                while not what(status):
                    await asyncio.sleep(_PAUSE_S)
                    status = await self.status(call_id)
        except TimeoutError:
            raise TimeoutError(f"after {limit_s} s: {status}") from None
        return status

    async def until_told(self, call_id: str) -> CallStatus:
        """Until the ticket has been told how the call ended, and the ledger knows."""
        saved, key = self.world.saved, (call_id, 1)
        return await self.until(call_id, lambda _: key in saved and saved[key].memory.told is not None)

    async def end(self) -> None:
        """Terminate what is still open: the queues have fixed names, and the next test's workers would take it."""
        for call_id in self.played:
            handle = self.handle(call_id)
            if (await handle.describe()).close_time is None:
                await handle.terminate("the test is over")


async def until(what: Callable[[], object], limit_s: float = LIMIT_S) -> None:
    """Wait for something in the world. Raises `TimeoutError`."""
    async with asyncio.timeout(limit_s):
        while not what():  # noqa: ASYNC110 - a world that is asked, as a call is
            await asyncio.sleep(_PAUSE_S)


def done(step: str) -> Callable[[CallStatus], bool]:
    """Whether the call has that step, by its activity id, behind it."""
    return lambda status: any(s.activity_id == step and s.state == "done" for s in status.steps)


def shown(agent: Agent = AGENT) -> Callable[[CallStatus], bool]:
    """Whether the agent's screen pop was shown."""
    return lambda status: any(p.agent_id == agent.id and p.state == "shown" for p in status.screen_pops)


def has_ticket(status: CallStatus) -> bool:
    """Whether the call has its ticket."""
    return status.ticket_id is not None


FINAL = "update_ticket-final"
IN_CALL_UPDATE = "update_ticket-in_call"
