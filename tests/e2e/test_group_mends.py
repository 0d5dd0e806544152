"""Thirty calls that are really stuck, mended as one group from the page, with the vendor counting its requests."""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Self

import httpx2 as httpx
import pytest

from tests.e2e.kills import Caller
from tests.e2e.stack import OPS_TOKEN, Stack, eventually, is_told

CALLS = 30
GROUP = "cause=StepRefused&step=final_update"


class Person:
    """Somebody signed in at the page."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.name = name
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{stack.gateway_port}", timeout=30)
        answer = self.http.post("/ops/sign-in", data={"token": OPS_TOKEN})
        assert answer.status_code == 303, answer.text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def form(self) -> dict[str, str]:
        """The form as it stands on the page, filled in."""
        page = self.http.get(f"/ops/attention/retry?{GROUP}").text
        fields = re.findall(r'<input[^>]*?name="(\w+)"[^>]*?value="([^"]*)"', page)
        return {**{name: unescape(value) for name, value in fields}, "by": self.name, "reason": "taken again"}

    def send(self, form: dict[str, str]) -> str:
        """Press the button; where it leads."""
        answer = self.http.post("/ops/attention/retry", data=form)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def counts(self, address: str) -> dict[str, int]:
        """What the page of a group counts, once it is finished."""
        page = eventually(lambda: text if "Finished:" in (text := self.http.get(address).text) else None, limit_s=90)
        assert page is not None
        found = re.findall(r"([\w ]+)</span></dt><dd>(\d+)</dd>", page)
        return {name.strip(): int(count) for name, count in found}


@pytest.fixture
async def house(stack: Stack) -> Stack:
    """A gateway and a worker."""
    stack.start_gateway()
    await asyncio.to_thread(stack.start_workers, 1)
    return stack


def stuck(stack: Stack, count: int) -> tuple[list[Caller], Counter[str]]:
    """So many calls whose final update was refused, the refusal lifted; and how many requests each had by then."""
    callers = [Caller(stack) for _ in range(count)]
    for caller in callers:
        caller.starts()
    for caller in callers:
        caller.has_ticket()
    fault = stack.fault("update_ticket", "status", status=422, times=None, when="[call k-")
    for caller in callers:
        caller.ends()
    for caller in callers:
        stack.until(caller.call_id, lambda s: s["needs_attention"], 60)
    stack.end_fault(fault)
    return callers, Counter({caller.call_id: updates(stack, caller) for caller in callers})


def updates(stack: Stack, caller: Caller) -> int:
    """Updates of its ticket that the vendor saw from this call."""
    return stack.counts(caller.call_id)["update_ticket"]


def ended_right(stack: Stack, callers: Sequence[Caller], before: Counter[str]) -> None:
    """Every ticket was told once, by one request more than before."""
    for caller in callers:
        stack.until(caller.call_id, is_told, 60)
    after = {caller.call_id: updates(stack, caller) for caller in callers}
    assert after == {call_id: count + 1 for call_id, count in before.items()}
    for caller in callers:
        marks = caller.marks()
        assert sum(count for mark, count in marks.items() if "missed" in mark) == 1, marks


async def test_a_group_is_mended_once_however_often_and_by_whomever_it_is_pressed(house: Stack) -> None:
    """One person presses twice, another at the same moment: each call sends one request, each ticket has one note."""
    await asyncio.to_thread(_pressed, house)


def _pressed(stack: Stack) -> None:
    callers, before = stuck(stack, CALLS)
    with Person(stack, "Eve") as eve, Person(stack, "Bob") as bob:
        eventually(lambda: f"{CALLS} calls need a person" in eve.http.get("/ops/attention").text)
        one, other = eve.form(), bob.form()
        with ThreadPoolExecutor(3) as at_once:
            first, again, second = at_once.map(
                lambda press: press[0].send(press[1]), [(eve, one), (eve, one), (bob, other)]
            )
        assert first == again != second
        counts = [eve.counts(first), bob.counts(second)]
        assert sum(count["asked to retry"] for count in counts) == CALLS, counts
        assert sum(count["not needed"] for count in counts) > 0, counts
        ended_right(stack, callers, before)
        assert eve.send(one) == first
        eventually(lambda: "No call needs a person." in eve.http.get("/ops/attention").text)
        assert sum(updates(stack, caller) for caller in callers) == sum(before.values()) + CALLS


async def test_a_group_goes_on_when_its_worker_is_killed(house: Stack) -> None:
    """The worker dies in the middle; the next one goes on, and no call is mended twice."""
    await asyncio.to_thread(_killed, house)


def _killed(stack: Stack) -> None:
    callers, before = stuck(stack, CALLS)
    with Person(stack, "Eve") as eve:
        address = eve.send(eve.form())
        eventually(lambda: stack.log("worker-1").count("mend_kept") >= CALLS // 3)
        stack.workers[0].kill()
        assert stack.log("worker-1").count("mend_kept") < CALLS
        assert eve.http.get(address).status_code in (200, 503)
        stack.start_worker()
        stack.until_log("worker-2", "worker serves")
        assert eve.counts(address)["asked to retry"] == CALLS
        ended_right(stack, callers, before)
