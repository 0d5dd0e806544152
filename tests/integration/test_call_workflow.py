"""The call workflow over in-memory twins, on a real Temporal server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from cli.servers.temporal import TemporalServer
from tests.twins.workers import deliver, event, register_search_attributes, workers
from tests.twins.world import World
from workflows.connection import Keyring, connect
from workflows.domain.events import EventType
from workflows.domain.status import CallStatus

KEYS = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture(scope="module")
def server() -> Iterator[TemporalServer]:
    with TemporalServer() as server:
        yield server


@pytest.fixture
async def client(server: TemporalServer) -> AsyncIterator[Client]:
    client = await connect(Keyring.parse(KEYS), environment={"TEMPORAL_ADDRESS": server.address})
    await register_search_attributes(client)
    yield client


async def status_of(handle: WorkflowHandle[Any, Any]) -> CallStatus:
    answer: CallStatus = await handle.query("status", result_type=CallStatus)
    return answer


async def until(handle: WorkflowHandle[Any, Any], what: Any, limit_s: float = 15) -> CallStatus:
    async with asyncio.timeout(limit_s):
        while not what(status := await status_of(handle)):
            await asyncio.sleep(0.05)
        return status


def done(status: CallStatus, step: str) -> bool:
    return any(s.activity_id == step and s.state == "done" for s in status.steps)


async def test_a_call_of_a_new_caller_ends_on_one_ticket(client: Client) -> None:
    """The reference call makes one search, one create, one pop, one CRM read and one final update."""
    world = World()
    world.records["user@example.com"] = {"crm_customer_id": "CUST_999888", "account_status": "Premium"}
    async with workers(client, world):
        handle = await deliver(client, "c-1", event(EventType.STARTED))
        await until(handle, lambda s: s.ticket_id is not None)
        await deliver(client, "c-1", event(EventType.ANSWERED))
        await until(handle, lambda s: s.screen_pops and s.screen_pops[0].state == "shown")
        await deliver(client, "c-1", event(EventType.COMPLETED))
        status = await until(handle, lambda s: done(s, "update_ticket-final"))
        assert status.state == "completed"
    assert world.counts == dict.fromkeys(
        ("search_tickets", "create_ticket", "fetch_customer", "patch_call", "update_ticket"), 1
    )
    assert [comment.rsplit("\n")[-1] for comment in world.tickets[1001].comments] == [
        "[call c-1 · started]",
        "[call c-1 · completed]",
    ]
