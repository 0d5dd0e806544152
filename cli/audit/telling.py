"""An entry of the audit as a line for people and as a row for spreadsheets."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from activities.postgres.audit import Entry
from cli.calls.telling import plain

COLUMNS = tuple(field.name for field in fields(Entry))
UNKNOWN = "unknown"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def line(entry: Entry) -> str:
    """One line: when, which call, and what."""
    call = entry.call_id if entry.generation <= 1 else f"{entry.call_id}#{entry.generation}"
    return plain(f"{moment(entry.at)}  {call}  {entry.kind:<7}  {_WORDS[entry.kind](entry)}")


def row(entry: Entry) -> list[str]:
    """The cells of `COLUMNS`. What a spreadsheet would take for a formula begins with an apostrophe."""
    return [_cell(UNKNOWN if _unsettled(entry, name) else getattr(entry, name)) for name in COLUMNS]


def heading(status: Mapping[str, Any]) -> str:
    """What the call came to, in a line; customer data is masked in it already."""
    customer = ", ".join(filter(None, status["customer"].values())) or "anonymous"
    ticket = f"ticket {status['ticket_id']}" if status["ticket_id"] is not None else "no ticket"
    need = "; needs attention" if status["needs_attention"] else ""
    return plain(f"Call {status['call_id']}: {status['state'].replace('_', ' ')}, {ticket}, {customer}{need}")


def moment(at: datetime) -> str:
    """UTC, in milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _event(entry: Entry) -> str:
    return f"{entry.name}{f'  {entry.own_id}' if entry.own_id else ''}  ({entry.note})"


def _request(entry: Entry) -> str:
    took = f"  {(entry.finished_at - entry.at).total_seconds() * 1000:.0f} ms" if entry.finished_at else ""
    status = f"{entry.http_status} " if entry.http_status is not None else ""
    what = f"{entry.name:<21} attempt {entry.attempt}  {entry.method} {entry.path}"
    return f"{what}  {status}{entry.outcome or UNKNOWN}{took}  {entry.own_id}"


def _mend(entry: Entry) -> str:
    return f"{entry.name}  by {entry.asked_by}, because: {entry.reason}  {entry.outcome}: {entry.note}"


_WORDS = {"event": _event, "request": _request, "mend": _mend}


def _unsettled(entry: Entry, name: str) -> bool:
    return name == "outcome" and entry.kind == "request" and entry.outcome is None


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
