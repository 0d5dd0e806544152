"""Who is calling, and how that may be shown."""

import re
from dataclasses import dataclass

_EMAIL = re.compile(r"[^\s@<>\"',;:()\[\]]+@[^\s@<>\"',;:()\[\]]+")
_DIGITS = re.compile(r"\+?\d(?:[\s().-]{0,2}\d){5,}")
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
    """A foreign text, safe to store and show: emails and runs of six or more digits masked, cut to `limit`."""
    masked = _DIGITS.sub("•••", _EMAIL.sub("•••@•••", text))
    return masked if len(masked) <= limit else masked[: limit - 1] + "…"


def masked(customer: Customer) -> Customer:
    """The customer as the status, the ledger and the page may show them."""
    return Customer(
        email=mask_email(customer.email) if customer.email else None,
        phone=mask_phone(customer.phone) if customer.phone else None,
    )
