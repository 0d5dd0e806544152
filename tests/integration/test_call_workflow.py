"""The life of an ordinary call, over in-memory twins on a real Temporal server."""

from dataclasses import replace

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

from tests.twins.calls import (
    AGENT,
    ANSWERED,
    COMPLETED,
    FINAL,
    IN_CALL_UPDATE,
    STARTED,
    Stage,
    done,
    event,
    has_ticket,
    shown,
)
from tests.twins.workers import workers
from tests.twins.world import World, failing
from workflows.domain.customer import Customer
from workflows.domain.status import AgentStatus, CustomerStatus, PopStatus

pytest_plugins = ("tests.twins.fixtures",)


async def reference_call(stage: Stage, call_id: str) -> None:
    """Started, answered, completed, each when the one before has had its effect."""
    await stage.play(call_id, STARTED)
    await stage.until(call_id, has_ticket)
    await stage.play(call_id, ANSWERED)
    await stage.until(call_id, shown())
    await stage.play(call_id, COMPLETED)
    await stage.until(call_id, done(FINAL))


async def test_a_call_of_a_new_caller_ends_on_one_ticket(stage: Stage) -> None:
    """The reference call makes one search, one create, one pop, one CRM read and one final update."""
    await reference_call(stage, "c-1")
    world = stage.world
    assert world.counts == dict.fromkeys(
        ("search_tickets", "create_ticket", "fetch_customer", "patch_call", "update_ticket"), 1
    )
    assert world.tickets[1001].marks == ["[call c-1 · started]", "[call c-1 · completed]"]
    assert (world.tickets[1001].status, world.tickets[1001].custom_status) == ("open", None)
    assert world.pops == [("c-1", {"ticket_id": 1001, "crm_customer_id": "CUST_999888", "account_status": "Premium"})]


async def test_a_caller_with_an_open_ticket_is_set_in_call_on_it(stage: Stage) -> None:
    """A ticket that was found is set In-Call at once, and is open again after the call."""
    ticket = stage.world.add_ticket(requester=Customer(email="user@example.com"))
    await stage.play("c-2", STARTED)
    await stage.until("c-2", done(IN_CALL_UPDATE))
    assert (ticket.status, ticket.custom_status) == ("open", "In-Call")
    await stage.play("c-2", ANSWERED, COMPLETED)
    status = await stage.until("c-2", done(FINAL))
    assert (status.ticket_id, status.ticket_origin) == (ticket.id, "search")
    assert ticket.view == replace(ticket.view, status="open", custom_status=None)
    assert ticket.marks == ["[call c-2 · completed]"]
    assert "create_ticket" not in stage.world.counts


async def test_a_call_back_uses_the_ticket_of_the_ledger(stage: Stage) -> None:
    """A ticket that a matching call used a moment ago needs neither search nor create."""
    ticket = stage.world.add_ticket()
    stage.world.recent = type(stage.world.recent)(ticket_id=ticket.id)
    await stage.play("c-3", STARTED, ANSWERED, COMPLETED)
    status = await stage.until("c-3", done(FINAL))
    assert (status.ticket_id, status.ticket_origin) == (ticket.id, "recent")
    assert not stage.world.counts.keys() & {"search_tickets", "create_ticket"}


async def test_an_anonymous_call_gets_a_ticket_of_its_own(stage: Stage) -> None:
    """Without email and phone nothing is searched, and no CRM is asked."""
    await stage.play("c-4", STARTED, ANSWERED, COMPLETED, customer=Customer())
    status = await stage.until("c-4", done(FINAL))
    assert status.ticket_origin == "created"
    assert stage.world.created[0].requester_name == "Anonymous caller"
    assert not stage.world.counts.keys() & {"search_tickets", "fetch_customer"}


