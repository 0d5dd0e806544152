"""A step that has not ended: what Temporal and the ledger say of it together, in words and as pieces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from api.account import Pending
from api.ops.pieces import Numbered, Piece, wait_of
from api.ops.wording import duration, until, vendor, waits_for
from workflows.domain.call import CallPolicy

_CLOCKS_APART = timedelta(seconds=2)
"""PostgreSQL and Temporal have a clock each."""
_ATTEMPT = timedelta(seconds=CallPolicy(screen_pop_properties=[]).http_timeout_s + 5)
"""How long an attempt may take where `HTTP_TIMEOUT_S` is not set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A step under way, and in words what it waits for. `next_at`: when it is tried again, where Temporal tells."""

    step: str
    words: str
    next_at: datetime | None = None


class UnderWay:
    """A step under way: what Temporal and the ledger say of it together."""

    def __init__(
        self, step: Mapping[str, Any], pending: Pending | None, drawn: Sequence[Numbered], now: datetime
    ) -> None:
        # A step that is done once more has a number after a space in its activity's id.
        self._name = activity_id(step).partition(" ")[0]
        self._step, self._pending, self._now = step, pending, now
        self._last = next((sent for _, sent in reversed(drawn) if sent.step == self._name), None)

    def request_ids(self) -> set[str]:
        """The request that is out just now, if there is one."""
        last = self._last
        if last is None or last.outcome is not None or last.finished_at is not None:
            return set()
        return {last.request_id} if self._runs(last.sent_at) else set()

    def _runs(self, sent_at: datetime) -> bool:
        """Whether the attempt that sent then still runs."""
        pending = self._pending or Pending()
        if pending.begun_at is not None:
            return sent_at >= pending.begun_at - _CLOCKS_APART
        # Temporal was asked a moment before the ledger, or does not tell: then only its age does.
        return (pending.failed_at is None or sent_at > pending.failed_at) and self._now - sent_at < _ATTEMPT

    def waiting(self) -> Waiting:
        """In words."""
        if self.request_ids() and self._last is not None:
            since = duration(max(0.0, (self._now - self._last.sent_at).total_seconds()))
            return Waiting(step=self._name, words=f"asked {vendor(self._name)} {since} ago, no answer yet")
        pending = self._pending
        if pending is None:
            paused = f"{self._why()}, tried again within ten minutes"
            return Waiting(step=self._name, words="under way" if self._step["state"] == "running" else paused)
        if pending.next_at is not None:
            words = f"{self._why()}, {until(pending.next_at, self._now)}"
            return Waiting(step=self._name, words=words, next_at=pending.next_at)
        if pending.begun_at is not None or pending.failed_at is not None:
            return Waiting(step=self._name, words=self._why())
        return Waiting(step=self._name, words="waiting for a worker, or for its turn")

    def pieces(self) -> list[Piece]:
        """The wait that has not ended, if it is known since when."""
        pending = self._pending
        begins = self._last.finished_at if self._last else None
        if pending is not None and pending.failed_at is not None:
            begins = max(begins, pending.failed_at) if begins else pending.failed_at
        if begins is None or self.request_ids() or self._step["state"] == "running":
            return []
        ends = pending.next_at if pending and pending.next_at else self._now
        return [wait_of(self._name, begins, max(ends, self._now), self.waiting().words)]

    def _why(self) -> str:
        last = self._last
        failed = last is not None and last.outcome not in (None, "done")
        return waits_for(self._step, last.http_status if failed and last else None)


def activity_id(step: Mapping[str, Any]) -> str:
    """Its id in Temporal; a call of long ago was saved without."""
    return str(step.get("activity_id") or step["name"])
