"""When a token is exchanged, and what an exchange tells."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from workflows.domain.errors import AlertKind

FRESH_S = 60
"""A worker that starts within a minute of the last exchange uses its token."""
SCOPES_RETRY_S = 60
CLIENT_REFUSED_RETRY_S = 60
MAX_BACK_OFF_S = 60
LAST_MINUTE_S = 60
LEAST_APART_S = 1
"""However short tokens live, exchanges are no closer."""


class ExchangeResult(StrEnum):
    """How an exchange ended."""

    STORED = "stored"
    CLIENT_REFUSED = "client_refused"
    UNAVAILABLE = "unavailable"


class TokenProblem(StrEnum):
    """What is wrong with the credential."""

    UNAVAILABLE = "unavailable"
    """The token endpoint cannot be reached or answers nonsense."""
    CLIENT_REFUSED = "client_refused"
    """The token endpoint refuses the client id or secret."""
    SCOPES = "scopes"
    """The token lacks a required scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something an administrator must know. At most one POST a kind an hour. `text` holds no customer data."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenExchanged:
    """Never the token itself: its version, life and scopes. `retry_after_s` when the endpoint asked for it.

    `left_s`: the life left by the clock that `obtained_at` and `expires_at` were taken from, which need not be ours.
    """

    result: str
    version: int = 0
    obtained_at: datetime | None = None
    expires_at: datetime | None = None
    scopes: list[str] = field(default_factory=list)
    detail: str | None = None
    retry_after_s: float | None = None
    left_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenState:
    """What the token workflow knows, and what it carries over when it continues as new."""

    account: str
    required_scopes: list[str] = field(default_factory=list)
    margin_s: int = 300
    version: int = 0
    obtained_at: datetime | None = None
    expires_at: datetime | None = None
    scopes: list[str] = field(default_factory=list)
    problem: str | None = None
    detail: str | None = None
    exchanges: int = 0
    last_exchange_at: datetime | None = None
    next_exchange_at: datetime | None = None
    failures: int = 0
    refusals: int = 0
    refused_version: int = 0
    forbidden_checked_version: int = 0
    pending_alerts: list[Alert] = field(default_factory=list)

    @property
    def missing_scopes(self) -> list[str]:
        """Required but not granted, in the order required."""
        return [scope for scope in self.required_scopes if scope not in self.scopes]


def is_fresh(last_exchange_at: datetime | None, now: datetime) -> bool:
    """Whether the last exchange is recent enough to serve another worker's start."""
    return last_exchange_at is not None and now - last_exchange_at < timedelta(seconds=FRESH_S)


def after_refusal(last_exchange_at: datetime | None, refusals: int, now: datetime) -> datetime:
    """When to exchange after a 401: at once the first time, then spaced 1 s, doubling to 60 s."""
    if last_exchange_at is None or refusals == 0:
        return now
    return max(now, last_exchange_at + timedelta(seconds=min(MAX_BACK_OFF_S, 2 ** min(refusals - 1, 6))))


def refresh_at(obtained_at: datetime, expires_at: datetime, margin_s: int) -> datetime:
    """The margin before the end; a token shorter than two margins at half its life."""
    life = expires_at - obtained_at
    margin = timedelta(seconds=margin_s)
    return obtained_at + life / 2 if life < 2 * margin else expires_at - margin


def fold(state: TokenState, answer: TokenExchanged, now: datetime) -> TokenState:
    """The state after an exchange: what is known, when the next one is due, and which alerts that calls for."""
    match answer.result:
        case ExchangeResult.STORED:
            return _stored(state, answer, now)
        case ExchangeResult.CLIENT_REFUSED:
            detail = answer.detail or "no reason given"
            text = f"Zendesk refuses the client (ZENDESK_CLIENT_ID, ZENDESK_CLIENT_SECRET): {detail}"
            next_at = now + timedelta(seconds=CLIENT_REFUSED_RETRY_S)
            failed = _failed(state, TokenProblem.CLIENT_REFUSED, answer, next_at)
            return _alerting(failed, Alert(kind=AlertKind.CLIENT_REFUSED, text=text))
        case _:
            # A longer wish of the endpoint gives way: the present token ends meanwhile.
            wait_s = min(MAX_BACK_OFF_S, max(2 ** min(state.failures, 6), answer.retry_after_s or 0))
            failed = _failed(state, TokenProblem.UNAVAILABLE, answer, now + timedelta(seconds=wait_s))
            return _alerting(failed, _last_minute_alert(state, now))


