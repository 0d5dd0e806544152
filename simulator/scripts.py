"""What is played on the telephone: which events of which calls, when they happen and when they are sent."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from simulator.exchange import Document

SCRIPTS = ("normal", "call_back", "two_at_once", "duplicates", "out_of_order", "missed", "transfer", "no_end")

_STATUS = {"started": "ringing", "answered": "answered", "completed": "completed"}


def _someone() -> Document:
    return {"email": "user@example.com", "phone_number": "+15550100"}


def _agent() -> Document:
    return {"id": "a-9876543210", "name": "Agent Smith"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What to play, to whom, and how fast; `data` is added to every event's data."""

    webhook_url: str
    secret: str
    script: str = "normal"
    call_id: str | None = None
    customer: Document | None = field(default_factory=_someone)
    agent: Document | None = field(default_factory=_agent)
    second_agent: Document = field(default_factory=lambda: {"id": "a-2", "name": "Agent Jones"})
    ticket_id: Any = None
    data: Document = field(default_factory=dict)
    ring_s: float = 0.3
    talk_s: float = 0.5
    pause_s: float = 0.5
    copies: int | None = None
    order: list[str] | None = None
    event_ids: bool = False
    give_up_s: float = 600

    def __post_init__(self) -> None:
        if self.script not in SCRIPTS:
            raise ValueError(f"script must be one of {', '.join(SCRIPTS)}")
        for name in ("ring_s", "talk_s", "pause_s", "give_up_s"):
            seconds = getattr(self, name)
            if not isinstance(seconds, int | float) or seconds < 0:
                raise ValueError(f"{name} must be a number of seconds")
        if self.order is not None and not set(self.order) <= set(_STATUS):
            raise ValueError(f"order may name {', '.join(_STATUS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One event to send: `wait_s` after the play began, `copies` times at once."""

    call_id: str
    name: str
    wait_s: float
    happened_s: float
    data: Document
    copies: int = 1

    @property
    def event(self) -> str:
        """The event's type on the wire."""
        return f"call.{self.name}"


def cues(play: Play) -> list[Cue]:
    """Everything the play sends, in the order of sending."""
    first = play.call_id or f"c-{secrets.randbelow(9 * 10**9) + 10**9}"
    second = f"{first}-2" if play.call_id else f"c-{secrets.randbelow(9 * 10**9) + 10**9}"
    if play.script == "call_back":
        later = play.ring_s + play.talk_s + play.pause_s
        return [*_call(play, first), *_call(play, second, begin_s=later)]
    if play.script == "two_at_once":
        both = [*_call(play, first), *_call(play, second)]
        return sorted(both, key=lambda cue: cue.wait_s)
    if play.script == "out_of_order":
        return _shuffled(play, first)
    return _call(play, first)


def _call(play: Play, call_id: str, begin_s: float = 0) -> list[Cue]:
    answered = begin_s + play.ring_s
    completed = answered + (0 if play.script == "missed" else play.talk_s)
    moments = [("started", begin_s, play.agent), ("answered", answered, play.agent)]
    if play.script == "missed":
        del moments[1]
    if play.script == "transfer":
        moments.append(("answered", answered + play.talk_s / 2, play.second_agent))
    if play.script != "no_end":
        moments.append(("completed", completed, moments[-1][2]))
    copies = play.copies or (3 if play.script == "duplicates" else 1)
    return [
        Cue(call_id=call_id, name=name, wait_s=at, happened_s=at, data=_data(play, call_id, name, agent), copies=copies)
        for name, at, agent in moments
    ]


def _shuffled(play: Play, call_id: str) -> list[Cue]:
    true = {cue.name: cue for cue in _call(play, call_id)}
    # All is sent late and at once, yet every event tells when it happened.
    shift = true["completed"].happened_s
    return [
        Cue(
            call_id=call_id,
            name=name,
            wait_s=0,
            happened_s=true[name].happened_s - shift,
            data=true[name].data,
            copies=true[name].copies,
        )
        for name in play.order or ["completed", "answered", "started"]
    ]


def _data(play: Play, call_id: str, name: str, agent: Document | None) -> Document:
    missed = play.script == "missed"
    data: Document = {
        "id": call_id,
        "status": "missed" if missed and name == "completed" else _STATUS[name],
        "customer": play.customer,
        "ticket_id": play.ticket_id,
        "agent": None if missed else agent,
    }
    if name == "completed":
        data["duration_s"] = 0 if missed else round(play.talk_s)
    return {**data, **play.data}
