"""What may happen to calls while workers of one version give way to those of another."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.reliability.versions.fleet import Fleet
from tests.reliability.versions.variants import GuardedCallWorkflow, UnguardedCallWorkflow
from tests.twins.calls import COMPLETED, event
from workflows.call import CallWorkflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How the calls of one scene ended: `wrong` names those that are not as they should be."""

    calls: int
    wrong: list[str]
    task_failures: int
    patched: int


async def upgraded(fleet: Fleet, name: str, n: int) -> Told:
    """Calls begin under today's code, half of them are answered; the next release takes over and ends them."""
    return await _replaced(fleet, name, n, CallWorkflow, GuardedCallWorkflow)


async def at_once(fleet: Fleet, name: str, n: int) -> Told:
    """Both versions serve the same calls, from their beginning to their end."""
    await fleet.serve(CallWorkflow, GuardedCallWorkflow)
    calls = [f"{name}-{number}" for number in range(n)]
    await asyncio.gather(*(fleet.start(call) for call in calls))
    await asyncio.gather(*(fleet.end(call) for call in calls))
    return await _told(fleet, calls)


async def rolled_back(fleet: Fleet, name: str, n: int) -> Told:
    """Calls begin under the next release, which is taken back: they stand still, and end when it returns."""
    return await _stands_still(fleet, name, n, GuardedCallWorkflow, CallWorkflow)


async def unguarded(fleet: Fleet, name: str, n: int) -> Told:
    """The change without its guard meets calls that began without it: they stand still until it is taken back."""
    return await _stands_still(fleet, name, n, CallWorkflow, UnguardedCallWorkflow)


SCENES: dict[str, Callable[[Fleet, str, int], Awaitable[Told]]] = {
    "upgraded": upgraded,
    "at-once": at_once,
    "rolled-back": rolled_back,
    "unguarded": unguarded,
}


async def _replaced(fleet: Fleet, name: str, n: int, before: type[Any], after: type[Any]) -> Told:
    await fleet.serve(before)
    calls = [f"{name}-{number}" for number in range(n)]
    await asyncio.gather(*(fleet.start(call, answered=k % 2 == 1) for k, call in enumerate(calls)))
    await fleet.serve(after)
    await asyncio.gather(*(fleet.end(call) for call in calls))
    return await _told(fleet, calls)


async def _stands_still(fleet: Fleet, name: str, n: int, before: type[Any], wrong: type[Any]) -> Told:
    """Webhooks are taken meanwhile and nothing is written; with the right code back, every call ends as it should."""
    await fleet.serve(before)
    calls = [f"{name}-{number}" for number in range(n)]
    await asyncio.gather(*(fleet.start(call) for call in calls))
    await fleet.serve(wrong)
    for call in calls:
        await fleet.stage.send(call, event(COMPLETED))
    failed: dict[str, int] = {}
    for call in calls:
        failed[call] = await _failed(fleet, call)
    ended = [call for call in calls if fleet.wrong(call) is None]
    await fleet.serve(before)
    await asyncio.gather(*(fleet.end(call) for call in calls))
    told = await _told(fleet, calls)
    wrongs = told.wrong + [f"{call} was ended by code that cannot know how" for call in ended]
    return Told(calls=n, wrong=wrongs, task_failures=sum(failed.values()), patched=told.patched)


async def _failed(fleet: Fleet, call: str) -> int:
    seen = 0

    async def look() -> None:
        nonlocal seen
        while not seen:
            seen = await fleet.task_failures(call)
            await asyncio.sleep(0.1)

    async with asyncio.timeout(60):
        await look()
    return seen


async def _told(fleet: Fleet, calls: list[str]) -> Told:
    await asyncio.gather(*(fleet.over(call) for call in calls))
    wrong = [text for call in calls if (text := fleet.wrong(call)) is not None]
    failures = sum([await fleet.task_failures(call) for call in calls])
    patched = sum([await fleet.patched(call) for call in calls])
    return Told(calls=len(calls), wrong=wrong, task_failures=failures, patched=patched)
