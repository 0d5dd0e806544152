"""The server in memory replays a history as the SDK's core does."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from temporalio import activity, workflow

from tests.reliability.sequences.activity_twin import Served
from tests.reliability.sequences.engine import HOP, WORK, Engine

_NAME = "patched"


@activity.defn
async def step(name: str) -> str:
    """Anything."""
    return name


@workflow.defn(sandboxed=False)
class Patched:
    """Asks for a patch in the second activation of a task, and goes the old way without it."""

    def __init__(self) -> None:
        self._over = False

    @workflow.run
    async def run(self, start: str) -> None:
        """Until it is told to end."""
        limit = timedelta(seconds=1)
        await workflow.execute_local_activity(step, "first", start_to_close_timeout=limit)
        name = "new" if workflow.patched("a-new-way") else "old"
        await workflow.execute_local_activity(step, name, start_to_close_timeout=limit)
        await workflow.wait_condition(lambda: self._over)

    @workflow.signal
    def go_on(self, over: bool) -> None:
        """Another task; the last one, if it is over."""
        self._over = over

    @workflow.query
    def over(self) -> bool:
        """Whether it was told to end."""
        return self._over


@workflow.defn(sandboxed=False)
class Cancelling(Patched):
    """Cancels an activity at the moment at which it ends."""

    @workflow.run
    async def run(self, start: str) -> None:
        """Until it is told to end."""
        limit = timedelta(seconds=1)
        working = asyncio.create_task(
            workflow.execute_activity(step, "ended", task_queue="calls", start_to_close_timeout=limit)
        )
        await workflow.sleep(HOP + WORK)
        working.cancel()
        try:
            name = await working
        except asyncio.CancelledError:
            name = "cancelled"
        await workflow.execute_local_activity(step, name, start_to_close_timeout=limit)
        await workflow.wait_condition(lambda: self._over)


@contextmanager
def serving(served: type[Patched]) -> Iterator[Engine]:
    """A server for a workflow."""
    engine = Engine(served, [Served("step", step, [str])], held=lambda *_: False)
    try:
        yield engine
    finally:
        engine.clear()
        engine.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A server for the first of them."""
    with serving(Patched) as engine:
        yield engine


@pytest.mark.parametrize("cached", [True, False])
def test_what_was_decided_with_a_patch_is_decided_so_again(engine: Engine, cached: bool) -> None:
    """A worker that takes a run over is told of the patches its history has, wherever in a task they were asked for."""
    engine.cached = cached
    engine.signal_with_start(_NAME, "", "go_on", False, again=False)
    engine.advance(1)
    engine.forget()
    engine.signal_with_start(_NAME, "", "go_on", True, again=False)
    engine.advance(1)
    assert engine.replays > 0
    assert engine.query(_NAME, "over", bool)
    assert engine.runs[_NAME].closed == "completed"


def test_what_was_decided_by_a_flag_of_the_sdk_is_decided_so_again() -> None:
    """A release of the SDK that decides otherwise than the one before writes so into the history."""
    with serving(Cancelling) as engine:
        engine.signal_with_start(_NAME, "", "go_on", False, again=False)
        engine.advance(1)
        engine.forget()
        assert not engine.query(_NAME, "over", bool)
        assert any(each.flags for each in engine.runs[_NAME].tasks)


def test_a_run_that_was_reset_knows_its_patches(engine: Engine) -> None:
    """They stand in the part of the history that is kept."""
    engine.signal_with_start(_NAME, "", "go_on", False, again=False)
    engine.advance(1)
    engine.signal_with_start(_NAME, "", "go_on", False, again=False)
    engine.advance(1)
    engine.reset(_NAME, 1.0)
    engine.advance(1)
    asked = [c.set_patch_marker.patch_id for each in engine.runs[_NAME].tasks for c in each.commands]
    assert [patch for patch in asked if patch] == ["a-new-way"]
    engine.forget()
    assert not engine.query(_NAME, "over", bool)
