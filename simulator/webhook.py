"""What the telephony platform sends: the event's JSON and its signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

from simulator.exchange import Document


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """base64(HMAC-SHA256(secret, timestamp + body)), the secret used as text.

    https://developer.zendesk.com/documentation/webhooks/verifying/
    """
    digest = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def signed_headers(secret: str, body: bytes, at: float) -> dict[str, str]:
    """The headers of one delivery at this moment."""
    timestamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "Content-Type": "application/json",
        "X-Zendesk-Webhook-Signature": signature(secret, timestamp, body),
        "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
    }


def event_body(event: str, at: float, data: Document, event_id: str | None) -> bytes:
    """One call event as it goes over the wire."""
    payload: Document = {"event": event, "timestamp": int(at * 1000), "data": data}
    if event_id is not None:
        payload["id"] = event_id
    return json.dumps(payload, ensure_ascii=False).encode()
