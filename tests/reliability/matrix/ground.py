"""The servers a matrix is played on."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.stack import Stack
from tests.reliability.matrix.door import Door
from tests.reliability.matrix.judge import Outcome
from tests.reliability.matrix.run import SETTINGS, Runner


@contextmanager
def runner(folder: Path, tell: Callable[[Outcome], None], *, workers: int = 2) -> Iterator[Runner]:
    """A stack whose workers reach the vendors through a door."""
    folder.mkdir(parents=True, exist_ok=True)
    with Stack(folder=folder, settings=dict(SETTINGS)) as stack, Door(stack.simulator_url) as door:
        stack.settings |= {"ZENDESK_URL": door.url, "CRM_URL": f"{door.url}/crm"}
        asyncio.run(stack.set_up())
        stack.start_gateway()
        stack.start_workers(workers)
        yield Runner(stack=stack, door=door, tell=tell)
