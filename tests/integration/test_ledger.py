"""Which call has which ticket, who waits for whom, and what is remembered: on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError

from activities.postgres.database import Database
from activities.postgres.identity import Identity, IdentityHasher, IdentityKey
from activities.postgres.reading import CursorNotOurs, LedgerReader
from cli.servers.postgres import PostgresServer
from cli.servers.temporal import TemporalServer
from cli.setup import setup
from tests.integration.ledger_kit import (
    ANNA,
    KEYRING,
    POLICY,
    Book,
    attempt,
    book_at,
    book_on,
    database_at,
    find,
    lazy_client,
    perform,
    rows,
)
from workflows.connection import NEEDS_ATTENTION
from workflows.domain.customer import Customer
from workflows.domain.errors import Failure
from workflows.domain.mend import Mend, MendAction, Mended, MendResult
from workflows.ports import KeepMend

HOUR = timedelta(hours=1)


@pytest.fixture
async def book(database_url: str) -> AsyncIterator[Book]:
    """A ledger of the test's own."""
    async with book_at(database_url, await lazy_client()) as book:
        yield book


async def test_a_new_call_has_no_memory_and_its_first_look_comes_with_it(book: Book) -> None:
    """Opening answers generation 1, the policy, and that there is nothing to join."""
    opened = await book.open("c-1", ANNA)
    assert (opened.generation, opened.version, opened.memory, opened.policy) == (1, 0, None, POLICY)
    assert opened.others is not None
    assert (opened.others.ticket_id, opened.others.wait) == (None, False)


async def test_a_run_after_the_first_takes_over_what_was_saved(book: Book) -> None:
    """Memory and version come back; opening again before anything was saved is as new."""
    await book.open("c-1", ANNA)
    assert (await book.open("c-1", ANNA)).memory is None
    await book.save("c-1", ANNA, version=7, ticket_id=5, excluded=[4])
    opened = await book.open("c-1", ANNA, run_id="run-2")
    assert opened.memory is not None
    assert opened.memory.ticket is not None
    assert (opened.generation, opened.version, opened.memory.ticket.id, opened.memory.excluded) == (1, 7, 5, [4])
    assert opened.memory.told_at is not None
    assert opened.memory.told_at.tzinfo is not None


@pytest.mark.parametrize("saved", [False, True])
async def test_a_run_is_told_of_what_the_one_before_could_not_save(book: Book, saved: bool) -> None:
    """A create that may have worked, then the ticket it made: with the memory of before, or with none."""
    opened = await book.open("c-1", ANNA)
    assert (opened.ticket_id, opened.create_unknown) == (None, False)
    if saved:
        await book.save("c-1", ANNA)
    await book.may_create("c-1")
    opened = await book.open("c-1", ANNA, run_id="run-2")
    assert (opened.ticket_id, opened.create_unknown, opened.memory is not None) == (None, True, saved)
    await book.create("c-1", 77)
    opened = await book.open("c-1", ANNA, run_id="run-3")
    assert (opened.ticket_id, opened.create_unknown, opened.memory is not None) == (77, False, saved)
    assert not opened.ended
    await book.may_update("c-1", 77, final=True, note=True)
    opened = await book.open("c-1", ANNA, run_id="run-4")
    assert (opened.ticket_id, opened.ended) == (77, True)
    await book.find("c-1", excluded=[77])
    assert (await book.open("c-1", ANNA, run_id="run-5")).ticket_id is None


@pytest.mark.parametrize(
    ("http_status", "outcome", "unknown"),
    [
        (422, "Unprocessable", False),
        (None, "not_sent", False),
        (503, "ServerFault", True),
        (303, "Misconfigured", True),
    ],
)
async def test_a_run_looks_for_a_ticket_only_if_one_may_be_there(
    book: Book, http_status: int | None, outcome: str, unknown: bool
) -> None:
    """A refused create, or one that was never sent, made none; a 5xx or a redirect does not say."""
    await book.open("c-1", ANNA)
    permit = await book.may_create("c-1")
    await book.attempts.end(permit.attempt_id, http_status=http_status, outcome=outcome)
    assert (await book.open("c-1", ANNA, run_id="run-2")).create_unknown == unknown


