"""`python -m tests.reliability.kills`: `kill -9` at every named point of worker and gateway, once and twice."""

import random
import sys
from collections.abc import Sequence

from tests.reliability.kills.play import Played
from tests.reliability.kills.run import AnyScene, defective, play_all
from tests.reliability.kills.scenes import controls, deliveries, doubles, singles
from tests.reliability.kills.section import section
from tests.reliability.report import options, progress, publish

LANES = 3


def main() -> int:
    """The exit code: 1 when anything was found, or a planted defect was not."""
    parser = options("kills", __doc__, n=1)
    parser.add_argument("--lanes", type=int, default=LANES, help="sets of servers that play at the same time")
    parser.add_argument("--only", default="", help="only scenes whose name holds this text")
    asked = parser.parse_args()
    scenes = ordered(asked.n, asked.seed, asked.only)
    done: list[Played] = []

    def tell(played: Played) -> None:
        done.append(played)
        progress(f"{len(done)} of {len(scenes)} · {played.scene}: {_in_short(played)}")

    planted = defective()
    results = play_all(scenes, lanes=min(asked.lanes, len(scenes)), tell=tell)
    publish(section(results, planted, rounds=asked.n, seed=asked.seed), into_page=asked.write)
    missed = [what for what, harm, played in planted if harm not in {finding.harm for finding in played.findings}]
    for what in missed:
        progress(f"a planted defect was not found: {what}")
    return int(bool(missed) or any(played.findings for played in results))


def ordered(rounds: int, seed: int, only: str) -> Sequence[AnyScene]:
    """So many rounds of every scene, in an order that the seed decides."""
    scenes: list[AnyScene] = [*controls(), *singles(), *doubles(), *deliveries()] * rounds
    chosen = [scene for scene in scenes if only in str(scene)]
    random.Random(seed).shuffle(chosen)
    return chosen


def _in_short(played: Played) -> str:
    found = "; ".join(f"{finding.harm}: {finding.text}" for finding in played.findings)
    return found or f"{played.kills} killed, right {played.settled_s:.1f} s later"


if __name__ == "__main__":
    sys.exit(main())
