"""Latencies of screen pops, ranked, counted and drawn."""

import random

import pytest

from api.ops.histogram import Bucket, bar_length, buckets, drawn, percentile, seconds, share


def test_a_percentile_is_a_latency_that_was_measured() -> None:
    """The smallest that so many did not exceed; of one, it is that one; of none there is none."""
    hundred = dict.fromkeys(range(1, 101), 1)
    assert [percentile(hundred, each) for each in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile({180: 1}, 99) == 180
    assert percentile({100: 99, 5000: 1}, 99) == 100
    assert percentile({100: 98, 5000: 2}, 99) == 5000
    assert percentile({}, 50) is None


def test_a_percentile_is_that_of_the_sorted_list() -> None:
    """Whatever the counts."""
    rng = random.Random(5)
    for _ in range(50):
        values = sorted(rng.randrange(4000) for _ in range(rng.randrange(1, 200)))
        counts = {value: values.count(value) for value in values}
        for each in (50, 95, 99):
            found = percentile(counts, each)
            assert found in values
            assert sum(value <= found for value in values) >= each / 100 * len(values)
            assert sum(value < found for value in values) < each / 100 * len(values)


def test_two_seconds_are_within_two_seconds() -> None:
    """One millisecond more is late; every latency is in one bucket."""
    counts = {0: 1, 50: 1, 51: 1, 2000: 1, 2001: 1, 99_999: 1}
    found = buckets(counts)
    assert sum(each.count for each in found) == 6
    assert sum(each.count for each in found if each.late) == 2
    assert found[0] == Bucket(over_ms=0, up_to_ms=50, count=2)
    assert found[-1] == Bucket(over_ms=10_000, up_to_ms=None, count=1)


def test_the_late_side_is_always_there() -> None:
    """So that the line is drawn; what nobody reached further out is left out."""
    labels = [each.label for each in buckets({120: 3})]
    assert labels[:3] == ["0–50 ms", "50–100 ms", "100–200 ms"]
    assert labels[-3:] == ["1–1.5 s", "1.5–2 s", "2–3 s"]
    assert buckets({20_000: 1})[-1].label == "over 10 s"


def test_bars_stand_below_each_other_and_the_line_between_fast_and_late() -> None:
    """Lengths are in proportion, and one among a thousand is seen."""
    drawing = drawn(buckets({120: 1000, 2500: 1}))
    late = [bar for bar in drawing.bars if bar.bucket.late]
    assert all(bar.y < drawing.line_y for bar in drawing.bars if not bar.bucket.late)
    assert all(bar.y > drawing.line_y for bar in late)
    assert [bar.length for bar in late] == [2.0]
    assert max(bar.number_x for bar in drawing.bars) < drawing.width
    assert drawing.height > drawing.bars[-1].y
    assert all(bar.length == 0 for bar in drawn(buckets({})).bars)


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 0, ""),
        (0, 10, "0 %"),
        (1, 100_000, "under 0.1 %"),
        (985, 1000, "98.5 %"),
        (99_999, 100_000, "over 99.9 %"),
        (10, 10, "100 %"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_none(part: int, whole: int, shown: str) -> None:
    """One that was missed in a hundred thousand is still told."""
    assert share(part, whole) == shown


def test_lengths_and_seconds() -> None:
    """Of nothing there is no bar; seconds have no needless zeros."""
    assert [bar_length(n, 10) for n in (0, 5, 10)] == [0, 40, 80]
    assert bar_length(0, 0) == 0
    assert [seconds(n) for n in (0, 999, 1000, 2350, 2000)] == ["0 ms", "999 ms", "1 s", "2.35 s", "2 s"]
