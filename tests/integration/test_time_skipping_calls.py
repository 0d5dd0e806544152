"""The long waits of a call, under a clock that skips them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.testing import WorkflowEnvironment

from tests.twins.calls import ANSWERED, COMPLETED, FINAL, STARTED, Stage, done, event, has_ticket, shown
from workflows.domain.customer import Customer
from workflows.domain.errors import Failure

pytest_plugins = ("tests.twins.fixtures",)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def ended_call(skipping: WorkflowEnvironment, stage: Stage, call_id: str) -> None:
    """A call that went as it should; one thing after the other, as this server fails tasks that race."""
    now = await skipping.get_current_time()
    await stage.play(call_id, STARTED)
    await stage.until(call_id, has_ticket)
    await stage.send(call_id, event(ANSWERED, now + MINUTE))
    await stage.until(call_id, shown())
    await stage.send(call_id, event(COMPLETED, now + 2 * MINUTE))


async def open_still(stage: Stage, call_id: str) -> bool:
    """Whether the call's workflow runs."""
    return (await stage.handle(call_id).describe()).status == WorkflowExecutionStatus.RUNNING


async def test_a_call_listens_for_an_hour_and_then_closes(skipping: WorkflowEnvironment, skipping_stage: Stage) -> None:
    """The linger ends an hour after the end was seen; every later delivery meets a workflow that is closed for good."""
    stage = skipping_stage
    await ended_call(skipping, stage, "s-1")
    await stage.until("s-1", done(FINAL))
    await skipping.sleep(HOUR - MINUTE)
    assert await open_still(stage, "s-1")
    await skipping.sleep(2 * MINUTE)
    assert not await open_still(stage, "s-1")
    with pytest.raises(WorkflowAlreadyStartedError):
        await stage.send("s-1", event(COMPLETED))
    assert (await stage.status("s-1")).state == "completed"
    assert set(stage.world.counts.values()) == {1}


