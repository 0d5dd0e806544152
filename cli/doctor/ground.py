"""What the checks stand on: settings as read, the way to each server once it is found, the clocks that were seen."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from temporalio.client import Client

from activities.postgres.database import Database
from activities.settings import SharedSettings, WorkerSettings
from api.checks.clock import ClockSeen
from api.settings import GatewaySettings
from cli.gateway import Door
from workflows.connection import Keyring

PATIENCE_S = 5.0
"""How long any one of the others may take to answer."""


@dataclass(kw_only=True)
class Ground:
    """One examination. What is None is not there to be used; `lacking` says why for settings."""

    url: str
    door: Door
    shared: SharedSettings | None = None
    gateway: GatewaySettings | None = None
    worker: WorkerSettings | None = None
    lacking: dict[str, str] = field(default_factory=dict)
    exchange: bool = False
    gateway_elsewhere: bool = False
    "The gateway does not live here, and nobody said where it does."
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    database: Database | None = None
    client: Client | None = None
    bearer: str | None = field(default=None, repr=False)
    keys_fit: bool = True
    "Whether ENCRYPTION_KEYS reads what the database holds, as far as is known."
    served: set[str] = field(default_factory=set)
    "Task queues that a worker asked lately."
    clocks: list[ClockSeen] = field(default_factory=list)

    @property
    def keyring(self) -> Keyring | None:
        """The keys, once the settings could be read."""
        return Keyring.parse(self.shared.encryption_keys.get_secret_value()) if self.shared else None

    def saw_date(self, whose: str, header: str | None, before: datetime) -> None:
        """Remember an answer's `Date`, which has whole seconds, if it has one."""
        try:
            said = parsedate_to_datetime(header or "")
        except ValueError:
            return
        said = said if said.tzinfo else said.replace(tzinfo=UTC)
        self.clocks.append(ClockSeen(whose=whose, said=said, before=before, after=self.now()))
