"""Whether this machine's clock agrees with another's."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from api.checks.finding import Finding, fails, ok

MOST_S = 5.0
"""Signatures bear minutes, but screen pops are timed from one machine to another."""
_WHOLE_SECOND = timedelta(seconds=1)
_MEND = "sudo timedatectl set-ntp true"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSeen:
    """What another's clock said, and ours just before it was asked and just after it had answered."""

    whose: str
    said: datetime
    before: datetime
    after: datetime


def agrees(seen: ClockSeen) -> Finding:
    """One clock beside ours."""
    off_s = ahead_s(seen)
    if abs(off_s) > MOST_S:
        text = f"{seen.whose} is {abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} this machine"
        return fails(seen.whose, text, command=_MEND, mend="on the machine whose clock is wrong")
    return ok(seen.whose, f"agrees with this machine to {MOST_S:g} s")


def ahead_s(seen: ClockSeen) -> float:
    """Seconds the other is ahead of us, at the least: what transport and whole seconds explain is taken off."""
    if seen.said > seen.after:
        return (seen.said - seen.after).total_seconds()
    latest = seen.said + _WHOLE_SECOND
    return (latest - seen.before).total_seconds() if latest < seen.before else 0.0
