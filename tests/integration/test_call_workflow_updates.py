"""What a ticket is told, without undoing anybody's work and without telling it twice."""

import pytest
from temporalio.exceptions import ApplicationError

from tests.twins.calls import (
    ANSWERED,
    COMPLETED,
    FINAL,
    IN_CALL_UPDATE,
    STARTED,
    Stage,
    done,
    has_ticket,
    until,
)
from tests.twins.world import failing
from workflows.domain.customer import Customer
from workflows.domain.errors import Failure
from workflows.domain.status import CallStatus

pytest_plugins = ("tests.twins.fixtures",)


async def answered(stage: Stage, call_id: str) -> None:
    """A call in conversation on a ticket that was created for it."""
    await stage.play(call_id, STARTED, ANSWERED)
    await stage.until(call_id, has_ticket)
    await until(lambda: stage.world.pops)


async def ended(stage: Stage, call_id: str) -> CallStatus:
    """The call is over, and its ticket told."""
    await stage.play(call_id, COMPLETED)
    return await stage.until_told(call_id)


async def test_what_the_agent_did_meanwhile_is_kept(stage: Stage) -> None:
    """A ticket that the agent solved during the call stays solved, and gets note and metadata all the same."""
    await answered(stage, "u-1")
    ticket = stage.world.tickets[1001]
    ticket.written_by_agent(status="solved", custom_status=None)
    status = await ended(stage, "u-1")
    assert (ticket.status, ticket.marks[-1]) == ("solved", "[call u-1 · completed]")
    assert len(ticket.metadata) == 1
    assert [u.change.status for u in stage.world.updates] == ["open", None]
    assert stage.world.counts["read_ticket"] == 1
    assert not status.needs_attention


async def test_an_agents_status_of_their_own_is_kept(stage: Stage) -> None:
    """A custom status that is neither In-Call nor the one before is an agent's, and is not taken away."""
    ticket = stage.world.add_ticket(requester=Customer(email="user@example.com"))
    await stage.play("u-2", STARTED)
    await stage.until("u-2", done(IN_CALL_UPDATE))
    ticket.written_by_agent(custom_status="Waiting for parts")
    await ended(stage, "u-2")
    assert (ticket.status, ticket.custom_status) == ("open", "Waiting for parts")
    assert ticket.marks == ["[call u-2 · missed]"]


async def test_a_comment_by_the_agent_does_not_keep_the_ticket_in_call(stage: Stage) -> None:
    """When somebody wrote but left In-Call alone, the status after the call is sent with the new stamp."""
    await answered(stage, "u-3")
    ticket = stage.world.tickets[1001]
    ticket.written_by_agent(comments=[*ticket.comments, "I am on it"])
    await ended(stage, "u-3")
    assert (ticket.status, ticket.custom_status) == ("open", None)
    assert ticket.marks == ["[call u-3 · started]", "I am on it", "[call u-3 · completed]"]


async def test_an_update_without_an_answer_that_was_made_is_not_made_again(stage: Stage) -> None:
    """After an unknown outcome the ticket is read and its comments searched: a note that is there is not repeated."""
    await answered(stage, "u-4")
    stage.world.answers["update_ticket"] = ["acted outcome_unknown"]
    await stage.play("u-4", COMPLETED)
    await stage.until("u-4", done("list_comments"))
    await stage.until_told("u-4")
    ticket = stage.world.tickets[1001]
    assert ticket.marks == ["[call u-4 · started]", "[call u-4 · completed]"]
    assert stage.world.counts["update_ticket"] == 1
    assert stage.world.counts["read_ticket"] == 1


async def test_an_update_that_was_never_made_is_made(stage: Stage) -> None:
    """After an unknown outcome without a trace on the ticket, the note is written with the stamp just read."""
    await answered(stage, "u-5")
    stage.world.answers["update_ticket"] = ["outcome_unknown"]
    await stage.play("u-5", COMPLETED)
    await stage.until("u-5", done(f"{FINAL} 2"))
    assert stage.world.tickets[1001].marks == ["[call u-5 · started]", "[call u-5 · completed]"]
    assert [(u.looked_until, u.change.stamp) for u in stage.world.updates] == [(0, "r1"), (1, "r1")]


