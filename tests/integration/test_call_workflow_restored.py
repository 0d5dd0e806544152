"""A call that the ledger knows and Temporal does not: retention is over, or a backup was restored."""

from collections.abc import AsyncIterator, Iterator

import pytest

from cli.servers.temporal import TemporalServer
from tests.twins.calls import ANSWERED, COMPLETED, FINAL, OTHER_AGENT, STARTED, Stage, done, has_ticket, shown
from tests.twins.workers import KEYS, register_search_attributes, workers
from tests.twins.world import World
from workflows.connection import Keyring, connect

pytest_plugins = ("tests.twins.fixtures",)


@pytest.fixture(scope="module")
def restored_server() -> Iterator[TemporalServer]:
    """A server that has never heard of the calls of the other one."""
    with TemporalServer(own=True) as server:
        yield server


@pytest.fixture
async def afterwards(restored_server: TemporalServer, world: World) -> AsyncIterator[Stage]:
    """The same world, served from the server without memory; before that, nobody works there."""
    client = await connect(Keyring.parse(KEYS), environment={"TEMPORAL_ADDRESS": restored_server.address})
    await register_search_attributes(client)
    stage = Stage(client, world)
    async with workers(client, world):
        yield stage
    await stage.end()


async def test_a_call_that_is_over_is_not_told_again(stage: Stage, afterwards: Stage) -> None:
    """Every event once more, to a new run: it takes over the ticket and makes no request."""
    await stage.play("r-1", STARTED, ANSWERED, COMPLETED)
    await stage.until_told("r-1")
    made = dict(stage.world.counts)
    await afterwards.play("r-1", STARTED)
    assert (await afterwards.until("r-1", has_ticket)).state == "completed"
    await afterwards.play("r-1", ANSWERED, COMPLETED)
    status = await afterwards.until("r-1", lambda s: len(s.events) == 3)
    assert (status.state, status.ticket_id) == ("completed", 1001)
    assert [pop.state for pop in status.screen_pops] == ["not_needed"]
    assert status.steps == []
    assert dict(stage.world.counts) == made


async def test_a_call_in_conversation_goes_on_in_a_new_run(stage: Stage, afterwards: Stage) -> None:
    """It pops for the next agent only, and the one final update goes to the ticket it has."""
    await stage.play("r-2", STARTED)
    await stage.until("r-2", has_ticket)
    await stage.play("r-2", ANSWERED)
    await stage.until("r-2", shown())
    await stage.until("r-2", lambda _: stage.world.saved[("r-2", 1)].memory.popped_agents)
    await afterwards.play("r-2", STARTED)
    await afterwards.until("r-2", has_ticket)
    await afterwards.play("r-2", ANSWERED)
    status = await afterwards.until("r-2", lambda s: s.screen_pops)
    assert status.screen_pops[0].state == "not_needed"
    await afterwards.play("r-2", ANSWERED, agent=OTHER_AGENT)
    await afterwards.until("r-2", shown(OTHER_AGENT))
    await afterwards.play("r-2", COMPLETED)
    await afterwards.until("r-2", done(FINAL))
    assert stage.world.counts["patch_call"] == 2
    assert (stage.world.counts["create_ticket"], stage.world.counts["search_tickets"]) == (1, 1)
    assert stage.world.tickets[1001].marks == ["[call r-2 · started]", "[call r-2 · completed]"]
