"""The gateway's list of what it acknowledged lately stays as long, and as large, as it is said to be."""

import tracemalloc
from dataclasses import dataclass

from api.recent import MAX_ENTRIES, Recent

LARGEST_MIB = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The list's length and size after so many acknowledgements."""

    acknowledged: int
    length: int
    mib: float

    @property
    def bounded(self) -> bool:
        """Whether it kept to its bounds."""
        return self.length <= MAX_ENTRIES and self.mib <= LARGEST_MIB


def fill(n: int) -> Remembered:
    """Acknowledge so many events, all within the hour."""
    tracemalloc.start()
    recent = Recent()
    for number in range(n):
        recent.remember(f"c-{number}", "call.started", 0.0)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Remembered(acknowledged=n, length=len(recent), mib=size / 1024 / 1024)
