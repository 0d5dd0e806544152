"""`talkbridge call show`: a call as a page of text."""

from typing import Any

from cli.call import lines

TOLD: dict[str, Any] = {
    "call_id": "c-1",
    "source": "workflow",
    "state": "end_not_reported",
    "needs_attention": True,
    "attention": "update_ticket has not worked for 24 h",
    "warnings": ["the phone number was not usable"],
    "ticket_id": 123,
    "ticket_origin": "follow_up",
    "customer": {"email": "u•••@example.com", "phone": None},
    "agent": {"id": "a-9", "name": "Agent Smith"},
    "events": [
        {
            "type": "call.started",
            "event_id": "e-1",
            "occurred_at": "2023-03-15T17:27:14.567Z",
            "received_at": "2023-03-15T17:27:15.000Z",
        }
    ],
    "steps": [
        {"name": "search_tickets", "state": "done", "attempts": 1, "last_error": None, "finished_at": "2023-…"},
        {"name": "update_ticket", "state": "retrying", "attempts": 3, "last_error": "503", "finished_at": None},
    ],
    "screen_pops": [{"agent_id": "a-9", "state": "not_needed", "latency_ms": None, "left_out": ["notes"]}],
    "workflow_id": "call-c-1",
    "run_id": "r",
}


def test_everything_known_stands_on_the_page() -> None:
    """Ticket and origin, attention, warnings, events, requests with attempts and errors, pops."""
    page = "\n".join(lines(TOLD))
    for text in (
        "c-1  end not reported",
        "123 (follow-up)",
        "u•••@example.com",
        "Agent Smith a-9",
        "Attention update_ticket has not worked for 24 h",
        "Warning   the phone number was not usable",
        "call.started  e-1",
        "update_ticket       retrying, 3 attempts: 503",
        "a-9: not needed, left out: notes",
    ):
        assert text in page


def test_the_times_of_requests_have_a_heading() -> None:
    """They are when a request was finished, not when it began; each column stands under its name."""
    page = list(lines(TOLD | {"steps": [TOLD["steps"][0] | {"finished_at": "2023-03-15T17:27:16.000Z"}]}))
    heading, row = page[page.index("Requests") + 1 :][:2]
    for title, text in (("finished", "2023-03-15"), ("request", "search_tickets"), ("state", "done")):
        assert heading.index(title) == row.index(text)


def test_a_call_that_has_just_begun_is_a_short_page() -> None:
    """What is not known yet leaves no empty headings."""
    young = TOLD | {"ticket_id": None, "agent": None, "needs_attention": False, "warnings": [], "customer": {}}
    page = "\n".join(lines(young | {"events": [], "steps": [], "screen_pops": []}))
    assert "Ticket    none yet" in page
    assert "Customer  anonymous" in page
    assert "Events" not in page
