"""The load: callers whom the CRM knows, so many calls a second, each webhook sent when it would happen."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx

from bench.house import House
from cli.webhook import PATH, Webhook, webhook

AGENT = {"id": "a-9876543210", "name": "Agent Smith"}
RECORD = {"crm_customer_id": "CUST_999888", "account_status": "Premium", "last_ticket_date": "2023-10-01T14:30:00Z"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Calls a second, how long they ring and how long people talk, in seconds. `ring_s` 0: answered as it starts."""

    per_second: float = 2.0
    ring_s: float = 1.0
    talk_s: float = 3.0


@dataclass(slots=True, kw_only=True)
class PlayedCall:
    """One call and when its `call.answered` was sent, in seconds since 1970."""

    call_id: str
    email: str
    answered_at: float = 0.0
    answers: list[int] = field(default_factory=list)


def callers(prefix: str, count: int) -> list[PlayedCall]:
    """So many calls, each of a customer of their own."""
    return [PlayedCall(call_id=f"{prefix}-{n}", email=f"{prefix}{n}@example.com") for n in range(1, count + 1)]


def play(house: House, calls: Sequence[PlayedCall], pace: Pace) -> None:
    """Send every webhook of these calls; returns when the last is answered."""
    house.know([{"email": call.email, "properties": RECORD} for call in calls])
    asyncio.run(_play(house, calls, pace))


async def _play(house: House, calls: Sequence[PlayedCall], pace: Pace) -> None:
    begun = time.monotonic()
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http, asyncio.TaskGroup() as group:
        for number, call in enumerate(calls):
            group.create_task(_Telephone(house, http, call).ring(begun + number / pace.per_second, pace))


@dataclass(frozen=True, slots=True)
class _Telephone:
    house: House
    http: httpx.AsyncClient
    call: PlayedCall

    async def ring(self, at: float, pace: Pace) -> None:
        await _sleep_until(at)
        if pace.ring_s > 0:
            await self._send("call.started", status="ringing")
            await _sleep_until(at + pace.ring_s)
            await self._answer()
        else:
            await asyncio.gather(self._send("call.started", status="ringing"), self._answer())
        await _sleep_until(at + pace.ring_s + pace.talk_s)
        await self._send("call.completed", status="completed", agent=AGENT, duration_s=round(pace.talk_s))

    async def _answer(self) -> None:
        self.call.answered_at = time.time()
        await self._send("call.answered", status="answered", agent=AGENT)

    async def _send(self, event: str, **data: Any) -> None:  # noqa: ANN401 - whatever a webhook carries
        customer = {"email": self.call.email}
        body = webhook(event, datetime.now(UTC), {"id": self.call.call_id, "customer": customer, **data})
        self.call.answers.append(await self._post(body))

    async def _post(self, body: Webhook) -> int:
        headers = body.headers(self.house.keys.webhook, datetime.now(UTC))
        answer = await self.http.post(f"{self.house.gateway_url}{PATH}", content=body.body, headers=headers)
        return answer.status_code


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