def after_forbidden(state: TokenState, version: int, now: datetime) -> TokenState:
    """What a 403 leads to: one exchange a version; when that showed every scope, the 403 belongs to its request."""
    if version != state.version or state.forbidden_checked_version > state.version:
        # Of an older token, or of one whose exchange is on its way: another worker was quicker to ask.
        return state
    if state.forbidden_checked_version < state.version:
        # The exchange makes the next version, which is then the one that was checked.
        return replace(state, forbidden_checked_version=state.version + 1, next_exchange_at=now)
    if state.missing_scopes:
        return state
    text = (
        "Zendesk answers 403 although the token has every scope: the OAuth client's user may not do what a call needs"
    )
    return _alerting(state, Alert(kind=AlertKind.FORBIDDEN, text=text))


def _stored(state: TokenState, answer: TokenExchanged, now: datetime) -> TokenState:
    obtained_at, expires_at = _by_our_clock(answer, now)
    due = refresh_at(obtained_at, expires_at, state.margin_s)
    caused_by_refusal = state.refused_version == state.version > 0
    known = replace(
        state,
        version=answer.version,
        obtained_at=obtained_at,
        expires_at=expires_at,
        scopes=answer.scopes,
        problem=None,
        detail=None,
        exchanges=state.exchanges + 1,
        last_exchange_at=now,
        failures=0,
        refusals=state.refusals + 1 if caused_by_refusal else state.refusals,
        # A token may have ended on its way here, and the next one too.
        next_exchange_at=due if answer.left_s is None else max(due, now + timedelta(seconds=LEAST_APART_S)),
    )
    if not known.missing_scopes:
        return known
    missing = " ".join(known.missing_scopes)
    text = f"the Zendesk token lacks the scopes: {missing}. Grant them to the OAuth client; calls wait until then."
    next_at = min(known.next_exchange_at or now, now + timedelta(seconds=SCOPES_RETRY_S))
    short = replace(known, problem=TokenProblem.SCOPES, detail=f"missing scopes: {missing}", next_exchange_at=next_at)
    return _alerting(short, Alert(kind=AlertKind.SCOPES_MISSING, text=text))


def _by_our_clock(answer: TokenExchanged, now: datetime) -> tuple[datetime, datetime]:
    """When the token was obtained and when it ends, by the clock of the workflow."""
    assert answer.obtained_at is not None
    assert answer.expires_at is not None
    if answer.left_s is None:
        # From a worker, or in a history, of before there was such a field.
        return answer.obtained_at, answer.expires_at
    expires_at = now + timedelta(seconds=answer.left_s)
    return expires_at - (answer.expires_at - answer.obtained_at), expires_at


def _failed(state: TokenState, problem: TokenProblem, answer: TokenExchanged, next_at: datetime) -> TokenState:
    return replace(
        state,
        problem=problem,
        detail=answer.detail,
        exchanges=state.exchanges + 1,
        failures=state.failures + 1,
        next_exchange_at=next_at,
    )


def _last_minute_alert(state: TokenState, now: datetime) -> Alert | None:
    """Due when less than a minute of the present token is left, or when it is refused while no other can be had."""
    refused = state.refused_version == state.version > 0
    ending = state.expires_at is not None and state.expires_at - now < timedelta(seconds=LAST_MINUTE_S)
    if not (refused or ending):
        return None
    reason = "was refused" if refused else "is about to end"
    text = f"the Zendesk token {reason} and the token endpoint gives no new one"
    return Alert(kind=AlertKind.TOKEN_ENDING, text=text)


def _alerting(state: TokenState, alert: Alert | None) -> TokenState:
    if alert is None or alert in state.pending_alerts:
        return state
    return replace(state, pending_alerts=[*state.pending_alerts, alert])
