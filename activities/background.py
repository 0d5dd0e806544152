"""Rows of the ledger that nobody waits for: written as soon as it takes them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from activities.meters import outcome_lost
from activities.postgres.errors import LedgerUnavailable

CLOSING_S = 2.0
ATTEMPT_S = 2.0
WAITS_S = (0.5, 1, 2, 4, 8, 16, 30, *([60] * 29))
"""Between tries: half an hour in all. By then a row that is missing is the least of anybody's worries."""
_AT_ONCE = 2
"""When the ledger is back, what piled up must not take every connection from those who wait for one."""
_log = logging.getLogger(__name__)


class Background:
    """Keeps what was begun until it is done; close it at the end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def start(self, write: Callable[[], Awaitable[None]], **fields: object) -> None:
        """Begin to write; `fields` name the row in the log should it be lost. A second time must change nothing."""
        task = asyncio.create_task(self._write(write, fields))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait a moment for what is under way, then stop it."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSING_S)
            for task in late:
                task.cancel()

    async def _write(self, write: Callable[[], Awaitable[None]], fields: dict[str, object]) -> None:
        try:
            for wait_s in WAITS_S:
                if await self._written(write):
                    return
                await asyncio.sleep(wait_s)
            outcome_lost()
            _log.error("a row could not be written", extra={"action": "outcome_lost", **fields})
        except Exception:  # noqa: BLE001 - whatever it is, the vendor has acted already
            outcome_lost()
            _log.exception("a row could not be written", extra={"action": "outcome_lost", **fields})

    async def _written(self, write: Callable[[], Awaitable[None]]) -> bool:
        async with self._slots:
            try:
                async with asyncio.timeout(ATTEMPT_S):
                    await write()
            except (LedgerUnavailable, TimeoutError):
                return False
        return True