async def test_a_call_id_used_again_is_a_new_generation(book: Book, database_url: str) -> None:
    """An end more than 24 h older than the event makes one; less does not, nor does a call without an end."""
    await book.open("c-1", ANNA)
    later = datetime.now(UTC) + 30 * HOUR
    assert (await book.open("c-1", ANNA, occurred_at=later)).generation == 1
    await book.save("c-1", ANNA, ticket_id=5, active=False)
    assert (await book.open("c-1", ANNA, occurred_at=datetime.now(UTC) + 23 * HOUR)).generation == 1
    again = await book.open("c-1", ANNA, occurred_at=later)
    assert (again.generation, again.memory) == (2, None)
    assert (await book.open("c-1", ANNA, occurred_at=later)).generation == 2
    assert await rows(database_url, "SELECT generation, ticket_id FROM calls ORDER BY 1") == [(1, 5), (2, None)]


@pytest.mark.parametrize(
    ("first", "second", "match"),
    [
        (Customer(email="a@x.org"), Customer(email="a@x.org"), True),
        (Customer(email="a@x.org"), Customer(email="b@x.org"), False),
        (Customer(phone="+15550100"), Customer(phone="+15550100"), True),
        (Customer(phone="+15550100"), Customer(phone="+15550101"), False),
        (Customer(email="a@x.org", phone="+15550100"), Customer(phone="+15550100"), True),
        (Customer(phone="+15550100"), Customer(email="a@x.org", phone="+15550100"), True),
        (Customer(email="a@x.org", phone="+15550100"), Customer(email="b@x.org", phone="+15550100"), False),
        (Customer(email="a@x.org", phone="+15550100"), Customer(email="a@x.org", phone="+15550199"), True),
        (Customer(), Customer(), False),
        (Customer(name="Anna"), Customer(name="Anna"), False),
        (Customer(), Customer(phone="+15550100"), False),
    ],
)
async def test_matching(book: Book, first: Customer, second: Customer, match: bool) -> None:
    """Same email; same phone where at least one has no email; anonymous matches nobody: in every statement alike."""
    await book.open("c-1", first)
    opened = await book.open("c-2", second)
    assert opened.others is not None
    assert opened.others.wait == match
    await book.create("c-1", 77)
    assert (await book.find("c-2")).ticket_id == (77 if match else None)
    assert (await book.may_create("c-2")).joined_ticket_id == (77 if match else None)


async def test_only_the_later_of_two_waits(book: Book) -> None:
    """The first goes on, the second waits until the first has its ticket, then has the same."""
    await book.open("c-1", ANNA)
    await book.open("c-2", ANNA)
    assert not (await book.find("c-1")).wait
    assert (await book.find("c-2")).wait
    await book.create("c-1", 77)
    assert (await book.find("c-2")).ticket_id == 77
    # Whoever is done waits for nobody and is waited for by nobody.
    await book.save("c-2", ANNA, ticket_id=77)
    assert (await book.open("c-3", ANNA)).others == await book.find("c-3")


async def test_a_call_that_hung_up_while_pending_is_still_waited_for(book: Book) -> None:
    """Pending has nothing to do with the caller being there."""
    await book.open("c-1", ANNA)
    await book.save("c-1", ANNA, active=False)
    await book.open("c-2", ANNA)
    assert (await book.find("c-2")).wait


async def test_simultaneous_pairs_agree_who_is_first(book: Book) -> None:
    """Of 20 pairs opened at once, from two connections each, exactly one of each pair waits."""
    customers = [Customer(email=f"pair{n}@example.com", phone=f"+1555{n:07}") for n in range(20)]
    names = [(f"c-{n}-{side}", customer) for n, customer in enumerate(customers) for side in "ab"]
    opened = await asyncio.gather(*(book.open(name, customer) for name, customer in names))
    waiting = [bool(each.others and each.others.wait) for each in opened]
    assert [waiting[n] + waiting[n + 1] for n in range(0, 40, 2)] == [1] * 20
    again = await asyncio.gather(*(book.find(name) for name, _ in names))
    assert [each.wait for each in again] == waiting


async def test_simultaneous_calls_by_email_and_by_phone_do_not_deadlock(book: Book) -> None:
    """Locks on email and phone are taken in one order, whoever shares what with whom; who matches nobody goes first."""
    by_phone, by_email = Customer(phone=ANNA.phone), Customer(email=ANNA.email)
    callers = [(ANNA, by_phone, by_email, ANNA)[n % 4] for n in range(24)]
    opened = await asyncio.gather(*(book.open(f"c-{n}", caller) for n, caller in enumerate(callers)))
    first = [caller for caller, each in zip(callers, opened, strict=True) if each.others and not each.others.wait]
    # A phone alone and an email alone have nothing in common: where these two come first, neither waits.
    assert first in ([ANNA], [by_phone], [by_email], [by_phone, by_email], [by_email, by_phone])


