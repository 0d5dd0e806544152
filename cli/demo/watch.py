"""Waits for what should come, by looking again and again; tells each fact of a call when it is first seen."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from cli.demo.errors import NotAsExpected
from cli.demo.telling import Telling, in_words
from cli.demo.world import Document, World

POLL_S = 0.15
UNDER_WAY = ("running", "retrying", "waiting")
ORIGINS = {
    "payload": "named by the webhook",
    "recent": "known from the caller's recent call",
    "search": "found by search",
    "created": "created",
    "follow_up": "created as a follow-up",
}
"""Where a ticket came from, in words."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A call at its end: Talkbridge's account of it, and the requests that the vendors got."""

    call_id: str
    told: Document
    requests: list[Document]


async def eventually(
    expected: str, look: Callable[[], Awaitable[T | None]], seen: Callable[[], str], *, within_s: float
) -> T:
    """The first thing that `look` finds. Raises `NotAsExpected` when there is none `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        if (found := await look()) is not None:
            return found
        if time.monotonic() > deadline:
            raise NotAsExpected(f"{expected} within {within_s:g} s", seen())
        await asyncio.sleep(POLL_S)


class Follower:
    """Follows one call."""

    def __init__(self, world: World, telling: Telling, call_id: str) -> None:
        """Nothing is known of it yet."""
        self._world = world
        self._telling = telling
        self._call_id = call_id
        self._told: Document | None = None
        self._ticket: tuple[object, object] | None = None
        self._pops = 0

    async def popped(self) -> None:
        """Wait for its first screen pop. Raises `NotAsExpected`."""

        async def look() -> bool | None:
            await self._look()
            return True if self._pops else None

        await eventually(f"a screen pop of {self._call_id}", look, self._seen, within_s=20)

    async def settled(self, *, within_s: float = 40) -> Settled:
        """Wait until its final note stands on a ticket and no request is under way. Raises `NotAsExpected`."""

        async def look() -> Document | None:
            told = await self._look()
            return told if told is not None and await self._over(told) else None

        told = await eventually(f"{self._call_id} at its end", look, self._seen, within_s=within_s)
        requests = await self._world.requests(self._call_id)
        self._telling.fact(self._call_id, f"{told['state'].replace('_', ' ')}; requests: {in_words(requests)}")
        return Settled(call_id=self._call_id, told=told, requests=requests)

    async def _look(self) -> Document | None:
        told = await self._world.call(self._call_id)
        if told is not None:
            self._told = told
            self._tell(told)
        return told

    async def _over(self, told: Document) -> bool:
        # The ledger answers for a workflow that has no worker at the moment; it does not know what is under way.
        if told["source"] != "workflow" or told["state"] in ("ringing", "in_call"):
            return False
        if any(step["state"] in UNDER_WAY for step in told["steps"]):
            return False
        books = await self._world.books()
        # Telephony may still be delivering a webhook that changes nothing.
        played = any(call["id"] == self._call_id and call["finished"] for call in books["calls"])
        marks = books["counts"]["notes_by_mark"]
        return played and any(f"[call {self._call_id} · {end}]" in marks for end in ("completed", "missed"))

    def _tell(self, told: Document) -> None:
        ticket = (told["ticket_id"], told["ticket_origin"])
        if told["ticket_id"] is not None and ticket != self._ticket:
            self._ticket = ticket
            self._telling.fact(self._call_id, f"ticket {ticket[0]}, {ORIGINS.get(str(ticket[1]), ticket[1])}")
        decided = [pop for pop in told["screen_pops"] if pop["state"] != "pending"]
        for pop in decided[self._pops :]:
            latency = f" {pop['latency_ms']} ms after the webhook" if pop["latency_ms"] is not None else ""
            self._telling.fact(self._call_id, f"screen pop {pop['state'].replace('_', ' ')}{latency}")
        self._pops = max(self._pops, len(decided))

    def _seen(self) -> str:
        told = self._told
        if told is None:
            return "the gateway knows no such call"
        attention = f", needs attention ({told['attention']})" if told["needs_attention"] else ""
        steps = ", ".join(_step(step) for step in told["steps"]) or "none"
        return f"{told['state']}, ticket {told['ticket_id']}{attention}, requests: {steps}"


def _step(step: Document) -> str:
    error = f" ({step['last_error']})" if step.get("last_error") else ""
    return f"{step['name']} {step['state']}{error}"
