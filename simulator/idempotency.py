"""Keys under which a create was served, remembered for a while.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#idempotency
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator.exchange import Document, RefusedError
from simulator.state import Note, forget


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    at: float
    asked: object
    answered: Document


class IdempotencyKeys:
    """What each key was first used for."""

    def __init__(self, clock: Callable[[], float], note: Note = forget) -> None:
        self._clock = clock
        self._note = note
        self._served: dict[str, _Served] = {}

    def earlier(self, key: str, body: object, ttl_s: float) -> Document | None:
        """The earlier answer to the same wish; refuses a key that stands for another."""
        served = self._served.get(key)
        if served is None or served.at + ttl_s <= self._clock():
            return None
        if served.asked != body:
            raise RefusedError(
                400, "IdempotentRequestError", "The idempotency key was used before with other request parameters."
            )
        return served.answered

    def remember(self, key: str, body: object, answer: Document) -> None:
        """Only what succeeded is kept: a refused create may be tried again under its key."""
        self.put(key, _Served(at=self._clock(), asked=body, answered=answer))

    def put(self, key: str, served: _Served) -> None:
        """Stores what a key was used for."""
        self._served[key] = served
        self._note("put", key, served)
