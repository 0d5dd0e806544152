"""The gateway of the conventional integration: check, set the key, push into the list, answer."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from fastapi import FastAPI, HTTPException, Request, Response

from tests.reliability.baseline.events import Event, Json
from tests.reliability.baseline.settings import Settings
from tests.reliability.baseline.store import Store

TOLERANCE_S = 300


def create_app(settings: Settings) -> FastAPI:
    """The application."""
    store = Store(settings.store)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/webhooks/calls")
    async def webhook(request: Request, response: Response) -> Json:
        raw = await request.body()
        _check_signature(settings, request, raw)
        try:
            event = Event.parse(raw)
        except (KeyError, TypeError, ValueError):
            raise HTTPException(422, "not a call event") from None
        if not store.set_if_absent(event.key):
            return {"status": "already_processed", "call_id": event.call_id}
        store.push(event.call_id, raw)
        response.status_code = 202
        return {"status": "accepted", "call_id": event.call_id}

    @app.get("/healthz")
    async def healthz() -> Json:
        return {"status": "ok"}

    return app


def _check_signature(settings: Settings, request: Request, raw: bytes) -> None:
    given = request.headers.get("X-Zendesk-Webhook-Signature", "").encode()
    at = request.headers.get("X-Zendesk-Webhook-Signature-Timestamp", "")
    digests = (hmac.digest(secret.encode(), at.encode() + raw, hashlib.sha256) for secret in settings.webhook_secrets)
    if not any(hmac.compare_digest(base64.b64encode(digest), given) for digest in digests):
        raise HTTPException(401)
    try:
        age_s = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
    except (TypeError, ValueError):
        raise HTTPException(401) from None
    if abs(age_s) > TOLERANCE_S:
        raise HTTPException(401)
