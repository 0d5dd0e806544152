"""The screen pop: what is ready goes out in time, what comes later once more, and nothing twice."""

import asyncio

from temporalio.exceptions import ApplicationError

from tests.twins.calls import (
    AGENT,
    ANSWERED,
    COMPLETED,
    FINAL,
    OTHER_AGENT,
    RECORD,
    STARTED,
    Stage,
    done,
    has_ticket,
    shown,
    until,
)
from tests.twins.world import failing

pytest_plugins = ("tests.twins.fixtures",)

WHOLE_POP = {"ticket_id": 1001, **RECORD}


async def test_a_hanging_crm_delays_the_pop_by_a_second_and_the_rest_follows(stage: Stage) -> None:
    """The ticket is shown about 1 s after the answer; the whole context once more as soon as the CRM has answered."""
    crm = stage.world.hold("fetch_customer")
    await stage.play("p-1", STARTED)
    await stage.until("p-1", has_ticket)
    await stage.play("p-1", ANSWERED)
    status = await stage.until("p-1", shown())
    assert stage.world.pops == [("p-1", {"ticket_id": 1001})]
    latency = status.screen_pops[0].latency_ms
    assert latency is not None
    assert 950 <= latency < 1900
    crm.set()
    await until(lambda: len(stage.world.pops) == 2)
    assert stage.world.pops[1] == ("p-1", WHOLE_POP)
    await stage.play("p-1", COMPLETED)
    status = await stage.until("p-1", done(FINAL))
    assert stage.world.counts["patch_call"] == 2
    assert status.screen_pops[0].latency_ms == latency


async def test_an_answer_does_not_ask_the_crm_again(stage: Stage) -> None:
    """A CRM read that is under way when the agent answers is left to finish: the vendor sees one request."""
    crm = stage.world.hold("fetch_customer")
    await stage.play("p-2", STARTED)
    await until(lambda: stage.world.at_once["fetch_customer"])
    await stage.play("p-2", ANSWERED)
    await stage.until("p-2", lambda s: s.screen_pops)
    crm.set()
    await stage.until("p-2", shown())
    assert stage.world.counts["fetch_customer"] == 1


async def test_a_slow_ticket_does_not_hold_up_the_callers_record(stage: Stage) -> None:
    """Without a ticket the CRM's data is shown at once, and the ticket's number follows."""
    search = stage.world.hold("search_tickets")
    await stage.play("p-3", STARTED, ANSWERED)
    await stage.until("p-3", shown())
    assert stage.world.pops == [("p-3", RECORD)]
    search.set()
    await until(lambda: len(stage.world.pops) == 2)
    assert stage.world.pops[1] == ("p-3", WHOLE_POP)


async def test_a_pop_with_nothing_to_show_waits_until_there_is_something(stage: Stage) -> None:
    """With neither ticket nor record after a second, the pop goes out as soon as one of them is there."""
    search, _ = stage.world.hold("search_tickets"), stage.world.hold("fetch_customer")
    await stage.play("p-4", STARTED, ANSWERED)
    await asyncio.sleep(1.2)
    assert stage.world.pops == []
    search.set()
    await stage.until("p-4", shown())
    assert stage.world.pops == [("p-4", {"ticket_id": 1001})]


async def test_a_pop_that_is_late_is_missed_and_the_call_goes_on(stage: Stage) -> None:
    """After its deadline the pop is recorded as missed, the CRM is asked no more, and the ticket gets its note."""
    stage.world.shape(screen_pop_deadline_s=1)
    stage.world.before = failing("patch_call", 99)
    stage.world.hold("fetch_customer")
    await stage.play("p-5", STARTED)
    await stage.until("p-5", has_ticket)
    await stage.play("p-5", ANSWERED)
    await stage.until("p-5", lambda s: s.screen_pops and s.screen_pops[0].state == "missed")
    status = await stage.play("p-5", COMPLETED)
    status = await stage.until("p-5", done(FINAL))
    assert {s.name: s.state for s in status.steps}["fetch_customer"] == "skipped"
    assert (status.needs_attention, stage.world.alerts) == (False, [])


async def test_the_crm_is_asked_no_more_once_its_answer_helps_nobody(stage: Stage) -> None:
    """When the deadline of a pop that was shown without the record passes, the CRM read is given up."""
    stage.world.shape(screen_pop_deadline_s=2)
    stage.world.hold("fetch_customer")
    await stage.play("p-6", STARTED)
    await stage.until("p-6", has_ticket)
    await stage.play("p-6", ANSWERED)
    await stage.until("p-6", shown())
    status = await stage.until("p-6", lambda s: all(step.state != "running" for step in s.steps), limit_s=4)
    assert {s.name: s.state for s in status.steps}["fetch_customer"] == "skipped"
    assert stage.world.counts["fetch_customer"] == 1


