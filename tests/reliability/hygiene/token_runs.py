"""A token workflow that continues as new over and over, and is asked and told of refusals throughout."""

import asyncio
from dataclasses import dataclass

from temporalio.client import Client, WorkflowExecutionStatus

from cli.servers.temporal import TemporalServer
from tests.twins.tokens import TokenStage, wanted
from tests.twins.workers import KEYS, workers
from tests.twins.world import World
from workflows.connection import Keyring, connect
from workflows.ports import TOKEN_QUEUE
from workflows.starting import ensure_token

_ASKERS = 4
_SMALL_HISTORY = 60
"""Events after which the server suggests to continue as new; by itself it would be thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRuns:
    """Questions and how many were answered with a token; refused versions and how many led to the next; runs."""

    asked: int
    answered: int
    refused: int
    replaced: int
    runs: int
    exchanges: int
    exchanges_known: int

    @property
    def lost(self) -> int:
        """Questions without an answer, refusals without a new token, exchanges the workflow forgot."""
        return self.asked - self.answered + self.refused - self.replaced + self.exchanges - self.exchanges_known


async def ask_throughout(*, asks: int) -> TokenRuns:
    """Four starting workers at a time, each again and again, while version after version is refused."""
    limit = ["--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={_SMALL_HISTORY}"]
    world = World()
    with TemporalServer(own=True, extra_args=limit) as server:
        client = await connect(Keyring.parse(KEYS), environment={"TEMPORAL_ADDRESS": server.address})
        token = TokenStage(client, "asked")
        async with workers(client, world, queues=[TOKEN_QUEUE]):
            await token.ensure()
            asking = [asyncio.create_task(_ask(token, asks // _ASKERS)) for _ in range(_ASKERS)]
            refused, replaced = await _refuse_while(token, asking)
            answered = sum(await asyncio.gather(*asking))
            state = await token.state()
            return TokenRuns(
                asked=asks // _ASKERS * _ASKERS,
                answered=answered,
                refused=refused,
                replaced=replaced,
                runs=await _runs(client, token),
                exchanges=world.counts["exchange_token"],
                exchanges_known=state.exchanges,
            )


async def _ask(token: TokenStage, times: int) -> int:
    """As a worker does at its start; the server may turn a question away in the moment a run ends, so it asks again."""
    answered = 0
    for _ in range(times):
        state = await ensure_token(token.client, token.account, wanted())
        answered += state.version > 0 and state.problem is None
    return answered


async def _refuse_while(token: TokenStage, asking: "list[asyncio.Task[int]]") -> tuple[int, int]:
    """Refuse the present version again and again; each time the next has to come."""
    refused = replaced = 0
    while not all(task.done() for task in asking):
        version = (await token.state()).version
        # Confirmed, so that the next refusal is met at once.
        await token.tell("confirmed", version)
        await token.tell("refused", version)
        refused += 1
        await token.until(lambda state, version=version: state.version > version, limit_s=60)  # type: ignore[misc]
        replaced += 1
    return refused, replaced


async def _runs(client: Client, token: TokenStage) -> int:
    """How many runs have ended by continuing as new."""
    found = 0
    async for run in client.list_workflows(f"WorkflowId = '{token.handle.id}'"):
        found += run.status == WorkflowExecutionStatus.CONTINUED_AS_NEW
    return found
