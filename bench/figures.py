"""What measurements have in common: percentiles, processor time, the machine's name, and tables for eyes and pages."""

import math
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

DEVELOPMENT_SERVER = (
    "Gateway, workers, PostgreSQL, simulated vendors, the sender and Temporal share these cores. Temporal is the "
    "**development server in memory**: no measure of a production cluster, neither of its speed nor of what its "
    "durability costs."
)
_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is at least as large as this share of all (nearest rank); NaN when there is none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Seconds of processor time at one moment: by process name, and of all cores together."""

    used: Mapping[str, float]
    busy: float
    all: float

    @classmethod
    def read(cls, pids: Mapping[str, int]) -> "Clock | None":
        """As of now; None where there is no Linux to tell."""
        if not (_PROC / "stat").exists():
            return None
        columns = [int(word) / _TICKS for word in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        idle = columns[3] + columns[4]
        used = {name: _of_family(pid) for name, pid in pids.items()}
        return cls(used=used, busy=sum(columns) - idle, all=sum(columns))


def used_between(before: Clock | None, after: Clock | None, prefix: str) -> float:
    """Seconds of processor time that the processes of this name used; NaN where that is not known."""
    if before is None or after is None:
        return math.nan
    names = [name for name in after.used if name.startswith(prefix)]
    return sum(after.used[name] - before.used.get(name, 0.0) for name in names)


def busy_between(before: Clock | None, after: Clock | None) -> tuple[float, float]:
    """Shares of all cores that were busy, by anybody and with what is measured; NaN where that is not known."""
    if before is None or after is None:
        return math.nan, math.nan
    whole = after.all - before.all
    return (after.busy - before.busy) / whole, used_between(before, after, "") / whole


def _of_family(pid: int) -> float:
    """A process, its children as they are, and those that have ended; of ourselves without the children."""
    if pid == os.getpid():
        return _of(pid, ended=False)
    return _of(pid, ended=True) + sum(_of(child, ended=True) for child in _children(pid))


def _of(pid: int, *, ended: bool) -> float:
    try:
        # The name in brackets may hold blanks.
        columns = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(word) for word in columns[11 : 15 if ended else 13]) / _TICKS


def _children(pid: int) -> list[int]:
    listings = (_PROC / str(pid) / "task").glob("*/children")
    return [int(word) for listing in listings for word in listing.read_text().split()]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, markdown: bool) -> str:
    """Columns, the first to the left and the others to the right."""
    lines = [list(heads), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    if markdown:
        widths = [max(width, 3) for width in widths]
        lines.insert(1, ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])])
    edge, gap = ("| ", " | ") if markdown else ("", "  ")
    cells = (
        [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))] for line in lines
    )
    return "\n".join(f"{edge}{gap.join(line)}{edge[::-1]}".rstrip() for line in cells)


def plain(text: str) -> str:
    """Markdown's emphasis left out, for a terminal."""
    return re.sub(r"\*+", "", text)


def ms(seconds: float) -> str:
    """Milliseconds, or a dash."""
    return "–" if math.isnan(seconds) else f"{seconds * 1000:.0f} ms"


def percent(share: float) -> str:
    """Per cent, or a dash."""
    return "–" if math.isnan(share) else f"{share:.0%}"


def ground() -> str:
    """One sentence on what the figures were taken: machine, versions, day."""
    cores = os.cpu_count() or 1
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {_processor()}, {cores} cores, "
        f"{platform.system()} {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}, temporalio {version('temporalio')}."
    )


def _processor() -> str:
    try:
        lines = (_PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def write(text: str) -> None:
    """One block on standard output, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