async def test_a_refused_pop_is_sent_once_more_with_the_first_property(stage: Stage) -> None:
    """After a 422 the most important CRM property goes out alone, and nobody is alerted."""
    stage.world.answers["patch_call"] = ["fallback"]
    await stage.play("p-7", STARTED, ANSWERED)
    status = await stage.until("p-7", shown())
    assert stage.world.pops == [("p-7", {"crm_customer_id": "CUST_999888"})]
    assert [(s.activity_id, s.state) for s in status.steps if s.name == "patch_call"] == [
        ("patch_call", "refused"),
        ("patch_call-2", "done"),
    ]
    await stage.play("p-7", COMPLETED)
    await stage.until("p-7", done(FINAL))
    assert (stage.world.counts["patch_call"], stage.world.alerts) == (2, [])


async def test_a_pop_makes_two_requests_at_most(stage: Stage) -> None:
    """A pop that needed its fallback is not sent a third time when the ticket becomes known."""
    stage.world.answers["patch_call"] = ["fallback"]
    search = stage.world.hold("search_tickets")
    await stage.play("p-8", STARTED, ANSWERED)
    await stage.until("p-8", shown())
    search.set()
    await stage.until("p-8", has_ticket)
    await stage.play("p-8", COMPLETED)
    await stage.until("p-8", done(FINAL))
    assert stage.world.counts["patch_call"] == 2


async def test_a_pop_refused_twice_is_recorded_and_alerted(stage: Stage) -> None:
    """Nothing is tried a third time; the call itself is not endangered and needs no attention."""
    stage.world.answers["patch_call"] = ["fallback", "refused"]
    await stage.play("p-9", STARTED)
    await stage.until("p-9", has_ticket)
    await stage.play("p-9", ANSWERED)
    status = await stage.until("p-9", lambda s: s.screen_pops and s.screen_pops[0].state == "refused")
    await until(lambda: stage.world.alerts)
    assert [alert.kind for alert in stage.world.alerts] == ["screen_pop_refused"]
    assert "user@example.com" not in stage.world.alerts[0].text
    assert not status.needs_attention
    await stage.play("p-9", COMPLETED)
    await stage.until("p-9", done(FINAL))
    assert stage.world.counts["patch_call"] == 2


async def test_a_call_that_is_over_is_not_popped(stage: Stage) -> None:
    """Once `completed` is known a pop that is being retried is not needed, and its retries stop."""
    stage.world.before = failing("patch_call", 99)
    await stage.play("p-10", STARTED)
    await stage.until("p-10", has_ticket)
    await stage.play("p-10", ANSWERED)
    await until(lambda: stage.world.counts["patch_call"] > 0)
    await stage.play("p-10", COMPLETED)
    status = await stage.until("p-10", done(FINAL))
    assert [pop.state for pop in status.screen_pops] == ["not_needed"]
    assert [s.state for s in status.steps if s.name == "patch_call"] == ["skipped"]


async def test_a_transfer_ends_the_first_agents_pop(stage: Stage) -> None:
    """While the first agent's pop is being retried, a transfer makes it needless and pops for the second."""
    stage.world.before = failing("patch_call", 2)
    await stage.play("p-11", STARTED)
    await stage.until("p-11", has_ticket)
    await stage.play("p-11", ANSWERED)
    await until(lambda: stage.world.counts["patch_call"] > 0)
    await stage.play("p-11", ANSWERED, agent=OTHER_AGENT)
    status = await stage.until("p-11", shown(OTHER_AGENT))
    assert {p.agent_id: p.state for p in status.screen_pops} == {AGENT.id: "not_needed", OTHER_AGENT.id: "shown"}


async def test_a_hanging_ledger_holds_up_no_pop(stage: Stage) -> None:
    """With a ledger that does not answer at the start, the agent's pop is 0.3 s late at the most."""
    ledger = stage.world.hold("open_call")
    await stage.play("p-13", STARTED, ANSWERED)
    status = await stage.until("p-13", shown())
    assert (status.screen_pops[0].latency_ms or 0) < 1000
    ledger.set()
    await stage.until("p-13", has_ticket)


async def test_a_dead_ledger_holds_up_no_pop(stage: Stage) -> None:
    """With the ledger down from the start the record is shown; the ticket follows when the ledger is back."""
    down = [True]

    def before(name: str) -> None:
        if down[0] and name in ("open_call", "save_call", "find_ticket"):
            raise ApplicationError("no database", type="LedgerUnavailable")

    stage.world.before = before
    await stage.play("p-12", STARTED, ANSWERED)
    status = await stage.until("p-12", shown())
    assert status.ticket_id is None
    assert stage.world.pops == [("p-12", RECORD)]
    down[0] = False
    await stage.until("p-12", has_ticket)
    await stage.play("p-12", COMPLETED)
    await stage.until("p-12", done(FINAL))
    await stage.until("p-12", lambda _: stage.world.saved[("p-12", 1)].status.state == "completed")
    assert stage.world.counts["create_ticket"] == 1


async def test_a_call_that_begins_with_its_answer_does_not_wait_for_the_ledger(stage: Stage) -> None:
    """When the first event is the answer, the pop goes out although the ledger hangs."""
    ledger = stage.world.hold("open_call")
    await stage.play("p-14", ANSWERED)
    status = await stage.until("p-14", shown())
    assert (status.ticket_id, stage.world.pops) == (None, [("p-14", RECORD)])
    assert (status.screen_pops[0].latency_ms or 0) < 500
    ledger.set()
    await stage.until("p-14", has_ticket)
