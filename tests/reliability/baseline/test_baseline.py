"""The harness can fail: the conventional integration is right without faults, and caught with them, seed by seed."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.reliability.baseline.system import Baseline
from tests.reliability.chaos.run import Plan, Run
from tests.reliability.chaos.schedule import schedule
from tests.reliability.chaos.scripts import Load, Script, Send, scripts
from tests.reliability.chaos.verdict import Finding, Kind

LOAD = Load(n=24, seed=449, rate=6)
HARM = {Kind.LOST, Kind.DUPLICATE_TICKET, Kind.DUPLICATE_NOTE}


class Hurried(Baseline):
    """Not waited for when it has calls open: whoever lost the end of one waits for it until the call's time is over."""

    def unfinished(self) -> int:
        """What it is at."""
        return len(self._under_way())


def ordinary(load: Load) -> list[Script]:
    """The load's calls of one caller each that were answered and ended, every event once and in order."""
    whole = [s for s in scripts(load) if all(s.of(kind) for kind in ("started", "answered", "completed"))]
    alone = Counter(script.customer for script in scripts(load))
    return [
        replace(script, sends=tuple(Send(at_s=event.happened_s, event=event) for event in script.events))
        for script in whole
        if alone[script.customer] == 1 and script.story != "a family on one number"
    ]


def found(plan: Plan, folder: Path) -> list[Finding]:
    """What the harness says of the baseline."""

    async def play() -> list[Finding]:
        system = Hurried(folder, {})
        try:
            await system.start()
            return (await Run(system=system, plan=plan).play()).findings
        finally:
            await system.stop()

    return asyncio.run(play())


def test_without_faults_ordinary_calls_end_right(tmp_path: Path) -> None:
    """Nothing is lost, doubled or wrong: whatever the harness finds with faults is due to them."""
    plan = Plan(load=LOAD, scripts=ordinary(LOAD), faults=[])
    assert len(plan.scripts) >= 8
    assert found(plan, tmp_path) == []


def test_the_same_calls_with_the_seeds_faults_are_lost_or_doubled(tmp_path: Path) -> None:
    """Between the key that was set and the work that was to be done, a process dies; the harness sees it."""
    plan = Plan(load=LOAD, scripts=ordinary(LOAD), faults=schedule(LOAD.seed, begins_s=1, ends_s=8, every_s=1))
    assert HARM & {finding.kind for finding in found(plan, tmp_path)}
