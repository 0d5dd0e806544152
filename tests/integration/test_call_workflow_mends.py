"""What a person does to a call that is stuck happens once, repeats nothing, and is kept."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateFailedError

from tests.integration.test_call_workflow_updates import answered
from tests.twins.calls import COMPLETED, FINAL, STARTED, Stage, done, has_ticket, until
from workflows.domain.customer import Customer
from workflows.domain.errors import Failure
from workflows.domain.mend import Mend, MendAction, Mended, MendResult
from workflows.domain.status import CallStatus
from workflows.ports import CALL_MEND_UPDATE

pytest_plugins = ("tests.twins.fixtures",)


async def mended(stage: Stage, call_id: str, action: MendAction, **fields: object) -> Mended:
    """What came of a person's wish."""
    known: dict[str, object] = {"id": f"{action}-1", "by": "Eve", "reason": "the vendor refuses it"}
    wish = Mend(action=action, **{**known, **fields})  # type: ignore[arg-type]
    answer: Mended = await stage.handle(call_id).execute_update(CALL_MEND_UPDATE, wish, result_type=Mended)
    return answer


async def stuck(stage: Stage, call_id: str) -> CallStatus:
    """A call whose final update Zendesk refuses, even without its status."""
    await answered(stage, call_id)
    stage.world.answers["update_ticket"] = ["refused", "refused"]
    await stage.play(call_id, COMPLETED)
    return await stage.until(call_id, lambda s: s.needs_attention)


async def test_a_stuck_call_says_what_can_be_done_and_what_that_will_do(stage: Stage) -> None:
    """Cause, words and the sentences of the buttons come from the call itself; a call that is well offers less."""
    status = await stuck(stage, "m-1")
    (cause,) = status.causes
    assert (cause.step, cause.cause) == ("final_update", Failure.STEP_REFUSED)
    assert "refuses to update ticket 1001" in cause.text
    assert set(status.mends) == {"retry", "use_ticket", "skip", "end"}
    assert "Will update ticket 1001. Will not create another." in status.mends["retry"]
    await stage.play("m-1b", STARTED)
    well = await stage.until("m-1b", lambda s: set(s.mends) == {"end"})
    assert well.causes == []


async def test_a_refused_step_is_tried_again(stage: Stage) -> None:
    """Retry sends the update once more, and the call is told; the ledger knows who asked for it, and why."""
    await stuck(stage, "m-2")
    told = await mended(stage, "m-2", MendAction.RETRY, step="final_update")
    assert (told.result, told.hurry) == (MendResult.DONE, True)
    status = await stage.until_told("m-2")
    assert (status.needs_attention, status.causes) == (False, [])
    assert stage.world.tickets[1001].marks.count("[call m-2 · completed]") == 1
    assert stage.world.counts["update_ticket"] == 3
    kept = stage.world.mends["retry-1"]
    assert (kept.mend.by, kept.mend.reason, kept.mended.result) == ("Eve", "the vendor refuses it", "done")


@pytest.mark.parametrize("ids", [("a", "a"), ("a", "b")], ids=["one person twice", "two people"])
async def test_two_wishes_at_once_do_one_thing(stage: Stage, ids: tuple[str, str]) -> None:
    """Pressed twice it has one answer; of two people the second learns that nothing was left to do."""
    call_id = f"m-3{ids[1]}"
    await stuck(stage, call_id)
    first, second = await asyncio.gather(
        *(mended(stage, call_id, MendAction.RETRY, id=name, step="final_update") for name in ids)
    )
    await stage.until_told(call_id)
    assert stage.world.counts["update_ticket"] == 3
    results = sorted([first.result, second.result])
    assert results == (["done", "done"] if ids[0] == ids[1] else ["done", "not_needed"])


async def test_another_ticket_is_used_instead(stage: Stage) -> None:
    """The note goes to the ticket a person chose, once; nothing further goes to the one before."""
    await stuck(stage, "m-4")
    other = stage.world.add_ticket(requester=Customer(email="else@example.com"))
    told = await mended(stage, "m-4", MendAction.USE_TICKET, ticket_id=other.id)
    assert (told.result, told.text) == (MendResult.DONE, f"This call goes on with ticket {other.id}.")
    status = await stage.until_told("m-4")
    assert (status.ticket_id, status.needs_attention) == (other.id, False)
    assert other.marks == ["[call m-4 · completed]"]
    assert stage.world.tickets[1001].marks == ["[call m-4 · started]"]
    assert stage.world.saved["m-4", 1].memory.left == [1001]