async def test_an_update_that_is_asked_again_is_not_said_to_be_done(stage: Stage) -> None:
    """While its outcome is unknown the account shows one request, retrying and why; then one that is done."""
    await answered(stage, "u-13")
    stage.world.answers["update_ticket"] = ["outcome_unknown"] * 4
    await stage.play("u-13", COMPLETED)
    retrying = await stage.until("u-13", lambda s: any(x.state == "retrying" for x in s.steps))
    assert [bool(s.last_error) for s in retrying.steps if s.name == "update_ticket"] == [True]
    status = await stage.until("u-13", done(f"{FINAL} 5"))
    assert [(s.state, s.attempts) for s in status.steps if s.name == "update_ticket"] == [("done", 5)]


async def test_a_status_that_was_refused_is_told_of_even_when_the_answer_to_the_note_was_lost(stage: Stage) -> None:
    """The note is found on the ticket, which may still say In-Call: a person must hear of it."""
    await answered(stage, "u-14")
    stage.world.answers["update_ticket"] = ["refused", "acted outcome_unknown"]
    await stage.play("u-14", COMPLETED)
    status = await stage.until("u-14", lambda s: s.needs_attention)
    assert "may still say In-Call" in (status.attention or "")
    assert stage.world.tickets[1001].marks == ["[call u-14 · started]", "[call u-14 · completed]"]


async def test_comments_that_cannot_be_read_whole_leave_it_to_a_person(stage: Stage) -> None:
    """Rather than risk a second note, the call stays open and needs attention."""
    await answered(stage, "u-6")
    stage.world.answers["update_ticket"] = ["outcome_unknown"]
    stage.world.answers["list_comments"] = ["incomplete"]
    await stage.play("u-6", COMPLETED)
    status = await stage.until("u-6", lambda s: s.needs_attention)
    assert "cannot be read whole" in (status.attention or "")
    await until(lambda: stage.world.alerts)
    assert stage.world.counts["update_ticket"] == 1
    assert (await stage.handle("u-6").describe()).close_time is None


async def test_a_refused_final_update_goes_out_without_its_status(stage: Stage) -> None:
    """After a 422 on an open ticket, note and metadata are sent alone; the ticket may be In-Call still."""
    await answered(stage, "u-7")
    stage.world.answers["update_ticket"] = ["refused"]
    await stage.play("u-7", COMPLETED)
    status = await stage.until("u-7", lambda s: s.needs_attention)
    ticket = stage.world.tickets[1001]
    assert "may still say In-Call" in (status.attention or "")
    assert (ticket.custom_status, ticket.marks[-1]) == ("In-Call", "[call u-7 · completed]")
    assert [(u.change.status, u.change.metadata is None) for u in stage.world.updates] == [
        ("open", False),
        (None, False),
    ]


async def test_a_final_update_refused_twice_needs_a_person(stage: Stage) -> None:
    """When even the note alone is refused, nothing more is sent, and the call stays open with an alert."""
    await answered(stage, "u-8")
    stage.world.answers["update_ticket"] = ["refused"] * 9
    await stage.play("u-8", COMPLETED)
    status = await stage.until("u-8", lambda s: s.needs_attention)
    assert "refuses to update ticket 1001" in (status.attention or "")
    await until(lambda: stage.world.alerts)
    assert stage.world.counts["update_ticket"] == 2
    assert (await stage.handle("u-8").describe()).close_time is None


async def test_a_refused_in_call_update_is_let_go(stage: Stage) -> None:
    """A 422 on the In-Call update of an open ticket is recorded, and the final update goes out as ever."""
    ticket = stage.world.add_ticket(requester=Customer(email="user@example.com"))
    stage.world.answers["update_ticket"] = ["refused"]
    await stage.play("u-9", STARTED)
    await stage.until("u-9", lambda s: any(x.state == "refused" for x in s.steps))
    status = await ended(stage, "u-9")
    assert not status.needs_attention
    assert ticket.marks == ["[call u-9 · missed]"]
    assert stage.world.counts["update_ticket"] == 2


async def test_updates_of_one_call_never_overlap(stage: Stage) -> None:
    """The end of a call waits for an In-Call update that is under way."""
    stage.world.add_ticket(requester=Customer(email="user@example.com"))
    update = stage.world.hold("update_ticket")
    await stage.play("u-10", STARTED)
    await until(lambda: stage.world.at_once["update_ticket"] == 1)
    await stage.play("u-10", ANSWERED, COMPLETED)
    await stage.until("u-10", lambda s: s.state == "completed")
    assert stage.world.counts["update_ticket"] == 1
    update.set()
    await stage.until_told("u-10")
    assert stage.world.most_at_once["update_ticket"] == 1