async def test_a_call_tells_where_it_stands(stage: Stage) -> None:
    """The query `status` names ticket, agent, events, steps and pops, with the caller masked."""
    await reference_call(stage, "c-5")
    status = await stage.status("c-5")
    assert (status.call_id, status.state, status.workflow_id) == ("c-5", "completed", "call-c-5")
    assert (status.needs_attention, status.attention, status.warnings) == (False, None, [])
    assert (status.ticket_id, status.ticket_origin) == (1001, "created")
    assert status.customer == CustomerStatus(email="u•••@example.com", phone="+1555•••00")
    assert status.agent == AgentStatus(id=AGENT.id, name=AGENT.name)
    assert [e.type for e in status.events] == ["call.started", "call.answered", "call.completed"]
    assert all(e.received_at.endswith("Z") and e.event_id is None for e in status.events)
    assert {(s.name, s.activity_id, s.state, s.attempts) for s in status.steps} == {
        ("search_tickets", "search_tickets", "done", 1),
        ("create_ticket", "create_ticket", "done", 1),
        ("fetch_customer", "fetch_customer", "done", 1),
        ("patch_call", "patch_call", "done", 1),
        ("update_ticket", FINAL, "done", 1),
    }
    (pop,) = status.screen_pops
    assert pop == PopStatus(agent_id=AGENT.id, state="shown", latency_ms=pop.latency_ms, left_out=[])
    assert pop.latency_ms is not None
    assert 0 <= pop.latency_ms < 2000
    assert status.run_id


async def test_a_call_can_be_found_by_its_search_attributes(stage: Stage) -> None:
    """State, ticket, agent and attention are search attributes, as of the call's last step."""
    await reference_call(stage, "c-6")
    found = (await stage.handle("c-6").describe()).typed_search_attributes
    assert found[SearchAttributeKey.for_keyword("CallState")] == "completed"
    assert found[SearchAttributeKey.for_keyword("TicketId")] == "1001"
    assert found[SearchAttributeKey.for_keyword("AgentId")] == AGENT.id
    assert found[SearchAttributeKey.for_bool("NeedsAttention")] is False


async def test_the_ledger_ends_with_what_the_call_tells(stage: Stage) -> None:
    """The last save carries the state, the ticket, and that nothing of the call is open any more."""
    await reference_call(stage, "c-7")
    await stage.until("c-7", lambda _: stage.world.saved[("c-7", 1)].status.state == "completed")
    saved = stage.world.saved[("c-7", 1)]
    assert (saved.pending, saved.active) == (False, False)
    assert saved.memory.ticket is not None
    assert saved.memory.popped_agents == [AGENT.id]


async def test_a_worker_without_memory_plays_the_same_call(twin_client: Client, world: World) -> None:
    """With every workflow task replayed from its history, the call makes the same requests, each once."""
    stage = Stage(twin_client, world)
    async with workers(twin_client, world, max_cached_workflows=0):
        await reference_call(stage, "c-8")
    await stage.end()
    assert set(world.counts.values()) == {1}
    assert world.tickets[1001].marks == ["[call c-8 · started]", "[call c-8 · completed]"]


async def test_webhooks_wait_for_a_worker(twin_client: Client, world: World) -> None:
    """Events that came while no worker was there are acted on when one comes; a pop whose time is over is not sent."""
    stage = Stage(twin_client, world)
    for kind in (STARTED, ANSWERED, COMPLETED):
        await stage.send("c-9", event(kind))
    async with workers(twin_client, world):
        status = await stage.until("c-9", done(FINAL))
    await stage.end()
    assert [pop.state for pop in status.screen_pops] == ["not_needed"]
    assert world.counts == {"search_tickets": 1, "create_ticket": 1, "update_ticket": 1}


@pytest.mark.parametrize("request_name", ["search_tickets", "create_ticket", "update_ticket", "fetch_customer"])
async def test_an_unexpected_error_in_a_request_is_retried(stage: Stage, request_name: str) -> None:
    """A fault nobody thought of fails one attempt, never the call."""
    stage.world.before = failing(request_name, 1, ZeroDivisionError("nobody thought of it"))
    call_id = f"c-10-{request_name}"
    await stage.play(call_id, STARTED, ANSWERED)
    await stage.until(call_id, lambda _: len(stage.world.pops) > 0 and stage.world.at_once["fetch_customer"] == 0)
    await stage.until(call_id, lambda _: stage.world.counts["fetch_customer"] > (request_name == "fetch_customer"))
    await stage.play(call_id, COMPLETED)
    status = await stage.until(call_id, done(FINAL))
    assert stage.world.counts[request_name] == 2
    assert not status.needs_attention
    assert len(stage.world.tickets) == 1