async def test_a_call_without_an_end_is_closed_after_four_hours(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    """The ticket is told that the end was not reported, and told better when it is reported within a day."""
    stage = skipping_stage
    await stage.play("s-2", STARTED, ANSWERED)
    await stage.until("s-2", shown())
    await skipping.sleep(4 * HOUR - MINUTE)
    assert (await stage.status("s-2")).state == "in_call"
    (ticket,) = stage.world.tickets.values()
    assert ticket.custom_status == "In-Call"
    await skipping.sleep(2 * MINUTE)
    assert (await stage.until("s-2", done(FINAL))).state == "end_not_reported"
    assert ticket.marks[-1] == "[call s-2 · end not reported]"
    assert ticket.view == replace(ticket.view, status="open", custom_status=None)
    await skipping.sleep(23 * HOUR)
    assert (await stage.play("s-2", COMPLETED)).state == "completed"
    await stage.until("s-2", done("update_ticket-correct-1"))
    assert ticket.marks[-1] == "[call s-2 · corrected]"
    await skipping.sleep(HOUR + MINUTE)
    assert not await open_still(stage, "s-2")
    assert stage.world.counts["update_ticket"] == 2


async def test_a_call_without_an_end_is_forgotten_after_a_day(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    """After *end not reported* a call listens for 24 hours."""
    stage = skipping_stage
    await stage.play("s-3", STARTED)
    await skipping.sleep(4 * HOUR + MINUTE)
    await skipping.sleep(24 * HOUR - 2 * MINUTE)
    assert await open_still(stage, "s-3")
    await skipping.sleep(2 * MINUTE)
    assert not await open_still(stage, "s-3")


async def test_a_call_of_which_nothing_is_known_gets_its_ticket_at_the_latest_with_its_end(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    """An answer without a caller starts no correlation; the overdue end does, as an anonymous call."""
    stage = skipping_stage
    await stage.play("s-4", ANSWERED, customer=Customer())
    await skipping.sleep(4 * HOUR - MINUTE)
    assert stage.world.counts == {}
    await skipping.sleep(2 * MINUTE)
    status = await stage.until("s-4", done(FINAL))
    assert (status.ticket_origin, status.screen_pops[0].state) == ("created", "missed")
    assert stage.world.tickets[1001].custom_status is None


async def test_a_vendor_that_refuses_for_a_day_needs_attention_until_it_works(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    """After 24 hours a step sets the flag and is tried every 10 minutes; its success clears the flag."""
    stage, world = skipping_stage, skipping_stage.world
    broken = [True]

    def before(name: str) -> None:
        if broken[0] and name == "update_ticket":
            raise ApplicationError("503", type=Failure.UNAVAILABLE)

    world.before = before
    await ended_call(skipping, stage, "s-5")
    await skipping.sleep(24 * HOUR - 10 * MINUTE)
    assert not (await stage.status("s-5")).needs_attention
    tried = world.counts["update_ticket"]
    assert 24 * 60 - 20 < tried < 24 * 60 + 10
    await skipping.sleep(21 * MINUTE)
    status = await stage.status("s-5")
    assert (status.needs_attention, status.state) == (True, "completed")
    assert "update_ticket has not worked for 24 h" in (status.attention or "")
    tried = world.counts["update_ticket"]
    await skipping.sleep(2 * HOUR)
    assert 11 <= world.counts["update_ticket"] - tried <= 13
    broken[0] = False
    await skipping.sleep(11 * MINUTE)
    status = await stage.until("s-5", done(FINAL))
    assert (status.needs_attention, status.attention) == (False, None)
    assert world.tickets[1001].marks[-1] == "[call s-5 · completed]"


async def test_asking_and_looking_for_a_day_leaves_a_history_that_is_no_danger(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    """While every attempt's outcome is unknown, rounds slow down; after 24 hours the call needs attention.

    A history ends at 51,200 events; a day of trouble leaves a sixth of that.
    """
    stage, world = skipping_stage, skipping_stage.world
    world.answers["update_ticket"] = ["outcome_unknown"] * 10_000
    await ended_call(skipping, stage, "s-7")
    await skipping.sleep(24 * HOUR - 10 * MINUTE)
    assert not (await stage.status("s-7")).needs_attention
    assert len((await stage.handle("s-7").fetch_history()).events) < 51_200 / 6
    await skipping.sleep(21 * MINUTE)
    status = await stage.status("s-7")
    assert status.needs_attention
    assert [s.state for s in status.steps if s.name == "update_ticket"] == ["retrying"]
    assert len(status.steps) <= 100
    world.answers["update_ticket"] = []
    await skipping.sleep(11 * MINUTE)
    status = await stage.until("s-7", lambda s: {x.name: x.state for x in s.steps}["update_ticket"] == "done")
    assert (status.needs_attention, status.attention) == (False, None)
    assert world.tickets[1001].marks[-1] == "[call s-7 · completed]"


@pytest.mark.parametrize("failure", [Failure.SCOPE_MISSING, Failure.CREDENTIAL_REFUSED])
async def test_waiting_for_an_administrator_is_nobodys_fault(
    skipping: WorkflowEnvironment, skipping_stage: Stage, failure: Failure
) -> None:
    """However long scopes or credentials are missing, the call needs no attention, and goes on when they are there."""
    stage, call_id = skipping_stage, f"s-6-{failure}"
    missing = [True]

    def before(name: str) -> None:
        if missing[0] and name == "search_tickets":
            raise ApplicationError("not granted", type=failure, next_retry_delay=10 * MINUTE)

    stage.world.before = before
    await stage.play(call_id, STARTED)
    await stage.until(call_id, done("fetch_customer"))
    await stage.play(call_id, COMPLETED)
    for _ in range(3):
        await skipping.sleep(20 * HOUR)
        assert not (await stage.status(call_id)).needs_attention
    missing[0] = False
    await skipping.sleep(HOUR)
    status = await stage.until(call_id, done(FINAL))
    assert not status.needs_attention
    assert len(stage.world.tickets) == 1


async def test_a_crm_that_never_works_is_nobodys_concern(skipping: WorkflowEnvironment, skipping_stage: Stage) -> None:
    """Its failures are only retried while the data is of use: until the pop's deadline, or the end."""
    stage = skipping_stage

    def before(name: str) -> None:
        if name == "fetch_customer":
            raise ApplicationError("503", type=Failure.UNAVAILABLE)

    stage.world.before = before
    await stage.play("s-7", STARTED)
    await skipping.sleep(HOUR)
    asked = stage.world.counts["fetch_customer"]
    assert asked > 300
    await stage.play("s-7", ANSWERED)
    await skipping.sleep(HOUR)
    assert stage.world.counts["fetch_customer"] <= asked + 3
    status = await stage.status("s-7")
    assert {s.name: s.state for s in status.steps}["fetch_customer"] == "skipped"
    assert (status.needs_attention, stage.world.alerts) == (False, [])
