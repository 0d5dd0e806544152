"""The account's rate limit: so many requests in any sixty seconds."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from simulator.exchange import RefusedError

_WINDOW_S = 60.0


class RateLimit:
    """When the requests of the last minute were served."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._served: deque[float] = deque()

    def check(self, per_minute: int | None) -> None:
        """Counts a request, or refuses it and says when to come back."""
        if per_minute is None:
            return
        now = self._clock()
        while self._served and self._served[0] <= now - _WINDOW_S:
            self._served.popleft()
        if len(self._served) >= per_minute:
            wait = max(1, math.ceil(self._served[0] + _WINDOW_S - now))
            raise RefusedError(
                429,
                "APIRateLimitExceeded",
                "Number of allowed API requests per minute exceeded",
                headers={"Retry-After": str(wait)},
            )
        self._served.append(now)
