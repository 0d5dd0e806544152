"""`python -m bench`: every measurement; with `--markdown` the whole of docs/benchmarks.md."""

import argparse
import sys

from bench import history, screen_pop
from bench.figures import write

_TITLE = (
    "# Benchmarks\n\nWritten by `make bench ARGS=--markdown > docs/benchmarks.md`; `make bench` measures your machine."
)


def main() -> int:
    """The exit code: 0 when the screen pops were in time."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--calls", type=int, default=120, help="calls a load")
    parser.add_argument("--per-second", type=float, default=2.0)
    parser.add_argument("--markdown", action="store_true", help="docs/benchmarks.md on standard output")
    options = parser.parse_args()
    pops = screen_pop.measure(calls=options.calls, per_second=options.per_second)
    left = history.measure()
    sections = [
        screen_pop.section(pops, calls=options.calls, per_second=options.per_second, markdown=options.markdown),
        history.section(left, markdown=options.markdown),
    ]
    write("\n\n".join([_TITLE, *sections] if options.markdown else sections))
    return 0 if all(each.in_time for each in pops) else 1


if __name__ == "__main__":
    sys.exit(main())
