"""Who is calling, and how that may be shown."""

import re
from dataclasses import dataclass

_SIGN = r"[^\s@<>\"',;:()\[\]]"
# Only where a word begins, and without trying shorter ones: a long word without an @ is looked at once.
_EMAIL = re.compile(rf"(?<!{_SIGN}){_SIGN}++@{_SIGN}+")
_ENCODED_AT = re.compile(r"%40|\\u0040|&#(?:64|x40);|&commat;", re.IGNORECASE)
"""An @ as it stands in an address, in JSON, in HTML."""
_DIGITS = re.compile(r"\+?\d(?:(?:[\s()./+\u2010-\u2015-]|%20|%2[89BDF]){0,3}\d){5,}", re.IGNORECASE)
MAX_FOREIGN_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A caller as the webhooks named them: email lower-cased, phone in E.164."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None

    @property
    def known(self) -> bool:
        """Whether there is anything to look the caller up by."""
        return bool(self.email or self.phone)

    @property
    def display_name(self) -> str:
        """The name for `requester.name`."""
        return self.name or self.phone or self.email or "Anonymous caller"


def mask_email(email: str) -> str:
    """`user@example.com` → `u•••@example.com`."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def mask_phone(phone: str) -> str:
    """`+15550100` → `+1555•••00`: first five and last two characters; a shorter one its last two."""
    return f"{phone[:5]}•••{phone[-2:]}" if len(phone) > 7 else f"•••{phone[-2:]}"


def mask_text(text: str, limit: int = MAX_FOREIGN_TEXT) -> str:
    """A foreign text, safe to store and show: emails and runs of six or more digits masked, cut to `limit`.

    Also where they are spelled as in an address, in JSON or in HTML.
    """
    masked = _DIGITS.sub("•••", _EMAIL.sub("•••@•••", _ENCODED_AT.sub("@", text)))
    return masked if len(masked) <= limit else masked[: limit - 1] + "…"


def masked(customer: Customer) -> Customer:
    """The customer as the status, the ledger and the page may show them."""
    return Customer(
        email=mask_email(customer.email) if customer.email else None,
        phone=mask_phone(customer.phone) if customer.phone else None,
    )
