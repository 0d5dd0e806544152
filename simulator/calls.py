"""Calls as the telephony platform knows them: what it sent, what was shown to the agent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from simulator import shapes
from simulator.exchange import Answer, Asked, Document, json_body, not_found
from simulator.settings import Settings
from simulator.state import Note, forget

_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One attempt to deliver one webhook, with the answer it got."""

    event: str
    attempt: int
    sent_at: float
    answered_at: float | None = None
    status: int | None = None
    answer: Any = None
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Call:
    """One call; `finished` once its script has nothing more to send."""

    id: str
    script: str | None = None
    customer: Document | None = None
    started_at: float | None = None
    finished: bool = False
    gave_up: list[str] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    custom_properties: Document = field(default_factory=dict)
    pops: list[Document] = field(default_factory=list)

    def whole(self) -> Document:
        """Everything known about the call."""
        return asdict(self)


class Calls:
    """All calls, and the request that shows properties to the agent."""

    def __init__(self, clock: Callable[[], float], note: Note = forget) -> None:
        self._clock = clock
        self._note = note
        self._calls: dict[str, Call] = {}

    def get(self, call_id: str) -> Call | None:
        """A call by its id."""
        return self._calls.get(call_id)

    def all(self) -> list[Call]:
        """Every call, oldest first."""
        return list(self._calls.values())

    def obtain(self, call_id: str) -> Call:
        """The call with this id, made when there is none."""
        return self._calls.setdefault(call_id, Call(id=call_id))

    def put(self, call: Call) -> None:
        """Stores a call that is new or has changed."""
        self._calls[call.id] = call
        self._note("put", call)

    def patch(self, asked: Asked, settings: Settings) -> Answer:
        """Custom properties for the agent's screen."""
        call_id = asked.ids[0]
        if settings.strict_calls and call_id not in self._calls:
            raise not_found()
        properties = shapes.require(_BODY, json_body(asked))["call"]["custom_properties"]
        call = self.obtain(call_id)
        call.custom_properties = {**call.custom_properties, **properties}
        call.pops.append({"at": self._clock(), "request_id": asked.request_id, "custom_properties": properties})
        self.put(call)
        body = {"call": {"id": call.id, "custom_properties": call.custom_properties}}
        return Answer(status=200, body=body, acted=True)


def _properties(value: object, name: str) -> Iterator[shapes.Problem]:
    if not isinstance(value, dict):
        yield name, "must be an object"
        return
    if len(value) > 20:
        yield name, "has too many properties (maximum is 20)"
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > 4096:
        yield name, "is too large (maximum is 4096 bytes)"
    for key, member in value.items():
        if not _NAME.fullmatch(key):
            yield f"{name}.{key}"[:200], "is not a valid property name"
        yield from shapes.scalar(member, f"{name}.{key}")
        if len(str(member)) > 255:
            yield f"{name}.{key}", "is too long (maximum is 255 characters)"


_BODY = shapes.record(
    {"call": shapes.record({"custom_properties": _properties}, required=("custom_properties",))}, required=("call",)
)
