"""May this request be sent, and with which status: the gate on a real PostgreSQL, with everybody at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from activities.postgres.attempts import Attempt
from activities.postgres.errors import StatementRefused
from activities.postgres.reading import LedgerReader
from tests.integration.ledger_kit import ANNA, Book, attempt, book_at, database_at, lazy_client, rows
from workflows.domain.customer import Customer


@pytest.fixture
async def book(database_url: str) -> AsyncIterator[Book]:
    """A ledger of the test's own."""
    async with book_at(database_url, await lazy_client()) as book:
        yield book


async def test_a_row_is_there_before_the_request_and_its_outcome_after(book: Book, database_url: str) -> None:
    """A row without an outcome says honestly that it is unknown."""
    first = await book.attempts.begin(attempt("c-1", "search_tickets"))
    second = await book.attempts.begin(attempt("c-1", "read_ticket"))
    await book.attempts.end(first, http_status=200, outcome="done")
    async with database_at(database_url) as database:
        listed = await LedgerReader(database).attempts("c-1")
    assert [(row["id"], row["step"], row["outcome"]) for row in listed] == [
        (first, "search_tickets", "done"),
        (second, "read_ticket", None),
    ]


async def test_a_request_sent_without_the_ledger_is_recorded_once(book: Book, database_url: str) -> None:
    """Recording it again changes nothing."""
    pop = attempt("c-1", "screen_pop")
    for status in (200, 500):
        await book.attempts.record(pop, sent_at=datetime.now(UTC), http_status=status, outcome="done")
    assert await rows(database_url, "SELECT http_status FROM attempts") == [(200,)]


async def test_a_final_update_shows_how_the_call_ended(book: Book, database_url: str) -> None:
    """From the moment it may be sent, lists show the outcome, however long the vendor keeps it waiting."""
    await book.open("c-1", ANNA)
    await book.may_update("c-1", 77, final=True, outcome="missed")
    assert await rows(database_url, "SELECT state, status ->> 'state' FROM calls") == [("missed", "missed")]


async def test_a_path_with_a_query_is_refused(book: Book) -> None:
    """Customer data in a query must never reach the table."""
    planted = Attempt(
        call_id="c",
        generation=1,
        step="s",
        attempt=1,
        request_id="r",
        method="GET",
        path="/customers?email=anna@example.com",
    )
    with pytest.raises(StatementRefused) as caught:
        await book.attempts.begin(planted)
    assert "anna" not in str(caught.value)


@pytest.mark.parametrize(
    ("http_status", "outcome", "may_send"),
    [
        (200, "done", False),
        (200, "MalformedAnswer", False),
        (404, "NotFound", True),
        (409, "Conflict", True),
        (422, "Unprocessable", True),
        (429, "RateLimited", True),
        (303, "Misconfigured", False),
        (408, "ServerFault", False),
        (500, "ServerFault", False),
        (503, "ServerFault", False),
        (None, "NoAnswer", False),
        (None, "ConnectionLost", False),
        (None, "not_sent", True),
        (None, None, False),
    ],
)
async def test_a_note_that_is_or_may_be_written_stops_the_next(
    book: Book, http_status: int | None, outcome: str | None, may_send: bool
) -> None:
    """A 2xx wrote it; a 5xx, a 408, a time-out, a lost connection and no outcome may have; a 4xx has not."""
    first = await book.may_update("c-1", 77, final=True, note=True)
    if outcome is not None:
        await book.attempts.end(first.attempt_id, http_status=http_status, outcome=outcome)
    second = await book.may_update("c-1", 77, final=True, note=True)
    assert (second.attempt_id is not None) == may_send
    assert second.unknown_until == (0 if may_send else first.attempt_id)


async def test_a_stopped_note_writes_nothing_and_goes_on_once_looked_for(book: Book, database_url: str) -> None:
    """`looked_until` settles the rows up to it, and no later one; updates without a note are never stopped."""
    first = await book.may_update("c-1", 77, note=True)
    stopped = await book.may_update("c-1", 77, note=True)
    assert (stopped.attempt_id, stopped.send_status, stopped.unknown_until) == (None, False, first.attempt_id)
    assert await rows(database_url, "SELECT count(*) FROM attempts") == [(1,)]
    second = await book.may_update("c-1", 77, note=True, looked_until=first.attempt_id)
    assert second.attempt_id is not None
    third = await book.may_update("c-1", 77, note=True, looked_until=first.attempt_id)
    assert third.unknown_until == second.attempt_id
    assert (await book.may_update("c-1", 77, note=False)).attempt_id is not None
    # Another step, another call: none of their business.
    assert (await book.may_update("c-1", 77, note=True, step="correct")).attempt_id is not None
    assert (await book.may_update("c-2", 77, note=True)).attempt_id is not None


