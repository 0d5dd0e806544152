"""`python -m tests.reliability.hygiene`: token, memory and ledger after long runs; `--n` is the ledger's calls."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.reliability.hygiene.ledgers import compare
from tests.reliability.hygiene.memory import longest_list, measure
from tests.reliability.hygiene.section import section
from tests.reliability.hygiene.token_runs import ask_throughout
from tests.reliability.report import options, progress, publish


def main() -> int:
    """The exit code: 0 when nothing was lost, nothing grew and nothing slows down."""
    parser = options("hygiene", __doc__, n=1_000_000)
    parser.add_argument("--webhooks", type=int, default=20_000)
    parser.add_argument("--asks", type=int, default=2_000, help="questions to the token workflow")
    parser.add_argument("--keys", type=int, default=300_000, help="different events for the gateway's list")
    given = parser.parse_args()
    progress(f"{given.asks:,} questions to a token workflow that continues as new")
    token = asyncio.run(ask_throughout(asks=given.asks))
    most, bound = longest_list(given.keys)
    progress(f"{given.webhooks:,} webhooks")
    with tempfile.TemporaryDirectory(prefix="talkbridge-hygiene-") as folder:
        memory = asyncio.run(measure(Path(folder), webhooks=given.webhooks, seed=given.seed))
    studied = compare(calls=given.n, seed=given.seed)
    found = section(studied, memory, token, (given.keys, most, bound), seed=given.seed)
    publish(found, into_page=given.write)
    right = not token.lost and token.runs and memory.flat and most <= bound and not studied.bad
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
