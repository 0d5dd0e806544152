"""What an attempt waits for before it sends."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.pace import Pace, Punctuality
from activities.zendesk.errors import NotSent, RateLimited

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = timedelta(seconds=15)


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_pause_holds_its_kind_until_it_is_over() -> None:
    """One kind is held for as long as was asked, others are not; a shorter pause shortens none."""
    clock = Clock()
    pace = Pace(clock)
    pace.hold("search", 30)
    pace.hold("search", 5)
    pace.hold("read", None)
    pace.check("read")
    clock.now += 29
    with pytest.raises(RateLimited) as caught:
        pace.check("search")
    assert caught.value.retry_after_s == pytest.approx(1)
    clock.now += 1
    pace.check("search")


def test_time_runs_out_before_the_first_byte() -> None:
    """A time-out that fits may be begun; a process that sleeps before it sends finds out."""
    clock = Clock()
    left = Punctuality(clock).begin(START, LIMIT)
    clock.now += 5
    check = left.before_sending(10)
    check()
    clock.now += 10.1
    with pytest.raises(NotSent):
        check()
    with pytest.raises(NotSent):
        left.before_sending(10)()


def test_a_late_beginning_is_time_lost() -> None:
    """An attempt handed out long before it begins has so much less time, whatever the two clocks say."""
    clock = Clock()
    punctuality = Punctuality(clock)
    punctuality.begin(START, LIMIT).before_sending(10)()
    clock.now += 100
    late = punctuality.begin(START + timedelta(seconds=94), LIMIT)
    with pytest.raises(NotSent):
        late.before_sending(10)()
    punctuality.begin(START + timedelta(seconds=99), LIMIT).before_sending(10)()


def test_clocks_that_part_are_believed_again() -> None:
    """When the server's clock is set back, every attempt looks late for a while, and no longer."""
    clock = Clock()
    punctuality = Punctuality(clock)
    punctuality.begin(START, LIMIT)
    back = START - timedelta(minutes=5)
    for _ in range(40):
        punctuality.begin(back, LIMIT)
    punctuality.begin(back, LIMIT).before_sending(10)()


def test_a_time_out_that_never_fits_is_shortened() -> None:
    """A call that started under a shorter `HTTP_TIMEOUT_S` goes on with what its attempts have room for."""
    left = Punctuality(Clock()).begin(START, LIMIT)
    assert (left.fitting(10), left.fitting(30)) == (10, 10)
    left.before_sending(left.fitting(30))()


def test_without_a_limit_there_is_always_time() -> None:
    """An attempt without a start-to-close time-out may send."""
    left = Punctuality(Clock()).begin(START, None)
    left.before_sending(10)()
    assert left.seconds(at_most=3) == 3
