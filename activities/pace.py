"""What this process must wait for before it sends: a vendor's `Retry-After`, and whether there is still time."""

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from activities.zendesk.errors import NotSent, RateLimited

# Unlike the monotonic clock it goes on while the machine sleeps: a process that wakes up must know that it slept.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now_s() -> float:
    """Seconds on a clock that only goes forward and stands still for nothing."""
    return time.clock_gettime(_CLOCK)


class Pace:
    """Running `Retry-After`s of this process, by kind of request."""

    def __init__(self, clock: Callable[[], float] = now_s) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def hold(self, kind: str, seconds: float | None) -> None:
        """Send nothing of this kind for so long; None is no wish."""
        if seconds is not None:
            self._until[kind] = max(self._until.get(kind, 0.0), self._clock() + seconds)

    def check(self, kind: str) -> None:
        """Raises `RateLimited` while the kind is held."""
        left = self._until.get(kind, 0.0) - self._clock()
        if left > 0:
            raise RateLimited("not sent: the vendor asked for a pause", retry_after_s=left)


class Punctuality:
    """How late this process begins attempts, by the server's word of when it handed them out.

    Server and worker need not agree on the time: the smallest of the last differences stands for no delay.
    """

    def __init__(self, clock: Callable[[], float] = now_s) -> None:
        self._clock = clock
        self._differences: deque[float] = deque(maxlen=32)

    def begin(self, handed_out: datetime, limit: timedelta | None) -> "TimeLeft":
        """The time an attempt has that begins now."""
        now = self._clock()
        difference = now - handed_out.timestamp()
        self._differences.append(difference)
        late = difference - min(self._differences)
        return TimeLeft(self._clock, now - late, None if limit is None else limit.total_seconds())


class TimeLeft:
    """The time left of one attempt, before Temporal gives it to somebody else."""

    def __init__(self, clock: Callable[[], float], begun: float, limit_s: float | None) -> None:
        self._clock = clock
        self._limit_s = limit_s
        self._deadline = None if limit_s is None else begun + limit_s

    def fitting(self, timeout_s: float) -> float:
        """The time-out to use: less than asked for when that would never fit into an attempt.

        The attempt's limit was fixed when its call started; `HTTP_TIMEOUT_S` may have grown since.
        """
        if self._limit_s is None or timeout_s < self._limit_s:
            return timeout_s
        return self._limit_s * 2 / 3

    def before_sending(self, timeout_s: float) -> Callable[[], None]:
        """A check to run when the first byte is about to leave; `timeout_s` begins now. It raises `NotSent`."""
        answered_by = self._clock() + timeout_s
        deadline = answered_by if self._deadline is None else self._deadline

        def check() -> None:
            if answered_by > deadline or self._clock() > answered_by:
                raise NotSent("too little of the attempt's time was left")

        return check

    def seconds(self, at_most: float) -> float:
        """What is left, in seconds."""
        return at_most if self._deadline is None else max(0.0, min(at_most, self._deadline - self._clock()))
