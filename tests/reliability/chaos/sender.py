"""The telephony platform: delivers each event at its time, and again a few times while nobody acknowledges it."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx2 as httpx

from tests.e2e.webhooks import signed
from tests.reliability.chaos.deliveries import Delivery
from tests.reliability.chaos.expected import body
from tests.reliability.chaos.scripts import Script, Send

PAUSES_S = (1.0, 2.0, 4.0, 5.0, 5.0)
"""Between one delivery and the next, or longer if asked (Retry-After); after the last the sender gives up."""
ANSWER_S = 4.0


@dataclass(kw_only=True)
class Sender:
    """Plays scripts against webhook addresses, each delivery to the next of them in turn.

    `began` and `began_at` are the same moment, on the steady and on the wall clock; `at_once`: deliveries in flight.
    """

    urls: Sequence[str]
    seeded: Mapping[str, int]
    began: float
    began_at: float
    at_once: int = 100
    deliveries: list[Delivery] = field(default_factory=list)
    _turn: int = 0

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.at_once)

    async def play(self, scripts: Sequence[Script]) -> None:
        """Everything the scripts tell; returns when the last delivery was acknowledged or given up."""
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
        async with httpx.AsyncClient(timeout=ANSWER_S, limits=limits) as client, asyncio.TaskGroup() as group:
            for script in scripts:
                for send in script.sends:
                    group.create_task(self._deliver(client, script, send))

    async def _deliver(self, client: httpx.AsyncClient, script: Script, send: Send) -> None:
        await asyncio.sleep(max(0.0, self.began + send.at_s - time.monotonic()))
        raw = json.dumps(body(script, send.event, self.began_at, self.seeded.get(script.customer))).encode()
        for attempt, pause_s in enumerate([*(() if send.again else PAUSES_S), None], start=1):
            async with self._slots:
                delivery = await self._try(client, script, send, raw, attempt)
            self.deliveries.append(delivery)
            if delivery.acknowledged or pause_s is None:
                return
            await asyncio.sleep(max(pause_s, delivery.retry_after_s))

    async def _try(self, client: httpx.AsyncClient, script: Script, send: Send, raw: bytes, attempt: int) -> Delivery:
        self._turn += 1
        url = self.urls[self._turn % len(self.urls)]
        sent_at, status, retry_after_s = time.time(), None, 0.0
        try:
            answer = await client.post(url, content=raw, headers=signed(raw))
            status, said = answer.status_code, answer.text[:120]
            retry_after_s = float(answer.headers.get("Retry-After", 0))
        except httpx.HTTPError as error:
            said = f"{type(error).__name__}: {error}"
        return Delivery(
            call_id=script.call_id,
            key=send.event.key,
            kind=send.event.kind,
            attempt=attempt,
            sent_at=sent_at,
            answered_at=time.time(),
            status=status,
            answer=said,
            retry_after_s=retry_after_s,
            to=url,
        )
