"""Which ticket a call ends on, whatever the help desk answers on the way."""

import pytest

from tests.twins.calls import (
    ANSWERED,
    COMPLETED,
    IN_CALL_UPDATE,
    STARTED,
    Stage,
    has_ticket,
    until,
)
from tests.twins.world import TwinTicket
from workflows.domain.customer import Customer
from workflows.domain.status import CallStatus
from workflows.domain.ticket import CallMetadata
from workflows.ports import TicketOfOthers

pytest_plugins = ("tests.twins.fixtures",)


async def to_the_end(stage: Stage, call_id: str, **fields: object) -> CallStatus:
    """The three events at once, until the final update is through."""
    await stage.play(call_id, STARTED, ANSWERED, COMPLETED, **fields)
    return await stage.until_told(call_id)


def note_of(ticket: TwinTicket) -> str:
    """The one note with metadata on it."""
    (metadata,) = ticket.metadata
    assert isinstance(metadata, CallMetadata)
    return ticket.marks[-1]


async def test_a_named_ticket_is_used_after_reading_it(stage: Stage) -> None:
    """A ticket id in the payload needs no search, whatever its status short of closed."""
    ticket = stage.world.add_ticket(status="solved")
    status = await to_the_end(stage, "n-1", ticket_id=ticket.id)
    assert (status.ticket_id, status.ticket_origin) == (ticket.id, "payload")
    assert stage.world.counts["read_ticket"] == 1
    assert not stage.world.counts.keys() & {"search_tickets", "create_ticket"}
    assert note_of(ticket) == "[call n-1 · completed]"


async def test_a_named_ticket_that_does_not_exist_is_passed_over(stage: Stage) -> None:
    """After a 404 the call is correlated as if no ticket had been named."""
    known = stage.world.add_ticket(requester=Customer(email="user@example.com"))
    status = await to_the_end(stage, "n-2", ticket_id=77)
    assert (status.ticket_id, status.ticket_origin) == (known.id, "search")
    assert stage.world.counts["read_ticket"] == 1
    # The ledger matches calls that lost the same ticket; this one was never there, for no stranger who names it either.
    assert [saved.memory.excluded for (call_id, _), saved in stage.world.saved.items() if call_id == "n-2"] == [[]]


async def test_a_named_ticket_that_is_closed_is_followed_up(stage: Stage) -> None:
    """The follow-up names the closed ticket, in its link and in its first comment; nothing else is searched."""
    closed = stage.world.add_ticket(status="closed")
    status = await to_the_end(stage, "n-3", ticket_id=closed.id)
    assert (status.ticket_id, status.ticket_origin) == (1002, "follow_up")
    assert stage.world.tickets[1002].follows == closed.id
    assert f"Follow-up of ticket {closed.id}, which is closed." in stage.world.tickets[1002].comments[0]
    assert closed.comments == []
    assert "search_tickets" not in stage.world.counts


async def test_a_refused_ticket_is_created_plainly(stage: Stage) -> None:
    """After a 422 the create is sent once more, with the next key and only what it cannot do without."""
    stage.world.answers["create_ticket"] = ["refused"]
    status = await to_the_end(stage, "n-4")
    assert status.ticket_origin == "created"
    assert not status.needs_attention
    assert [(t.plain, t.external_id) for t in stage.world.created] == [(False, "n-4"), (True, "n-4")]
    assert stage.world.keys == [1, 2]
    assert stage.world.alerts == []


@pytest.mark.parametrize("named", [None, 77])
async def test_a_ticket_refused_twice_needs_a_person(stage: Stage, named: int | None) -> None:
    """With no fallback left the call stays open, says why, alerts once, and creates no more."""
    call_id = f"n-5-{named}"
    stage.world.answers["create_ticket"] = ["refused"] * 10
    await stage.play(call_id, STARTED, ANSWERED, ticket_id=named)
    status = await stage.until(call_id, lambda s: s.needs_attention)
    await until(lambda: stage.world.alerts)
    status = await stage.play(call_id, COMPLETED)
    await stage.until(call_id, lambda _: stage.world.saved[(call_id, 1)].status.state == "completed")
    assert status.attention is not None
    assert "Zendesk refuses to create a ticket" in status.attention
    assert stage.world.counts["create_ticket"] == 2
    assert [alert.kind for alert in stage.world.alerts] == ["call_needs_attention"]
    assert (await stage.handle(call_id).describe()).close_time is None


