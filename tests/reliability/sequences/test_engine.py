"""The server in memory replays a history as the SDK's core does."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio import activity, workflow

from tests.reliability.sequences.activity_twin import Served
from tests.reliability.sequences.engine import Engine

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


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A server for that workflow."""
    engine = Engine(Patched, [Served("step", step, [str])], held=lambda *_: False)
    yield engine
    engine.clear()
    engine.close()


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
