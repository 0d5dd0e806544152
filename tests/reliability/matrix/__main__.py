"""`python -m tests.reliability.matrix`: every request meets every fault; about five minutes on two cores."""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.reliability.matrix.expectations import cells
from tests.reliability.matrix.ground import play
from tests.reliability.matrix.judge import Outcome
from tests.reliability.matrix.section import section
from tests.reliability.report import options, progress, publish


def main(argv: Sequence[str] | None = None) -> int:
    """1 when a cell is not as the contract wants it."""
    # The matrix is the same whatever the seed; the number cuts it short.
    parser = options("matrix", __doc__, n=0)
    parser.add_argument("--only", default="", help="cells whose name (request x fault) contains this")
    given = parser.parse_args(argv)
    chosen = [cell for cell in cells() if given.only in cell.name][: given.n or None]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        played = play(chosen, Path(folder), _telling(len(chosen)))
    publish(section(played, seconds=time.monotonic() - began), into_page=given.write)
    return int(bool(played.wrong_alerts) or any(outcome.mismatches() for outcome in played.outcomes))


def _telling(number: int) -> Callable[[Outcome], None]:
    told = []

    def tell(outcome: Outcome) -> None:
        told.append(outcome)
        progress(f"{len(told)}/{number} {outcome.cell.name}{': ' + outcome.failed if outcome.failed else ''}")

    return tell


if __name__ == "__main__":
    sys.exit(main())
