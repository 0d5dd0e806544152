"""What the gateway reads from the ledger, whoever keeps it; `activities.postgres` does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """One request of a call. `outcome`: `done`, `not_sent`, what went wrong, or None: nobody knows what it came to."""

    step: str
    attempt: int
    request_id: str
    method: str
    path: str
    sent_at: datetime
    http_status: int | None
    outcome: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMend:
    """What a person did to a call, why, and what came of it."""

    mend_id: str
    action: str
    step: str | None
    ticket_id: int | None
    asked_by: str
    reason: str
    result: str
    text: str
    mended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The latest requests and mends of a call, the oldest first. `unread`: how many earlier requests there are."""

    requests: list[SentRequest]
    mends: list[PastMend]
    unread: int = 0


MOST_REQUESTS = 500
MOST_MENDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class InNeed:
    """A call in one of the groups of those that need a person, and what is known of the whole group.

    `own_step` is the call's own entry, `step` the group's; `mends` what can be done, each with its sentence. `size`,
    `retriable`: calls of the group, and those of them that can be retried. `looked_at`: calls in need that were
    looked at for the answer. Moments are ISO 8601, UTC.
    """

    cause: str
    step: str
    size: int
    retriable: int
    oldest: str | None
    own_step: str | None
    text: str
    since: str | None
    mends: Mapping[str, str]
    call_id: str
    state: str
    ticket_id: int | None
    agent: Mapping[str, Any] | None
    customer: Mapping[str, Any] | None
    looked_at: int


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

    async def records(self, call_id: str) -> Records:
        """What a call sent and what was done to it: the latest 500 requests and 100 mends."""

    async def calls_in_need(
        self, *, cause: str | None = None, step: str | None = None, action: str | None = None, each: int, limit: int
    ) -> Sequence[InNeed]:
        """Calls that need a person, the largest group first, in it those that have waited longest.

        `each` of a group at most, `limit` of all; of one cause, of one step, only those that offer an action.
        """

    async def figures(self) -> Sequence[tuple[str, str, float]]:
        """The fleet in numbers: figure, label, value."""

    async def screen_pops(
        self, *, period_s: int, slot_s: int, limit: int, within_ms: int
    ) -> Sequence[Mapping[str, Any]]:
        """Numbers on the screen pops of a period, of its newest calls; the statement says what each row is."""

    async def credentials(self) -> Sequence[Mapping[str, Any]]:
        """What is kept of each account's token, the newest first; never the token."""

    async def ping(self) -> None:
        """Returns when the ledger can be read."""

    async def check_keys(self) -> None:
        """Returns when the keys fit. Raises `KeysMisfit`, `NotSetUp` where there is nothing to hold them against."""
