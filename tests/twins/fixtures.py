"""Fixtures over the twins; a test module asks for them with `pytest_plugins = ("tests.twins.fixtures",)`."""

from collections.abc import AsyncIterator, Iterator

import pytest
from temporalio.client import Client

from cli.servers.temporal import TemporalServer
from tests.twins.calls import RECORD, Stage
from tests.twins.workers import KEYS, register_search_attributes, workers
from tests.twins.world import World
from workflows.connection import Keyring, connect


@pytest.fixture(scope="session")
def twin_server() -> Iterator[TemporalServer]:
    """A server of the twins' own: the queues have fixed names, and nobody else's workers may serve them."""
    with TemporalServer(own=True) as server:
        yield server


@pytest.fixture
async def twin_client(twin_server: TemporalServer) -> Client:
    """A client with the codec of production and the key of the tests."""
    client = await connect(Keyring.parse(KEYS), environment={"TEMPORAL_ADDRESS": twin_server.address})
    await register_search_attributes(client)
    return client


@pytest.fixture
def world() -> World:
    """A world that knows the caller of the reference call, and gives stragglers a second."""
    world = World(records={"user@example.com": dict(RECORD)})
    world.shape(grace_s=1)
    return world


@pytest.fixture
async def stage(twin_client: Client, world: World) -> AsyncIterator[Stage]:
    """Workers over the twins; what is still open at the end is terminated."""
    stage = Stage(twin_client, world)
    async with workers(twin_client, world):
        yield stage
    await stage.end()
