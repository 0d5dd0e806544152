"""One mend for many calls that are really stuck: each once, spread over time, with an account that is right."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from tests.twins.calls import STARTED, Stage, until
from tests.twins.groups import Group, begin, stuck
from tests.twins.workers import workers
from tests.twins.world import World
from workflows.domain.group import GroupProgress
from workflows.ports import GROUP_PROGRESS_QUERY, GROUP_STOP_SIGNAL

pytest_plugins = ("tests.twins.fixtures",)


async def progress(group: Group) -> GroupProgress:
    """Its own word, running or closed."""
    told: GroupProgress = await group.query(GROUP_PROGRESS_QUERY, result_type=GroupProgress)
    return told


def updates(world: World, call_ids: Sequence[str]) -> set[int]:
    """How many updates each call asked for: two were refused, one more is the retry."""
    return {world.by_call[call_id]["update_ticket"] for call_id in call_ids}


async def test_every_call_of_the_group_is_mended_once(stage: Stage) -> None:
    """Each sends one request more and ends right; the ledger knows who asked for it, and for which group."""
    calls = [f"g1-{number}" for number in range(30)]
    await stuck(stage, calls)
    told = await (await begin(stage.client, "one", calls)).result()
    assert (told.total, told.done, told.left, told.under_way, told.finished) == (30, 30, 0, 0, True)
    for call_id in calls:
        await stage.until_told(call_id)
    assert updates(stage.world, calls) == {3}
    assert {stage.world.mends[f"one:{call_id}"].mend.by for call_id in calls} == {"Eve"}
    notes = [mark for ticket in stage.world.tickets.values() for mark in ticket.marks if "completed" in mark]
    assert len(notes) == len(set(notes)) == 30


async def test_pressed_again_or_by_somebody_else_it_does_one_thing(stage: Stage) -> None:
    """The same form is the same group, running or over; another person's group finds nothing left to do."""
    calls = [f"g2-{number}" for number in range(10)]
    await stuck(stage, calls)
    first, again, other = await asyncio.gather(
        begin(stage.client, "two", calls), begin(stage.client, "two", calls), begin(stage.client, "three", calls)
    )
    assert first.result_run_id == again.result_run_id
    ends = [await group.result() for group in (first, other)]
    assert [end.done + end.not_needed for end in ends] == [10, 10]
    assert sum(end.done for end in ends) == 10
    with pytest.raises(WorkflowAlreadyStartedError):
        await begin(stage.client, "two", calls)
    for call_id in calls:
        await stage.until_told(call_id)
    assert updates(stage.world, calls) == {3}
    assert await progress(first) == ends[0]


async def test_a_group_keeps_its_pace_and_says_where_it_is(stage: Stage) -> None:
    """Ten calls at five a second take their two seconds; meanwhile it tells how many are left."""
    calls = [f"g3-{number}" for number in range(10)]
    await stuck(stage, calls)
    began = time.monotonic()
    group = await begin(stage.client, "pace", calls, per_second=5)
    halfway = await progress(group)
    assert (halfway.total, halfway.finished) == (10, False)
    assert halfway.left > 0
    await group.result()
    assert time.monotonic() - began >= 9 / 5


async def test_a_group_can_be_stopped(stage: Stage) -> None:
    """No further call is begun, and those that were not are counted as left."""
    calls = [f"g4-{number}" for number in range(20)]
    await stuck(stage, calls)
    group = await begin(stage.client, "stop", calls, per_second=5)
    await until(lambda: stage.world.mends)
    await group.signal(GROUP_STOP_SIGNAL)
    told = await group.result()
    assert told.stopped
    assert told.finished
    assert 1 <= told.done < 20
    assert told.left == 20 - told.done
    mended = [call_id for call_id in calls if f"stop:{call_id}" in stage.world.mends]
    for call_id in mended:
        await stage.until_told(call_id)
    assert len(mended) == told.done
    assert updates(stage.world, mended) == {3}
    assert updates(stage.world, sorted(set(calls) - set(mended))) == {2}


async def test_a_call_that_is_over_or_unknown_needs_no_mend(stage: Stage) -> None:
    """Both are told apart from those that were done; a step that is not stuck is left alone."""
    await stuck(stage, ["g5-stuck"])
    await stage.play("g5-closed", STARTED)
    await stage.handle("g5-closed").terminate("for the test")
    await stage.play("g5-well", STARTED)
    told = await (await begin(stage.client, "ends", ["g5-stuck", "g5-closed", "g5-unknown", "g5-well"])).result()
    assert (told.done, told.not_needed, told.troubles) == (1, 3, [])
    await stage.until_told("g5-stuck")


async def test_a_wish_that_no_call_can_grant_is_refused_by_each(stage: Stage) -> None:
    """The account names every call that was not mended, and why."""
    await stage.play("g9", STARTED)
    told = await (await begin(stage.client, "odd", ["g9"], action="dance")).result()
    (trouble,) = told.troubles
    assert (told.refused, trouble.call_id, trouble.end) == (1, "g9", "refused")
    assert "unknown action 'dance'" in trouble.text


async def test_a_group_takes_few_places_on_the_queue(stage: Stage) -> None:
    """While no mend can be kept, ten wait at most, and the others are not begun: the ledger needs places there."""
    calls = [f"g6-{number}" for number in range(14)]
    await stuck(stage, calls)
    kept = stage.world.hold("keep_mend")

    def sent_again() -> int:
        return sum(stage.world.by_call[call_id]["update_ticket"] == 3 for call_id in calls)

    group = await begin(stage.client, "few", calls)
    await until(lambda: sent_again() == 10)
    await asyncio.sleep(0.5)
    told = await progress(group)
    assert (told.under_way, told.left, sent_again()) == (10, 4, 10)
    kept.set()
    assert (await group.result()).done == 14
    assert updates(stage.world, calls) == {3}


async def test_a_group_goes_on_where_its_worker_was_lost(twin_client: Client, world: World) -> None:
    """Other workers take over in the middle, without anything in memory; no call is mended twice."""
    stage = Stage(twin_client, world)
    calls = [f"g7-{number}" for number in range(12)]
    async with workers(twin_client, world, max_cached_workflows=0):
        await stuck(stage, calls)
        group = await begin(twin_client, "lost", calls, per_second=10)
        await until(lambda: len(world.mends) >= 3)
    assert len(world.mends) < 12
    async with workers(twin_client, world):
        told = await group.result()
        for call_id in calls:
            await stage.until_told(call_id)
    assert (told.done, told.finished) == (12, True)
    assert updates(world, calls) == {3}
    await stage.end()


async def test_a_group_of_two_hundred_stays_small(stage: Stage) -> None:
    """The largest group there may be has a history that Temporal holds well."""
    unknown = [f"g8-{number}" for number in range(200)]
    group = await begin(stage.client, "large", unknown)
    told = await group.result()
    assert (told.total, told.not_needed) == (200, 200)
    about = await group.describe()
    assert about.history_length < 5000
