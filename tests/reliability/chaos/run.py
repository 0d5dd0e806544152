"""One run: a load under faults, the way back to an empty backlog, the same backlog without faults, and the evidence."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.e2e.vendor import Vendor
from tests.e2e.webhooks import Json
from tests.reliability.chaos.deliveries import Heard, heard
from tests.reliability.chaos.inflict import Inflictor
from tests.reliability.chaos.schedule import Fault, finale, schedule
from tests.reliability.chaos.scripts import Load, Script, replayed, scripts
from tests.reliability.chaos.sender import Sender
from tests.reliability.chaos.settle import Settler
from tests.reliability.chaos.system import System
from tests.reliability.chaos.verdict import Evidence, Finding, judge
from tests.reliability.report import progress

AT_ONCE = 8
"""Deliveries in flight of the backlog without faults: how a flood is met is not what is measured."""
CRM_RECORD = {"crm_customer_id": "CUST_1", "account_status": "Premium"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run does; times in seconds after its beginning. Pure: the same for every system."""

    load: Load
    scripts: Sequence[Script]
    faults: Sequence[Fault]
    max_duration_s: int = 60

    @property
    def settings(self) -> dict[str, str]:
        """What the system has to be told of it, besides what all runs have in common."""
        return {
            "RECENT_TICKET_WINDOW_S": f"{self.load.window_s:g}",
            "CALL_MAX_DURATION_S": str(self.max_duration_s),
        }

    @classmethod
    def of(cls, load: Load, *, every_s: float, max_duration_s: int = 60) -> "Plan":
        """Random faults during the load, and a finale that ends with the last delivery's time."""
        last_s = max(3.0, min(20.0, load.lasts_s / 6))
        faults = schedule(load.seed, begins_s=2, ends_s=load.lasts_s - last_s, every_s=every_s)
        faults += finale(load.seed, load.lasts_s - last_s, last_s)
        return cls(load=load, scripts=scripts(load), faults=faults, max_duration_s=max_duration_s)


@dataclass(kw_only=True)
class Outcome:
    """What a run showed.

    `recovery_s`: last fault to empty backlog; `drain_s`: the same backlog without faults, from its first webhook.
    """

    system: str
    plan: Plan
    findings: list[Finding]
    calls: dict[str, Heard]
    journal: Sequence[Json]
    faults: Counter[tuple[str, str]]
    restarts: int
    backlog: int
    recovery_s: float
    drain_s: float
    untold: Sequence[str]
    untrue: Sequence[str]
    keeps_account: bool
    ended_badly: Sequence[str]

    @property
    def promised(self) -> int:
        """Calls with at least one acknowledged event."""
        return sum(bool(call.promised) for call in self.calls.values())

    @property
    def multiple(self) -> float:
        """Recovery as a multiple of the drain without faults."""
        return self.recovery_s / self.drain_s if self.drain_s else float("nan")


