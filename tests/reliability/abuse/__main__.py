"""`python -m tests.reliability.abuse`: every kind of abuse of the gateway, in full size."""

import sys
import tempfile
from pathlib import Path

from tests.reliability.abuse.run import Report, run
from tests.reliability.abuse.telling import section
from tests.reliability.report import options, progress, publish


def main() -> int:
    """1 when anything was found."""
    parser = options("abuse", __doc__, n=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report: Report = run(Path(folder), n=given.n, seed=given.seed)
    publish(section(report), into_page=given.write)
    for finding in report.findings[:100]:
        progress(f"FOUND {finding}")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