async def test_a_ticket_is_joined_while_in_use_and_for_the_window_after(book: Book, database_url: str) -> None:
    """An active call's ticket however old; an ended one's until the window has passed since its last use."""
    await book.open("c-1", ANNA)
    await book.create("c-1", 77)
    await book.open("c-2", ANNA)
    await rows(database_url, "UPDATE calls SET last_used = now() - interval '1 hour' WHERE call_id = 'c-1'")
    assert (await book.find("c-2")).ticket_id == 77
    await book.save("c-1", ANNA, ticket_id=77, active=False)
    assert (await book.find("c-2")).ticket_id == 77
    await rows(database_url, "UPDATE calls SET last_used = now() - interval '301 seconds' WHERE call_id = 'c-1'")
    assert (await book.find("c-2")).ticket_id is None
    await rows(database_url, "UPDATE calls SET active = true, active_until = now() - interval '1 second'")
    assert (await book.find("c-2")).ticket_id is None


async def test_an_excluded_ticket_is_offered_to_nobody(book: Book, database_url: str) -> None:
    """Whoever lost it is pending again, and others do not get it from the ledger either."""
    await book.open("c-1", ANNA)
    await book.create("c-1", 77)
    await book.open("c-2", ANNA)
    await book.save("c-2", ANNA, ticket_id=77)
    answer = await book.find("c-2", excluded=[77])
    assert (answer.ticket_id, answer.wait) == (None, False)
    assert await rows(database_url, "SELECT pending, ticket_id FROM calls WHERE call_id = 'c-2'") == [(True, None)]
    opened = await book.open("c-3", ANNA)
    assert opened.others is not None
    assert (opened.others.ticket_id, opened.others.wait) == (None, True)
    await book.create("c-2", 78)
    assert (await book.find("c-3")).ticket_id == 78


async def test_two_calls_that_lose_one_ticket_end_on_one_follow_up(book: Book) -> None:
    """Whoever loses it later waits for whoever lost it first, though they were strangers, and arrived otherwise."""
    for call_id, email in (("c-1", "a@x.org"), ("c-2", "b@x.org")):
        await book.open(call_id, Customer(email=email))
        await book.save(call_id, Customer(email=email), ticket_id=77)
    # The second to arrive loses it first.
    assert not (await book.find("c-2", excluded=[77])).wait
    assert (await book.find("c-1", excluded=[77])).wait
    assert not (await book.find("c-2", excluded=[77])).wait
    permit = await book.may_create("c-2", excluded=[77])
    await book.attempts.end_create(permit.attempt_id, http_status=201, ticket_id=78, max_duration_s=60)
    assert (await book.find("c-1", excluded=[77])).ticket_id == 78
    assert (await book.may_create("c-1", excluded=[77])).joined_ticket_id == 78


async def test_both_losing_it_at_once_agree_who_is_first(book: Book) -> None:
    """Ten at a time, repeated: exactly one does not wait."""
    names = [f"c-{n}" for n in range(10)]
    for n, name in enumerate(names):
        await book.open(name, Customer(email=f"{n}@x.org"))
    for lost in (77, 78, 79):
        for name, customer in ((name, Customer(email=f"{n}@x.org")) for n, name in enumerate(names)):
            await book.save(name, customer, ticket_id=lost, version=lost)
        excluded = list(range(77, lost + 1))
        looks = await asyncio.gather(*(book.find(name, excluded=excluded) for name in names))
        assert sum(not look.wait for look in looks) == 1


async def test_an_identity_learned_late_counts_from_then_on(book: Book) -> None:
    """An anonymous pending call that learns its email stands behind those who had it before."""
    await book.open("c-1", Customer())
    await book.open("c-2", ANNA)
    await book.save("c-1", ANNA)
    assert (await book.find("c-1")).wait
    assert not (await book.find("c-2")).wait


async def test_a_look_as_somebody_new_finds_what_that_customer_has(book: Book) -> None:
    """A call that was entered as anonymous and looks as Anna waits for Anna's earlier call, then joins its ticket."""
    await book.open("c-1", ANNA)
    await book.open("c-2", Customer())
    assert (await book.find("c-2", customer=ANNA)).wait
    await book.create("c-1", 77)
    assert (await book.find("c-2", customer=ANNA)).ticket_id == 77


