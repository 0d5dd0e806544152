"""A gateway served by uvicorn inside the test's loop, and a telephony platform that signs."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx2 as httpx
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from temporalio.client import Client

from api.app import create_app
from api.gateway import Gateway
from api.ledger import PostgresLedger
from api.server import Server
from api.settings import GatewaySettings
from workflows.connection import connect

SECRET = "webhook-secret-for-tests"
OPS_TOKEN = "ops-token-for-tests"
OPS_TOKEN_READONLY = "readonly-token-for-tests"
UI = "http://temporal-ui.example.com:8233"
TICKETS = "https://help-desk.example.com/agent/tickets/{ticket_id}"
NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/none"


@dataclass
class Sender:
    """The telephony platform towards one gateway."""

    http: httpx.AsyncClient

    async def raw(self, body: bytes, *, secret: str = SECRET, **headers: str | bytes) -> httpx.Response:
        """Send bytes, signed now; headers replace or add."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        digest = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
        signed = {
            b"content-type": b"application/json",
            b"x-zendesk-webhook-signature": base64.b64encode(digest),
            b"x-zendesk-webhook-signature-timestamp": stamp.encode(),
        }
        for name, value in headers.items():
            signed[name.replace("_", "-").encode()] = value.encode() if isinstance(value, str) else value
        return await self.http.post("/webhooks/calls", content=body, headers=signed)

    async def event(self, kind: str, call_id: str, *, event_id: str | None = None, **data: object) -> httpx.Response:
        """Send one call event."""
        document = {"id": event_id, "event": kind, "data": {"id": call_id, **data}}
        return await self.raw(json.dumps(document).encode())


@dataclass
class Served:
    """A gateway that serves, with what a test needs to look behind it."""

    app: FastAPI
    gateway: Gateway
    http: httpx.AsyncClient
    ops: httpx.AsyncClient
    sender: Sender
    temporal: Client
    server: Server


class Serve(Protocol):
    """Starts a gateway; keyword arguments are settings."""

    def __call__(self, address: str, database: str = NOWHERE, **settings: object) -> Awaitable[Served]: ...


class EnterCall(Protocol):
    """Writes a call into the ledger as a worker would; keyword arguments change its status."""

    def __call__(
        self, call_id: str, *, email: str | None = None, phone: str | None = None, **status: object
    ) -> Awaitable[None]: ...


@asynccontextmanager
async def serving(address: str, database: str, keys: str, given: dict[str, Any]) -> AsyncIterator[Served]:
    environment = {"encryption_keys": keys, "webhook_secrets": SECRET, "ops_token": OPS_TOKEN, "temporal_ui_url": UI}
    environment |= {"ops_token_readonly": OPS_TOKEN_READONLY, "ticket_url": TICKETS}
    settings = GatewaySettings(_env_file=None, database_url=SecretStr(database), **(environment | given))
    temporal = await connect(settings.keyring, environment={"TEMPORAL_ADDRESS": address}, lazy=True)
    ledger = PostgresLedger(database, settings.keyring)
    await ledger.open()
    app = create_app(settings, temporal, ledger)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{bound.getsockname()[1]}"
        config = uvicorn.Config(app, http="httptools", log_config=None, access_log=False, timeout_graceful_shutdown=2)
        server = Server(config, app.state.gateway.watching)
        running = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)
        bearer = {"Authorization": f"Bearer {OPS_TOKEN}"}
        async with (
            httpx.AsyncClient(base_url=base, timeout=15) as http,
            httpx.AsyncClient(base_url=base, timeout=15, headers=bearer) as ops,
        ):
            yield Served(app, app.state.gateway, http, ops, Sender(http), temporal, server)
        server.should_exit = True
        await running
    await ledger.close()


def status_of(call_id: str, **changes: object) -> dict[str, Any]:
    """A call's status as the ledger keeps it."""
    return {
        "call_id": call_id,
        "state": "completed",
        "needs_attention": False,
        "attention": None,
        "warnings": [],
        "ticket_id": 123,
        "ticket_origin": "created",
        "customer": {"email": "u•••@example.com", "phone": None},
        "agent": {"id": "a-9", "name": "Agent Smith"},
        "events": [],
        "steps": [{"name": "create_ticket", "activity_id": "create", "state": "done", "attempts": 1}],
        "screen_pops": [],
        "workflow_id": f"call-{call_id}",
        "run_id": "r-1",
        **changes,
    }


def refused(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem document of an answer that must be this refusal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["type"] == f"urn:talkbridge:problem:{kind}"
    return document
