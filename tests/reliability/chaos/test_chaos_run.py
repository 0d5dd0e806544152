"""A small run of the chaos proof: real processes, real faults, everything told right."""

from pathlib import Path

from tests.reliability.chaos.__main__ import run
from tests.reliability.chaos.run import Plan
from tests.reliability.chaos.scripts import Load
from tests.reliability.chaos.section import summary, told_at_length


async def test_forty_calls_under_faults(tmp_path: Path) -> None:
    """No acknowledged call is lost, nothing is there twice, and the ledger's account is true."""
    # A call whose end is never reported waits for its longest duration: the test would, too.
    plan = Plan.of(Load(n=40, seed=5, rate=3), every_s=2, max_duration_s=20)
    outcome, _ = await run(plan, "talkbridge", tmp_path)
    assert list(told_at_length(outcome)) == []
    assert (outcome.findings, outcome.untold, outcome.untrue) == ([], [], [])
    assert sum(outcome.faults.values()) == len(plan.faults)
    assert outcome.promised > len(plan.scripts) / 2
    assert f"{len(plan.scripts)} calls under faults" in summary(outcome)