async def test_an_older_version_changes_nothing(book: Book, database_url: str) -> None:
    """A save that comes late is dropped, unless it is of another run, which counts anew after a reset."""
    await book.open("c-1", ANNA)
    await book.save("c-1", ANNA, version=5, state="in_call")
    await book.save("c-1", ANNA, version=4, state="ringing")
    assert await rows(database_url, "SELECT state, version FROM calls") == [("in_call", 5)]
    await book.save("c-1", ANNA, version=3, state="completed", run_id="run-2")
    assert await rows(database_url, "SELECT state, version, run_id FROM calls") == [("completed", 3, "run-2")]


async def test_a_save_does_not_undo_what_the_gate_wrote(book: Book, database_url: str) -> None:
    """A ticket that was created and an end that was recorded stay, though the save was composed before."""
    await book.open("c-1", ANNA)
    await book.create("c-1", 77)
    await book.save("c-1", ANNA, version=1)
    assert await rows(database_url, "SELECT ticket_id, pending FROM calls") == [(77, False)]
    await book.may_update("c-1", 77, final=True)
    await book.save("c-1", ANNA, version=2, ticket_id=77)
    assert await rows(database_url, "SELECT active, ended_at IS NOT NULL FROM calls") == [(False, True)]
    assert await rows(database_url, "SELECT holders FROM tickets") == [({},)]


async def test_a_saved_call_holds_its_ticket_while_active(book: Book, database_url: str) -> None:
    """Joining holds, ending and losing it release."""
    await book.open("c-1", ANNA)
    await book.save("c-1", ANNA, version=1, ticket_id=77)
    ((holders,),) = await rows(database_url, "SELECT holders FROM tickets WHERE ticket_id = 77")
    assert list(holders) == ["c-1"]
    await book.save("c-1", ANNA, version=2, ticket_id=78, excluded=[77])
    held = await rows(database_url, "SELECT ticket_id, holders ? 'c-1' FROM tickets ORDER BY 1")
    assert held == [(77, False), (78, True)]
    await book.save("c-1", ANNA, version=3, ticket_id=78, excluded=[77], active=False)
    assert await rows(database_url, "SELECT holders FROM tickets WHERE ticket_id = 78") == [({},)]


async def test_a_call_the_database_lost_is_entered_again(book: Book, database_url: str) -> None:
    """After a restore from a backup, looking finds nothing and saving brings the row back."""
    await book.open("c-1", ANNA)
    await rows(database_url, "DELETE FROM calls")
    answer = await book.find("c-1")
    assert (answer.ticket_id, answer.wait) == (None, False)
    await book.save("c-1", ANNA, version=9, ticket_id=77)
    assert await rows(database_url, "SELECT ticket_id, version FROM calls") == [(77, 9)]


async def test_waiting_is_a_benign_failure_that_comes_back_soon(book: Book) -> None:
    """`TicketPending`, 0.2 s at first, never more than 1 s."""
    await book.open("c-1", ANNA)
    await book.open("c-2", ANNA)
    for number, expected in ((1, 0.2), (3, 0.45), (30, 1.0)):
        with pytest.raises(ApplicationError) as caught:
            await perform(book.ledger.await_ticket, find("c-2"), attempt=number)
        assert caught.value.type == Failure.TICKET_PENDING
        assert caught.value.category.name == "BENIGN"
        assert caught.value.next_retry_delay == timedelta(seconds=expected)
    await book.create("c-1", 77)
    answer = await perform(book.ledger.await_ticket, find("c-2"), attempt=4)
    assert (answer.ticket_id, answer.attempts) == (77, 4)


async def test_after_ten_minutes_a_waiter_goes_on(book: Book) -> None:
    """Whatever the other does, but its create of unknown outcome is to be looked up first."""
    await book.open("c-1", ANNA)
    await book.open("c-2", ANNA)
    assert (await book.may_create("c-1")).attempt_id is not None
    answer = await perform(book.ledger.await_ticket, find("c-2"), attempt=600, waited=timedelta(minutes=10))
    assert (answer.ticket_id, answer.wait, answer.lookup_external_ids) == (None, False, ["c-1"])


async def test_a_call_that_needs_a_person_keeps_nobody_waiting(book: Book) -> None:
    """As the ledger knows it, at once."""
    await book.open("c-1", ANNA)
    await book.save("c-1", ANNA, needs_attention=True)
    opened = await book.open("c-2", ANNA)
    assert opened.others is not None
    assert not opened.others.wait


