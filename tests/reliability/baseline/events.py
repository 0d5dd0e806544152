"""A webhook read into an event, and what is known of a call."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
WITHHELD = ("anonymous", "restricted", "private", "unavailable", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One webhook; `at_ms` is when it happened."""

    kind: str
    call_id: str
    event_id: str | None
    at_ms: int
    data: Json

    @classmethod
    def parse(cls, raw: bytes) -> "Event":
        """Raises `KeyError`, `TypeError` or `ValueError` for what is no call event."""
        body = json.loads(raw)
        kind, data = str(body["event"]).removeprefix("call."), dict(body["data"])
        if kind not in ("started", "answered", "completed"):
            raise ValueError(f"unknown event {kind}")
        event_id = body.get("id")
        return cls(kind=kind, call_id=str(data["id"]), event_id=event_id, at_ms=int(body["timestamp"]), data=data)

    @property
    def key(self) -> str:
        """What a repetition has in common with the first."""
        agent = (self.data.get("agent") or {}).get("id", "") if self.kind == "answered" else ""
        return f"{self.call_id}:{self.event_id or f'{self.kind}:{agent}'}"


@dataclass(slots=True, kw_only=True)
class Call:
    """Everything known of one call, as it is kept in the store."""

    call_id: str
    seen_at: float
    ticket_id: int | None = None
    told: str | None = None
    facts: Json = field(default_factory=dict)
    moments: dict[str, int] = field(default_factory=dict)
    agents: list[tuple[int, Json]] = field(default_factory=list)

    def learn(self, event: Event) -> None:
        """Adds an event."""
        data = event.data
        if event.kind == "answered":
            self.agents.append((event.at_ms, data.get("agent") or {}))
            self.moments["answered"] = min(event.at_ms, self.moments.get("answered", event.at_ms))
        else:
            self.moments[event.kind] = event.at_ms
        named = ("customer", "ticket_id", "queue", "duration_s", "disposition", "recording_url")
        self.facts |= {name: data[name] for name in named if data.get(name) is not None}

    @property
    def email(self) -> str | None:
        """In lower case."""
        email = (self.facts.get("customer") or {}).get("email")
        return email.lower() if email else None

    @property
    def phone(self) -> str | None:
        """None when it is withheld."""
        phone = (self.facts.get("customer") or {}).get("phone_number")
        return None if phone in (None, *WITHHELD) else str(phone)

    @property
    def name(self) -> str:
        """How the requester is called."""
        customer = self.facts.get("customer") or {}
        return str(customer.get("name") or self.phone or self.email or "Anonymous caller")

    @property
    def outcome(self) -> str:
        """How it ended."""
        if "completed" not in self.moments:
            return "end_not_reported"
        return "completed" if "answered" in self.moments else "missed"

    def metadata(self) -> Json:
        """The ticket's `metadata.call`."""
        agent = max(self.agents, key=lambda each: each[0])[1] if self.agents else {}
        told = {
            "id": self.call_id,
            "direction": "inbound",
            "from": self.phone,
            "started_at": _moment(self.moments.get("started")),
            "answered_at": _moment(self.moments.get("answered")),
            "ended_at": _moment(self.moments.get("completed")),
            "agent_id": agent.get("id"),
            "agent_name": agent.get("name"),
            "outcome": self.outcome,
            **{name: self.facts.get(name) for name in ("duration_s", "queue", "disposition", "recording_url")},
        }
        return {name: value for name, value in told.items() if value is not None}


def _moment(at_ms: int | None) -> str | None:
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
