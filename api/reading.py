"""What the gateway reads from the ledger, whoever keeps it; `activities.postgres` does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class LedgerUnreadable(Exception):
    """The ledger is out of reach, or one of the leaves below."""


class NotSetUp(LedgerUnreadable):
    """`talkbridge setup` of this release has not run."""


class KeysMisfit(LedgerUnreadable):
    """`ENCRYPTION_KEYS` of this process cannot read the database; the text is a sentence without a key in it."""


class UnusableCursor(ValueError):
    """A cursor that this ledger did not hand out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which calls to list; None does not filter. `limit` is a page's length."""

    state: str | None = None
    ticket_id: int | None = None
    agent_id: str | None = None
    needs_attention: bool | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Calls in the shape of `GET /calls/{call_id}`, newest first, and where the next page starts."""

    calls: list[Mapping[str, Any]]
    next_cursor: str | None


class Reading(Protocol):
    """Read-only questions to the ledger; every method raises `LedgerUnreadable`."""

    async def call_status(self, call_id: str) -> Mapping[str, Any] | None:
        """The last known status of a call, None for a call the ledger does not know."""

    async def list_calls(self, filters: Filters) -> Page:
        """Raises `UnusableCursor`."""

    async def search_calls(
        self, email: str | None, phone: str | None, *, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """Calls of the customer with this normalised email or phone. Raises `UnusableCursor`."""

    async def figures(self) -> Sequence[tuple[str, str, float]]:
        """The fleet in numbers: figure, label, value."""

    async def ping(self) -> None:
        """Returns when the ledger can be read."""

    async def check_keys(self) -> None:
        """Returns when the keys fit. Raises `KeysMisfit`, `NotSetUp` where there is nothing to hold them against."""
