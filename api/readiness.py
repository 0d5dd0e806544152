"""Who can be reached: Temporal, without which no webhook is taken, and PostgreSQL, without which they are."""

import asyncio
from datetime import timedelta
from typing import Literal

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from api.reading import LedgerUnreadable, Reading

CHECK_S = 1.5
FRESH_S = 1.0

Reach = Literal["reachable", "unreachable"]


class Readiness:
    """What was found reachable lately; asked once a second at most, however many ask us."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._checked_at: float | None = None
        self._found: tuple[Reach, Reach] = ("unreachable", "unreachable")

    async def check(self, temporal: Client, ledger: Reading, now: float) -> tuple[Reach, Reach]:
        """Temporal and PostgreSQL. `now` is any steady clock's seconds."""
        async with self._lock:
            if self._checked_at is None or now - self._checked_at >= FRESH_S:
                self._found = await asyncio.gather(_temporal(temporal), _ledger(ledger))
                self._checked_at = now
            return self._found


async def _temporal(client: Client) -> Reach:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        async with asyncio.timeout(CHECK_S):
            await client.workflow_service.describe_namespace(request, timeout=timedelta(seconds=CHECK_S))
    except (RPCError, RuntimeError, TimeoutError):
        return "unreachable"
    return "reachable"


async def _ledger(ledger: Reading) -> Reach:
    try:
        async with asyncio.timeout(CHECK_S):
            await ledger.ping()
    except (LedgerUnreadable, TimeoutError):
        return "unreachable"
    return "reachable"
