"""The workflow's records as JSON documents for PostgreSQL, and back, and as fields of a log line."""

from typing import Any

from pydantic import TypeAdapter

from workflows.domain.status import CallStatus
from workflows.ports import Memory

_MEMORY = TypeAdapter(Memory)
_STATUS = TypeAdapter(CallStatus)


def to_json(record: Memory | CallStatus) -> dict[str, Any]:
    """A JSON object; moments as ISO 8601."""
    adapter: TypeAdapter[Any] = _MEMORY if isinstance(record, Memory) else _STATUS
    document: dict[str, Any] = adapter.dump_python(record, mode="json")
    return document


def memory_from(document: dict[str, Any]) -> Memory:
    """The memory, whichever release wrote it: unknown fields are left out, missing ones have defaults."""
    return _MEMORY.validate_python(document)


def standing(status: CallStatus) -> dict[str, object]:
    """Where a call stands, for a line; the cause and not the text of what needs a person."""
    return {
        "call_id": status.call_id,
        "state": status.state,
        "ticket_id": status.ticket_id,
        "needs_attention": status.needs_attention,
        "causes": [each.cause for each in status.causes],
    }
