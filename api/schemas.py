"""A webhook's body made a `CallEvent`: two fields must be right, everything else is taken when it can be used."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from api.values import (
    clean_text,
    duration_s,
    email_address,
    epoch_milliseconds,
    phone_number,
    ticket_id,
    web_address,
)
from workflows.domain.customer import Customer
from workflows.domain.events import Agent, CallEvent, EventType

MAX_EVENT_ID = 128
_MAX_INTEGER_DIGITS = 128
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

_HANDLED = frozenset(kind.value for kind in EventType)
CALL_ID = re.compile(r"[\x21-\x7e]{1,128}")

_T = TypeVar("_T")


class NotJson(ValueError):
    """The body is not a JSON text; the message says why without showing any of it."""


class NotACall(ValueError):
    """JSON, but not a call event. `field` names what is wrong, the message says why."""

    def __init__(self, field: str, why: str) -> None:
        self.field = field
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event type that is not handled."""

    type: str


@dataclass(frozen=True, slots=True)
class Received:
    """A call event and the call it belongs to."""

    call_id: str
    event: CallEvent


def read_event(body: bytes, received_at: datetime, phone_region: str | None) -> Received | Ignored:
    """The event in a webhook's body. Raises `NotJson` and `NotACall`, nothing else whatever the bytes."""
    document = parse_json(body)
    if not isinstance(document, dict):
        raise NotACall("", "the body is not a JSON object")
    kind = document.get("event")
    if not isinstance(kind, str) or not kind:
        raise NotACall("event", "it is missing or not a text")
    if kind not in _HANDLED:
        return Ignored(clean_text(kind) or "")
    data = document.get("data")
    if not isinstance(data, dict):
        raise NotACall("data", "it is missing or not an object")
    return Received(_call_id(data.get("id")), _Reader(received_at, phone_region).event(kind, document, data))


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - whatever the sender wrote
    """Any JSON text. A text cut inside a character (a lone surrogate) and numbers of any size are let through."""
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_int=_integer)
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise NotJson("it is not UTF-8") from None
    except ValueError:
        raise NotJson("it is empty" if not body.strip() else "it cannot be read as JSON") from None


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _integer(digits: str) -> int | float:
    """Python refuses to read integers of thousands of digits; nothing of ours is that long."""
    return int(digits) if len(digits) <= _MAX_INTEGER_DIGITS else math.inf


def _call_id(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not CALL_ID.fullmatch(text):
        raise NotACall("data.id", "it is not an integer or 1 to 128 visible ASCII characters")
    return text


@dataclass(slots=True)
class _Reader:
    """Reads one event and keeps the names of what could not be used; never the values: warnings are shown to people."""

    received_at: datetime
    region: str | None
    warnings: list[str] = field(default_factory=list)

    def event(self, kind: str, document: dict[str, Any], data: dict[str, Any]) -> CallEvent:
        customer = self._object(data, "customer")
        return CallEvent(
            type=kind,
            occurred_at=self._occurred_at(document.get("timestamp")),
            received_at=self.received_at,
            event_id=self._event_id(document.get("id")),
            customer=Customer(
                email=self._value(customer, "email", email_address, "data.customer."),
                phone=self._value(
                    customer, "phone_number", lambda value: phone_number(value, self.region), "data.customer."
                ),
                name=self._text(customer, "name", "data.customer."),
            ),
            agent=self._agent(self._object(data, "agent")),
            ticket_id=self._value(data, "ticket_id", ticket_id),
            direction=self._text(data, "direction"),
            from_line=self._text(data, "from_line"),
            to_line=self._text(data, "to_line"),
            queue=self._text(data, "queue"),
            disposition=self._text(data, "disposition"),
            duration_s=self._value(data, "duration_s", duration_s),
            recording_url=self._value(data, "recording_url", web_address),
            # Read last: the fields above write it.
            warnings=self.warnings,
        )

    def _object(self, parent: dict[str, Any], name: str) -> dict[str, Any]:
        value = parent.get(name)
        if isinstance(value, dict):
            return value
        if value is not None:
            self._unusable(f"data.{name}")
        return {}

    def _text(self, parent: dict[str, Any], name: str, path: str = "data.") -> str | None:
        value = parent.get(name)
        text = clean_text(value)
        if text is None and value is not None and not isinstance(value, str):
            self._unusable(path + name)
        return text

    def _value(
        self, parent: dict[str, Any], name: str, read: Callable[[object], _T | None], path: str = "data."
    ) -> _T | None:
        value = parent.get(name)
        if value is None:
            return None
        try:
            return read(value)
        except ValueError:
            self._unusable(path + name)
            return None

    def _agent(self, agent: dict[str, Any]) -> Agent | None:
        identity, name = self._text(agent, "id", "data.agent."), self._text(agent, "name", "data.agent.")
        return Agent(id=identity, name=name) if identity or name else None

    def _event_id(self, value: object) -> str | None:
        # Cut, two ids could become one and an event be lost; without an id the event is known by its type.
        text = clean_text(value, MAX_EVENT_ID + 1)
        if value is not None and (text is None or len(text) > MAX_EVENT_ID):
            self._unusable("id")
            return None
        return text

    def _occurred_at(self, value: object) -> datetime:
        moment = epoch_milliseconds(value)
        if moment is None or not _EARLIEST <= moment <= self.received_at + timedelta(days=1):
            self.warnings.append("timestamp is absent or implausible: the time of receipt was taken")
            return self.received_at
        return moment

    def _unusable(self, name: str) -> None:
        self.warnings.append(f"{name} could not be used and was left out")
