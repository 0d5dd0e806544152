"""What a ticket is told: metadata, note, marks, and whether its status may be changed."""

from dataclasses import replace

import pytest

from tests.unit.domain.performer import ANSWERED, COMPLETED, JONES, STARTED, event
from workflows.domain.customer import Customer
from workflows.domain.events import Agent, Facts, facts_of
from workflows.domain.ticket import (
    CallMetadata,
    Ticket,
    TicketOrigin,
    TicketView,
    call_label,
    mark,
    metadata_of,
    note_of,
    opening_comment,
    status_may_be_sent,
    subject_of,
)

WHOLE = facts_of(
    [
        event(STARTED),
        replace(event(ANSWERED, 8), queue="sales", to_line="+15550199"),
        event(ANSWERED, 60, JONES),
        replace(event(COMPLETED, 95), disposition="resolved", recording_url="https://example.com/r/1"),
    ]
)


def test_metadata_of_a_whole_call() -> None:
    """Times in UTC with milliseconds, the last agent, the customer's number as the line of an inbound call."""
    assert metadata_of("c-1", WHOLE, "completed") == CallMetadata(
        id="c-1",
        direction="inbound",
        from_="+15550100",
        to="+15550199",
        started_at="2026-03-02T12:00:00.000Z",
        answered_at="2026-03-02T12:00:08.000Z",
        ended_at="2026-03-02T12:01:35.000Z",
        duration_s=87,
        agent_id="a-2",
        agent_name="Agent Jones",
        queue="sales",
        disposition="resolved",
        outcome="completed",
        recording_url="https://example.com/r/1",
    )


def test_metadata_of_next_to_nothing() -> None:
    """What is not known is absent, not made up."""
    facts = facts_of([event(COMPLETED, customer=Customer())])
    assert metadata_of("c-1", facts, "missed") == CallMetadata(
        id="c-1", ended_at="2026-03-02T12:00:00.000Z", outcome="missed"
    )


@pytest.mark.parametrize(
    ("direction", "from_line", "shown"),
    [
        (None, None, "+15550100"),
        ("inbound", "+1555", "+1555"),
        ("outbound", None, None),
        ("outbound", "+1555", "+1555"),
    ],
)
def test_the_line_a_call_came_from(direction: str | None, from_line: str | None, shown: str | None) -> None:
    """The customer's number stands in only for an inbound call whose line was not sent."""
    facts = facts_of([replace(event(STARTED), direction=direction, from_line=from_line)])
    assert metadata_of("c-1", facts, "missed").from_ == shown


def test_a_note_says_the_same_in_words() -> None:
    """One fact a line, every agent named, the mark at the end."""
    assert note_of("c-1", WHOLE, "completed", "completed").split("\n") == [
        "Call completed.",
        "Direction: inbound",
        "From: +15550100",
        "To: +15550199",
        "Started: 2026-03-02T12:00:00.000Z",
        "Answered: 2026-03-02T12:00:08.000Z",
        "Ended: 2026-03-02T12:01:35.000Z",
        "Duration: 87 s",
        "Agents: Agent Smith (a-1), Agent Jones (a-2)",
        "Queue: sales",
        "Disposition: resolved",
        "Recording: https://example.com/r/1",
        "[call c-1 · completed]",
    ]


@pytest.mark.parametrize(
    ("outcome", "what", "first", "last"),
    [
        ("completed", "completed", "Call completed.", "[call c-1 · completed]"),
        ("missed", "missed", "Missed call: nobody answered.", "[call c-1 · missed]"),
        (
            "end_not_reported",
            "end not reported",
            "The end of this call was never reported.",
            "[call c-1 · end not reported]",
        ),
        ("completed", "corrected", "Correction. Call completed.", "[call c-1 · corrected]"),
        ("missed", "corrected 2", "Correction. Missed call: nobody answered.", "[call c-1 · corrected 2]"),
    ],
)
def test_headline_and_mark(outcome: str, what: str, first: str, last: str) -> None:
    """Each kind of note begins and ends in its own way."""
    lines = note_of("c-1", facts_of([event(COMPLETED)]), outcome, what).split("\n")
    assert (lines[0], lines[-1]) == (first, last)


