"""What a row of *Live* says of a call."""

from html import escape
from typing import Any

import pytest

from api.ops.rows import MOST_AGENT, MOST_WAIT, rows_of, waits
from tests.unit.api.ops_kit import status_of


def step(name: str, state: str, error: str | None = None) -> dict[str, Any]:
    """One step of a call."""
    return {"name": name, "state": state, "attempts": 1, "last_error": error}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"state": "completed", "steps": []}, ""),
        ({"state": "ringing", "steps": []}, "an agent to answer"),
        ({"state": "in_call", "steps": [step("create_ticket", "done")]}, "the end of the call"),
        ({"state": "ringing", "steps": [step("search_tickets", "running")]}, "Zendesk, to search tickets"),
        (
            {"state": "ringing", "steps": [step("fetch_customer", "running")]},
            "the CRM, to fetch customer",
        ),
        (
            {"state": "completed", "steps": [step("update_ticket", "waiting", "RateLimited: 429")]},
            "Zendesk: 429, to update ticket",
        ),
        (
            {"state": "completed", "steps": [step("update_ticket", "retrying", "ScopeMissing: tickets:write")]},
            "an administrator to grant the token's scopes, to update ticket",
        ),
        (
            {"state": "completed", "needs_attention": True, "attention": "refused: subject is too long"},
            "a person: refused: subject is too long",
        ),
        (
            {"state": "ringing", "steps": [step("await_ticket", "running")]},
            "waiting for an earlier call of the same customer to find its ticket",
        ),
    ],
)
def test_a_row_says_what_the_call_waits_for(call: dict[str, Any], words: str) -> None:
    """A person comes before a step that stands, that before one under way, and the call itself comes last."""
    assert waits(status_of("c-1", **call)) == words


def test_a_row_tells_the_last_pop_and_the_first_receipt() -> None:
    """A call that was handed on has several pops; its row shows the latest."""
    pops = [{"state": "shown", "latency_ms": 180}, {"state": "missed", "latency_ms": None}]
    events = [{"received_at": "2026-11-22T21:15:09+00:00"}, {"received_at": "2026-11-22T21:15:03+00:00"}]
    (row,) = rows_of([status_of("c-1", screen_pops=pops, events=events)])
    assert (row.pop_state, row.pop, row.received_at) == ("missed", "", "2026-11-22T21:15:03+00:00")


def test_a_call_that_is_hardly_known_is_a_row_too() -> None:
    """Nothing but a state need be there."""
    bare = status_of("c-1", customer={"email": None, "phone": None}, agent=None, ticket_id=None, events=[], steps=[])
    (row,) = rows_of([bare | {"screen_pops": []}])
    assert (row.customer, row.agent, row.ticket_id, row.pop_state) == ("anonymous", "", None, "")


def test_rows_have_a_key_of_their_own() -> None:
    """An id used again by the telephony platform stands twice in the list."""
    assert len({row.key for row in rows_of([status_of("c-1"), status_of("c-1"), status_of("c-2")])}) == 3


def test_long_texts_are_cut() -> None:
    """Whatever a sender or a vendor wrote, a row stays small; what is short is shown whole."""
    long = status_of("c-1", agent={"id": "é" * 99, "name": "x" * 1999}, needs_attention=True, attention="😀<" * 999)
    (row,) = rows_of([long])
    assert (row.agent, row.agent_link) == ("x" * (MOST_AGENT - 3) + "…", None)
    assert MOST_WAIT - 12 < len(escape(row.waits).encode()) <= MOST_WAIT
    (row,) = rows_of([status_of("c-1", agent={"id": "a&9", "name": "x" * 256})])
    assert (row.agent, row.agent_link) == ("x" * 256, "/ops?agent_id=a%269")