async def test_an_in_call_update_that_is_being_retried_gives_way_to_the_end(stage: Stage) -> None:
    """Once the end is known In-Call is not sent any more: only the final update is."""
    stage.world.add_ticket(requester=Customer(email="user@example.com"))
    stage.world.before = failing("update_ticket", 1)
    await stage.play("u-11", STARTED)
    await until(lambda: stage.world.counts["update_ticket"] == 1)
    status = await ended(stage, "u-11")
    assert {s.activity_id: s.state for s in status.steps}[IN_CALL_UPDATE] == "skipped"
    assert [u.final for u in stage.world.updates] == [True]


async def test_an_in_call_update_that_met_a_conflict_gives_way_to_the_end(stage: Stage) -> None:
    """An end that comes while the ticket is being read lets that end well, and In-Call is not sent again."""
    stage.world.add_ticket(requester=Customer(email="user@example.com"))
    stage.world.answers["update_ticket"] = ["conflict"]
    read = stage.world.hold("read_ticket")
    await stage.play("u-15", STARTED)
    await until(lambda: stage.world.at_once["read_ticket"] == 1)
    await stage.play("u-15", ANSWERED, COMPLETED)
    await stage.until("u-15", lambda s: s.state == "completed")
    read.set()
    status = await stage.until_told("u-15")
    assert {s.activity_id: s.state for s in status.steps}[IN_CALL_UPDATE] == "skipped"
    assert [u.final for u in stage.world.updates] == [False, True]


async def test_comments_that_are_not_there_prove_nothing_while_the_ticket_is(stage: Stage) -> None:
    """A 404 on the comments alone is no proof that the note was not written: it is left to a person."""
    await answered(stage, "u-16")
    stage.world.answers["update_ticket"] = ["acted outcome_unknown"]
    stage.world.answers["list_comments"] = ["gone"]
    await stage.play("u-16", COMPLETED)
    status = await stage.until("u-16", lambda s: s.needs_attention)
    assert "cannot be read whole" in (status.attention or "")
    assert {s.activity_id: s.state for s in status.steps}[FINAL] == "refused"
    assert stage.world.tickets[1001].marks == ["[call u-16 · started]", "[call u-16 · completed]"]


async def test_a_ticket_that_goes_while_its_comments_are_read_is_replaced(stage: Stage) -> None:
    """With the ticket gone the note is gone, and its successor gets it."""
    await answered(stage, "u-17")
    stage.world.answers["update_ticket"] = ["acted outcome_unknown"]
    stage.world.before = lambda request: stage.world.tickets.clear() if request == "list_comments" else None
    await stage.play("u-17", COMPLETED)
    status = await stage.until_told("u-17")
    assert status.ticket_id == 1002
    assert stage.world.tickets[1002].marks == ["[call u-17 · started]", "[call u-17 · completed]"]
    assert not status.needs_attention


async def test_why_a_ticket_was_left_is_told(stage: Stage) -> None:
    """The account of an update that met no ticket says so."""
    await answered(stage, "u-18")
    stage.world.answers["update_ticket"] = ["gone"]
    await stage.play("u-18", COMPLETED)
    status = await stage.until_told("u-18")
    assert [s.last_error for s in status.steps if s.name == "update_ticket"] == ["scripted", None]


@pytest.mark.parametrize("kind", [Failure.UNAVAILABLE, Failure.CREDENTIAL_REFUSED])
async def test_an_in_call_update_that_fails_after_the_calls_end_holds_nothing_up(stage: Stage, kind: Failure) -> None:
    """An attempt that nobody wants any more and that then fails is over: the final update follows at once."""
    call_id = f"u-20-{kind}"
    stage.world.add_ticket(requester=Customer(email="user@example.com"))
    held = stage.world.hold("update_ticket")
    stage.world.before = failing("update_ticket", times=1, error=ApplicationError("no", type=kind))
    await stage.play(call_id, STARTED)
    await until(lambda: stage.world.at_once["update_ticket"])
    await stage.play(call_id, COMPLETED)
    await stage.until(call_id, lambda s: s.state == "missed")
    held.set()
    status = await stage.until_told(call_id)
    assert (status.needs_attention, stage.world.tickets[1001].marks) == (False, [f"[call {call_id} · missed]"])
    assert [step.state for step in status.steps if step.activity_id == IN_CALL_UPDATE] == ["skipped"]
