"""The CRM: flat customer records, found by email or else by phone."""

from __future__ import annotations

import hmac
from typing import Any

from simulator.exchange import Answer, Asked, Document, RefusedError
from simulator.settings import Settings
from simulator.state import Note, forget


class Crm:
    """All customer records."""

    def __init__(self, note: Note = forget) -> None:
        self._note = note
        self._by_email: dict[str, Document] = {}
        self._by_phone: dict[str, Document] = {}

    def put(self, email: str | None, phone: str | None, properties: dict[str, Any]) -> None:
        """Stores a record under the email, the phone, or both."""
        if email:
            self._by_email[email.lower()] = properties
        if phone:
            self._by_phone[phone] = properties
        self._note("put", email, phone, properties)

    def fetch(self, asked: Asked, settings: Settings) -> Answer:
        """One record, or 404."""
        expected = f"Bearer {settings.crm_token}".encode()
        if not hmac.compare_digest(asked.headers.get("authorization", "").encode(), expected):
            raise RefusedError(401, "unauthorized", "the bearer token is missing or wrong")
        unknown = set(asked.query) - {"email", "phone"}
        email, phone = asked.query.get("email"), asked.query.get("phone")
        if unknown or not (email or phone):
            raise RefusedError(400, "bad_request", "ask by email or phone, and by nothing else")
        found = self._by_email.get((email or "").lower())
        if found is None:
            found = self._by_phone.get(phone or "")
        if found is None:
            raise RefusedError(404, "not_found", "no such customer")
        return Answer(status=200, body={"customer": found})
