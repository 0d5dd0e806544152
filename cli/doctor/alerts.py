"""Group *Alerts*: whether anybody hears of what only a person can mend."""

from collections.abc import AsyncIterator

from api.checks.finding import Finding, ok, skipped
from cli.doctor.ground import Ground


async def check(ground: Ground) -> AsyncIterator[Finding]:
    """Nothing is posted: an alert that means nothing teaches people to look away."""
    if ground.worker is None:
        yield skipped("webhook", ground.lacking["worker"])
    elif ground.worker.alert_webhook_url is None:
        yield skipped("webhook", "ALERT_WEBHOOK_URL is not set: alerts stand in the worker's log only")
    else:
        yield ok("webhook", "ALERT_WEBHOOK_URL is set")