async def test_a_create_of_unknown_outcome_is_looked_for(stage: Stage) -> None:
    """The ticket that an attempt without an answer made is found by its external id, and is the call's own."""
    stage.world.answers["create_ticket"] = ["acted outcome_unknown"]
    status = await to_the_end(stage, "n-6")
    assert (status.ticket_id, status.ticket_origin, len(stage.world.tickets)) == (1001, "created", 1)
    assert stage.world.counts["find_by_external_id"] == 1


async def test_a_create_that_never_happened_is_sent_again(stage: Stage) -> None:
    """When nothing is found by the external id, the create goes out with the next key."""
    stage.world.answers["create_ticket"] = ["outcome_unknown"]
    status = await to_the_end(stage, "n-7")
    assert (status.ticket_id, len(stage.world.tickets)) == (1001, 1)
    assert stage.world.keys == [1, 2]
    assert [t.plain for t in stage.world.created] == [False, False]


async def test_a_used_key_is_looked_for_and_else_counts_as_refused(stage: Stage) -> None:
    """After a 400 the external id is looked up; if nothing is found the plain ticket is created."""
    stage.world.answers["create_ticket"] = ["key_conflict"]
    await to_the_end(stage, "n-8")
    assert stage.world.counts["find_by_external_id"] == 1
    assert [t.plain for t in stage.world.created] == [False, True]


async def test_a_call_joins_the_ticket_another_made_meanwhile(stage: Stage) -> None:
    """A create that the gate answers with a matching call's ticket makes none."""
    other = stage.world.add_ticket(requester=Customer(email="other@example.com"))
    stage.world.answers["create_ticket"] = ["joined"]
    status = await to_the_end(stage, "n-9")
    assert (status.ticket_id, status.ticket_origin) == (other.id, "recent")
    assert {s.activity_id: s.state for s in status.steps}["create_ticket"] == "skipped"


async def test_a_create_of_another_call_is_looked_for_first(stage: Stage) -> None:
    """When an earlier matching call has a create of unknown outcome, its ticket is looked up and used."""
    other = stage.world.add_ticket(external_id="c-other")
    stage.world.recent = TicketOfOthers(lookup_external_ids=["c-gone", "c-other"])
    status = await to_the_end(stage, "n-10")
    assert (status.ticket_id, status.ticket_origin) == (other.id, "recent")


async def test_a_ticket_that_is_gone_is_replaced(stage: Stage) -> None:
    """A 404 in mid-call leads to another correlation without that ticket; its successor gets the one note."""
    await stage.play("n-11", STARTED)
    await stage.until("n-11", has_ticket)
    stage.world.recent = TicketOfOthers(ticket_id=1001)
    stage.world.tickets.pop(1001)
    stage.world.add_ticket(requester=Customer(email="nobody@example.com"))
    await stage.play("n-11", ANSWERED, COMPLETED)
    status = await stage.until_told("n-11")
    assert status.ticket_id is not None
    assert status.ticket_origin == "created"
    successor = stage.world.tickets[status.ticket_id]
    assert (note_of(successor), successor.custom_status) == ("[call n-11 · completed]", None)
    assert stage.world.created[-1].in_call is False
    assert stage.world.keys == [1, 2]


async def test_a_ticket_closed_in_mid_call_is_followed_up(stage: Stage) -> None:
    """A refused final update is explained by reading the ticket; the note goes to one follow-up of it."""
    await stage.play("n-12", STARTED)
    await stage.until("n-12", has_ticket)
    closed = stage.world.tickets[1001]
    closed.written_by_agent(status="closed")
    await stage.play("n-12", ANSWERED, COMPLETED)
    status = await stage.until_told("n-12")
    assert not status.needs_attention
    follow_up = stage.world.tickets[1002]
    assert (follow_up.follows, note_of(follow_up)) == (closed.id, "[call n-12 · completed]")
    assert f"ticket {closed.id}" in follow_up.comments[0]
    assert closed.marks == ["[call n-12 · started]"]


async def test_a_found_ticket_that_is_closed_is_replaced_while_the_call_lasts(stage: Stage) -> None:
    """When the In-Call update meets a closed ticket, the follow-up is In-Call from the start."""
    ticket = stage.world.add_ticket(requester=Customer(email="user@example.com"))
    stage.world.answers["update_ticket"] = ["refused"]
    search = stage.world.hold("update_ticket")
    await stage.play("n-13", STARTED)
    await stage.until("n-13", has_ticket)
    ticket.written_by_agent(status="closed")
    search.set()
    status = await stage.until("n-13", lambda s: s.ticket_origin == "follow_up")
    assert stage.world.tickets[1002].custom_status == "In-Call"
    assert {s.activity_id: s.state for s in status.steps}[IN_CALL_UPDATE] in ("done", "refused")
