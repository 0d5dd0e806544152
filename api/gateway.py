"""What the endpoints share: settings, the way to Temporal and to the ledger, what was counted and remembered."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import Request
from structlog.stdlib import get_logger
from temporalio.client import Client

from api.checks.gateway import Checkup
from api.checks.token_word import TokenWord
from api.fleet import Fleet
from api.keys import Keys
from api.log import Sparing
from api.metrics import Metrics
from api.readiness import Readiness
from api.reading import Reading
from api.recent import Recent
from api.security import Doorkeeper
from api.settings import GatewaySettings
from api.watching import Watching


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Gateway:
    """One gateway's parts. `now` is the wall clock, `steady` a clock that only goes forward, in seconds.

    `signed_at`: when, by `steady`, a webhook last had a signature that fits.
    """

    settings: GatewaySettings
    temporal: Client
    ledger: Reading
    doorkeeper: Doorkeeper
    metrics: Metrics = field(default_factory=Metrics)
    recent: Recent = field(default_factory=Recent)
    refusals: Sparing = field(default_factory=lambda: Sparing(get_logger("api.webhooks"), "webhook_signature_refused"))
    guesses: Sparing = field(default_factory=lambda: Sparing(get_logger("api.security"), "ops_token_refused"))
    signed_at: float | None = None
    misfits: Sparing = field(default_factory=lambda: Sparing(get_logger("api.webhooks"), "webhook_not_taken"))
    fleet: Fleet = field(default_factory=Fleet)
    checkup: Checkup = field(default_factory=Checkup)
    token_word: TokenWord = field(default_factory=TokenWord)
    keys: Keys = field(default_factory=Keys)
    readiness: Readiness = field(default_factory=Readiness)
    watching: Watching = field(default_factory=Watching)
    now: Callable[[], datetime] = _utc_now
    steady: Callable[[], float] = time.monotonic


def gateway_of(request: Request) -> Gateway:
    """The gateway that serves this request."""
    gateway = request.app.state.gateway
    assert isinstance(gateway, Gateway)
    return gateway
