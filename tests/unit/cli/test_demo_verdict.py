"""The demo's judgement: right books pass, and each kind of wrong shows in a row or a sentence."""

from collections.abc import Callable
from typing import Any

import pytest

from cli.demo.errors import NotAsExpected
from cli.demo.stories import STORIES, expect_requests, expect_ticket
from cli.demo.telling import in_words
from cli.demo.verdict import refusals, rows
from cli.demo.watch import Settled, eventually

Books = dict[str, Any]


def right_books() -> Books:
    """What the simulator has after six stories that went well."""
    ids = [f"c-{number}" for number in range(8)]
    marks = {f"[call {each} · completed]": 1 for each in ids} | {f"[call {each} · started]": 1 for each in ids[:5]}
    deliveries = [{"status": 202}, {"status": 503}, {"status": 200}]
    calls = [
        {"id": each, "deliveries": [*deliveries, {"status": 202}], "pops": [{}] if each != "c-7" else []}
        for each in ids
    ]
    calls[7]["deliveries"] = [{"status": 200}] * 9
    tickets = [{"requester": {"email": f"{each}@example.com"}, "custom_status": None} for each in range(6)]
    counts = {"tickets_by_external_id": {}, "notes_by_mark": marks, "tokens_issued": 2}
    return {"calls": calls, "tickets": tickets, "counts": counts}


def wrong(books: Books, latencies: tuple[int, ...] = (150,)) -> list[str]:
    """The rows that are not as they should be."""
    return [row.what for row in rows(books, STORIES, latencies) if not row.right]


def test_right_books_have_no_wrong_row() -> None:
    """What should come of the stories passes."""
    assert wrong(right_books()) == []


def second_ticket(books: Books) -> None:
    """One customer has two tickets."""
    books["tickets"].append(books["tickets"][0])


def left_in_call(books: Books) -> None:
    """A ticket was never set free."""
    books["tickets"][0]["custom_status"] = "In-Call"


def note_twice(books: Books) -> None:
    """A final note was written again."""
    books["counts"]["notes_by_mark"]["[call c-0 · completed]"] = 2


def note_missing(books: Books) -> None:
    """A call got no final note."""
    del books["counts"]["notes_by_mark"]["[call c-0 · completed]"]


def corrected(books: Books) -> None:
    """There is a note that no story leads to."""
    books["counts"]["notes_by_mark"]["[call c-0 · corrected]"] = 1


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (second_ticket, {"tickets", "customers with more than one ticket"}),
        (left_in_call, {"tickets left In-Call"}),
        (note_twice, {"notes that a call was completed", "notes written twice"}),
        (note_missing, {"notes that a call was completed"}),
        (corrected, {"other notes of calls"}),
    ],
)
def test_each_wrong_is_seen(spoil: Callable[[Books], None], seen: set[str]) -> None:
    """A book that was spoilt has its own wrong rows, and no other."""
    books = right_books()
    spoil(books)
    assert set(wrong(books)) == seen


def test_a_late_screen_pop_is_seen() -> None:
    """Two seconds are the limit."""
    assert wrong(right_books(), (150, 2000)) == []
    assert wrong(right_books(), (150, 2001)) == ["slowest screen pop"]


def test_only_planned_refusals_are_right() -> None:
    """One 401 belongs to the revoked token; a 409 is how two calls share a ticket; a 422 is a fault of ours."""
    journal = [{"status": status} for status in (200, 401, 409, None, 503)]
    assert [row.right for row in refusals(journal, STORIES)] == [True, True]
    assert [row.right for row in refusals([*journal, {"status": 422}], STORIES)] == [True, False]


def test_requests_are_told_in_words() -> None:
    """Counts, plurals, and what was refused."""
    kinds = [("search", 200), ("update_ticket", 401), ("update_ticket", 200), ("fetch_customer", 200)]
    requests = [{"kind": kind, "status": status} for kind, status in kinds]
    assert in_words(requests) == "1 search, 2 ticket updates (1 refused: 401), 1 CRM"
    assert in_words([]) == "none"


def test_a_story_says_what_it_expected_and_what_it_saw() -> None:
    """Wrong ticket, wrong requests: both sides are named."""
    call = Settled(
        call_id="c-1",
        told={"ticket_id": 7, "ticket_origin": "created"},
        requests=[{"kind": "search", "status": 200}],
    )
    with pytest.raises(NotAsExpected, match=r"expected c-1 on ticket 6 \(recent\); seen: ticket 7 \(created\)"):
        expect_ticket(call, "recent", 6)
    with pytest.raises(NotAsExpected, match="expected for c-1 2 update_ticket; seen: 1 search"):
        expect_requests(call, update_ticket=2)


async def test_waiting_ends_with_what_was_seen() -> None:
    """Nothing is waited for without a bound."""

    async def look() -> str | None:
        return None

    with pytest.raises(NotAsExpected, match="expected a ticket within 0 s; seen: ringing"):
        await eventually("a ticket", look, lambda: "ringing", within_s=0)
