"""The gateway's application around a ledger in memory, for what its pages say; nothing listens, nothing is reached."""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2 as httpx
from pydantic import SecretStr

from api.app import create_app
from api.ledger import PostgresLedger
from api.reading import Filters, LedgerUnreadable, Page
from api.settings import GatewaySettings
from workflows.connection import connect

OPERATOR, READER = "operators-token", "readers-token"
NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/none"


class LedgerInMemory(PostgresLedger):
    """Lists what it was given, a page at a time, and remembers what it was asked; `away`: it cannot be read.

    `kept`: what it knows of tokens, None when that cannot be read.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        super().__init__(NOWHERE, settings.keyring)
        self.calls: Sequence[Mapping[str, Any]] = []
        self.asked: list[object] = []
        self.kept: Sequence[Mapping[str, Any]] | None = None
        self.away = False

    async def list_calls(self, filters: Filters) -> Page:
        self.asked.append(filters)
        return self._page(filters.limit, filters.cursor)

    async def search_calls(
        self, email: str | None, phone: str | None, *, limit: int = 50, cursor: str | None = None
    ) -> Page:
        self.asked.append((email, phone, cursor))
        return self._page(limit, cursor)

    async def credentials(self) -> Sequence[Mapping[str, Any]]:
        if self.kept is None:
            raise LedgerUnreadable
        return self.kept

    def _page(self, limit: int, cursor: str | None) -> Page:
        if self.away:
            raise LedgerUnreadable
        start = int(cursor or 0)
        rest = len(self.calls) > start + limit
        return Page(calls=list(self.calls[start : start + limit]), next_cursor=str(start + limit) if rest else None)


@asynccontextmanager
async def page(**given: object) -> AsyncIterator[tuple[httpx.AsyncClient, LedgerInMemory]]:
    """A browser that is nobody yet, and the ledger behind the page; keyword arguments are settings."""
    environment: dict[str, Any] = {
        "encryption_keys": "k1:" + base64.b64encode(bytes(32)).decode(),
        "webhook_secrets": "webhook-secret",
        "ops_token": OPERATOR,
        "ops_token_readonly": READER,
        **given,
    }
    settings = GatewaySettings(_env_file=None, database_url=SecretStr(NOWHERE), **environment)
    temporal = await connect(settings.keyring, environment={"TEMPORAL_ADDRESS": "127.0.0.1:1"}, lazy=True)
    ledger = LedgerInMemory(settings)
    app = create_app(settings, temporal, ledger)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page.example") as browser:
        yield browser, ledger
    await app.state.gateway.watching.close()


def status_of(call_id: str, **changes: object) -> dict[str, Any]:
    """A call as the ledger keeps it."""
    return {
        "call_id": call_id,
        "state": "completed",
        "needs_attention": False,
        "attention": None,
        "warnings": [],
        "ticket_id": 123,
        "customer": {"email": "u•••@example.com", "phone": None},
        "agent": {"id": "a-9", "name": "Agent Smith"},
        "events": [{"type": "call.started", "event_id": None, "received_at": "2026-11-22T21:15:03+00:00"}],
        "steps": [{"name": "create_ticket", "activity_id": "create", "state": "done", "attempts": 1}],
        "screen_pops": [{"agent_id": "a-9", "state": "shown", "latency_ms": 180, "left_out": []}],
        **changes,
    }
