"""Records the histories of this version into the folder of its number: `python -m tests.histories.record`.

By hand, with every release, and before it when a workflow was changed on purpose. The folders of released versions stay
as they are: a history of theirs that does not replay any more is a fault, and the change needs `workflow.patched`.
"""

import asyncio
import re
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from cli.servers import time_skipping
from cli.servers.temporal import TemporalServer
from tests.histories.stories import CALLS, mended_group, token_day
from tests.twins.calls import RECORD, Stage
from tests.twins.tokens import TokenStage
from tests.twins.workers import KEYS, register_search_attributes, workers
from tests.twins.world import World
from workflows.connection import Keyring, connect, data_converter

FOLDER = Path(__file__).parent / version("talkbridge")
_IDENTITY = re.compile(r'"identity": "[^"]*"')


async def record_calls(address: str) -> None:
    """Every call, each in a world of its own, to the end of its workflow."""
    client = await connect(Keyring.parse(KEYS), environment={"TEMPORAL_ADDRESS": address})
    await register_search_attributes(client)
    for story in CALLS:
        world = World(records={"user@example.com": dict(RECORD)})
        world.shape(grace_s=1, linger_s=2)
        stage = Stage(client, world)
        async with workers(client, world):
            await story(stage)
            (call_id,) = stage.played
            await stage.handle(call_id).result()
        await keep(story.__name__, stage.handle(call_id))


async def record_token() -> None:
    """A day of the token workflow, whose time is skipped."""
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(time_skipping.path()),
        test_server_startup_timeout=timedelta(seconds=30),
        data_converter=data_converter(Keyring.parse(KEYS)),
    )
    world = World(token_life_s=4 * 3600)
    async with environment, workers(environment.client, world, queues=["token"]):
        token = TokenStage(environment.client, "recorded")
        world.answers["exchange_token"] = []
        await token_day(environment, token)
        await keep(token_day.__name__, token.handle)


async def record_group(address: str) -> None:
    """A group's mend; its calls go on after it."""
    client = await connect(Keyring.parse(KEYS), environment={"TEMPORAL_ADDRESS": address})
    await register_search_attributes(client)
    world = World(records={"user@example.com": dict(RECORD)})
    stage = Stage(client, world)
    async with workers(client, world):
        group = await mended_group(stage)
        await group.result()
        await keep(mended_group.__name__, group)
    await stage.end()


async def keep(name: str, handle: WorkflowHandle[object, object]) -> None:
    """Write the history as Temporal gives it, payloads encrypted with the tests' key."""
    history = await handle.fetch_history()
    file = FOLDER / f"{name}.json"
    file.write_text(_IDENTITY.sub('"identity": "recorder"', history.to_json()) + "\n")
    print(f"{file.relative_to(FOLDER.parent)}: {len(history.events)} events")  # noqa: T201 - a script's result


def main() -> None:
    """Record all of them."""
    FOLDER.mkdir(exist_ok=True)
    with TemporalServer(own=True) as server:
        asyncio.run(record_calls(server.address))
        asyncio.run(record_group(server.address))
    asyncio.run(record_token())


if __name__ == "__main__":
    main()
