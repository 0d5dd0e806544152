"""Group *Clock*: whether this machine's clock agrees with the others'."""

from collections.abc import AsyncIterator
from datetime import timedelta

from cli.doctor.finding import Finding, fails, ok, skipped
from cli.doctor.ground import ClockSeen, Ground

MOST_S = 5.0
"""Signatures bear minutes, but screen pops are timed from one machine to another."""
_WHOLE_SECOND = timedelta(seconds=1)
_MEND = "sudo timedatectl set-ntp true"


async def check(ground: Ground) -> AsyncIterator[Finding]:
    """Each clock that was seen while the others were asked."""
    if not ground.clocks:
        yield skipped("clock", "nobody answered with a time")
    for seen in ground.clocks:
        off_s = ahead_s(seen)
        if abs(off_s) > MOST_S:
            text = f"{seen.whose} is {abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} this machine"
            yield fails(seen.whose, text, command=_MEND, mend="on the machine whose clock is wrong")
        else:
            yield ok(seen.whose, f"agrees with this machine to {MOST_S:g} s")


def ahead_s(seen: ClockSeen) -> float:
    """Seconds the other is ahead of us, at the least: what transport and whole seconds explain is taken off."""
    if seen.said > seen.after:
        return (seen.said - seen.after).total_seconds()
    latest = seen.said + _WHOLE_SECOND
    return (latest - seen.before).total_seconds() if latest < seen.before else 0.0
