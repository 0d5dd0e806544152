"""Moments and names as people read them."""

from datetime import UTC, datetime


def readable(moment: str) -> str:
    """An ISO 8601 moment as `2026-11-22 21:15:03 UTC`; what is none comes back as it is."""
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def words(name: str) -> str:
    """`end_not_reported` as `end not reported`."""
    return name.replace("_", " ")
