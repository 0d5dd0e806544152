"""Waiting for a system to come to rest, by looking at its own word, and giving up on one that stands still."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx2 as httpx

from tests.reliability.chaos.deliveries import Heard, heard
from tests.reliability.chaos.scripts import Script
from tests.reliability.chaos.sender import Sender
from tests.reliability.chaos.system import System

QUIET_S = 30.0
"""A system that has asked nothing of the vendor for so long, and still has calls untold, will not tell them."""
LIMIT_S = 900.0
"""No backlog of a run takes that long; one that still moves by then goes round in circles."""
REST_S = 5.0
"""Nothing is left to do, and nothing was done for so long: the accounts may be read one after the other."""
LOOK_EVERY_S = 0.2


@dataclass(kw_only=True)
class Settler:
    """Looks until nothing is left to do, or nothing has happened for a long time."""

    system: System
    quiet_s: float = QUIET_S
    _seen: object = None
    _moved: float = field(default_factory=time.monotonic)
    _ends: float = field(default_factory=lambda: time.monotonic() + LIMIT_S)

    async def drained(self, scripts: Sequence[Script], sender: Sender, playing: asyncio.Task[None]) -> list[str]:
        """Until the sender is through and every call with an acknowledged end is told; those that stay untold."""
        told: set[str] = set()
        while True:
            through = playing.done()
            calls = [call for call in due(heard(scripts, list(sender.deliveries))) if call.script.call_id not in told]
            untold = await asyncio.to_thread(self.system.untold, calls)
            # A promise may still grow while the sender is at it.
            told |= {call.script.call_id for call in calls} - set(untold) if through else set()
            if through and (not untold or await self._stands_still(self.quiet_s)):
                await playing
                return untold
            await asyncio.sleep(LOOK_EVERY_S)

    async def settled(self, calls: Mapping[str, Heard], max_duration_s: float) -> None:
        """Until every promise is kept and nothing unpromised is under way; calls without an end wait for their time."""
        self.quiet_s = QUIET_S + max_duration_s
        left = list(calls.values())
        while True:
            untold = set(await asyncio.to_thread(self.system.untold, left))
            left = [call for call in left if call.script.call_id in untold]
            finished = not left and not await asyncio.to_thread(self.system.unfinished)
            # An event that was never acknowledged may be known all the same, and be about to correct a ticket.
            if await self._stands_still(REST_S if finished else self.quiet_s):
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _stands_still(self, quiet_s: float) -> bool:
        requests = await asyncio.to_thread(self._requests)
        if requests is None or requests != self._seen:
            self._seen, self._moved = requests, time.monotonic()
        now = time.monotonic()
        return now - self._moved > quiet_s or now > self._ends

    def _requests(self) -> object:
        """What the vendor was asked by now; None while it is too busy to say."""
        try:
            return self.system.vendor.sim("GET", "/counts")
        except httpx.HTTPError:
            return None


def due(calls: Mapping[str, Heard]) -> Iterable[Heard]:
    """Calls whose end is acknowledged: they have to be told without waiting for anything more."""
    return [call for call in calls.values() if call.promised_kind("completed")]
