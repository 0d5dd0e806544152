"""A time axis on which three seconds of a four-hour call can be read."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from api.ops.axis import Axis, Span, axis_over

START = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
LEFT, RIGHT = 100.0, 900.0


def span(begin_s: float, end_s: float) -> Span:
    """From so many seconds after the start to so many."""
    return START + timedelta(seconds=begin_s), START + timedelta(seconds=end_s)


def over(*spans: Span) -> Axis:
    """An axis over them."""
    return axis_over(spans, LEFT, RIGHT)


seconds = st.floats(min_value=0, max_value=10**7, allow_nan=False)
some_spans = st.lists(st.tuples(seconds, st.floats(min_value=0, max_value=20)), min_size=1, max_size=80)


@given(some_spans)
def test_time_runs_from_left_to_right_within_the_edges(given: list[tuple[float, float]]) -> None:
    """Whatever the spans: a later moment is never left of an earlier one, and stretches leave no gap."""
    spans = [span(begin, begin + length) for begin, length in given]
    axis = axis_over(spans, LEFT, RIGHT)
    moments = sorted(moment for each in spans for moment in each)
    places = [axis.x(moment) for moment in moments]
    assert places == sorted(places)
    assert places[0] >= LEFT
    assert places[-1] <= RIGHT + 0.001
    ends = [stretch.x1 for stretch in axis.stretches]
    assert [stretch.x0 for stretch in axis.stretches] == [LEFT, *ends[:-1]]
    assert abs(ends[-1] - RIGHT) < 0.001
    assert all(stretch.x1 > stretch.x0 for stretch in axis.stretches)


@given(some_spans)
def test_labels_do_not_run_into_each_other(given: list[tuple[float, float]]) -> None:
    """Times have room for themselves; what is cut out is named where its words fit."""
    axis = axis_over([span(begin, begin + length) for begin, length in given], LEFT, RIGHT)
    places = [x for x, _ in axis.ticks()]
    assert places == sorted(places)
    starts = [x for x, label in axis.ticks() if not label.startswith("+")]
    assert all(later - earlier >= 77 for earlier, later in pairwise(starts))


def test_four_quiet_hours_are_cut_out_and_said() -> None:
    """What happens at both ends has most of the width."""
    axis = over(span(0, 1), span(14281, 14283))
    (cut,) = [stretch for stretch in axis.stretches if stretch.cut]
    assert cut.x1 - cut.x0 < 80
    assert [words for _, words in axis.cuts()] == ["3 h 58 min"]
    first, last = axis.stretches[0], axis.stretches[-1]
    assert (last.x1 - last.x0) / (first.x1 - first.x0) > 1.8


def test_the_longest_quiet_is_named_first() -> None:
    """Among many minutes cut out, the hours are what has to be said."""
    minutes = [span(60 * n, 60 * n + 0.1) for n in range(60)]
    axis = over(*minutes, span(9 * 3600, 9 * 3600 + 1))
    assert "8 h 1 min" in [words for _, words in axis.cuts()]


def test_a_short_pause_is_drawn_to_scale() -> None:
    """No cut where the pause is no longer than what happens around it."""
    axis = over(span(0, 1), span(1.4, 2))
    assert [stretch.cut for stretch in axis.stretches] == [False]
    assert axis.x(START + timedelta(seconds=1)) == (LEFT + RIGHT) / 2


def test_an_event_that_was_sent_hours_late_does_not_flatten_the_rest() -> None:
    """A span of more than a minute counts by its two ends."""
    axis = over(span(0, 7200), span(7200, 7200.2))
    assert [stretch.cut for stretch in axis.stretches] == [False, True, False]


def test_one_moment_alone_has_a_place() -> None:
    """And its time of day."""
    axis = over(span(0, 0))
    assert LEFT <= axis.x(START) <= RIGHT
    assert [label for _, label in axis.ticks()] == ["20:00:00.0"]


def test_the_next_day_is_named() -> None:
    """A label of another day has its date."""
    labels = [label for _, label in over(span(0, 1), span(86400, 86401)).ticks()]
    assert "11-23 20:00:00" in labels


@given(some_spans)
def test_no_label_is_cut_off(given: list[tuple[float, float]]) -> None:
    """Also the last one, in a font as wide as DejaVu Sans, and none runs into the next."""
    axis = over(*(span(begin, begin + length) for begin, length in given))
    ends = LEFT - 1
    for x, label in axis.ticks():
        begins = axis.label_x(x, label)
        assert ends <= begins <= x
        ends = begins + 7 * len(label)
        assert ends <= RIGHT + 12.001
