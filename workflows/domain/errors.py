"""Why a step did not work, in names that Temporal's UI, the logs and `docs/errors.md` share.

Failure
├── retried with back-off ...... Unavailable, RateLimited, LedgerUnavailable, NotSent
├── retried when mended ........ CredentialRefused, ScopeMissing
├── retried a minute apart ..... Forbidden, Misconfigured
└── needs a person ............. StepRefused, CommentsIncomplete, Unexpected
"""

from enum import StrEnum


class Failure(StrEnum):
    """The `type` of every `ApplicationError` of ours."""

    UNAVAILABLE = "Unavailable"
    """The vendor answered 5xx, nothing, or something that is not the JSON expected."""
    RATE_LIMITED = "RateLimited"
    """The vendor answered 429; tried again after its `Retry-After`."""
    LEDGER_UNAVAILABLE = "LedgerUnavailable"
    """PostgreSQL could not be written, so nothing was sent."""
    NOT_SENT = "NotSent"
    """No connection was free, or too little time was left to send; nothing was sent."""
    CREDENTIAL_REFUSED = "CredentialRefused"
    """The vendor answered 401, or no token is there yet; waits for the token workflow."""
    SCOPE_MISSING = "ScopeMissing"
    """The token lacks a required scope; waits until an administrator grants it."""
    FORBIDDEN = "Forbidden"
    """The vendor answered 403 although the token has every scope: this user may not do it."""
    MISCONFIGURED = "Misconfigured"
    """The vendor answered 400, 404, 405, 415 or a redirect where none is expected."""
    TICKET_PENDING = "TicketPending"
    """Another call of the same customer is still finding its ticket; this one waits for it."""
    STEP_REFUSED = "StepRefused"
    """The vendor refused the content (422) and no fallback is left; a person must look."""
    COMMENTS_INCOMPLETE = "CommentsIncomplete"
    """The ticket's comments could not be read whole, so a second note cannot be ruled out."""
    CLIENT_REFUSED = "ClientRefused"
    """The token endpoint refused our client id or secret (400 or 401)."""
    UNEXPECTED = "Unexpected"
    """A fault of ours; the call needs attention and the step is tried again."""


class AlertKind(StrEnum):
    """What an administrator is told of; at most one POST a kind an hour."""

    SCOPES_MISSING = "scopes_missing"
    CLIENT_REFUSED = "client_refused"
    TOKEN_ENDING = "token_ending"  # noqa: S105 - a kind of alert
    FORBIDDEN = "forbidden"
    MISCONFIGURED = "misconfigured"
    SCREEN_POP_REFUSED = "screen_pop_refused"
    CALL_NEEDS_ATTENTION = "call_needs_attention"


WAITS_FOR_ADMINISTRATOR = frozenset({Failure.CREDENTIAL_REFUSED, Failure.SCOPE_MISSING})
"""Failures that do not count towards `STEP_GIVE_UP_S`: the call itself is not at fault."""
