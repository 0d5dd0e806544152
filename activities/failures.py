"""From what became of a request to what Temporal is told: a type, when to come back, no customer data."""

import random
from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.zendesk.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Misconfigured,
    NotFound,
    NotSent,
    RateLimited,
    Unauthorized,
    Unavailable,
    Unprocessable,
    VendorError,
)
from workflows.domain.customer import mask_text
from workflows.domain.errors import Failure

SLOWLY_S = 60.0
"""Between two tries of what only an administrator can mend."""
NOT_SENT_S = 1.0
"""After what never went out: a back-off that grows would punish the steps that give way in a backlog."""

_JITTER = 0.2
_EXPECTED = frozenset({Failure.RATE_LIMITED, Failure.NOT_SENT, Failure.CREDENTIAL_REFUSED, Failure.SCOPE_MISSING})
"""What happens in good operation and needs no error in a log."""

FAILURES: tuple[tuple[type[VendorError], Failure], ...] = (
    (NotSent, Failure.NOT_SENT),
    (Unavailable, Failure.UNAVAILABLE),
    (RateLimited, Failure.RATE_LIMITED),
    (Unauthorized, Failure.CREDENTIAL_REFUSED),
    (Forbidden, Failure.FORBIDDEN),
    (Conflict, Failure.UNAVAILABLE),
    (Unprocessable, Failure.STEP_REFUSED),
    (NotFound, Failure.MISCONFIGURED),
    (BadRequest, Failure.MISCONFIGURED),
    (Misconfigured, Failure.MISCONFIGURED),
)
"""What an error means where the step has no better use for it."""


def failure(kind: Failure, text: str, *, delay_s: float | None = None) -> ApplicationError:
    """A retryable failure. Without `delay_s` the workflow's back-off decides when to come back."""
    return ApplicationError(
        mask_text(text),
        type=kind,
        next_retry_delay=None if delay_s is None else timedelta(seconds=delay_s),
        category=ApplicationErrorCategory.BENIGN if kind in _EXPECTED else ApplicationErrorCategory.UNSPECIFIED,
    )


def kind_of(error: VendorError) -> Failure:
    """The failure an error stands for."""
    return next(kind for each, kind in FAILURES if isinstance(error, each))


def failure_of(error: VendorError, request: str, attempt: int, *, urgent: bool = False) -> ApplicationError:
    """The failure of one attempt; `request` names what was asked, for instance `update_ticket`.

    `urgent`: of use for seconds only, so not put off until an administrator had time.
    """
    kind = kind_of(error)
    return failure(kind, detail_of(error, request), delay_s=_delay_s(error, kind, attempt, urgent=urgent))


def detail_of(error: VendorError, request: str) -> str:
    """What happened in one line, masked, with the vendor's words."""
    field = f" ({error.field})" if isinstance(error, Unprocessable) and error.field else ""
    said = f": {error.vendor_text}" if error.vendor_text else ""
    return mask_text(f"{request}: {error}{field}{said}")


def credential_delay_s(attempt: int) -> float:
    """How soon to look for a new token: 0.5 s, doubling to 5."""
    return min(5.0, 0.5 * 2.0 ** min(attempt - 1, 10))


def no_sooner_than(seconds: float) -> float:
    """At least so long, and up to 20 % more, so that not everybody comes back at once."""
    return seconds * (1 + random.uniform(0, _JITTER))  # noqa: S311 - it spreads retries and guards nothing


def _delay_s(error: VendorError, kind: Failure, attempt: int, *, urgent: bool) -> float | None:
    if isinstance(error, RateLimited):
        return None if error.retry_after_s is None else no_sooner_than(error.retry_after_s)
    if kind == Failure.NOT_SENT:
        return no_sooner_than(NOT_SENT_S)
    if kind == Failure.CREDENTIAL_REFUSED:
        return credential_delay_s(attempt)
    return SLOWLY_S if kind in (Failure.FORBIDDEN, Failure.MISCONFIGURED) and not urgent else None
