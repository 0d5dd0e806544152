"""Carries out a schedule of faults on a system, restarts what ends by itself, and puts everything right at the end."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx2 as httpx

from cli.errors import ServerDidNotStart
from tests.reliability.chaos.proxy import Trouble
from tests.reliability.chaos.schedule import KILL, PAUSE, REVOKE, VENDOR, Fault
from tests.reliability.chaos.system import System

SUPERVISED_EVERY_S = 1.0


@dataclass(kw_only=True)
class Inflictor:
    """One run's faults; `tell` gets a line about each.

    `done` counts them by what and where; `spans` are when they were at work, in seconds since 1970.
    """

    system: System
    began: float
    tell: Callable[[str], None]
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    passed_over: int = 0
    restarts: int = 0
    spans: list[tuple[float, float]] = field(default_factory=list)
    _down: set[str] = field(default_factory=set)

    async def inflict(self, faults: Sequence[Fault]) -> None:
        """All of them, each at its time; returns when the last has ended and every part has been started again."""
        supervisor = asyncio.create_task(self._supervise())
        try:
            async with asyncio.TaskGroup() as group:
                for fault in faults:
                    group.create_task(self._inflict(fault))
        finally:
            supervisor.cancel()
            await asyncio.gather(supervisor, return_exceptions=True)
        await self._put_right()

    async def _inflict(self, fault: Fault) -> None:
        await asyncio.sleep(max(0.0, self.began + fault.at_s - time.monotonic()))
        if not self._meant(fault):
            self.passed_over += 1
            return
        self.tell(str(fault))
        self.done[fault.what, fault.where] += 1
        struck_at = time.time()
        await self._strike(fault)
        self.spans.append((struck_at, time.time()))

    async def _strike(self, fault: Fault) -> None:
        if fault.what in (KILL, PAUSE):
            await self._on_part(fault)
        elif fault.what == VENDOR:
            await self._vendor(fault)
        elif fault.what == REVOKE:
            await asyncio.to_thread(self._ask_vendor, "POST", "/tokens/revoke", None)
        else:
            link = self.system.links[fault.where]
            link.harm(Trouble(fault.what), **fault.how)
            await asyncio.sleep(fault.lasts_s)
            link.heal()

    def _meant(self, fault: Fault) -> bool:
        if fault.what in (KILL, PAUSE):
            return fault.where in self.system.parts
        return fault.what in (VENDOR, REVOKE) or fault.where in self.system.links

    async def _on_part(self, fault: Fault) -> None:
        killed = fault.what == KILL
        self._down.add(fault.where)
        await asyncio.to_thread(self.system.kill if killed else self.system.pause, fault.where)
        await asyncio.sleep(fault.lasts_s)
        await (self._revive(fault.where) if killed else asyncio.to_thread(self.system.resume, fault.where))
        self._down.discard(fault.where)

    async def _revive(self, part: str) -> None:
        try:
            await asyncio.to_thread(self.system.revive, part)
        except ServerDidNotStart as error:
            # The supervisor tries again.
            self.tell(f"          {part} did not start: {str(error).splitlines()[0]}")

    async def _vendor(self, fault: Fault) -> None:
        number = await asyncio.to_thread(self._ask_vendor, "POST", "/faults", fault.how)
        await asyncio.sleep(fault.lasts_s)
        if number is not None:
            await asyncio.to_thread(self._ask_vendor, "DELETE", f"/faults/{number}", None)

    def _ask_vendor(self, method: str, path: str, body: dict[str, object] | None) -> int | None:
        """What the control interface answers; None while the simulator is down, as another fault wants it."""
        try:
            answer = self.system.vendor.http.request(
                method, f"{self.system.vendor.simulator_url}/_sim{path}", json=body, timeout=3
            )
        except httpx.HTTPError:
            return None
        return int(answer.json().get("id", 0)) if answer.is_success else None

    async def _supervise(self) -> None:
        """What any supervisor does: a process that ended by itself is started again."""
        while True:
            await asyncio.sleep(SUPERVISED_EVERY_S)
            await self._restart_ended()

    async def _restart_ended(self) -> None:
        for part in self.system.parts:
            if part not in self._down and not self.system.pids(part):
                self.restarts += 1
                self.tell(f"          {part} had ended by itself and is started again")
                await self._revive(part)

    async def _put_right(self) -> None:
        for link in self.system.links.values():
            link.heal()
        for part in self.system.parts:
            await asyncio.to_thread(self.system.revive, part)
        await asyncio.to_thread(self._ask_vendor, "DELETE", "/faults", None)
