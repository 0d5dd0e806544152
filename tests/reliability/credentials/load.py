"""Calls under way while something happens to the credential: each of its own customer, spread evenly over a time."""

import random
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Self

from tests.e2e.stack import Stack
from tests.e2e.waiting import eventually
from tests.e2e.webhooks import payload

SENDERS = 8
SHORTEST_TALK_S, LONGEST_TALK_S = 0.2, 1.5
LONGEST_TALK = 1 / 8
"""From one event of a call to its next: up to this share of the whole time, so that many are open at once."""


class Load:
    """`n` calls of three events each, begun over `seconds`; a context manager that ends when all are acknowledged."""

    def __init__(self, stack: Stack, name: str, *, n: int, seconds: float, seed: int) -> None:
        self._stack = stack
        self.call_ids = [f"{name}-{number}" for number in range(n)]
        self._events = sorted(self._plan(seconds, random.Random(seed)))
        self._senders = ThreadPoolExecutor(SENDERS)
        self._began = time.monotonic()
        self._sending: Future[None] | None = None

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._sending = self._senders.submit(self._send_all)
        return self

    def __exit__(self, *_: object) -> None:
        with self._senders:
            if self._sending is not None:
                self._sending.result()

    def until(self, seconds: float) -> float:
        """Wait until so long after the beginning; the time then, as the simulator tells it."""
        time.sleep(max(0.0, self._began + seconds - time.monotonic()))
        return time.time()

    def _plan(self, seconds: float, dice: random.Random) -> list[tuple[float, str, str]]:
        events, longest_s = [], max(LONGEST_TALK_S, seconds * LONGEST_TALK)
        for number, call_id in enumerate(self.call_ids):
            begins, talk = number * seconds / len(self.call_ids), dice.uniform(SHORTEST_TALK_S, longest_s)
            events += [
                (begins + part * talk, kind, call_id) for part, kind in enumerate(("started", "answered", "completed"))
            ]
        return events

    def _send_all(self) -> None:
        sent = []
        for at, kind, call_id in self._events:
            self.until(at)
            sent.append(self._senders.submit(self._send, kind, call_id))
        wait(sent)
        for future in sent:
            future.result()

    def _send(self, kind: str, call_id: str) -> None:
        """As a sender does: again until it is acknowledged."""
        body = payload(kind, call_id, customer={"email": f"{call_id}@example.com"})
        eventually(lambda: self._stack.post(body).is_success)
