"""Alerts: one row a kind, posted at most once an hour by the whole fleet."""

from enum import StrEnum

from activities.postgres.database import Database


class Turn(StrEnum):
    """Whether an alert is to be posted now."""

    OURS = "ours"
    POSTED_LATELY = "posted_lately"
    """One of its kind went out within the hour."""
    SOMEBODY_ELSES = "somebody_elses"
    """Another attempt is at it, or died at it less than 15 s ago."""


class Alerts:
    """Who posts which alert. Raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def raise_alert(self, kind: str, text: str) -> Turn:
        """Count an alert, and claim the posting of it when it is due."""
        row = await self._database.one("raise_alert", {"kind": kind, "text": text})
        if row is not None and row["claimed"]:
            return Turn.OURS
        return Turn.POSTED_LATELY if row is None or row["posted_lately"] else Turn.SOMEBODY_ELSES

    async def posted(self, kind: str) -> None:
        """It went out: nothing of its kind for an hour."""
        await self._database.run("alert_posted", {"kind": kind})

    async def release(self, kind: str) -> None:
        """It did not go out: the next try may claim it."""
        await self._database.run("release_alert", {"kind": kind})
