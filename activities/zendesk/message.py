"""One request and one answer as values, and what an answer says; no I/O, no vendor's shapes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from activities.zendesk.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    MalformedAnswer,
    Misconfigured,
    NotFound,
    RateLimited,
    ServerFault,
    Unauthorized,
    Unprocessable,
    VendorError,
)

Document = dict[str, Any]
"""A JSON object."""

LONGEST_RETRY_AFTER_S = 3600.0
"""A vendor that asks for more is asked again after an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, relative to a vendor's base address. Only method and path may be shown."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Document | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def url(self, base: str) -> str:
        """The whole address."""
        query = urlencode(self.query, quote_via=quote)
        return f"{base.rstrip('/')}{self.path}{'?' + query if query else ''}"

    def content(self) -> bytes | None:
        """The body as it goes over the wire."""
        return None if self.body is None else json.dumps(self.body, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, headers (names in lower case) and body as they came; and the secrets that were sent for it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """Any 2xx."""
        return 200 <= self.status < 300


def document(answer: Answer) -> Document:
    """The JSON object of a 2xx. Raises what `error_of` finds, or `MalformedAnswer`."""
    error = error_of(answer, datetime.now(UTC))
    if error is not None:
        raise error
    parsed = _json(answer.content)
    if not isinstance(parsed, dict):
        raise MalformedAnswer("the answer is not a JSON object", status=answer.status)
    return parsed


_BY_STATUS: Mapping[int, type[VendorError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: ServerFault,
    409: Conflict,
}


def error_of(answer: Answer, now: datetime) -> VendorError | None:
    """The error an answer stands for, None for a 2xx. `now` is for a `Retry-After` that is a date."""
    if answer.ok:
        return None
    message, text = f"answered {answer.status}", _vendor_text(answer)
    if answer.status == 429:
        return RateLimited(message, retry_after_s=retry_after_s(answer.headers, now), vendor_text=text)
    if answer.status == 422:
        return Unprocessable(message, field=_field_at_fault(answer), vendor_text=text)
    kind = _BY_STATUS.get(answer.status, ServerFault if answer.status >= 500 else Misconfigured)
    return kind(message, status=answer.status, vendor_text=text)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait by `Retry-After` (seconds or an HTTP date), at most an hour; None when absent or unreadable.

    A date is measured from the answer's own `Date`, so that our clock does not matter.
    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return min(float(text), LONGEST_RETRY_AFTER_S)
    until = _http_date(text)
    if until is None:
        return None
    since = _http_date(headers.get("date", "")) or now
    return min(max(0.0, (until - since).total_seconds()), LONGEST_RETRY_AFTER_S)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):  # deep nesting is a RecursionError, everything else a ValueError
        return None


def _vendor_text(answer: Answer) -> str:
    """What the vendor wrote about its refusal, in one printable line."""
    parsed = _json(answer.content[:65_536])
    if not isinstance(parsed, dict):
        return ""
    said = [parsed.get(name) for name in ("error", "error_description", "description", "message", "details")]
    words = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in said if each]
    line = " ".join(": ".join(words).split())
    return _without_secrets("".join(c if c.isprintable() else " " for c in line), answer)[:2000]


def _field_at_fault(answer: Answer) -> str | None:
    parsed = _json(answer.content[:65_536])
    details = parsed.get("details") if isinstance(parsed, dict) else None
    names = (name for name in details if name.isprintable()) if isinstance(details, dict) else ()
    return next((_without_secrets(name, answer)[:100] for name in names), None)


def _without_secrets(text: str, answer: Answer) -> str:
    """A vendor that repeats what it was sent must not put our token or secret into what is stored and shown."""
    for secret in answer.secrets:
        for spelling in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
            text = text.replace(spelling, "•••")
    return text
