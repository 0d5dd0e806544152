"""The token workflow's messages, on a real Temporal server."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from cli.servers.temporal import TemporalServer
from tests.twins.calls import until
from tests.twins.tokens import TokenStage, wanted
from tests.twins.workers import KEYS, workers
from tests.twins.world import SCOPES, World
from workflows.connection import Keyring, connect
from workflows.domain.token import Alert, TokenState
from workflows.ports import TOKEN_QUEUE, EnsureToken
from workflows.starting import ensure_token

pytest_plugins = ("tests.twins.fixtures",)


@pytest.fixture
async def token(twin_client: Client, world: World) -> AsyncIterator[TokenStage]:
    stage = TokenStage(twin_client, f"account-{secrets.token_hex(3)}")
    async with workers(twin_client, world, queues=[TOKEN_QUEUE]):
        yield stage
    await stage.handle.terminate("the test is over")


async def test_workers_that_start_together_share_one_exchange(token: TokenStage, world: World) -> None:
    """Any number of questions for the same scopes, at once or within a minute, cost one exchange."""
    answers = await asyncio.gather(*(token.ensure() for _ in range(5)))
    answers.append(await token.ensure())
    assert {answer.version for answer in answers} == {1}
    assert {answer.problem for answer in answers} == {None}
    assert world.counts == {"exchange_token": 1}


async def test_a_missing_scope_is_named(token: TokenStage, world: World) -> None:
    """The answer tells which scopes the administrator has not granted, and the alert goes out."""
    world.granted = ["talk:read_all", "tickets:write"]
    answer = await token.ensure()
    assert (answer.problem, answer.missing_scopes) == ("scopes", ["tickets:read_all"])
    await until(lambda: world.alerts)
    assert world.alerts[0].kind == "scopes_missing"


async def test_a_refused_client_is_told(token: TokenStage, world: World) -> None:
    """A worker that starts with a wrong secret learns it from the first answer."""
    world.answers["exchange_token"] = ["client_refused"]
    assert (await token.ensure()).problem == "client_refused"


async def test_a_question_for_more_scopes_is_answered_by_an_exchange_for_them(token: TokenStage, world: World) -> None:
    """An exchange that began for fewer scopes is no answer to a worker that needs more."""
    world.granted = [*SCOPES, "users:read"]
    exchange = world.hold("exchange_token")
    first = asyncio.create_task(token.ensure())
    await until(lambda: world.at_once["exchange_token"])
    second = asyncio.create_task(token.ensure("users:read"))
    await asyncio.sleep(0.5)
    exchange.set()
    assert (await first).problem is None
    answer = await second
    assert (answer.problem, answer.missing_scopes) == (None, [])
    assert world.alerts == []
    assert world.counts["exchange_token"] == 2


async def test_the_worker_that_asks_exchanges_itself_unless_it_is_gone(token: TokenStage, world: World) -> None:
    """The exchange for a question goes to the queue it names; when nobody is there any more, the next is anybody's."""
    await token.ensure()
    world.granted = [*SCOPES, "users:read"]
    question = EnsureToken(scopes=world.granted, margin_s=300, queue=f"{TOKEN_QUEUE}-gone")
    answer = await token.handle.execute_update("ensure", question, result_type=TokenState)
    assert (answer.version, answer.problem, world.counts["exchange_token"]) == (1, "unavailable", 1)
    state = await token.until(lambda state: state.version == 2)
    assert (state.problem, state.missing_scopes) == (None, [])


async def test_a_start_that_waits_for_a_token_can_be_ended(twin_client: Client) -> None:
    """Cancelled while nobody serves the token workflow, it ends, instead of asking for ever."""
    start = asyncio.create_task(ensure_token(twin_client, f"unserved-{secrets.token_hex(4)}", wanted()))
    done, _ = await asyncio.wait([start], timeout=0.5)
    assert not done
    start.cancel()
    done, _ = await asyncio.wait([start], timeout=5)
    assert done
    assert start.cancelled()


async def test_thirty_refusals_of_one_token_cost_one_exchange(token: TokenStage, world: World) -> None:
    """The first 401 leads to the next version; the others speak of a token that is no longer the present one."""
    await token.ensure()
    for _ in range(30):
        await token.tell("refused", 1)
    await token.until(lambda state: state.version == 2)
    await token.tell("refused", 1)
    state = await token.until(lambda state: not state.pending_alerts)
    assert (state.version, world.counts["exchange_token"]) == (2, 2)


async def test_a_403_costs_one_exchange_and_then_belongs_to_its_request(token: TokenStage, world: World) -> None:
    """When the exchange shows every scope, further ones are not made; the administrator is alerted."""
    await token.ensure()
    await token.tell("forbidden", 1)
    await token.until(lambda state: state.version == 2)
    for _ in range(5):
        await token.tell("forbidden", 2)
    await until(lambda: world.alerts)
    assert world.alerts[0].kind == "forbidden"
    assert world.counts["exchange_token"] == 2


async def test_an_alert_that_cannot_be_posted_holds_up_no_exchange(token: TokenStage, world: World) -> None:
    """While the alert's receiver hangs, a refused token is exchanged at once."""
    await token.ensure()
    receiver = world.hold("post_alert")
    await token.handle.signal("alert", Alert(kind="misconfigured", text="something"))
    await until(lambda: world.at_once["post_alert"])
    await token.tell("refused", 1)
    await token.until(lambda state: state.version == 2, limit_s=5)
    receiver.set()
    await until(lambda: world.alerts)


@pytest.fixture
def forgetful_server() -> Iterator[TemporalServer]:
    """A server that suggests to continue as new after 60 events."""
    limit = ["--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=60"]
    with TemporalServer(own=True, extra_args=limit) as server:
        yield server


async def test_a_new_run_goes_on_where_the_last_one_was(forgetful_server: TemporalServer, world: World) -> None:
    """Continued as new the workflow keeps its state, and every question on the way is answered."""
    client = await connect(Keyring.parse(KEYS), environment={"TEMPORAL_ADDRESS": forgetful_server.address})
    token = TokenStage(client, "continued")
    async with workers(client, world, queues=[TOKEN_QUEUE]):
        first = await token.ensure()
        begun = (await token.handle.describe()).run_id
        version = first.version
        for n in range(12):
            await token.tell("confirmed", version)
            await token.tell("refused", version)
            answer = await token.ensure(f"scope-{n}")
            assert answer.problem == "scopes"
            version = (await token.until(lambda state, v=version: state.version > v)).version  # type: ignore[misc]
        description = await token.handle.describe()
        state = await token.state()
    assert description.status == WorkflowExecutionStatus.RUNNING
    assert description.run_id != begun
    assert {f"scope-{n}" for n in range(12)} <= set(state.required_scopes)
    assert state.version >= 12
    assert state.exchanges == world.counts["exchange_token"]
