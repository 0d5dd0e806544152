"""Memory of gateway and worker over many webhooks, and how long the gateway's list of recent ones gets."""

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx2 as httpx

from api.recent import Recent
from tests.e2e.stack import Stack
from tests.e2e.waiting import eventually
from tests.e2e.webhooks import payload, signed
from tests.reliability.report import progress

DELIVERIES = 3
"""How often each event is sent."""
_PER_CALL = 3 * DELIVERIES + 1
_AT_ONCE = 8
_GROWTH, _SLACK_MB = 1.15, 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """After so many webhooks: resident memory of both processes in MB."""

    webhooks: int
    gateway_mb: float
    worker_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """`answers`: how many webhooks were answered how; `steps` at equal distances, the first after warming up."""

    calls: int
    ended: int
    answers: dict[str, int]
    steps: list[Step]

    @property
    def flat(self) -> bool:
        """Whether the last step is no higher than the first, but for what an allocator keeps."""
        first, last = self.steps[0], self.steps[-1]
        pairs = ((first.gateway_mb, last.gateway_mb), (first.worker_mb, last.worker_mb))
        return all(after <= before * _GROWTH + _SLACK_MB for before, after in pairs)


async def measure(folder: Path, *, webhooks: int, seed: int, steps: int = 4) -> Memory:
    """Short calls, each event sent several times in any order, and one unknown event a call."""
    random, taken, answers = Random(seed), list[Step](), dict[str, int]()
    calls, ended = webhooks // _PER_CALL, 0
    with Stack(folder=folder, settings={"CALL_LINGER_S": "0", "CALL_GRACE_S": "0"}) as stack:
        await stack.set_up()
        stack.start_gateway()
        stack.start_workers(1)
        for step in range(steps):
            numbers = range(step * calls // steps, (step + 1) * calls // steps)
            await _send(stack, [body for number in numbers for body in _of_call(random, number)], answers)
            ended = _all_ended(stack, numbers.stop)
            sizes = {"gateway_mb": rss_mb(stack.gateways[0].pid), "worker_mb": rss_mb(stack.workers[0].pid)}
            taken.append(Step(webhooks=sum(answers.values()), **sizes))
            progress(f"{taken[-1]}")
    return Memory(calls=calls, ended=ended, answers=answers, steps=taken)


def longest_list(keys: int) -> tuple[int, int]:
    """The most entries the gateway's list had while so many different events were acknowledged, and its bound."""
    recent, most = Recent(), 0
    for number in range(keys):
        recent.remember(f"c-{number}", "call.started", number / 1000)
        most = max(most, len(recent))
    return most, Recent()._max_entries


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MB, from Linux."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def _of_call(random: Random, number: int) -> list[bytes]:
    customer = {"email": f"m{number}@example.com", "phone_number": None}
    kinds = ["started", "answered", "completed"] * DELIVERIES
    random.shuffle(kinds)
    bodies = [payload(kind, f"m-{number}", customer=customer) for kind in [*kinds, "transferred_to_nowhere"]]
    return [json.dumps(body).encode() for body in bodies]


async def _send(stack: Stack, bodies: list[bytes], answers: dict[str, int]) -> None:
    url = f"http://127.0.0.1:{stack.gateway_port}/webhooks/calls"
    waiting = iter(bodies)

    async def one(http: httpx.AsyncClient) -> None:
        for body in waiting:
            answer = await http.post(url, content=body, headers=signed(body))
            said = answer.json().get("status", answer.status_code)
            answers[str(said)] = answers.get(str(said), 0) + 1

    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        await asyncio.gather(*(one(http) for _ in range(_AT_ONCE)))


def _all_ended(stack: Stack, calls: int) -> int:
    """How many calls have their last note, once all have: memory is compared with nothing under way."""

    def ended() -> int:
        marks = stack.books()["counts"]["notes_by_mark"]
        found = sum(mark.endswith("· completed]") for mark in marks)
        return found if found >= calls else 0

    return eventually(ended, limit_s=600)
