"""What is done about an event: find or make the ticket, show the caller, tell the end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from tests.reliability.baseline.events import Call, Event, Json
from tests.reliability.baseline.settings import Settings
from tests.reliability.baseline.store import Store
from tests.reliability.baseline.vendor import Vendors

AT_ONCE = 8
LOCK_S = 15.0
POLL_S = 0.02
IN_CALL = {"status": "open", "custom_status": "In-Call"}
AFTER = {"status": "open", "custom_status": None}
_SWEEP_S = 1.0
log = logging.getLogger("baseline")


class Worker:
    """Takes from the list and works off, several at a time."""

    def __init__(self, settings: Settings, store: Store, name: str) -> None:
        self._settings = settings
        self._store = store
        self._vendors = Vendors(settings)
        self._name = name
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """For ever."""
        self._store.forget_work(self._name)
        self._begin(self._sweep())
        while True:
            await self._slots.acquire()
            while (raw := self._store.pop()) is None:  # noqa: ASYNC110 - another process fills it
                await asyncio.sleep(POLL_S)
            event = Event.parse(raw)
            self._begin(self._work(event.call_id, self._handle(event)))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, call_id: str, work: Coroutine[Any, Any, None]) -> None:
        self._store.begin_work(self._name, call_id)
        try:
            await work
        except Exception:
            log.exception("dropped")
        finally:
            self._store.end_work(self._name, call_id)
            self._slots.release()

    @asynccontextmanager
    async def _lock(self, call_id: str) -> AsyncIterator[None]:
        """The usual lock with a time to live: one worker at a time for each call."""
        key = f"lock:{call_id}"
        while not self._store.set_if_absent(key, LOCK_S):  # noqa: ASYNC110 - another process holds it
            await asyncio.sleep(POLL_S)
        try:
            yield
        finally:
            self._store.delete(key)

    async def _handle(self, event: Event) -> None:
        async with self._lock(event.call_id):
            call = self._store.call(event.call_id)
            call.learn(event)
            self._store.save(call)
        if event.kind == "completed" and not {"started", "answered"} <= set(call.moments):
            # Stragglers: what is not there by then did not happen.
            await asyncio.sleep(self._settings.grace_s)
        async with self._lock(event.call_id):
            call = self._store.call(event.call_id)
            if call.ticket_id is None:
                await self._correlate(call)
            elif event.kind == "started" and "completed" not in call.moments:
                await self._vendors.update(call, call.ticket_id, dict(IN_CALL))
            if event.kind == "answered" and "completed" not in call.moments:
                await self._show(call)
            if event.kind == "completed":
                await self._tell_end(call)

    async def _correlate(self, call: Call) -> None:
        """The ticket of the payload, a recent one, one that is found, or a new one; In-Call from now on."""
        found, follows = await self._existing(call)
        if found is not None:
            call.ticket_id = found
            self._store.save(call)
            await self._vendors.update(call, found, dict(IN_CALL))
            return
        requester = {"name": call.name, "email": call.email, "phone": call.phone}
        ticket: Json = {
            "subject": f"Call from {call.name}",
            "comment": {"body": f"Phone call.\n[call {call.call_id} · started]", "public": False},
            "requester": {name: value for name, value in requester.items() if value},
            "external_id": call.call_id,
            **IN_CALL,
        }
        if follows is not None:
            ticket["via_followup_source_id"] = follows
        call.ticket_id = int((await self._vendors.create(call, ticket))["id"])
        self._store.save(call)

    async def _existing(self, call: Call) -> tuple[int | None, int | None]:
        """The ticket to use, or the closed one that a new one has to follow."""
        if call.facts.get("ticket_id"):
            ticket = await self._vendors.read(call, int(call.facts["ticket_id"]))
            if ticket is not None:
                closed = ticket["status"] == "closed"
                return (None, ticket["id"]) if closed else (ticket["id"], None)
        if not (call.email or call.phone):
            return None, None
        recent = self._store.recent(call, self._settings.recent_s)
        if recent is not None:
            return recent, None
        found = await self._vendors.search(call)
        return (None if found is None else int(found["id"])), None

    async def _show(self, call: Call) -> None:
        record = await self._vendors.customer(call)
        await self._vendors.pop(call, {"ticket_id": call.ticket_id, **record})

    async def _tell_end(self, call: Call) -> None:
        if call.told is not None or call.ticket_id is None:
            return
        outcome = call.outcome
        note = f"Call {outcome.replace('_', ' ')}.\n[call {call.call_id} · {outcome.replace('_', ' ')}]"
        change = {**AFTER, "comment": {"body": note, "public": False}, "metadata": {"call": call.metadata()}}
        await self._vendors.update(call, call.ticket_id, change)
        call.told = outcome
        self._store.save(call)

    async def _end_unreported(self, call_id: str) -> None:
        async with self._lock(call_id):
            call = self._store.call(call_id)
            if call.ticket_id is None:
                await self._correlate(call)
            await self._tell_end(call)

    async def _sweep(self) -> None:
        """Calls whose end never came."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            for call_id in self._store.unfinished(self._settings.max_duration_s):
                if self._store.set_if_absent(f"swept:{call_id}"):
                    await self._slots.acquire()
                    self._begin(self._work(call_id, self._end_unreported(call_id)))
