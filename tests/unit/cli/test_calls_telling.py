"""`talkbridge calls`: a call as a row."""

import io
from typing import Any

from rich.console import Console

from cli.calls.telling import COLUMNS, cells, line, table

CALL: dict[str, Any] = {
    "call_id": "c-1",
    "state": "in_call",
    "needs_attention": False,
    "attention": None,
    "ticket_id": 123,
    "customer": {"email": "u•••@example.com", "phone": None},
    "agent": {"id": "a-9", "name": "Agent Smith"},
    "events": [{"received_at": "2026-01-31T12:00:00.000Z"}],
    "steps": [
        {"name": "search_tickets", "state": "done", "last_error": None},
        {"name": "fetch_customer", "state": "retrying", "last_error": "answered 503"},
    ],
    "screen_pops": [{"state": "shown", "latency_ms": 180}],
}


def test_a_row_holds_what_operations_look_for() -> None:
    """Received, call, state, ticket, customer, agent, screen pop, and what it waits for."""
    assert cells(CALL) == (
        *("2026-01-31T12:00:00.000Z", "c-1", "in call", "123", "u•••@example.com", "Agent Smith", "180 ms"),
        "the CRM, to fetch customer",
    )
    assert len(cells(CALL)) == len(COLUMNS)


def test_only_what_is_unfinished_is_waited_for() -> None:
    """A refused step that another has followed is history; one under way says whom it waits for, as on `/ops`."""
    refused = {"name": "update_ticket", "state": "refused", "last_error": "Unprocessable: answered 422"}
    done = {"name": "update_ticket", "state": "done", "last_error": None}
    under_way = {"name": "search_tickets", "state": "running", "last_error": None}
    assert cells(CALL | {"state": "completed", "steps": [refused, done]})[-1] == "-"
    for steps in ([under_way], [refused, done, under_way]):
        assert cells(CALL | {"steps": steps})[-1] == "Zendesk, to search tickets"


def test_what_is_not_known_yet_is_a_dash() -> None:
    """An anonymous call that has just ended."""
    young = CALL | {
        "state": "missed",
        "ticket_id": None,
        "customer": {},
        "agent": None,
        "events": [],
        "steps": [],
        "screen_pops": [],
    }
    assert cells(young) == ("-", "c-1", "missed", "-", "-", "-", "-", "-")


def test_a_name_cannot_write_on_the_terminal() -> None:
    """Tabs, ends of lines and control signs become blanks: a call stays one line of eight cells."""
    hostile = CALL | {"agent": {"id": "a", "name": "Eve\t\n\x1b[2J\u202e"}}
    assert line(hostile).count("\t") == len(COLUMNS) - 1
    assert {sign for sign in line(hostile) if not sign.isprintable()} == {"\t"}


def test_need_is_told_in_words() -> None:
    """On a terminal without colour too."""
    needy = CALL | {"needs_attention": True, "attention": "update_ticket was refused"}
    page = io.StringIO()
    Console(file=page, width=200, color_system=None).print(table([needy]))
    assert "a person: update_ticket was refused" in page.getvalue()
    assert all(name in page.getvalue() for name in COLUMNS)