async def test_a_stopped_final_note_ends_nothing(book: Book, database_url: str) -> None:
    """The call stays active and holds its ticket until its final update may be sent."""
    await book.open("c-1", ANNA)
    await book.save("c-1", ANNA, ticket_id=77)
    await book.may_update("c-1", 77, note=True)
    await book.may_update("c-1", 77, note=True, final=True)
    assert await rows(database_url, "SELECT active FROM calls") == [(True,)]
    assert await rows(database_url, "SELECT holders ? 'c-1' FROM tickets") == [(True,)]


async def test_the_last_active_call_sends_the_status(book: Book, database_url: str) -> None:
    """Another's hold forbids it, an expired one does not; a repeated final update decides anew."""
    await book.open("c-1", ANNA)
    await book.create("c-1", 77)
    await book.open("c-2", ANNA)
    assert (await book.may_update("c-2", 77)).send_status
    assert not (await book.may_update("c-1", 77, final=True)).send_status
    assert (await book.may_update("c-2", 77, final=True)).send_status
    assert (await book.may_update("c-1", 77, final=True)).send_status
    await rows(database_url, """UPDATE tickets SET holders = '{"c-3": 1}'""")
    assert (await book.may_update("c-1", 77, final=True)).send_status
    await rows(database_url, """UPDATE tickets SET holders = '{"c-3": 99999999999.5}'""")
    assert not (await book.may_update("c-1", 77, final=True)).send_status


async def test_an_ended_call_never_holds_again(book: Book, database_url: str) -> None:
    """Neither an update without `final` nor a create gives it its hold back."""
    await book.open("c-1", ANNA)
    await book.may_update("c-1", 77, final=True)
    await book.may_update("c-1", 77)
    await rows(database_url, "UPDATE calls SET ticket_id = NULL")
    await book.create("c-1", 78)
    assert await rows(database_url, "SELECT holders FROM tickets ORDER BY ticket_id") == [({},), ({},)]


async def test_of_two_final_updates_at_once_exactly_one_sends_the_status(book: Book) -> None:
    """Repeated 50 times with both calls holding, 10 times with five."""

    async def race(ticket_id: int, calls: int) -> list[bool]:
        names = [f"c-{ticket_id}-{n}" for n in range(calls)]
        for n, name in enumerate(names):
            await book.open(name, Customer(email=f"{name}-{n}@x.org"))
            await book.may_update(name, ticket_id, step="set_in_call")
        permits = await asyncio.gather(*(book.may_update(name, ticket_id, final=True, note=True) for name in names))
        return [permit.send_status for permit in permits]

    for ticket_id in range(50):
        assert sum(await race(ticket_id, 2)) == 1
    for ticket_id in range(100, 110):
        assert sum(await race(ticket_id, 5)) == 1


async def test_a_final_update_and_one_that_joins_at_once_agree(book: Book) -> None:
    """Whichever came first: the one that joins sets In-Call, and its own end sends the status after the call."""
    for ticket_id in range(20):
        old, new = f"old-{ticket_id}", f"new-{ticket_id}"
        await book.may_update(old, ticket_id, step="set_in_call")
        ending, joining = await asyncio.gather(
            book.may_update(old, ticket_id, final=True, note=True),
            book.may_update(new, ticket_id, step="set_in_call"),
        )
        assert ending.attempt_id is not None
        assert joining.send_status
        assert (await book.may_update(new, ticket_id, final=True, note=True)).send_status


async def test_a_create_is_not_sent_when_a_matching_call_has_a_ticket(book: Book) -> None:
    """It joins that one, unless it lost it before."""
    await book.open("c-1", ANNA)
    await book.open("c-2", ANNA)
    await book.create("c-1", 77)
    assert (await book.may_create("c-2")).joined_ticket_id == 77
    assert (await book.may_create("c-2", excluded=[77])).attempt_id is not None


async def _age(url: str, attempt_id: int, minutes: int) -> None:
    await rows(
        url, "UPDATE attempts SET sent_at = now() - %s * interval '1 minute' WHERE id = %s", [minutes, attempt_id]
    )


