"""What the telephony platform sends: call events as JSON, signed."""

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
SECRET = "webhook-secret"
CALLER = {"email": "user@example.com", "phone_number": "+15550100"}
AGENT = {"id": "a-9876543210", "name": "Agent Smith"}
RECORD = {
    "crm_customer_id": "CUST_999888",
    "account_status": "Premium",
    "last_ticket_date": "2023-10-01T14:30:00Z",
}
"""The caller's record in the customer database."""


def signed(body: bytes, secret: str = SECRET, at: str | None = None) -> dict[str, str]:
    """The headers of a signed webhook."""
    moment = at or datetime.now(UTC).isoformat(timespec="seconds")
    digest = hmac.new(secret.encode(), moment.encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "X-Zendesk-Webhook-Signature": base64.b64encode(digest).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": moment,
    }


def payload(kind: str, call_id: str, **data: object) -> Json:
    """A webhook's body, of now; `data` replaces or adds fields of `data`."""
    agent = {"agent": AGENT} if kind == "answered" else {}
    known = {"id": call_id, "status": "ringing", "customer": CALLER, "ticket_id": None, **agent, **data}
    return {"event": f"call.{kind}", "timestamp": int(time.time() * 1000), "data": known}
