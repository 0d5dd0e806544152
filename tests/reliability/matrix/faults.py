"""The faults that every request meets, by the names the page uses."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

RETRY_AFTER_S = 2
DATE_AHEAD_S = 4
"""How far ahead a `Retry-After` date is when the fault is put in force: HTTP dates have whole seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the simulated vendor is told to do, so many `times` unless it is to last."""

    name: str
    fault: str = "status"
    status: int | None = None
    times: int = 1
    act: bool | None = None
    retry_after: str | None = None
    refuses: bool = False
    """No fault of the vendor's: nobody listens at its address."""

    def body(self, now: datetime, *, lasts: bool) -> dict[str, Any]:
        """For the simulator's control interface, without kind and aim."""
        given: dict[str, Any] = {"fault": self.fault, "times": None if lasts else self.times}
        if self.status is not None:
            given["status"] = self.status
        if self.act is not None:
            given["act"] = self.act
        if self.retry_after is not None:
            given["headers"] = {"Retry-After": self._retry_after(now)}
        return given

    def not_before(self, now: datetime) -> float | None:
        """The moment (epoch seconds) that a `Retry-After` date names."""
        if self.retry_after != "date":
            return None
        return (now.replace(microsecond=0) + timedelta(seconds=DATE_AHEAD_S)).timestamp()

    def _retry_after(self, now: datetime) -> str:
        moment = self.not_before(now)
        if moment is None:
            return str(RETRY_AFTER_S)
        return format_datetime(datetime.fromtimestamp(moment, UTC), usegmt=True)


def _status(name: str, status: int, **more: Any) -> Fault:  # noqa: ANN401  # fields of Fault
    return Fault(name=name, status=status, **more)


EVERYWHERE = (
    _status("500 three times", 500, times=3),
    _status("503 three times", 503, times=3),
    _status("429 with seconds", 429, retry_after="seconds"),
    _status("429 with a date", 429, retry_after="date"),
    _status("401", 401),
    _status("403", 403),
    _status("404", 404),
    _status("409", 409),
    _status("422", 422),
    _status("400", 400),
    Fault(name="hang", fault="hang"),
    Fault(name="connection refused", refuses=True),
    Fault(name="reset", fault="drop_before"),
    Fault(name="acted, then reset", fault="drop_after"),
    Fault(name="acted, then hang", fault="hang_after"),
    Fault(name="malformed JSON", fault="malformed"),
    Fault(name="wrong shape", fault="wrong_shape"),
    Fault(name="5 MB answer", fault="huge"),
    Fault(name="redirect", fault="redirect"),
)
"""Every request meets each of these."""

SOMEWHERE = (
    _status("500, acted", 500, act=True),
    Fault(name="redirect, acted", fault="redirect", status=303, act=True),
    Fault(name="reset three times", fault="drop_before", times=3),
    _status("500 for ever", 500),
    _status("400 for ever", 400),
    _status("403 for ever", 403),
    _status("404 for ever", 404),
    _status("409 for ever", 409),
    _status("422 for ever", 422),
)
"""Met only where the contract makes a difference of it."""

FAULTS = {fault.name: fault for fault in (*EVERYWHERE, *SOMEWHERE)}
