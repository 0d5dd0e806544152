"""Single values of a webhook made usable, or found not to be: texts, addresses, numbers, moments."""

import math
import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

from api.phone import UnusableNumber, e164

MAX_TEXT = 256
MAX_URL = 2048
MAX_DURATION_S = 30 * 24 * 3600
MAX_TICKET_ID = 2**63 - 1

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WITHHELD_EMAIL = frozenset({"anonymous", "restricted", "private", "unavailable", "unknown", "none", "null", "-"})


def clean_text(value: object, limit: int = MAX_TEXT) -> str | None:
    """A text or integer as at most `limit` characters that every store takes; None when nothing is left."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    return _CONTROL.sub(" ", _SURROGATE.sub("\ufffd", value)).strip()[:limit].strip() or None


def email_address(value: object) -> str | None:
    """The address in lower case; None when there is none. Raises `ValueError` when it is not an address."""
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - one error for whatever is unusable
    text = value.strip()
    if not text or text.lower() in _WITHHELD_EMAIL:
        return None
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except (EmailNotValidError, UnicodeError):
        raise ValueError from None


def phone_number(value: object, region: str | None) -> str | None:
    """The number as E.164; None when withheld. Raises `UnusableNumber`."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise UnusableNumber
    return e164(value, region)


def _number(value: object) -> float | None:
    """A finite number, or a text of digits; no boolean."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,19}\s*", value, re.ASCII):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > MAX_TICKET_ID:
        return None
    return None if math.isnan(value) else value


def epoch_milliseconds(value: object) -> datetime | None:
    number = _number(value)
    try:
        return None if number is None else datetime.fromtimestamp(number / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def ticket_id(value: object) -> int:
    number = _number(value)
    if number is None or number != int(number) or not 1 <= number <= MAX_TICKET_ID:
        raise ValueError
    return int(number)


def duration_s(value: object) -> int:
    number = _number(value)
    if number is None or not 0 <= number <= MAX_DURATION_S:
        raise ValueError
    return round(number)


def web_address(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > MAX_URL or re.search(r"[^\x21-\x7e]", value.strip()):
        raise ValueError
    parts = urlsplit(value.strip())
    if not value.strip():
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError
    return value.strip()
