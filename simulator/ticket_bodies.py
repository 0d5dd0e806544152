"""What the bodies of ticket requests may contain, field by field."""

from __future__ import annotations

from simulator import shapes
from simulator.settings import Settings
from simulator.tickets import STATUSES

_CALL = (
    "id",
    "direction",
    "from",
    "to",
    "started_at",
    "answered_at",
    "ended_at",
    "duration_s",
    "agent_id",
    "agent_name",
    "queue",
    "disposition",
    "outcome",
    "recording_url",
)

_METADATA = shapes.record({"call": shapes.record({name: shapes.nullable(shapes.scalar) for name in _CALL})})
_COMMENT = shapes.record({"body": shapes.text(), "public": shapes.boolean}, required=("body",))
_REQUESTER = shapes.record(
    {
        "name": shapes.text(255),
        "email": shapes.nullable(shapes.text(255)),
        "phone": shapes.nullable(shapes.text(128)),
    },
    required=("name",),
)


def create_body(settings: Settings) -> shapes.Check:
    """The body of `POST /api/v2/tickets`."""
    ticket = {
        "subject": shapes.text(255),
        "comment": _COMMENT,
        "requester": _REQUESTER,
        "external_id": shapes.nullable(shapes.text(255)),
        "status": shapes.one_of(STATUSES),
        "custom_status": shapes.nullable(shapes.one_of(settings.custom_statuses)),
        "tags": shapes.list_of(shapes.text(255)),
        "metadata": _METADATA,
        "via_followup_source_id": shapes.nullable(shapes.integer),
    }
    return _wrapped(shapes.record(ticket, required=("subject", "comment", "requester")))


def update_body(settings: Settings) -> shapes.Check:
    """The body of `PUT /api/v2/tickets/{id}`."""
    ticket = {
        "status": shapes.one_of(STATUSES),
        "custom_status": shapes.nullable(shapes.one_of(settings.custom_statuses)),
        "comment": _COMMENT,
        "metadata": _METADATA,
        "safe_update": shapes.boolean,
        "updated_stamp": shapes.text(40),
    }
    return _wrapped(shapes.record(ticket))


def _wrapped(ticket: shapes.Check) -> shapes.Check:
    return shapes.record({"ticket": ticket}, required=("ticket",))
