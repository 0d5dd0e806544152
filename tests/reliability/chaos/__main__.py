"""`python -m tests.reliability.chaos`: random calls while everything is killed, paused and cut off."""

import asyncio
import importlib
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.reliability.audit import section as audit
from tests.reliability.chaos.run import Outcome, Plan, Run
from tests.reliability.chaos.scripts import Load
from tests.reliability.chaos.section import summary, told_at_length
from tests.reliability.chaos.system import System
from tests.reliability.chaos.talkbridge import Talkbridge
from tests.reliability.report import Section, options, progress, publish

SYSTEMS = {
    "talkbridge": "tests.reliability.chaos.talkbridge.Talkbridge",
    "baseline": "tests.reliability.baseline.system.Baseline",
}
"""Each is called with an empty folder and its settings."""


async def run(plan: Plan, system: str, folder: Path) -> tuple[Outcome, System]:
    """A system started, played with, and stopped; what only it can tell is saved beside its logs."""
    module, _, name = SYSTEMS[system].rpartition(".")
    build: Callable[[Path, Mapping[str, str]], System] = getattr(importlib.import_module(module), name)
    under_test = build(folder, plan.settings)
    try:
        await under_test.start()
        outcome = await Run(system=under_test, plan=plan).play()
        await asyncio.to_thread(under_test.keep, folder)
    finally:
        await under_test.stop()
    return outcome, under_test


def _section(system: str, plan: Plan, outcome: Outcome) -> Section:
    name = "chaos" if system == "talkbridge" else system
    return Section(name=name, command=_command(system, plan), text=summary(outcome))


def _command(system: str, plan: Plan) -> str:
    more = "" if system == "talkbridge" else f' ARGS="--system {system}"'
    return f"make chaos N={plan.load.n} SEED={plan.load.seed}{more}"


def main() -> int:
    """Plays one run; 1 when anything was found."""
    parser = options("chaos", __doc__, n=300)
    parser.add_argument("--rate", type=float, default=3.5, help="calls that begin each second")
    parser.add_argument("--every", type=float, default=4.0, help="seconds between two faults, on the average")
    parser.add_argument("--system", choices=SYSTEMS, default="talkbridge")
    parser.add_argument("--keep", type=Path, help="an empty folder for logs, the ledger's dump and Temporal's file")
    asked = parser.parse_args()
    plan = Plan.of(Load(n=asked.n, seed=asked.seed, rate=asked.rate), every_s=asked.every)
    progress(f"seed {asked.seed}: {len(plan.scripts)} calls, {len(plan.faults)} faults")
    for fault in plan.faults:
        progress(f"  {fault}")
    with tempfile.TemporaryDirectory(prefix="talkbridge-chaos-", ignore_cleanup_errors=True) as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        outcome, played = asyncio.run(run(plan, asked.system, folder))
        for text in told_at_length(outcome):
            progress(text)
    publish(_section(asked.system, plan, outcome), into_page=asked.write)
    if isinstance(played, Talkbridge) and played.compared is not None:
        calls, seed = len(outcome.calls), plan.load.seed
        told = audit.section(played.compared, command=_command(asked.system, plan), seed=seed, calls=calls)
        publish(told, into_page=asked.write)
    return 1 if outcome.findings or outcome.untold or outcome.untrue else 0


if __name__ == "__main__":
    sys.exit(main())
