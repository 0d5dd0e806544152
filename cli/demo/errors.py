"""What may go wrong with a demo.

CliError
└── DemoFailed          something did not start, or a story could not be played to its end
    └── NotAsExpected   a story went on, but not as it should: what was expected, and what was seen
"""

from pathlib import Path

from cli.errors import CliError


class DemoFailed(CliError):
    """One sentence, with the end of a log where that helps. `logs`: the folder where all were kept."""

    logs: Path | None = None

    def __str__(self) -> str:
        return super().__str__() + (f"\nThe logs of its processes are kept in {self.logs}" if self.logs else "")


class NotAsExpected(DemoFailed):
    """What was expected, and what was seen instead."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"expected {expected}; seen: {seen}")
