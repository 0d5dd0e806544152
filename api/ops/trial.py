"""A test call: two signed webhooks of a caller who hangs up, through the endpoint that takes every webhook."""

import json
import re
import secrets
from datetime import datetime
from typing import Any

from starlette.types import ASGIApp

from api.ops.inside import Answered, post
from api.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

PATH = "/webhooks/calls"
CALLER = "Talkbridge test"
_CALL_ID = re.compile(r"talkbridge-test-[0-9a-f]{12}")


def new_call_id() -> str:
    """The id of a test call that there has not been yet."""
    return f"talkbridge-test-{secrets.token_hex(6)}"


def is_call_id(text: str) -> bool:
    """Whether it is one of those."""
    return _CALL_ID.fullmatch(text) is not None


def events(call_id: str, now: datetime) -> list[bytes]:
    """The bodies: it rings, and it ends without an answer. Without email and number it is nobody else's call."""
    data: dict[str, Any] = {"id": call_id, "direction": "inbound", "customer": {"name": CALLER}, "queue": "test call"}
    ended = {**data, "status": "missed", "duration_s": 0, "disposition": "test call, sent from the operations page"}
    return [
        _body("call.started", now, {**data, "status": "ringing"}),
        _body("call.completed", now, ended),
    ]


def signed(body: bytes, secret: bytes, now: datetime) -> dict[str, str]:
    """The headers of a webhook sent now (a moment in UTC)."""
    timestamp = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "Content-Type": "application/json",
        SIGNATURE_HEADER: sign(secret, timestamp.encode(), body).decode(),
        TIMESTAMP_HEADER: timestamp,
    }


async def send(app: ASGIApp, call_id: str, secret: bytes, now: datetime) -> Answered | None:
    """Send the call; the first answer that did not take an event, None when all were taken."""
    for body in events(call_id, now):
        answer = await post(app, PATH, signed(body, secret, now), body)
        if answer.status not in (200, 202):
            return answer
    return None


def _body(event: str, now: datetime, data: dict[str, Any]) -> bytes:
    return json.dumps({"event": event, "timestamp": int(now.timestamp() * 1000), "data": data}).encode()
