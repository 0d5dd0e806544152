"""The main job on real servers: webhooks in, one ticket a call, a screen pop, a final update."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    with Stack(folder=tmp_path) as stack:
        await stack.set_up()
        yield stack


async def test_a_new_caller_costs_six_requests(stack: Stack) -> None:
    """One search, one create, one CRM read, one patch, one final update and one token, and nothing else."""
    stack.start_gateway()
    stack.start_worker()
    stack.send("started", "c-1")
    stack.until("c-1", lambda s: s["ticket_id"])
    stack.send("answered", "c-1")
    stack.until("c-1", lambda s: s["screen_pops"][0]["state"] == "shown")
    stack.send("completed", "c-1")
    stack.ended("c-1")
    assert stack.counts() == {
        "token": 1,
        "search": 1,
        "create_ticket": 1,
        "fetch_customer": 1,
        "patch_call": 1,
        "update_ticket": 1,
    }
