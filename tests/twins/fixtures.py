"""Fixtures over the twins; a test module asks for them with `pytest_plugins = ("tests.twins.fixtures",)`."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from cli.servers.temporal import TemporalServer
from tests.twins.calls import RECORD, Stage
from tests.twins.workers import KEYS, register_search_attributes, workers
from tests.twins.world import World
from workflows.connection import Keyring, connect, data_converter


@pytest.fixture(scope="module")
def twin_server() -> Iterator[TemporalServer]:
    """A server of the module's own: queues have fixed names, and a call id that another module played is taken."""
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


@pytest.fixture
async def skipping(time_skipping_server_path: Path) -> AsyncIterator[WorkflowEnvironment]:
    """A server of the test's own whose clock runs ahead while nothing happens."""
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(time_skipping_server_path),
        test_server_startup_timeout=timedelta(seconds=30),
        data_converter=data_converter(Keyring.parse(KEYS)),
    )
    async with environment:
        await register_search_attributes(environment.client)
        yield environment


@pytest.fixture
async def skipping_stage(skipping: WorkflowEnvironment, world: World) -> AsyncIterator[Stage]:
    """Workers over the twins where hours pass in no time."""
    async with workers(skipping.client, world):
        yield Stage(skipping.client, world)
