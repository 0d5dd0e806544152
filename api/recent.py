"""What this gateway acknowledged lately: an economy, correctness does not rest on it."""

from collections import OrderedDict
from hashlib import blake2b

MAX_AGE_S = 3600.0
MAX_ENTRIES = 100_000


class Recent:
    """Event keys by the moment they were acknowledged, oldest out first; at most about 20 MB."""

    def __init__(self, max_age_s: float = MAX_AGE_S, max_entries: int = MAX_ENTRIES) -> None:
        self._max_age_s = max_age_s
        self._max_entries = max_entries
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def acknowledged(self, call_id: str, event_key: str, now: float) -> bool:
        """Whether this event was acknowledged within the age. `now` is any steady clock's seconds."""
        at = self._seen.get(_digest(call_id, event_key))
        return at is not None and now - at < self._max_age_s

    def remember(self, call_id: str, event_key: str, now: float) -> None:
        """Call once Temporal has acknowledged, never before."""
        key = _digest(call_id, event_key)
        self._seen[key] = now
        self._seen.move_to_end(key)
        while len(self._seen) > self._max_entries or now - next(iter(self._seen.values())) >= self._max_age_s:
            self._seen.popitem(last=False)

    def __len__(self) -> int:
        return len(self._seen)


def _digest(call_id: str, event_key: str) -> bytes:
    # A call id has no blank in it, so the two cannot run into each other.
    return blake2b(f"{call_id} {event_key}".encode(), digest_size=16).digest()
