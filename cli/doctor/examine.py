"""Every group of checks in turn: what one finds out, the next ones use."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

from activities.postgres.database import Database
from api.checks.finding import Finding, Section, skipped
from cli.doctor import alerts, clock, crm, database, gateway, settings, temporal, token, zendesk
from cli.doctor.ground import Ground

Check = Callable[[Ground], AsyncIterator[Finding]]

GROUPS: dict[str, Check] = {
    "Settings": settings.check,
    "Database": database.check,
    "Temporal": temporal.check,
    "Token": token.check,
    "Zendesk": zendesk.check,
    "CRM": crm.check,
    "Gateway": gateway.check,
    "Clock": clock.check,
    "Alerts": alerts.check,
}
WITHOUT_NETWORK = ("Settings", "Alerts")


async def examine(ground: Ground, *, offline: bool = False) -> AsyncIterator[Section]:
    """A section a group, each as soon as it is there."""
    async with AsyncExitStack() as stack:
        if ground.shared is not None and not offline:
            url = ground.shared.database_url.get_secret_value()
            ground.database = await stack.enter_async_context(Database(url, size=1))
        for title, check in GROUPS.items():
            if offline and title not in WITHOUT_NETWORK:
                yield Section(title=title, findings=(skipped("all", "--offline asks nobody"),))
            else:
                yield Section(title=title, findings=tuple([finding async for finding in check(ground)]))
