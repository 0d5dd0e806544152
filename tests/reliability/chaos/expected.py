"""What a call's events carry, and what of it has to stand on the ticket in the end."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.reliability.chaos.deliveries import Heard
from tests.reliability.chaos.scripts import AGENTS, GONE, Event, Script

QUEUE = "sales"


def body(script: Script, event: Event, began_at: float, seeded: int | None) -> dict[str, Any]:
    """The webhook's JSON: the same bytes whenever it is sent. `began_at`: the run's zero, seconds since 1970."""
    named = {"seeded": seeded, "gone": GONE}.get(script.ticket)
    customer = {"email": script.email, "phone_number": script.phone, "name": script.name}
    data: dict[str, Any] = {"id": script.call_id, "status": event.kind, "queue": QUEUE, "ticket_id": named}
    data["customer"] = {name: value for name, value in customer.items() if value is not None}
    if event.agent:
        data["agent"] = {"id": event.agent, "name": AGENTS[event.agent]}
    if event.kind == "completed":
        data |= _of_the_end(script)
    told: dict[str, Any] = {"event": f"call.{event.kind}", "timestamp": _ms(began_at, event), "data": data}
    return told | ({"id": event.event_id} if event.event_id else {})


def _of_the_end(script: Script) -> dict[str, Any]:
    return {
        "duration_s": 30 + len(script.call_id),
        "disposition": "resolved",
        "recording_url": f"https://recordings.example.com/{script.call_id}",
    }


def metadata_wanted(call: Heard, began_at: float, max_duration_s: float) -> dict[str, set[Any]]:
    """For each field of the ticket's `metadata.call` that has to be there, the values that are right."""
    script = call.script
    wanted: dict[str, set[Any]] = {"id": {script.call_id}, "queue": {QUEUE}}
    if script.phone and script.phone.startswith("+"):
        wanted["from"] = {script.phone}
    if call.promised_kind("completed"):
        wanted["ended_at"] = {_moment(began_at, event) for event in script.of("completed")}
        wanted |= {name: {value} for name, value in _of_the_end(script).items()}
    if call.promised_kind("answered"):
        answers = script.of("answered")
        wanted["answered_at"] = {_moment(began_at, event) for event in _first_known(call, answers)}
        last = list(_first_known(call, answers[::-1]))
        wanted["agent_id"] = {event.agent for event in last}
        wanted["agent_name"] = {AGENTS[event.agent] for event in last if event.agent}
    if _started_in_time(call, max_duration_s):
        wanted["started_at"] = {_moment(began_at, event) for event in script.of("started")}
    return wanted


def _first_known(call: Heard, answers: Sequence[Event]) -> Iterator[Event]:
    """The answers that may be the first one known: each up to the first that was acknowledged."""
    for event in answers:
        if event.key in call.possible:
            yield event
        if event.key in call.promised:
            return


def _started_in_time(call: Heard, max_duration_s: float) -> bool:
    """Whether `started` was known for certain when the end was told; one that comes later is only recorded."""
    known_at = call.first_acknowledged("started")
    return known_at < min(call.first_sent("completed"), call.first_sent() + max_duration_s)


def _ms(began_at: float, event: Event) -> int:
    return int((began_at + event.happened_s) * 1000)


def _moment(began_at: float, event: Event) -> str:
    moment = datetime.fromtimestamp(_ms(began_at, event) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
