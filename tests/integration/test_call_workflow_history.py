"""What a call leaves in Temporal: few events, and nothing that names a caller."""

from collections.abc import Mapping

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from cli.servers.temporal import TemporalServer
from tests.histories.stories import reference_call
from tests.twins.calls import AGENT, CALLER, Stage
from tests.twins.workers import KEYS, register_search_attributes, workers
from tests.twins.world import World, failing
from workflows.connection import Keyring, connect
from workflows.ports import call_workflow_id

pytest_plugins = ("tests.twins.fixtures",)

TARGET_EVENTS, MOST_EVENTS, MOST_BYTES = 55, 60, 20_000
PLANTED: Mapping[str, str] = {
    "email": str(CALLER.email),
    "phone": str(CALLER.phone),
    "name": str(CALLER.name),
    "agent's name": str(AGENT.name),
    "CRM record": "CUST_999888",
    "failure": "0049891234567",
}


async def raw_history(server: TemporalServer, call_id: str) -> tuple[int, bytes]:
    """Events and bytes of the history as it lies on the server, read without our codec."""
    client = await Client.connect(server.address)
    history = await client.get_workflow_handle(call_workflow_id(call_id)).fetch_history()
    return len(history.events), b"".join(event.SerializeToString() for event in history.events)


async def play(client: Client, world: World) -> None:
    """The reference call, from its first event to the end of its workflow."""
    world.shape(linger_s=1)
    stage = Stage(client, world)
    async with workers(client, world):
        await reference_call(stage)
        await stage.handle("reference").result()


def planted_in(raw: bytes) -> set[str]:
    """Which of the planted texts can be read."""
    return {what for what, text in PLANTED.items() if text.encode() in raw}


async def test_the_reference_call_has_a_short_history(
    twin_client: Client, twin_server: TemporalServer, world: World
) -> None:
    """Five requests and three webhooks take some 55 events, with nothing in them that names the caller."""
    await play(twin_client, world)
    events, raw = await raw_history(twin_server, "reference")
    print(f"reference call: {events} events (target {TARGET_EVENTS}), {len(raw)} bytes")  # noqa: T201 - a measurement
    assert events <= MOST_EVENTS
    assert len(raw) <= MOST_BYTES
    assert planted_in(raw) == set()


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_history_can_only_be_read_with_the_key(world: World, encrypted: bool) -> None:
    """The scan finds caller, agent, record and a failure's text where the codec is off, and nothing where it is on."""
    world.before = failing("update_ticket", 1, ApplicationError(f"call {PLANTED['failure']} is broken"))
    async with TemporalServer(own=True) as server:
        keys = Keyring.parse(KEYS)
        environment = {"TEMPORAL_ADDRESS": server.address}
        client = await (connect(keys, environment=environment) if encrypted else Client.connect(server.address))
        await register_search_attributes(client)
        await play(client, world)
        _, raw = await raw_history(server, "reference")
    assert planted_in(raw) == (set() if encrypted else set(PLANTED))