async def test_a_note_that_reached_the_first_ticket_is_not_written_to_the_second(stage: Stage) -> None:
    """When the first ticket turns out to have the note, it stays the call's ticket."""
    await answered(stage, "m-5")
    stage.world.answers["update_ticket"] = ["acted outcome_unknown", "outcome_unknown"]
    stage.world.answers["list_comments"] = ["incomplete"]
    await stage.play("m-5", COMPLETED)
    await stage.until("m-5", lambda s: s.needs_attention)
    other = stage.world.add_ticket(requester=Customer(email="else@example.com"))
    await mended(stage, "m-5", MendAction.USE_TICKET, ticket_id=other.id)
    status = await stage.until_told("m-5")
    assert (status.ticket_id, other.marks) == (1001, [])
    assert stage.world.tickets[1001].marks.count("[call m-5 · completed]") == 1


async def test_a_ticket_that_is_gone_leads_on_to_the_next(stage: Stage) -> None:
    """A person's choice that does not exist is found out by reading it; the call then looks for a ticket as ever."""
    await stuck(stage, "m-6")
    await mended(stage, "m-6", MendAction.USE_TICKET, ticket_id=99)
    status = await stage.until_told("m-6")
    assert status.ticket_id not in (None, 99)
    assert stage.world.counts["read_ticket"] >= 1


async def test_a_step_is_skipped(stage: Stage) -> None:
    """The call goes on without the update; its ticket keeps what it has, and the call is over for us."""
    await stuck(stage, "m-7")
    told = await mended(stage, "m-7", MendAction.SKIP)
    assert told.result == MendResult.DONE
    status = await stage.until_told("m-7")
    assert (status.needs_attention, stage.world.counts["update_ticket"]) == (False, 2)
    assert [s.state for s in status.steps if s.activity_id.startswith(FINAL)] == ["skipped", "skipped"]
    assert stage.world.tickets[1001].marks == ["[call m-7 · started]"]


async def test_a_call_without_an_end_is_ended(stage: Stage) -> None:
    """Its ticket is told that the end was not reported; a `completed` that comes later corrects it."""
    await answered(stage, "m-8")
    told = await mended(stage, "m-8", MendAction.END)
    assert told.result == MendResult.DONE
    status = await stage.until_told("m-8")
    assert status.state == "end_not_reported"
    await stage.play("m-8", COMPLETED)
    await stage.until("m-8", done("update_ticket-correct-1"))
    assert stage.world.tickets[1001].marks[1:] == ["[call m-8 · end not reported]", "[call m-8 · corrected]"]


async def test_a_write_that_is_under_way_is_not_overtaken(stage: Stage) -> None:
    """A person who skips what is being written at that moment learns that it went through; it is written once."""
    await answered(stage, "m-9")
    stage.world.held["update_ticket"] = asyncio.Event()
    await stage.play("m-9", COMPLETED)
    await until(lambda: stage.world.at_once["update_ticket"])
    skipping = asyncio.create_task(mended(stage, "m-9", MendAction.SKIP))
    await asyncio.sleep(0.2)
    stage.world.held.pop("update_ticket").set()
    assert (await skipping).result == MendResult.NOT_NEEDED
    status = await stage.until_told("m-9")
    assert stage.world.tickets[1001].marks.count("[call m-9 · completed]") == 1
    assert not status.needs_attention


async def test_a_create_that_is_refused_gives_way_to_a_chosen_ticket(stage: Stage) -> None:
    """A call that could not get a ticket goes on with one that a person names."""
    stage.world.answers["create_ticket"] = ["refused", "refused"]
    await stage.play("m-10", STARTED)
    await stage.until("m-10", lambda s: s.needs_attention)
    other = stage.world.add_ticket(requester=Customer(email="else@example.com"))
    await mended(stage, "m-10", MendAction.USE_TICKET, ticket_id=other.id)
    await stage.until("m-10", has_ticket)
    await stage.play("m-10", COMPLETED)
    await stage.until_told("m-10")
    assert other.marks == ["[call m-10 · missed]"]
    assert stage.world.counts["create_ticket"] == 2


async def test_what_no_call_could_do_is_refused_before_it_is_kept(stage: Stage) -> None:
    """An unknown action, a missing reason, a ticket too many, what no ledger can keep: a sentence, and no history."""
    await stage.play("m-11", STARTED)
    await stage.until("m-11", has_ticket)
    for wish in (
        {"action": "dance"},
        {"reason": " "},
        {"ticket_id": 5},
        {"by": "Eve\x00"},
        {"reason": "\x1b[2J"},
        {"step": "\x00"},
    ):
        with pytest.raises(WorkflowUpdateFailedError):
            await mended(stage, "m-11", **{"action": MendAction.RETRY, **wish})  # type: ignore[arg-type]
    history = await stage.handle("m-11").fetch_history()
    assert not any(event.HasField("workflow_execution_update_accepted_event_attributes") for event in history.events)
