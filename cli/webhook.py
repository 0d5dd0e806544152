"""One webhook as the telephony platform sends it: body, signature, and the same as a curl command."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

PATH = "/webhooks/calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A body that can be signed again for each delivery: signatures grow old, bodies do not."""

    event: str
    body: bytes

    def headers(self, secret: str, at: datetime) -> dict[str, str]:
        """The headers of a delivery at this moment, which has a zone."""
        timestamp = rfc3339(at)
        return {
            "Content-Type": "application/json",
            SIGNATURE_HEADER: sign(secret.encode(), timestamp.encode(), self.body).decode(),
            TIMESTAMP_HEADER: timestamp,
        }

    def as_curl(self, url: str, secret: str, at: datetime) -> str:
        """The delivery as a command for any POSIX shell, good while the signature is."""
        parts = [f"curl --silent --show-error --include {shlex.quote(url + PATH)}"]
        parts += [f"--header {shlex.quote(f'{name}: {value}')}" for name, value in self.headers(secret, at).items()]
        parts.append(f"--data-binary {shlex.quote(self.body.decode())}")
        return " \\\n  ".join(parts)


def webhook(event: str, happened: datetime, data: Mapping[str, Any], event_id: str | None = None) -> Webhook:
    """An event of a call. The body is ASCII, so that no shell or terminal changes a byte of what was signed."""
    payload: dict[str, Any] = {"id": event_id} if event_id is not None else {}
    payload |= {"event": event, "timestamp": int(happened.timestamp() * 1000), "data": dict(data)}
    return Webhook(event=event, body=json.dumps(payload, ensure_ascii=True, separators=(",", ":")).encode())


def rfc3339(moment: datetime) -> str:
    """A moment with a zone, in whole seconds, as signatures carry it."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