async def test_a_closed_call_gives_way_from_the_30th_second_on(
    database_url: str, temporal_server: TemporalServer
) -> None:
    """Temporal is asked then, and what it does not know any more is as closed; nobody waits for it again."""
    client = await Client.connect(temporal_server.address)
    gone, second, third = (f"c-{uuid4()}" for _ in range(3))
    async with book_at(database_url, client) as book:
        await book.open(gone, ANNA)
        await book.open(second, ANNA)
        assert (await book.may_create(gone)).attempt_id is not None
        with pytest.raises(ApplicationError):
            await perform(book.ledger.await_ticket, find(second), waited=timedelta(seconds=29))
        answer = await perform(book.ledger.await_ticket, find(second), waited=timedelta(seconds=31))
        assert answer.lookup_external_ids == [gone]
        await book.create(second, 77)
        assert (await book.open(third, ANNA)).others is not None
        assert (await book.find(third)).ticket_id == 77


async def test_temporal_is_asked_twice_a_minute_at_most(database_url: str, temporal_server: TemporalServer) -> None:
    """An open call is waited for; when it closes, that is noticed at the next question, not before."""
    client = await Client.connect(temporal_server.address)
    await setup(database_url, KEYRING, client)
    first, second = (f"c-{uuid4()}" for _ in range(2))
    handle = await client.start_workflow("Nobody", id=f"call-{first}", task_queue="nobody")
    async with database_at(database_url) as database:
        book = book_on(database, client)
        await book.open(first, ANNA)
        await book.open(second, ANNA)

        async def waits() -> bool:
            try:
                await perform(book.ledger.await_ticket, find(second), waited=timedelta(seconds=40))
            except ApplicationError as error:
                return error.type == Failure.TICKET_PENDING
            return False

        assert await waits()
        await handle.terminate()
        assert await waits()
        await rows(database_url, "UPDATE calls SET asked_at = now() - interval '31 seconds'")
        assert not await waits()


async def test_a_call_marked_in_temporal_gives_way(database_url: str, temporal_server: TemporalServer) -> None:
    """The search attribute `NeedsAttention` counts, also while the ledger does not know."""
    client = await Client.connect(temporal_server.address)
    await setup(database_url, KEYRING, client)
    first, second = (f"c-{uuid4()}" for _ in range(2))
    marked = TypedSearchAttributes([SearchAttributePair(NEEDS_ATTENTION, True)])
    handle = await client.start_workflow("Nobody", id=f"call-{first}", task_queue="nobody", search_attributes=marked)
    async with database_at(database_url) as database:
        book = book_on(database, client)
        await book.open(first, ANNA)
        await book.open(second, ANNA)
        answer = await perform(book.ledger.await_ticket, find(second), waited=timedelta(seconds=40))
        assert (answer.ticket_id, answer.wait) == (None, False)
    await handle.terminate()


async def test_a_database_out_of_reach_is_a_retryable_failure_in_time() -> None:
    """`LedgerUnavailable`; a local step says so within its 250 ms."""
    async with Database("postgresql://nobody:none@127.0.0.1:1/none") as database:
        book = book_on(database, await lazy_client())
        began = asyncio.get_running_loop().time()
        with pytest.raises(ApplicationError) as caught:
            await perform(book.ledger.find_ticket, find("c-1"), local=True)
        assert asyncio.get_running_loop().time() - began < 0.3
        assert caught.value.type == Failure.LEDGER_UNAVAILABLE
        assert not caught.value.non_retryable


async def test_a_locked_row_does_not_hold_a_local_step(database_url: str, book: Book) -> None:
    """A local step is cut off at its limit, and the pool serves the next one."""
    await book.open("c-1", ANNA)
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute("SELECT FROM calls FOR UPDATE")
        command = find("c-1", excluded=[5])
        with pytest.raises(ApplicationError):
            await perform(book.ledger.find_ticket, command, local=True)
    assert not (await book.find("c-1", excluded=[5])).wait


