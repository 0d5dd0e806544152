"""Days in the life of a token, under a clock that skips them."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from tests.twins.tokens import TokenStage, gaps
from tests.twins.workers import workers
from tests.twins.world import SCOPES, World
from workflows.ports import TOKEN_QUEUE

pytest_plugins = ("tests.twins.fixtures",)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BACK_OFF = [1, 2, 4, 8, 16, 32, 60]


@pytest.fixture
async def token(skipping: WorkflowEnvironment, world: World) -> AsyncIterator[TokenStage]:
    async with workers(skipping.client, world, queues=[TOKEN_QUEUE]):
        yield TokenStage(skipping.client, "skipping")


async def test_a_day_of_tokens(skipping: WorkflowEnvironment, token: TokenStage, world: World) -> None:
    """A token of an hour is exchanged 300 s before its end: 27 exchanges in a day, and not one more."""
    state = await token.start()
    assert (state.version, state.problem, state.scopes) == (1, None, SCOPES)
    await skipping.sleep(24 * HOUR)
    assert gaps(world.exchanged_at) == [3300] * 26
    assert (await token.state()).version == 27
    assert world.alerts == []


async def test_a_short_lived_token_is_exchanged_at_half_its_life(
    skipping: WorkflowEnvironment, token: TokenStage, world: World
) -> None:
    """A token that lives shorter than two margins leaves half its life for the next."""
    world.token_life_s = 400
    await token.start()
    await skipping.sleep(HOUR + MINUTE)
    assert gaps(world.exchanged_at) == [200] * 18


async def test_an_endpoint_that_is_down_for_an_hour(
    skipping: WorkflowEnvironment, token: TokenStage, world: World
) -> None:
    """Tries back off from 1 to 60 s, an alert goes out in the token's last minute, and all is well afterwards."""
    await token.start()
    down = [False]

    def before(name: str) -> None:
        if down[0] and name == "exchange_token":
            raise ApplicationError("503", type="Unavailable")

    world.before, down[0] = before, True
    await skipping.sleep(timedelta(seconds=3300 + 230))
    tries = gaps(world.exchanged_at)
    assert tries[:8] == [3300, *BACK_OFF]
    assert set(tries[8:]) == {60}
    state = await token.state()
    assert (state.version, state.problem, world.alerts) == (1, "unavailable", [])
    await skipping.sleep(2 * MINUTE)
    assert [alert.kind for alert in world.alerts] == ["token_ending"]
    await skipping.sleep(50 * MINUTE)
    assert set(gaps(world.exchanged_at)[8:]) <= {60, 61}
    assert [alert.kind for alert in world.alerts] == ["token_ending"]
    down[0] = False
    await skipping.sleep(2 * MINUTE)
    state = await token.state()
    assert (state.version, state.problem, state.failures) == (2, None, 0)


async def test_scopes_that_shrink_and_come_back(skipping: WorkflowEnvironment, token: TokenStage, world: World) -> None:
    """While a scope is missing a token is asked for once a minute, the administrator hears of it once."""
    await token.start()
    world.granted = ["talk:read_all", "tickets:write"]
    await skipping.sleep(timedelta(seconds=3300 + 1))
    state = await token.state()
    assert (state.problem, state.missing_scopes) == ("scopes", ["tickets:read_all"])
    await skipping.sleep(20 * MINUTE)
    assert gaps(world.exchanged_at) == [3300, *[60] * 20]
    assert [alert.kind for alert in world.alerts] == ["scopes_missing"]
    assert "tickets:read_all" in world.alerts[0].text
    world.granted = list(SCOPES)
    await skipping.sleep(MINUTE)
    state = await token.state()
    assert (state.problem, state.detail, state.missing_scopes) == (None, None, [])
    await skipping.sleep(10 * MINUTE)
    assert len(world.exchanged_at) == 23


async def test_a_client_that_is_refused_is_tried_once_a_minute(
    skipping: WorkflowEnvironment, token: TokenStage, world: World
) -> None:
    """The administrator hears of it once, and it works again by itself once the secret is right."""
    await token.start()
    world.answers["exchange_token"] = ["client_refused"] * 15
    await skipping.sleep(timedelta(seconds=3300) + 10 * MINUTE)
    assert gaps(world.exchanged_at)[:10] == [3300, *[60] * 9]
    assert (await token.state()).problem == "client_refused"
    assert [alert.kind for alert in world.alerts] == ["client_refused"]
    await skipping.sleep(6 * MINUTE)
    state = await token.state()
    assert (state.version, state.problem) == (2, None)


async def test_refused_tokens_are_exchanged_ever_more_slowly(
    skipping: WorkflowEnvironment, token: TokenStage, world: World
) -> None:
    """A first 401 is met at once; when each new token is refused too, exchanges are 1 s to 60 s apart."""
    await token.start()
    await skipping.sleep(10 * MINUTE)
    for version in range(1, 11):
        await token.tell("refused", version)
        await skipping.sleep(timedelta(seconds=61))
        assert (await token.state()).version == version + 1
    before = len(world.exchanged_at)
    for _ in range(3):
        version = (await token.state()).version
        await token.tell("refused", version)
        await token.tell("refused", version)
        await skipping.sleep(timedelta(seconds=1))
    assert len(world.exchanged_at) - before <= 1
    await skipping.sleep(2 * MINUTE)
    await token.tell("confirmed", (await token.state()).version)
    assert (await token.state()).refusals == 0


async def test_refusals_do_not_hurry_an_endpoint_that_is_down(
    skipping: WorkflowEnvironment, token: TokenStage, world: World
) -> None:
    """However many requests report the same refused token, the endpoint that gives no other is asked as before."""
    await token.start()
    await skipping.sleep(10 * MINUTE)
    world.answers["exchange_token"] = ["client_refused"] * 99
    for _ in range(30):
        await token.tell("refused", 1)
        await skipping.sleep(timedelta(seconds=2))
    assert len(world.exchanged_at) <= 3
