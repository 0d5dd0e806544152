"""Group *Clock*: whether this machine's clock agrees with the others'."""

from collections.abc import AsyncIterator

from api.checks.clock import agrees
from api.checks.finding import Finding, skipped
from cli.doctor.ground import Ground


async def check(ground: Ground) -> AsyncIterator[Finding]:
    """Each clock that was seen while the others were asked."""
    if not ground.clocks:
        yield skipped("clock", "nobody answered with a time")
    for seen in ground.clocks:
        yield agrees(seen)
