"""Latencies counted, ranked and drawn: pure functions over how many screen pops took so many milliseconds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WITHIN_MS = 2000
"""A screen pop is shown within two seconds of the webhook."""
FEW = 20
"""Below so many, the 95th and 99th percentiles are those of a handful."""
_EDGES_MS = (0, 50, 100, 200, 300, 500, 750, 1000, 1500, WITHIN_MS, 3000, 5000, 10_000)

ROW = 24
"""Height of a bar with its space; all lengths are in the drawing's own units."""
BAR = 16
LEFT = 88
WIDTH = 360
_MOST = 216

Counts = Mapping[int, int]
"""How many took so many milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """How many took longer than `over_ms` and no longer than `up_to_ms` (None: without end)."""

    over_ms: int
    up_to_ms: int | None
    count: int

    @property
    def late(self) -> bool:
        """Past the two seconds."""
        return self.over_ms >= WITHIN_MS

    @property
    def label(self) -> str:
        """`200–300 ms`, `1.5–2 s`, `over 10 s`."""
        if self.up_to_ms is None:
            return f"over {seconds(self.over_ms)}"
        if self.up_to_ms < 1000:
            return f"{self.over_ms}–{self.up_to_ms} ms"
        low = f"{self.over_ms / 1000:g}" if self.over_ms else "0"
        return f"{low}–{self.up_to_ms / 1000:g} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bucket as drawn: where its row begins, how long its bar is, and where its number stands."""

    bucket: Bucket
    y: int
    length: float
    number_x: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Bars from fast to slow, and the line below which the late ones stand."""

    bars: Sequence[Bar]
    line_y: int
    width: int
    height: int


def percentile(latencies: Counts, per_cent: int) -> int | None:
    """The latency that `per_cent` of 100 (1 to 100) did not exceed, one that was measured; None of none."""
    rank = -(-sum(latencies.values()) * per_cent // 100)
    for latency_ms in sorted(latencies):
        rank -= latencies[latency_ms]
        if rank <= 0:
            return latency_ms
    return None


def buckets(latencies: Counts) -> list[Bucket]:
    """Every bucket, the empty ones too; those of nobody at the slow end past two seconds are left out but the first."""
    ends: list[int | None] = [*_EDGES_MS[1:], None]
    edges = zip(_EDGES_MS, ends, strict=True)
    every = [Bucket(over_ms=low, up_to_ms=up, count=_counted(latencies, low, up)) for low, up in edges]
    last = max((n for n, each in enumerate(every) if each.count), default=0)
    return every[: max(last, _EDGES_MS.index(WITHIN_MS)) + 1]


def _counted(latencies: Counts, over_ms: int, up_to_ms: int | None) -> int:
    # Nothing took no time at all: what was counted as 0 ms is in the first.
    low, up = over_ms or -1, math.inf if up_to_ms is None else up_to_ms
    return sum(count for latency_ms, count in latencies.items() if low < latency_ms <= up)


def drawn(found: Sequence[Bucket]) -> Drawing:
    """Lengths in proportion to the fullest bucket; a bucket that has any is seen."""
    fullest = max((each.count for each in found), default=0)
    line_y, y, bars = 0, 0, []
    for each in found:
        if each.late and not line_y:
            line_y, y = y + ROW // 2, y + ROW
        length = max(2.0, round(each.count / fullest * _MOST, 1)) if each.count else 0.0
        bars.append(Bar(bucket=each, y=y, length=length, number_x=LEFT + length + 6))
        y += ROW
    return Drawing(bars=bars, line_y=line_y, width=WIDTH, height=y)


def bar_length(count: int, most: int, width: int = 80) -> float:
    """The length of a small bar in a table."""
    return max(1.0, round(count / most * width, 1)) if count and most else 0.0


def seconds(latency_ms: int) -> str:
    """`180 ms`, `2 s`, `2.35 s`."""
    return f"{latency_ms} ms" if latency_ms < 1000 else f"{latency_ms / 1000:.2f}".rstrip("0").rstrip(".") + " s"


def share(part: int, whole: int) -> str:
    """Of 100; never 100 when one is missing, never 0 when there is one. Empty of none."""
    if not whole:
        return ""
    exact = part / whole * 100
    shown = f"{exact:.1f}"
    if shown == "100.0" and part < whole:
        return "over 99.9 %"
    if shown == "0.0" and part:
        return "under 0.1 %"
    return f"{shown.removesuffix('.0')} %"
