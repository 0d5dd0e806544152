"""What a call does and waits for, in plain words."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from workflows.domain.errors import Failure

_OUTCOMES = {
    None: "unknown",
    "NoAnswer": "no answer in time",
    "ConnectionLost": "connection lost",
    "ServerFault": "server fault",
    "MalformedAnswer": "unreadable answer",
    "RateLimited": "rate limited",
    "Unauthorized": "token refused",
    "Conflict": "changed meanwhile",
    "Unprocessable": "content refused",
    "BadRequest": "not understood",
    "Misconfigured": "not understood",
}
"""What became of a request, by the ledger's word where that alone says too little."""
UNDER_WAY = "under way"

_AFTER = {
    None: "the outcome is unknown, so it is found out first",
    "NoAnswer": "waiting for {vendor}: no answer in time",
    "ConnectionLost": "waiting for {vendor}: the connection broke",
    "MalformedAnswer": "waiting for {vendor}: an answer that cannot be read",
    "Unauthorized": "waiting for a new token: {status}",
    "Forbidden": "waiting for permission at {vendor}: {status}",
    "NotFound": "not found at {vendor}: {status}",
    "Conflict": "changed at {vendor} meanwhile: {status}",
    "Unprocessable": "refused by {vendor}: {status}",
    "BadRequest": "not understood by {vendor}: {status}",
    "Misconfigured": "not understood by {vendor}: {status}",
    "not_sent": "waiting for a connection to {vendor}",
}
_FOR = {
    Failure.LEDGER_UNAVAILABLE: "waiting for PostgreSQL",
    Failure.NOT_SENT: "waiting for a connection to {vendor}",
    Failure.CREDENTIAL_REFUSED: "waiting for a token that {vendor} accepts",
    Failure.SCOPE_MISSING: "waiting for an administrator to grant the token's scopes",
    Failure.FORBIDDEN: "waiting for permission at {vendor}",
    Failure.MISCONFIGURED: "waiting for a correct address or setting: {vendor} does not understand us",
    Failure.TICKET_PENDING: "waiting for an earlier call of the same customer to find its ticket",
    Failure.UNEXPECTED: "waiting after a fault of ours",
}


def duration(seconds: float) -> str:
    """A length of time in two units at most: `180 ms`, `3.2 s`, `12 s`, `2 min 5 s`, `3 h 58 min`, `2 d 4 h`."""
    if seconds < 0.9995:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    for unit, size, part, piece in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // piece
            return f"{whole // size} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{whole} s"


def exact(moment: datetime) -> str:
    """A moment in milliseconds, UTC; requests are that close to each other."""
    return moment.astimezone(UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")


def vendor(step: str) -> str:
    """Who is asked in this step."""
    return "the CRM" if step.startswith("fetch_customer") else "Zendesk"


def step_words(step: str) -> str:
    """`update_ticket-in_call` as `update ticket: in call`; the number of a repetition is left out."""
    return re.sub(r"-\d+$", "", step).replace("-", ": ").replace("_", " ")


def outcome_words(outcome: str | None) -> str:
    """What became of a request."""
    known = _OUTCOMES.get(outcome)
    return known if known is not None else re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", str(outcome)).lower()


def wait_after(step: str, outcome: str | None, http_status: int | None) -> str:
    """Why a step paused after this request, which did not work."""
    words = _AFTER.get(outcome, "waiting for {vendor}: {status}")
    return words.format(vendor=vendor(step), status=http_status or "no answer")


def sent_nothing(first: int, last: int) -> str:
    """Attempts of a step that the ledger has no request of."""
    return f"waiting: {f'attempt {first}' if first == last else f'attempts {first}–{last}'} sent nothing"


def why_nothing(step: str) -> str:
    """What keeps an attempt from sending; the ledger does not tell which it was."""
    if step.startswith("fetch_customer"):
        return "no connection, no room under the rate, or no ledger"
    return "no token with the scopes, no room under the rate, or no ledger"


def waits_for(step: Mapping[str, object], http_status: int | None) -> str:
    """What an unfinished step waits for, by its last failure; `http_status` of its last request, if that failed."""
    name, error = str(step["name"]), str(step.get("last_error") or "")
    if name == "await_ticket":
        return _FOR[Failure.TICKET_PENDING]
    kind = error.partition(":")[0]
    words = {str(failure): text for failure, text in _FOR.items()}.get(kind)
    if words is None:
        if kind == Failure.RATE_LIMITED:
            http_status = 429
        words = "waiting for {vendor}: {status}" if http_status else "waiting for {vendor}"
    return words.format(vendor=vendor(name), status=http_status)


def until(moment: datetime, now: datetime) -> str:
    """When something is due: `again in 12 s`, or at once."""
    left = (moment - now).total_seconds()
    return f"again in {duration(round(left))}" if left >= 1 else "again now"
