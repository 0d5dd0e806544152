"""What a sequence may let happen to a request, and what Temporal is told of it."""

from datetime import timedelta
from enum import StrEnum

from temporalio.exceptions import ApplicationError

from workflows.domain.errors import Failure


class Fault(StrEnum):
    """What becomes of one request."""

    UNAVAILABLE = "unavailable"
    """A 5xx: it may have acted for all we know, and did not."""
    LOST = "lost"
    """It acts, and its answer is lost: the outcome is unknown."""
    DIED = "died"
    """It acts, the ledger knows, and the worker dies before it can tell Temporal."""
    RATE_LIMITED = "rate_limited"
    """429 with half a minute."""
    NOT_SENT = "not_sent"
    """No connection."""
    FORBIDDEN = "forbidden"
    """403 although the token has every scope."""
    REFUSED = "refused"
    """422."""
    KEY_CONFLICT = "key_conflict"
    """400: a key conflict for a create, refused for a pop; elsewhere our configuration is wrong."""


ACTS = frozenset({Fault.LOST, Fault.DIED})
SLOWLY_S = 60
_TAKE_400 = ("create_ticket", "patch_call", "fetch_customer")
"""Requests whose adapters see to a 400 themselves."""

_FAILURES: dict[Fault, tuple[Failure, float | None]] = {
    Fault.UNAVAILABLE: (Failure.UNAVAILABLE, None),
    Fault.KEY_CONFLICT: (Failure.MISCONFIGURED, SLOWLY_S),
    Fault.LOST: (Failure.UNAVAILABLE, None),
    Fault.DIED: (Failure.UNEXPECTED, None),
    Fault.RATE_LIMITED: (Failure.RATE_LIMITED, 30),
    Fault.NOT_SENT: (Failure.NOT_SENT, 1),
    Fault.FORBIDDEN: (Failure.FORBIDDEN, SLOWLY_S),
    Fault.REFUSED: (Failure.STEP_REFUSED, None),
}

OUTCOMES: dict[Fault, str | None] = {
    Fault.DIED: "done",
    Fault.RATE_LIMITED: "RateLimited",
    Fault.NOT_SENT: "not_sent",
    Fault.FORBIDDEN: "Forbidden",
    Fault.REFUSED: "Unprocessable",
    Fault.KEY_CONFLICT: "BadRequest",
}
"""What the ledger learns of an attempt that met the fault; nothing where its outcome stays unknown."""


def refused(fault: Fault | None, request: str) -> bool:
    """Whether the adapter of that request has a use for what the vendor answers."""
    return fault == Fault.REFUSED or (fault == Fault.KEY_CONFLICT and request in _TAKE_400)


def error_of(fault: Fault, request: str) -> ApplicationError:
    """The failure the adapters make of it."""
    kind, delay_s = _FAILURES[fault]
    return failure(kind, f"{request}: {fault}", delay_s)


def failure(kind: Failure, text: str, delay_s: float | None = None) -> ApplicationError:
    """A retryable failure of ours, tried again after `delay_s` if given."""
    delay = None if delay_s is None else timedelta(seconds=delay_s)
    return ApplicationError(text, type=kind, next_retry_delay=delay)
