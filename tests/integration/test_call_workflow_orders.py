"""Events in any order, repeated and late, lead to the same ticket."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import permutations

from tests.twins.calls import (
    AGENT,
    ANSWERED,
    COMPLETED,
    FINAL,
    OTHER_AGENT,
    STARTED,
    Stage,
    done,
    event,
    has_ticket,
    shown,
)
from workflows.domain.customer import Customer
from workflows.domain.events import EventType
from workflows.domain.status import CallStatus
from workflows.domain.ticket import CallMetadata

pytest_plugins = ("tests.twins.fixtures",)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OFFSETS = {STARTED: 0, ANSWERED: 8, COMPLETED: 95}


async def thrice(stage: Stage, call_id: str, order: tuple[EventType, ...]) -> CallStatus:
    """Every event three times, first seen in that order; each call with a caller of its own."""
    caller = Customer(email=f"{call_id}@example.com")
    for kind in (*order, *reversed(order), *order):
        at = NOON + timedelta(seconds=OFFSETS[kind])
        await stage.send(call_id, event(kind, at, customer=caller))
    return await stage.until(call_id, done(FINAL))


async def test_every_order_and_repetition_tells_the_ticket_the_same(stage: Stage) -> None:
    """In all six orders, each event three times: one ticket, the same state, metadata and notes, no request twice."""
    stage.world.shape(grace_s=10)
    orders = {f"o-{n}": order for n, order in enumerate(permutations((STARTED, ANSWERED, COMPLETED)))}
    statuses = await asyncio.gather(*(thrice(stage, call_id, order) for call_id, order in orders.items()))
    world = stage.world
    assert len(world.tickets) == len(orders)
    assert {s.state for s in statuses} == {"completed"}
    told, notes = set(), set()
    for ticket in world.tickets.values():
        call_id = str(ticket.external_id)
        assert set(world.by_call[call_id].values()) == {1}, world.by_call[call_id]
        (metadata,) = ticket.metadata
        assert isinstance(metadata, CallMetadata)
        told.add((ticket.status, ticket.custom_status, str(metadata).replace(call_id, "ID")))
        notes.add("\n".join(ticket.comments).replace(call_id, "ID"))
    assert len(told) == len(notes) == 1, (told, notes)


async def test_an_unanswered_call_is_missed_once_stragglers_had_their_time(stage: Stage) -> None:
    """A `completed` alone starts the correlation, and after the grace the ticket is told of a missed call."""
    status = await stage.play("m-1", COMPLETED)
    assert status.state == "missed"
    await stage.until("m-1", done(FINAL))
    (ticket,) = stage.world.tickets.values()
    assert ticket.marks == ["[call m-1 · started]", "[call m-1 · missed]"]
    assert ticket.custom_status is None
    assert stage.world.created[0].in_call is False
    assert stage.world.counts == {"search_tickets": 1, "create_ticket": 1, "update_ticket": 1}


async def test_an_answer_after_missed_corrects_the_ticket_once(stage: Stage) -> None:
    """A late `answered` leads to one correcting note and metadata; a late `started` and repetitions to nothing."""
    await stage.play("m-2", COMPLETED)
    await stage.until("m-2", done(FINAL))
    await stage.play("m-2", ANSWERED, ANSWERED, STARTED, ANSWERED)
    status = await stage.until("m-2", done("update_ticket-correct-1"))
    (ticket,) = stage.world.tickets.values()
    assert status.state == "completed"
    assert len(status.events) == 3
    assert ticket.marks == ["[call m-2 · started]", "[call m-2 · missed]", "[call m-2 · corrected]"]
    assert stage.world.updates[-1].change.status is None
    assert [pop.state for pop in status.screen_pops] == ["not_needed"]
    await stage.play("m-2", STARTED, COMPLETED)
    assert stage.world.counts["update_ticket"] == 2


async def test_a_second_late_agent_is_a_second_correction(stage: Stage) -> None:
    """Each thing the ticket did not know yet has a numbered correction of its own."""
    await stage.play("m-3", COMPLETED)
    await stage.until("m-3", done(FINAL))
    await stage.play("m-3", ANSWERED)
    await stage.until("m-3", done("update_ticket-correct-1"))
    await stage.play("m-3", ANSWERED, agent=OTHER_AGENT)
    await stage.until("m-3", done("update_ticket-correct-2"))
    (ticket,) = stage.world.tickets.values()
    assert ticket.marks[-2:] == ["[call m-3 · corrected]", "[call m-3 · corrected 2]"]
    assert "Agents: Agent Smith (a-9876543210), Agent Jones (a-2)" in ticket.comments[-1]


async def test_a_late_answer_never_undoes_what_the_agent_did(stage: Stage) -> None:
    """A correcting update of a ticket that is gone is recorded, and creates nothing."""
    await stage.play("m-4", COMPLETED)
    await stage.until("m-4", done(FINAL))
    stage.world.tickets.clear()
    await stage.play("m-4", ANSWERED)
    status = await stage.until("m-4", lambda s: s.warnings)
    assert "the ticket is gone or closed" in status.warnings[0]
    assert stage.world.counts["create_ticket"] == 1
    assert not status.needs_attention


async def test_a_transfer_pops_for_both_agents_and_names_both(stage: Stage) -> None:
    """A second agent gets a screen pop of their own; the note names both, the metadata the last."""
    await stage.play("t-1", STARTED)
    await stage.until("t-1", has_ticket)
    await stage.play("t-1", ANSWERED)
    await stage.until("t-1", shown())
    await stage.play("t-1", ANSWERED, agent=OTHER_AGENT)
    await stage.until("t-1", shown(OTHER_AGENT))
    await stage.play("t-1", COMPLETED)
    await stage.until("t-1", done(FINAL))
    (ticket,) = stage.world.tickets.values()
    assert stage.world.counts["patch_call"] == 2
    assert "Agents: Agent Smith (a-9876543210), Agent Jones (a-2)" in ticket.comments[-1]
    (metadata,) = ticket.metadata
    assert isinstance(metadata, CallMetadata)
    assert metadata.agent_id == OTHER_AGENT.id


async def test_an_answer_that_another_has_followed_pops_for_nobody(stage: Stage) -> None:
    """When the later answer is known already, the earlier agent's pop is not needed."""
    await stage.play("t-2", STARTED)
    await stage.until("t-2", has_ticket)
    now = datetime.now(UTC)
    await stage.send("t-2", event(ANSWERED, now, agent=OTHER_AGENT))
    await stage.until("t-2", shown(OTHER_AGENT))
    await stage.send("t-2", event(ANSWERED, now - timedelta(seconds=20)))
    status = await stage.until("t-2", lambda s: len(s.screen_pops) == 2)
    states = {pop.agent_id: pop.state for pop in status.screen_pops}
    assert states == {OTHER_AGENT.id: "shown", AGENT.id: "not_needed"}
    assert (status.agent.id if status.agent else None) == OTHER_AGENT.id