@pytest.mark.parametrize(("minutes", "stopped"), [(0, False), (99, False), (101, True)])
async def test_a_key_is_used_for_100_minutes(book: Book, database_url: str, minutes: int, stopped: bool) -> None:
    """Until then an unknown outcome does no harm; after it the ticket has to be looked for first."""
    await book.open("c-1", ANNA)
    first = await book.may_create("c-1")
    await _age(database_url, first.attempt_id, minutes)
    second = await book.may_create("c-1")
    assert (second.attempt_id is None) == stopped
    assert second.unknown_until == (first.attempt_id if stopped else 0)
    assert (await book.may_create("c-1", looked_until=second.attempt_id or first.attempt_id)).attempt_id is not None


async def test_a_known_failure_does_not_stop_a_create(book: Book, database_url: str) -> None:
    """However old; and what was never sent does not begin a key's life."""
    await book.open("c-1", ANNA)
    for outcome, status in (("not_sent", None), ("RateLimited", 429)):
        permit = await book.may_create("c-1")
        await book.attempts.end(permit.attempt_id, http_status=status, outcome=outcome)
        await _age(database_url, permit.attempt_id, 500)
    last = await book.may_create("c-1")
    assert last.attempt_id is not None
    await rows(database_url, "DELETE FROM attempts WHERE outcome = 'RateLimited'")
    assert (await book.may_create("c-1")).attempt_id is not None


async def test_a_created_ticket_is_not_created_again_once_its_key_is_old(book: Book, database_url: str) -> None:
    """Within its life the key brings it back; after that the ledger does."""
    await book.open("c-1", ANNA)
    first = await book.may_create("c-1")
    await book.attempts.end_create(first.attempt_id, http_status=201, ticket_id=77, max_duration_s=60)
    assert (await book.may_create("c-1")).attempt_id is not None
    await _age(database_url, first.attempt_id, 101)
    await rows(database_url, "DELETE FROM attempts WHERE id <> %s", [first.attempt_id])
    again = await book.may_create("c-1")
    assert (again.attempt_id, again.joined_ticket_id) == (None, 77)


async def test_a_new_run_with_the_next_key_creates_no_second_ticket(book: Book) -> None:
    """It may know that a key was used, not what came of it: the ticket that is there is joined, unless lost."""
    await book.open("c-1", ANNA)
    await book.create("c-1", 77)
    again = await book.may_create("c-1", key="the next")
    assert (again.attempt_id, again.joined_ticket_id) == (None, 77)
    assert (await book.may_create("c-1", key="the next", excluded=[77])).attempt_id is not None


async def test_the_next_key_waits_until_the_one_before_is_looked_for(book: Book) -> None:
    """While it is not known what came of an attempt with another key; one that worked later settles it."""
    await book.open("c-1", ANNA)
    first = await book.may_create("c-1")
    stopped = await book.may_create("c-1", key="the next")
    assert (stopped.attempt_id, stopped.unknown_until) == (None, first.attempt_id)
    assert (await book.may_create("c-1", key="looked for", looked_until=first.attempt_id)).attempt_id is not None
    await book.open("c-2", Customer())
    assert (await book.may_create("c-2")).attempt_id is not None
    await book.create("c-2", 78)
    assert (await book.may_create("c-2", key="another", excluded=[78])).attempt_id is not None


async def test_a_worked_create_ends_the_search(book: Book, database_url: str) -> None:
    """The call has the ticket, holds it, and is no longer pending."""
    await book.open("c-1", ANNA)
    await book.create("c-1", 77)
    assert await rows(database_url, "SELECT ticket_id, pending, last_used IS NOT NULL FROM calls") == [
        (77, False, True)
    ]
    assert await rows(database_url, "SELECT holders ? 'c-1' FROM tickets") == [(True,)]
    assert await rows(database_url, "SELECT outcome, http_status, known FROM attempts") == [("done", 201, True)]


async def test_the_gate_works_for_a_call_the_ledger_does_not_know(book: Book) -> None:
    """A database restored from a backup stops nobody."""
    permit: Any = await book.may_create("c-9")
    assert permit.attempt_id is not None
    await book.attempts.end_create(permit.attempt_id, http_status=201, ticket_id=5, max_duration_s=60)
    assert (await book.may_update("c-9", 5, final=True, note=True)).send_status
