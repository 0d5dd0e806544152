"""A person mends calls that are really stuck: through the gateway, with the vendor counting its requests."""

import asyncio
import threading

import pytest

from cli.main import app
from tests.e2e.kills import Caller
from tests.e2e.stack import OPS_TOKEN, Json, Stack, eventually


@pytest.fixture
async def house(stack: Stack) -> Stack:
    """A running system whose steps do not wait long for anything but what a test makes them wait for."""
    stack.start_gateway()
    await asyncio.to_thread(stack.start_workers, 1)
    return stack


def mend(stack: Stack, call_id: str, action: str, **more: object) -> Json:
    """A wish, as anybody with the ops token sends it."""
    wish = {"action": action, "by": "Eve", "reason": "Zendesk refuses it", **more}
    answer = stack.http.post(
        f"http://127.0.0.1:{stack.gateway_port}/calls/{call_id}/mends",
        json=wish,
        headers={"Authorization": f"Bearer {OPS_TOKEN}"},
        timeout=30,
    )
    return {"status_code": answer.status_code, **answer.json()}


def stuck(stack: Stack) -> tuple[Caller, int]:
    """A call whose final update is refused until the fault is ended."""
    caller = Caller(stack)
    caller.starts()
    caller.has_ticket()
    caller.is_answered()
    caller.is_popped()
    fault = stack.fault("update_ticket", "status", status=422, times=None, when=f"[call {caller.call_id} ")
    caller.ends()
    stack.until(caller.call_id, lambda s: s["needs_attention"])
    return caller, fault


async def test_a_refused_update_goes_out_once_however_often_retry_is_pressed(house: Stack) -> None:
    """Ten people press at the same moment: one of them does it, the vendor sees one request more and has one note."""
    await asyncio.to_thread(_retried, house)


def _retried(stack: Stack) -> None:
    caller, fault = stuck(stack)
    before = stack.counts(caller.call_id)["update_ticket"]
    stack.end_fault(fault)
    results: list[Json] = []
    people = [
        threading.Thread(target=lambda: results.append(mend(stack, caller.call_id, "retry", step="final_update")))
        for _ in range(10)
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    stack.ended(caller.call_id)
    assert sorted(r["result"] for r in results) == ["done"] + ["not_needed"] * 9
    assert stack.counts(caller.call_id)["update_ticket"] == before + 1
    assert caller.marks()[f"[call {caller.call_id} · completed]"] == 1


async def test_a_long_back_off_is_cut_short(house: Stack) -> None:
    """A step that was told to come back in an hour is tried at once, through Temporal's own reset of the activity."""
    await asyncio.to_thread(_hurried, house)


def _hurried(stack: Stack) -> None:
    caller = Caller(stack)
    stack.fault("search", "status", status=503, times=1, when=caller.customer["email"])
    stack.fault("search", "status", status=429, times=1, headers={"Retry-After": "3600"}, when=caller.customer["email"])
    caller.starts()
    stack.until(caller.call_id, lambda s: any(x["state"] == "waiting" for x in s["steps"]))
    # The process itself holds back as well: another worker would not.
    stack.workers[0].kill()
    stack.start_worker()
    stack.until_log("worker-2", "worker serves")
    assert mend(stack, caller.call_id, "retry")["result"] == "done"
    caller.has_ticket()
    assert stack.counts(caller.call_id)["search"] == 3


async def test_another_ticket_a_skipped_step_and_an_end_by_hand(house: Stack) -> None:
    """Each ends the call rightly, and nothing that was written is written again."""
    await asyncio.to_thread(_others, house)


def _others(stack: Stack) -> None:
    caller, fault = stuck(stack)
    other = stack.sim("POST", "/tickets", {"subject": "other", "requester": {"name": "Else"}})["ticket"]["id"]
    stack.end_fault(fault)
    assert mend(stack, caller.call_id, "use_ticket", ticket_id=other)["result"] == "done"
    status = stack.ended(caller.call_id)
    assert status["ticket_id"] == other
    assert caller.marks() == {f"[call {caller.call_id} · started]": 1, f"[call {caller.call_id} · completed]": 1}

    caller, fault = stuck(stack)
    before = stack.counts(caller.call_id)
    assert mend(stack, caller.call_id, "skip")["result"] == "done"
    stack.until(caller.call_id, lambda s: not s["needs_attention"])
    assert stack.counts(caller.call_id) == before
    stack.end_fault(fault)

    caller = Caller(stack)
    caller.starts()
    caller.has_ticket()
    assert mend(stack, caller.call_id, "end")["result"] == "done"
    assert stack.ended(caller.call_id)["state"] == "end_not_reported"
    assert mend(stack, "nobody", "end")["status_code"] == 404


@pytest.fixture
def as_operator(house: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The command line beside that gateway."""
    monkeypatch.setenv("API_PORT", str(house.gateway_port))
    monkeypatch.setenv("OPS_TOKEN", OPS_TOKEN)
    return house


async def test_the_command_line_says_what_it_will_do_and_does_it(
    as_operator: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence comes first; without a terminal it asks for --yes."""
    await asyncio.to_thread(_typed, as_operator)
    said = capsys.readouterr().out
    assert "Will not create another." in said


def _typed(stack: Stack) -> None:
    caller, fault = stuck(stack)
    stack.end_fault(fault)
    with pytest.raises(SystemExit) as leaving:
        app(["call", "retry", caller.call_id, "--reason", "mended", "--by", "Eve", "--yes"])
    assert not leaving.value.code
    eventually(lambda: caller.marks().get(f"[call {caller.call_id} · completed]"))