async def test_a_database_killed_and_started_again_is_used_again() -> None:
    """While it is away steps fail in a retryable way; soon after, they work, on new connections."""
    with PostgresServer(own=True, fsync=False) as server:
        async with book_at(server.url, await lazy_client()) as book:
            await asyncio.gather(*(book.open(f"c-{n}", Customer()) for n in range(8)))
            await asyncio.to_thread(server.kill)
            with pytest.raises(ApplicationError) as caught:
                await book.find("c-1")
            assert caught.value.type == Failure.LEDGER_UNAVAILABLE
            await asyncio.to_thread(server.start)
            deadline = asyncio.get_running_loop().time() + 10
            while True:
                try:
                    assert not (await book.find("c-1")).wait
                    break
                except ApplicationError:
                    assert asyncio.get_running_loop().time() < deadline
                    await asyncio.sleep(0.05)
            await asyncio.gather(*(book.find(f"c-{n}") for n in range(8)))


async def test_lists_are_paged_and_filtered(database_url: str) -> None:
    """Newest first; every filter works; a page ends with the cursor of the next; a made-up cursor is refused."""
    async with book_at(database_url, await lazy_client()) as book, database_at(database_url) as database:
        reader = LedgerReader(database)
        for n in range(5):
            await book.open(f"c-{n}", Customer(phone=f"+1555010{n}"))
        await book.save("c-3", Customer(phone="+15550103"), ticket_id=9, state="in_call", needs_attention=True)
        page, cursor = await reader.list_calls(limit=2)
        assert [call["call_id"] for call in page] == ["c-4", "c-3"]
        page, cursor = await reader.list_calls(limit=3, cursor=cursor)
        assert ([call["call_id"] for call in page], cursor) == (["c-2", "c-1", "c-0"], None)
        for filters in ({"state": "in_call"}, {"ticket_id": 9}, {"needs_attention": True}):
            page, _ = await reader.list_calls(**filters)
            assert [call["call_id"] for call in page] == ["c-3"]
        assert (await reader.list_calls(agent_id="a-1"))[0] == []
        hasher = await IdentityKey(database, decrypt=KEYRING.decrypt).hasher()
        found, _ = await reader.search_calls(hasher.identity(email=None, phone="+15550102"))
        assert [call["call_id"] for call in found] == ["c-2"]
        assert (await reader.search_calls(Identity()))[0] == []
        with pytest.raises(CursorNotOurs):
            await reader.list_calls(cursor="1; DROP TABLE calls")
        status = await reader.call_status("c-3")
        assert status is not None
        assert (status["state"], status["customer"]["phone"]) == ("in_call", "+1555•••03")
        assert await reader.call_status("c-9") is None


async def test_nothing_in_the_database_can_be_read(database_url: str) -> None:
    """A scan of every table finds neither email nor phone, in any letter case, nor the key of the hashes."""
    secret = Customer(email="Planted.Person@Example.com".lower(), phone="+15559876543", name="Planted Person")
    async with book_at(database_url, await lazy_client()) as book, database_at(database_url) as database:
        await book.open("c-1", secret)
        await book.save("c-1", secret, ticket_id=77)
        await book.attempts.begin(attempt("c-1", "search_tickets"))
        key = (await IdentityKey(database, decrypt=KEYRING.decrypt).hasher())._key
    tables = await rows(database_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    dump = str([await rows(database_url, f"SELECT t::text FROM {name} t") for (name,) in tables]).lower()
    assert "c-1" in dump
    for planted in ("planted.person", "9876543", "planted person", key.hex()):
        assert planted not in dump


def test_hashes_are_keyed_and_kinds_apart() -> None:
    """The same text as email and as phone, or under another key, has another hash."""
    one, two = IdentityHasher(b"1" * 32), IdentityHasher(b"2" * 32)
    assert one.identity(email="x", phone="x").email_hash != one.identity(email="x", phone="x").phone_hash
    assert one.identity(email="x", phone=None) != two.identity(email="x", phone=None)
    assert one.identity(email="X@y.org", phone=None) == one.identity(email="x@y.org", phone="")


async def test_a_mend_is_kept_whatever_its_texts_hold(book: Book, database_url: str) -> None:
    """As much of a reason as the form takes, and one that no PostgreSQL could keep as it is."""
    await book.open("c-1", ANNA)
    mend = Mend(id="m-1", action=MendAction.RETRY, by="Eve\x00", reason="x" * 499 + "\x00", step="final\x00")
    mended = Mended(result=MendResult.DONE, text="Tries at once.")
    command = KeepMend(call_id="c-1", generation=1, mend=mend, mended=mended, at=datetime.now(UTC))
    await perform(book.ledger.keep_mend, command)
    kept = await rows(database_url, "SELECT asked_by, reason, step FROM mends")
    assert kept == [("Eve�", "x" * 499 + "�", "final�")]
