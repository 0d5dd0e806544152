"""`python -m tests.reliability.injection`: hostile data and hostile vendors, in full size."""

import sys
import tempfile
from pathlib import Path

from tests.reliability.injection.run import run
from tests.reliability.injection.telling import section
from tests.reliability.report import options, progress, publish


def main() -> int:
    """1 when anything was found."""
    given = options("injection", __doc__, n=400).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = run(Path(folder), n=given.n, seed=given.seed)
    publish(section(report), into_page=given.write)
    for finding in report.findings[:100]:
        progress(f"FOUND {finding}")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
