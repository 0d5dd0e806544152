"""A time axis that stays readable: what happens is drawn to one scale, long quiet in between is cut out and said."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from api.ops.wording import duration

Span = tuple[datetime, datetime]

_LEAST_CUT_S = 0.5
_LONG_S = 60.0
"""A span longer than that is cut like quiet is: only its two ends count."""
_MOST_CUT_SHARE = 0.5
_LABEL_ROOM = 78.0
_LETTER, _BEYOND = 7.0, 12.0
"""The width of a label's letters in a wide font, and how far past the axis' end a label may reach."""
_STEPS_S = tuple(size * 10.0**power for power in range(-3, 4) for size in (1, 2, 5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of the axis, from `x0` to `x1` in drawing units; `cut`: its time is not to scale."""

    start: datetime
    end: datetime
    x0: float
    x1: float
    cut: bool

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Stretches without gaps between them, one after the other."""

    stretches: Sequence[Stretch]

    def x(self, at: datetime) -> float:
        """Where a moment is; one before or after everything is at the edge."""
        first = self.stretches[0]
        if at <= first.start:
            return first.x0
        for stretch in self.stretches:
            if at <= stretch.end:
                share = (at - stretch.start).total_seconds() / stretch.seconds if stretch.seconds else 0.0
                return stretch.x0 + share * (stretch.x1 - stretch.x0)
        return self.stretches[-1].x1

    def cuts(self) -> list[tuple[Stretch, str]]:
        """The parts cut out, each with its length in words; the longest ones first come to theirs."""
        cut = [stretch for stretch in self.stretches if stretch.cut]
        taken: list[tuple[float, float]] = []
        words = {}
        for stretch in sorted(cut, key=lambda stretch: -stretch.seconds):
            text = duration(stretch.seconds)
            centre, half = (stretch.x0 + stretch.x1) / 2, len(text) * 3.2 + 3
            if all(centre + half <= begin or centre - half >= end for begin, end in taken):
                taken.append((centre - half, centre + half))
                words[stretch.x0] = text
        return [(stretch, words.get(stretch.x0, "")) for stretch in cut]

    def label_x(self, x: float, label: str) -> float:
        """Where the label of a place begins: at the place, further left where it would be cut off."""
        return min(x, self.stretches[-1].x1 + _BEYOND - _wide(label))

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Places with their times, UTC: where a stretch begins, and within long ones how much later it is."""
        free, day = -math.inf, None
        for stretch in self.stretches:
            if stretch.cut:
                continue
            clock = _clock(stretch.start, day)
            if (begins := self.label_x(stretch.x0, clock)) >= free:
                yield stretch.x0, clock
                free, day = begins + max(_LABEL_ROOM, _wide(clock) + 8), stretch.start.date()
            for x, label in _within(stretch):
                if free <= x <= stretch.x1 - 12 and self.label_x(x, label) == x:
                    yield x, label
                    free = x + _wide(label) + 8


def axis_over(spans: Sequence[Span], left: float, right: float) -> Axis:
    """An axis from `left` to `right` on which every one of `spans` (at least one) has a place."""
    islands = _islands(spans)
    cut_widths = _cut_widths([(b[0] - a[1]).total_seconds() for a, b in pairwise(islands)])
    room = right - left
    total = sum(cut_widths)
    if total > room * _MOST_CUT_SHARE:
        cut_widths = [width * room * _MOST_CUT_SHARE / total for width in cut_widths]
    widths = _island_widths([(end - start).total_seconds() for start, end in islands], room - sum(cut_widths))
    stretches, x = [], left
    for number, ((start, end), width) in enumerate(zip(islands, widths, strict=True)):
        stretches.append(Stretch(start=start, end=end, x0=x, x1=x + width, cut=False))
        x += width
        if number < len(cut_widths):
            next_start, wide = islands[number + 1][0], cut_widths[number]
            stretches.append(Stretch(start=end, end=next_start, x0=x, x1=x + wide, cut=True))
            x += wide
    return Axis(stretches=stretches)


def _islands(spans: Sequence[Span]) -> list[Span]:
    """The spans joined where little time lies between them, in order."""
    pieces = sorted(piece for span in spans for piece in _short(span))
    busy = sum((end - start).total_seconds() for start, end in _joined(pieces, timedelta(0)))
    return _joined(pieces, timedelta(seconds=max(_LEAST_CUT_S, busy / 2)))


def _short(span: Span) -> list[Span]:
    start, end = span
    return [span] if (end - start).total_seconds() <= _LONG_S else [(start, start), (end, end)]


def _joined(pieces: Sequence[Span], quiet: timedelta) -> list[Span]:
    found: list[Span] = []
    for start, end in pieces:
        if found and start - found[-1][1] <= quiet:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _cut_widths(seconds: Sequence[float]) -> list[float]:
    """A longer quiet is drawn somewhat wider."""
    return [30 + 7 * min(6.0, max(0.0, math.log10(length))) for length in seconds]


def _island_widths(seconds: Sequence[float], room: float) -> list[float]:
    """A little for each, so that a moment has a place, and the rest to scale."""
    least = min(24.0, room / 2 / len(seconds))
    rest, total = room - least * len(seconds), sum(seconds)
    return [least + (rest * length / total if total else rest / len(seconds)) for length in seconds]


def _wide(label: str) -> float:
    return len(label) * _LETTER


def _clock(at: datetime, day: object) -> str:
    tenths = f"{at:%H:%M:%S}.{at.microsecond // 100_000}"
    return tenths if day in (None, at.date()) else f"{at:%m-%d} {tenths[:8]}"


def _within(stretch: Stretch) -> Iterator[tuple[float, str]]:
    """Round distances from the beginning of a stretch, as many as have room."""
    if not stretch.seconds:
        return
    per_second = (stretch.x1 - stretch.x0) / stretch.seconds
    step = next((size for size in _STEPS_S if size * per_second >= _LABEL_ROOM), None)
    if step is None:
        return
    for number in range(1, int(stretch.seconds / step) + 1):
        yield stretch.x0 + number * step * per_second, f"+{duration(number * step)}"