@dataclass(kw_only=True)
class Run:
    """The steps of one run on a system that is up."""

    system: System
    plan: Plan

    async def play(self) -> Outcome:
        """Everything, in order."""
        seeded = await asyncio.to_thread(seed, self.system, self.plan.scripts)
        sender = self._sender(seeded)
        inflictor = Inflictor(system=self.system, began=sender.began, tell=progress)
        async with _telling(sender, self.system):
            playing = asyncio.create_task(sender.play(self.plan.scripts))
            await inflictor.inflict(self.plan.faults)
        mended = time.monotonic()
        backlog = await self._backlog(sender)
        progress(f"{mended - sender.began:7.1f} s  the last fault is over; {len(backlog)} calls are begun and not told")
        untold = await Settler(system=self.system).drained(self.plan.scripts, sender, playing)
        recovery_s = time.monotonic() - mended
        progress(f"          recovered after {recovery_s:.1f} s, {len(untold)} untold")
        control, again, drain_s = await self._without_faults(backlog)
        calls = heard([*self.plan.scripts, *control], [*sender.deliveries, *again.deliveries])
        await Settler(system=self.system).settled(calls, self.plan.max_duration_s)
        evidence, journal = await asyncio.to_thread(self._gather, calls, sender, again, seeded)
        return Outcome(
            system=self.system.name,
            plan=self.plan,
            findings=judge(evidence),
            calls=calls,
            journal=journal,
            faults=inflictor.done,
            restarts=inflictor.restarts,
            backlog=len(backlog),
            recovery_s=recovery_s,
            drain_s=drain_s,
            untold=untold,
            keeps_account=evidence.audited is not None,
            untrue=await asyncio.to_thread(self.system.audit, inflictor.spans),
            ended_badly=self.system.ended_badly(),
        )

    def _sender(self, seeded: Mapping[str, int], at_once: int = 100) -> Sender:
        now, now_at = time.monotonic(), time.time()
        return Sender(urls=self.system.webhook_urls, seeded=seeded, began=now, began_at=now_at, at_once=at_once)

    async def _backlog(self, sender: Sender) -> list[Script]:
        """Calls begun by now and not told, those left out whose end is never reported: they wait for their time."""
        begun = heard(self.plan.scripts, list(sender.deliveries))
        told = set(begun) - set(await asyncio.to_thread(self.system.untold, list(begun.values())))
        return [c.script for n, c in begun.items() if c.deliveries and n not in told and c.script.of("completed")]

    async def _without_faults(self, backlog: Sequence[Script]) -> tuple[list[Script], Sender, float]:
        """As many calls of the same kinds at once: how long they take from the first webhook to the last one told."""
        control = replayed(backlog, "d")
        sender = self._sender({}, AT_ONCE)
        playing = asyncio.create_task(sender.play(control))
        untold = await Settler(system=self.system).drained(control, sender, playing)
        drain_s = time.monotonic() - sender.began
        progress(f"          without faults {len(control)} calls took {drain_s:.1f} s, {len(untold)} untold")
        return control, sender, drain_s

    def _gather(
        self, calls: dict[str, Heard], sender: Sender, again: Sender, seeded: Mapping[str, int]
    ) -> tuple[Evidence, list[Json]]:
        vendor = self.system.vendor
        journal = _asked(vendor, "/journal")["requests"]
        planned = {script.call_id for script in self.plan.scripts}
        began_at = {each: (sender if each in planned else again).began_at for each in calls}
        evidence = Evidence(
            calls=calls,
            tickets=_asked(vendor, "/books")["tickets"],
            began_at=began_at,
            window_s=self.plan.load.window_s,
            max_duration_s=self.plan.max_duration_s,
            seeded=seeded,
            request_ids=[request["request_id"] for request in journal if request["request_id"]],
            audited=self.system.audited(),
        )
        return evidence, journal


def seed(system: System, wanted: Iterable[Script]) -> dict[str, int]:
    """CRM records for every other customer, and the tickets they had before; customer → that ticket."""
    found: dict[str, int] = {}
    for number, script in enumerate(wanted):
        if script.email and number % 2:
            system.vendor.sim("PUT", "/customers", {"email": script.email, "properties": CRM_RECORD})
        if script.seeded and script.customer not in found:
            requester = {"name": "Somebody", "email": script.email, "phone": script.phone}
            ticket = {"subject": "earlier", "status": script.seeded, "requester": requester, "age_s": 3600}
            found[script.customer] = int(system.vendor.sim("POST", "/tickets", ticket)["ticket"]["id"])
    return found


@asynccontextmanager
async def _telling(sender: Sender, system: System) -> AsyncIterator[None]:
    """A line every ten seconds for whoever waits."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(10)
            answers = Counter("none" if d.status is None else str(d.status) for d in sender.deliveries)
            shown = ", ".join(f"{status}: {count}" for status, count in sorted(answers.items()))
            unfinished = await asyncio.to_thread(system.unfinished)
            progress(f"{time.monotonic() - sender.began:7.1f} s  answers {shown}; {unfinished} calls unfinished")

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


def _asked(vendor: Vendor, path: str) -> Json:
    # Tens of thousands of requests are a large answer.
    found: Json = vendor.http.get(f"{vendor.simulator_url}/_sim{path}", timeout=300).json()
    return found
