"""The whole of Talkbridge for a test: servers and simulator up, schema and namespace ready, no process of ours yet."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack that is set up; the test starts gateways and workers."""
    with Stack(folder=tmp_path) as stack:
        await stack.set_up()
        yield stack


@pytest.fixture
async def durable_stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """The same, with a Temporal that may be killed and started again."""
    with Stack(folder=tmp_path, durable=True) as stack:
        await stack.set_up()
        yield stack
