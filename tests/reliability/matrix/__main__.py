"""`python -m tests.reliability.matrix`: every request meets every fault; about five minutes on two cores."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.reliability.matrix.cell import Cell
from tests.reliability.matrix.expectations import cells
from tests.reliability.matrix.ground import runner
from tests.reliability.matrix.judge import Outcome
from tests.reliability.matrix.section import section
from tests.reliability.report import options, progress, publish


def main(argv: Sequence[str] | None = None) -> int:
    """1 when a cell is not as the contract wants it."""
    parser = options("matrix", __doc__, n=0)
    parser.add_argument("--only", default="", help="cells whose name (request x fault) contains this")
    given = parser.parse_args(argv)
    chosen = [cell for cell in cells() if given.only in cell.name][: given.n or None]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = play(chosen, Path(folder), _telling(len(chosen)))
    publish(section(outcomes, seconds=time.monotonic() - began), into_page=given.write)
    return int(any(outcome.mismatches() for outcome in outcomes))


def play(chosen: Iterable[Cell], folder: Path, tell: Callable[[Outcome], None]) -> list[Outcome]:
    """On three stacks, since a token that is refused, or a vendor out of reach, concerns every call of a worker."""
    alone = [cell for cell in chosen if cell.alone]
    token = [cell for cell in alone if cell.scene.kind == "token"]
    reach = [cell for cell in alone if cell.scene.kind != "token"]
    with ThreadPoolExecutor(3) as pool:
        parts = [
            pool.submit(_together, [cell for cell in chosen if not cell.alone], folder / "together", tell),
            pool.submit(_in_turn, token, folder / "token", tell),
            pool.submit(_in_turn, reach, folder / "reach", tell),
        ]
        return [outcome for part in parts for outcome in part.result()]


def _together(chosen: list[Cell], folder: Path, tell: Callable[[Outcome], None]) -> list[Outcome]:
    # A vendor's wish for a pause concerns every request of its kind: those have a time of their own.
    paused = [cell for cell in chosen if cell.fault.retry_after]
    others = [cell for cell in chosen if not cell.fault.retry_after]
    if not chosen:
        return []
    with runner(folder, tell) as ground:
        return [*ground.together(others), *ground.together(paused)]


def _in_turn(chosen: list[Cell], folder: Path, tell: Callable[[Outcome], None]) -> list[Outcome]:
    if not chosen:
        return []
    with runner(folder, tell, workers=1) as ground:
        return ground.in_turn(chosen)


def _telling(number: int) -> Callable[[Outcome], None]:
    told = []

    def tell(outcome: Outcome) -> None:
        told.append(outcome)
        progress(f"{len(told)}/{number} {outcome.cell.name}{': ' + outcome.failed if outcome.failed else ''}")

    return tell


if __name__ == "__main__":
    sys.exit(main())