FORGED = "x\r\n[call c-2 · completed]\u2028\x0b\x85Agent: nobody"


@pytest.mark.parametrize("field", ["direction", "from_line", "to_line", "queue", "disposition", "recording_url"])
def test_a_senders_line_break_forges_no_line(field: str) -> None:
    """Whatever breaks a line in a sender's text becomes a space."""
    facts = facts_of([replace(event(COMPLETED), **{field: FORGED})])  # type: ignore[arg-type]
    plain = facts_of([replace(event(COMPLETED), **{field: "x"})])  # type: ignore[arg-type]
    lines = note_of("c-1", facts, "missed", "missed").splitlines()
    assert len(lines) == len(note_of("c-1", plain, "missed", "missed").splitlines())
    assert [line for line in lines if line.startswith("[call")] == ["[call c-1 · missed]"]


@pytest.mark.parametrize(
    "facts",
    [
        facts_of([replace(event(STARTED), customer=Customer(name=FORGED))]),
        facts_of([event(ANSWERED, agent=Agent(id=FORGED, name=FORGED))]),
    ],
)
def test_a_name_forges_no_line(facts: Facts) -> None:
    """Neither a caller's nor an agent's."""
    texts = [subject_of(facts), opening_comment("c-1", facts, None), note_of("c-1", facts, "completed", "completed")]
    assert len(subject_of(facts).splitlines()) == 1
    assert not any(line.startswith("[call c-2") for text in texts for line in text.splitlines())


def test_the_comment_of_a_created_ticket() -> None:
    """It names the caller and a closed predecessor, and ends with its mark."""
    assert opening_comment("c-1", WHOLE, None) == "Phone call from +15550100.\n[call c-1 · started]"
    assert opening_comment("c-1", WHOLE, 42).split("\n")[1] == "Follow-up of ticket 42, which is closed."
    assert len(subject_of(facts_of([event(STARTED, customer=Customer(name="n" * 256))]))) <= 150


def test_a_call_id_that_is_used_again_has_another_name() -> None:
    """Generations enter marks and external ids; the first has none."""
    assert (call_label("c-1", 1), call_label("c-1", 2)) == ("c-1", "c-1#2")
    assert mark("c-1#2", "missed") == "[call c-1#2 · missed]"


FOUND = Ticket(id=7, origin=TicketOrigin.SEARCH, status_before="pending", custom_status_before="Waiting")
WRITTEN = replace(FOUND, status_set="open", custom_status="In-Call")
AFTER = replace(FOUND, status_set="pending", custom_status=None)


@pytest.mark.parametrize(
    ("ticket", "status", "custom_status", "may"),
    [
        (WRITTEN, "open", "In-Call", True),
        (FOUND, "open", "In-Call", True),
        (FOUND, "pending", "Waiting", True),
        (WRITTEN, "pending", "Waiting", True),
        (WRITTEN, "pending", "Sent back", False),
        (WRITTEN, "open", None, False),
        (WRITTEN, "solved", None, False),
        (WRITTEN, "solved", "In-Call", False),
        (AFTER, "pending", None, True),
        (Ticket(id=7, origin=TicketOrigin.RECENT), "open", None, False),
        (Ticket(id=7, origin=TicketOrigin.CREATED, status_set="open", custom_status="In-Call"), "open", "New", False),
    ],
)
def test_whose_status_may_be_overwritten(ticket: Ticket, status: str, custom_status: str | None, may: bool) -> None:
    """Ours and the one before us; any other is an agent's."""
    assert status_may_be_sent(ticket, TicketView(id=7, status=status, custom_status=custom_status)) is may
