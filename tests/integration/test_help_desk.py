"""The help desk over real HTTP: what is sent, what comes of it, and what is never sent."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationErrorCategory

from activities.help_desk import ZendeskHelpDesk
from activities.postgres.attempts import Attempts, CreatePermit, UpdatePermit
from activities.postgres.database import Database
from activities.postgres.migrate import migrate
from simulator.server import Running, running
from tests.unit.activities.twins import Bench, bench
from workflows.domain.call import CallPolicy
from workflows.domain.customer import Customer
from workflows.domain.errors import Failure
from workflows.domain.ticket import CallMetadata, NewTicket, TicketChange, TicketView
from workflows.ports import (
    CallRef,
    CreateTicket,
    FindByExternalId,
    ListComments,
    PatchCall,
    ReadTicket,
    SearchTickets,
    UpdateTicket,
)

REF = CallRef(call_id="c-1234567890", generation=1, step="step")
CALLER = Customer(email="user@example.com", phone="+15550100")
NEW = NewTicket(
    subject="Call from +15550100",
    comment="Phone call.\n[call c-1234567890 · started]",
    requester_name="+15550100",
    requester_email="user@example.com",
    requester_phone="+15550100",
    external_id="c-1234567890",
    tags=["talkbridge"],
)
CREATE = CreateTicket(ref=REF, ticket=NEW)
SEARCH = SearchTickets(ref=REF, customer=CALLER)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Running]:
    """One simulator for the module."""
    with running() as simulator:
        yield simulator


@pytest.fixture
async def desk(vendor: Running) -> AsyncIterator[Bench]:
    """A fresh world, and the adapters over it."""
    vendor.world.reset()
    async with bench(vendor) as made:
        yield made


async def made(desk: Bench) -> TicketView:
    """A ticket of the call."""
    created = await desk.run(desk.help_desk.create_ticket, CREATE)
    assert created.ticket is not None
    return created.ticket


async def test_a_new_ticket_is_created_as_the_guide_says(desk: Bench) -> None:
    """The create carries exactly the guide's fields, its key, and a readable request id; the ledger knows."""
    created = await desk.run(desk.help_desk.create_ticket, CREATE)
    (sent,) = desk.sent("create_ticket")
    assert sent.body == {
        "ticket": {
            "subject": "Call from +15550100",
            "comment": {"body": NEW.comment, "public": False},
            "requester": {"name": "+15550100", "email": "user@example.com", "phone": "+15550100"},
            "external_id": "c-1234567890",
            "status": "open",
            "custom_status": "In-Call",
            "tags": ["talkbridge"],
        }
    }
    assert sent.idempotency_key == "talkbridge-c-1234567890-1"
    assert sent.request_id is not None
    assert sent.request_id.startswith("c-1234567890.step.1.")
    assert created.result == "created"
    assert created.ticket == TicketView(
        id=1001, status="open", custom_status="In-Call", updated_at=created.ticket.updated_at if created.ticket else ""
    )
    (row,) = desk.attempts.rows
    assert (row.http_status, row.outcome, row.ticket_id, row.attempt.path) == (201, "done", 1001, "/api/v2/tickets")
    assert row.attempt.request_id == sent.request_id


async def test_the_plain_fallback_is_the_least_that_makes_a_ticket(desk: Bench) -> None:
    """After a 422 subject, comment, requester name and external id are left, with the next key."""
    plain = replace(CREATE, ticket=replace(NEW, plain=True), key_number=2)
    await desk.run(desk.help_desk.create_ticket, plain)
    (sent,) = desk.sent("create_ticket")
    assert set(sent.body["ticket"]) == {"subject", "comment", "requester", "external_id"}
    assert sent.body["ticket"]["requester"] == {"name": "+15550100"}
    assert sent.idempotency_key == "talkbridge-c-1234567890-2"


async def test_the_search_is_the_guides_and_prefers_the_email(desk: Bench) -> None:
    """One search, by email; excluded tickets do not count; the most recently updated wins."""
    for age_s in (10, 5, 3600):
        fields = {"status": "open", "requester": {"name": "A", "email": "user@example.com", "phone": "+15550100"}}
        desk.simulator.world.tickets.add(fields, None, age_s)
    found = await desk.run(desk.help_desk.search_tickets, SEARCH)
    assert found.ticket is not None
    assert found.ticket.id == 1002
    found = await desk.run(desk.help_desk.search_tickets, replace(SEARCH, excluded=[1002]))
    assert found.ticket is not None
    assert found.ticket.id == 1001
    assert desk.sent("search")[0].query == {"query": 'type:ticket status:open customer_email:"user@example.com"'}
    await desk.run(desk.help_desk.search_tickets, replace(SEARCH, customer=Customer(phone="+15550100")))
    assert desk.sent("search")[-1].query == {"query": 'type:ticket status:open customer_phone:"+15550100"'}
    assert desk.attempts.rows[-1].attempt.path == "/api/v2/search/query.json"


@pytest.mark.parametrize("email", ['a"b@example.com', "a\nb@example.com", "*@example.com", "a\\@example.com"])
async def test_a_value_never_becomes_an_operator(desk: Bench, email: str) -> None:
    """What cannot stand in quotes is not searched for at all: nothing is found, and said why."""
    found = await desk.run(desk.help_desk.search_tickets, replace(SEARCH, customer=Customer(email=email)))
    assert found.ticket is None
    assert found.detail == "the email cannot be searched for"
    assert desk.sent("search") == []


async def test_the_final_update_carries_note_metadata_and_stamp(desk: Bench) -> None:
    """The final update is optimistic, has a private note and the call's metadata, and clears the custom status."""
    ticket = await made(desk)
    metadata = CallMetadata(id="c-1234567890", from_="+15550100", duration_s=12, outcome="completed")
    change = TicketChange(status="open", note="Done.\n[call c · completed]", metadata=metadata, stamp=ticket.updated_at)
    command = UpdateTicket(ref=REF, ticket_id=ticket.id, change=change, final=True)
    updated = await desk.run(desk.help_desk.update_ticket, command)
    (sent,) = desk.sent("update_ticket")
    assert sent.body == {
        "ticket": {
            "status": "open",
            "custom_status": None,
            "comment": {"body": change.note, "public": False},
            "metadata": {
                "call": {
                    "id": "c-1234567890",
                    "direction": "inbound",
                    "from": "+15550100",
                    "duration_s": 12,
                    "outcome": "completed",
                }
            },
            "safe_update": True,
            "updated_stamp": ticket.updated_at,
        }
    }
    assert updated.result == "updated"
    assert updated.with_status
    assert updated.ticket is not None
    assert updated.ticket.custom_status is None


async def test_the_gate_decides_whether_the_status_is_sent(desk: Bench) -> None:
    """With another active call on the ticket no status goes out; without a stamp neither stamp field."""
    ticket = await made(desk)
    desk.attempts.send_status = False
    command = UpdateTicket(ref=REF, ticket_id=ticket.id, change=TicketChange(status="open", note="n"), final=True)
    updated = await desk.run(desk.help_desk.update_ticket, command)
    assert not updated.with_status
    assert set(desk.sent("update_ticket")[0].body["ticket"]) == {"comment"}


async def test_an_update_tells_conflict_gone_and_refused_apart(desk: Bench) -> None:
    """409, 404 and 422 on an update are results, and their rows are settled."""
    ticket = await made(desk)
    stale = UpdateTicket(ref=REF, ticket_id=ticket.id, change=TicketChange(note="n", stamp="2001-01-01T00:00:00Z"))
    assert (await desk.run(desk.help_desk.update_ticket, stale)).result == "conflict"
    gone = replace(stale, ticket_id=9)
    assert (await desk.run(desk.help_desk.update_ticket, gone)).result == "gone"
    desk.simulator.world.tickets.all()[0].status = "closed"
    refused = await desk.run(desk.help_desk.update_ticket, stale)
    assert refused.result == "refused"
    assert "closed prevents ticket update" in (refused.detail or "")
    assert [row.http_status for row in desk.attempts.rows[1:]] == [409, 404, 422]


async def test_what_the_gate_withholds_is_not_sent(desk: Bench) -> None:
    """An earlier attempt of unknown outcome, or a matching call's ticket: nothing goes out."""
    desk.attempts.create_permit = CreatePermit(attempt_id=None, unknown_until=7)
    created = await desk.run(desk.help_desk.create_ticket, CREATE)
    assert (created.result, created.unknown_until, created.ticket) == ("outcome_unknown", 7, None)
    desk.attempts.create_permit = CreatePermit(attempt_id=None, joined_ticket_id=5)
    created = await desk.run(desk.help_desk.create_ticket, CREATE)
    assert (created.result, created.ticket) == ("joined", TicketView(id=5))
    desk.attempts.update_permit = UpdatePermit(attempt_id=None, unknown_until=8)
    change = UpdateTicket(ref=REF, ticket_id=5, change=TicketChange(note="n"))
    updated = await desk.run(desk.help_desk.update_ticket, change)
    assert (updated.result, updated.unknown_until) == ("outcome_unknown", 8)
    assert desk.sent("create_ticket") == desk.sent("update_ticket") == []


async def test_a_create_whose_answer_is_lost_is_made_once(desk: Bench) -> None:
    """The lost answer leaves the row unknown; the next attempt with the same key gets the same ticket."""
    desk.break_("create_ticket", "drop_after")
    error = await desk.fails(desk.help_desk.create_ticket, CREATE)
    assert error.type == Failure.UNAVAILABLE
    assert (desk.attempts.rows[0].http_status, desk.attempts.rows[0].outcome) == (None, "ConnectionLost")
    created = await desk.run(desk.help_desk.create_ticket, CREATE, attempt=2)
    assert (created.result, created.attempts) == ("created", 2)
    assert len(desk.simulator.world.tickets.all()) == 1
    assert len({entry.request_id for entry in desk.sent("create_ticket")}) == 2


async def test_a_refused_create_is_a_result(desk: Bench) -> None:
    """422 is refused, 400 a conflict of keys; the vendor's words are masked and cut."""
    desk.break_("create_ticket", "status", status=422, body={"error": "x", "description": "no +15550100 a@b.example"})
    refused = await desk.run(desk.help_desk.create_ticket, CREATE)
    assert (refused.result, refused.detail) == ("refused", "create_ticket: answered 422: x: no ••• •••@•••")
    await made(desk)
    other = replace(CREATE, ticket=replace(NEW, subject="other"))
    assert (await desk.run(desk.help_desk.create_ticket, other)).result == "key_conflict"


async def test_reading_tells_a_ticket_from_none(desk: Bench) -> None:
    """A ticket is found by id and by external id; 404 on a read and an empty list are no ticket."""
    ticket = await made(desk)
    assert (await desk.run(desk.help_desk.read_ticket, ReadTicket(ref=REF, ticket_id=ticket.id))).ticket == ticket
    assert (await desk.run(desk.help_desk.read_ticket, ReadTicket(ref=REF, ticket_id=7))).ticket is None
    look = FindByExternalId(ref=REF, external_id="c-1234567890")
    assert (await desk.run(desk.help_desk.find_by_external_id, look)).ticket == ticket
    other = replace(look, external_id="c-2")
    assert (await desk.run(desk.help_desk.find_by_external_id, other)).ticket is None
    assert (await desk.run(desk.help_desk.find_by_external_id, replace(look, excluded=[ticket.id]))).ticket is None


async def test_a_refused_look_up_is_no_answer(desk: Bench) -> None:
    """After a create of unknown outcome, "422" must not pass for "there is none": it is tried again a minute later."""
    desk.break_("find_by_external_id", "status", status=422)
    error = await desk.fails(desk.help_desk.find_by_external_id, FindByExternalId(ref=REF, external_id="c-1"))
    assert (error.type, error.message) == (
        Failure.MISCONFIGURED,
        "find_by_external_id: answered 422: Fault: asked for by a test",
    )
    assert error.next_retry_delay is not None
    assert error.next_retry_delay.total_seconds() == 60


async def test_a_refused_read_says_nothing_of_a_ticket_of_ours(desk: Bench) -> None:
    """422 is "none" for a ticket that is only named; the call's own is gone with 404 alone, and read a minute later."""
    desk.break_("read_ticket", "status", status=422, times=2)
    named = ReadTicket(ref=REF, ticket_id=(await made(desk)).id)
    found = await desk.run(desk.help_desk.read_ticket, named)
    assert (found.ticket, found.detail) == (None, "read_ticket: answered 422: Fault: asked for by a test")
    error = await desk.fails(desk.help_desk.read_ticket, replace(named, ours=True))
    assert error.type == Failure.MISCONFIGURED
    assert error.next_retry_delay is not None
    assert error.next_retry_delay.total_seconds() == 60
    assert [what for what, _ in desk.tokens.told] == ["alert misconfigured"]
    assert (await desk.run(desk.help_desk.read_ticket, replace(named, ours=True))).ticket is not None
    assert (await desk.run(desk.help_desk.read_ticket, ReadTicket(ref=REF, ticket_id=7, ours=True))).ticket is None


async def test_a_mark_counts_as_the_last_line_only(desk: Bench) -> None:
    """Marks are looked for on every page, as the last line of a comment; a cut or refused list is not complete."""
    desk.simulator.world.settings = replace(desk.simulator.world.settings, comments_page_size=2)
    tickets = desk.simulator.world.tickets
    ticket = tickets.add({"status": "open"}, {"body": "[call c · started]\nquoted by an agent"})
    for body in ("b", "c", "Done.\n[call c · completed]\n"):
        tickets.change(ticket, {}, {"body": body, "public": False}, by="t")
    command = ListComments(ref=REF, ticket_id=ticket.id, marks=["[call c · started]", "[call c · completed]"])
    listed = await desk.run(desk.help_desk.list_comments, command)
    assert (listed.found, listed.complete) == (["[call c · completed]"], True)
    assert [entry.query for entry in desk.sent("list_comments")] == [{}, {"page": "2"}]
    endless = {"comments": [], "next_page": "https://elsewhere.example/comments?cursor=x"}
    desk.break_("list_comments", "status", status=200, body=endless)
    assert not (await desk.run(desk.help_desk.list_comments, command)).complete
    desk.break_("list_comments", "status", status=422)
    assert not (await desk.run(desk.help_desk.list_comments, command)).complete
    gone = await desk.run(desk.help_desk.list_comments, replace(command, ticket_id=9))
    assert (gone.found, gone.complete, gone.gone) == ([], False, True)
    desk.simulator.world.settings = replace(desk.simulator.world.settings, comments_page_size=100)


@pytest.mark.parametrize(
    ("fault", "failure", "outcome", "delay_s"),
    [
        ({"fault": "status", "status": 500}, Failure.UNAVAILABLE, "ServerFault", None),
        ({"fault": "status", "status": 409}, Failure.UNAVAILABLE, "Conflict", None),
        ({"fault": "drop_before"}, Failure.UNAVAILABLE, "ConnectionLost", None),
        ({"fault": "malformed"}, Failure.UNAVAILABLE, "MalformedAnswer", None),
        ({"fault": "wrong_shape"}, Failure.UNAVAILABLE, "MalformedAnswer", None),
        ({"fault": "huge"}, Failure.UNAVAILABLE, "MalformedAnswer", None),
        ({"fault": "status", "status": 200, "body": "[" * 200_000}, Failure.UNAVAILABLE, "MalformedAnswer", None),
        ({"fault": "redirect"}, Failure.MISCONFIGURED, "Misconfigured", 60),
        ({"fault": "status", "status": 400}, Failure.MISCONFIGURED, "BadRequest", 60),
        ({"fault": "status", "status": 404}, Failure.MISCONFIGURED, "NotFound", 60),
        ({"fault": "status", "status": 405}, Failure.MISCONFIGURED, "Misconfigured", 60),
        ({"fault": "status", "status": 415}, Failure.MISCONFIGURED, "Misconfigured", 60),
    ],
)
async def test_each_kind_of_answer_has_its_failure(
    desk: Bench, fault: dict[str, object], failure: Failure, outcome: str, delay_s: float | None
) -> None:
    """One request, one row, the failure of the table; a wrong configuration is alerted and tried a minute apart."""
    desk.break_("search", **fault)  # type: ignore[arg-type]
    error = await desk.fails(desk.help_desk.search_tickets, SEARCH)
    assert error.type == failure
    assert (error.next_retry_delay.total_seconds() if error.next_retry_delay else None) == delay_s
    assert len(desk.sent("search")) == 1
    assert [row.outcome for row in desk.attempts.rows] == [outcome]
    assert [what for what, _ in desk.tokens.told] == (["alert misconfigured"] if delay_s else [])


async def test_a_hanging_vendor_is_left_after_the_time_out(vendor: Running) -> None:
    """No answer in time is unavailable, its outcome unknown."""
    vendor.world.reset()
    async with bench(vendor, timeout_s=0.3) as desk:
        desk.break_("search", "hang")
        error = await desk.fails(desk.help_desk.search_tickets, SEARCH)
        assert (error.type, error.message) == (Failure.UNAVAILABLE, "search_tickets: no answer in time")
        assert desk.attempts.rows[0].outcome == "NoAnswer"


async def test_a_vendor_out_of_reach_got_nothing(vendor: Running) -> None:
    """A refused connection is unavailable, and known not to have been sent."""
    vendor.world.reset()
    async with bench(vendor) as desk:
        desk.client._ordinary._base = "http://127.0.0.1:9"
        error = await desk.fails(desk.help_desk.search_tickets, SEARCH)
        assert error.type == Failure.UNAVAILABLE
        assert desk.attempts.rows[0].outcome == "not_sent"


async def test_after_a_429_this_process_sends_nothing_of_that_kind(desk: Bench) -> None:
    """`Retry-After` is respected, with up to 20 % more; meanwhile other kinds go out."""
    desk.break_("search", "status", status=429, headers={"Retry-After": "30"})
    for _ in range(2):
        error = await desk.fails(desk.help_desk.search_tickets, SEARCH)
        assert error.type == Failure.RATE_LIMITED
        assert error.category == ApplicationErrorCategory.BENIGN
        assert error.next_retry_delay is not None
        assert 29.5 < error.next_retry_delay.total_seconds() <= 36
    assert len(desk.sent("search")) == 1
    assert len(desk.attempts.rows) == 1
    await made(desk)


async def test_a_refused_token_is_reported_once_and_never_used_again(desk: Bench) -> None:
    """After a 401 nothing more goes out with that version; the first success of the next one is reported."""
    desk.simulator.world.tokens.revoke_all()
    first = await desk.fails(desk.help_desk.search_tickets, SEARCH)
    second = await desk.fails(desk.help_desk.create_ticket, CREATE, attempt=3)
    assert (first.type, second.type) == (Failure.CREDENTIAL_REFUSED, Failure.CREDENTIAL_REFUSED)
    delays = [error.next_retry_delay.total_seconds() for error in (first, second) if error.next_retry_delay]
    assert delays == [0.5, 2.0]
    assert desk.sent("create_ticket") == []
    await desk.tokens.renew()
    await made(desk)
    await desk.run(desk.help_desk.search_tickets, SEARCH)
    assert desk.tokens.told == [("refused", 1), ("confirmed", 2)]


async def test_a_report_that_fails_is_repeated_and_fails_nothing(desk: Bench) -> None:
    """While Temporal cannot be told of a refusal each attempt tries again to tell it."""
    desk.simulator.world.tokens.revoke_all()
    desk.tokens.deaf = True
    assert (await desk.fails(desk.help_desk.search_tickets, SEARCH)).type == Failure.CREDENTIAL_REFUSED
    desk.tokens.deaf = False
    await desk.fails(desk.help_desk.search_tickets, SEARCH, attempt=2)
    await desk.fails(desk.help_desk.search_tickets, SEARCH, attempt=3)
    assert desk.tokens.told == [("refused", 1)]


async def test_a_403_is_reported_and_waits_a_minute(desk: Bench) -> None:
    """Forbidden leads to the token workflow, and to a retry a minute later."""
    desk.break_("search", "status", status=403)
    error = await desk.fails(desk.help_desk.search_tickets, SEARCH)
    assert (error.type, desk.tokens.told) == (Failure.FORBIDDEN, [("forbidden", 1)])
    assert error.next_retry_delay is not None
    assert error.next_retry_delay.total_seconds() == 60


async def test_a_403_on_a_screen_pop_is_tried_again_at_once(desk: Bench) -> None:
    """The pop is of use for seconds: it is reported, and not put off for a minute."""
    desk.break_("patch_call", "status", status=403)
    error = await desk.fails(desk.help_desk.patch_call, PatchCall(ref=REF, properties={"ticket_id": 5}))
    assert (error.type, desk.tokens.told) == (Failure.FORBIDDEN, [("forbidden", 1)])
    assert error.next_retry_delay is None


async def test_a_ledger_that_cannot_be_written_stops_the_step(desk: Bench) -> None:
    """Nothing is sent before its row is there; an outcome that cannot be written fails nothing."""
    desk.attempts.down = True
    assert (await desk.fails(desk.help_desk.create_ticket, CREATE)).type == Failure.LEDGER_UNAVAILABLE
    assert desk.sent("create_ticket") == []
    desk.attempts.down = False
    desk.simulator.world.settings = replace(desk.simulator.world.settings, latencies={"create_ticket": 300})
    running_one = asyncio.create_task(desk.run(desk.help_desk.create_ticket, CREATE))
    await asyncio.sleep(0.15)
    desk.attempts.down = True
    assert (await running_one).result == "created"
    assert desk.attempts.rows[0].outcome is None
    desk.simulator.world.settings = replace(desk.simulator.world.settings, latencies={})


async def test_an_attempt_without_enough_time_sends_nothing(desk: Bench) -> None:
    """When the time-out no longer fits into the attempt, the row is closed as not sent."""
    desk.attempts.slow_s = 0.2
    error = await desk.fails(desk.help_desk.create_ticket, CREATE, limit_s=5.1)
    assert (error.type, error.category) == (Failure.NOT_SENT, ApplicationErrorCategory.BENIGN)
    assert desk.attempts.rows[0].outcome == "not_sent"
    assert desk.sent("create_ticket") == []


async def test_a_process_that_was_paused_before_it_began_sends_nothing(desk: Bench) -> None:
    """An attempt handed out long ago has no time left, whatever the two clocks say."""
    await desk.run(desk.help_desk.search_tickets, SEARCH)
    error = await desk.fails(desk.help_desk.create_ticket, CREATE, late_s=12)
    assert error.type == Failure.NOT_SENT
    assert desk.sent("create_ticket") == []


async def test_eight_in_flight_and_pops_apart(vendor: Running) -> None:
    """The ninth ordinary request is not sent, within about a second; a pop goes out all the same."""
    vendor.world.reset()
    async with bench(vendor, timeout_s=2.5) as desk:
        desk.break_("search", "hang", times=None)
        waiting = [asyncio.create_task(desk.fails(desk.help_desk.search_tickets, SEARCH)) for _ in range(8)]
        await asyncio.sleep(0.3)
        began = time.monotonic()
        error = await desk.fails(desk.help_desk.create_ticket, CREATE)
        assert error.type == Failure.NOT_SENT
        assert time.monotonic() - began < 1.5
        assert len(desk.attempts.rows) == 8
        pop = PatchCall(ref=REF, properties={"ticket_id": 1})
        assert (await desk.run(desk.help_desk.patch_call, pop)).shown_at is not None
        await asyncio.gather(*waiting)


async def test_a_pop_waits_for_no_ledger(desk: Bench) -> None:
    """A pop is shown with the ledger down; its row is written once it is up."""
    pop = PatchCall(ref=REF, properties={"ticket_id": 7, "account_status": "Premium"})
    desk.attempts.down = True
    shown = await desk.run(desk.help_desk.patch_call, pop, limit_s=3)
    assert shown.shown_at is not None
    assert desk.attempts.rows == []
    desk.attempts.down = False
    await desk.help_desk.close()
    assert desk.sent("patch_call")[0].body == {"call": {"custom_properties": pop.properties}}
    (row,) = desk.attempts.rows
    assert (row.http_status, row.outcome, row.attempt.path) == (
        200,
        "done",
        "/api/v2/talk/calls/c-1234567890.json",
    )


async def test_a_call_id_stays_inside_its_part_of_the_address(desk: Bench) -> None:
    """An id of any visible characters names its call, and only that."""
    ref = replace(REF, call_id="a/../b?c#d e%2F")
    await desk.run(desk.help_desk.patch_call, PatchCall(ref=ref, properties={"ticket_id": 7}), limit_s=3)
    assert [call.id for call in desk.simulator.world.calls.all()] == ["a/../b?c#d e%2F"]


@pytest.mark.parametrize("status", [400, 404, 405, 302])
async def test_a_pop_that_is_refused_is_a_result(desk: Bench, status: int) -> None:
    """400, 404, 405 and redirects are results, not failures to be tried again; the call alerts."""
    desk.break_("patch_call", "status", status=status)
    pop = PatchCall(ref=REF, properties={"ticket_id": 7})
    shown = await desk.run(desk.help_desk.patch_call, pop, limit_s=3)
    assert (shown.shown_at, shown.refused, shown.fallback) == (None, True, False)


async def test_a_pop_with_wrong_content_has_a_fallback_once(desk: Bench) -> None:
    """422 asks for the fallback; a single property is the fallback already."""
    desk.break_("patch_call", "status", status=422, times=2)
    pop = PatchCall(ref=REF, properties={"ticket_id": 7, "account_status": "x"})
    first = await desk.run(desk.help_desk.patch_call, pop, limit_s=3)
    assert (first.refused, first.fallback) == (True, True)
    last = await desk.run(desk.help_desk.patch_call, replace(pop, properties={"account_status": "x"}), limit_s=3)
    assert (last.refused, last.fallback) == (True, False)


async def test_a_pop_is_tried_again_when_it_may_help(desk: Bench) -> None:
    """No answer within two seconds, 5xx and 409 are failures; a property's name is checked before anything is sent."""
    pop = PatchCall(ref=REF, properties={"ticket_id": 7})
    for fault in ({"fault": "hang"}, {"fault": "status", "status": 503}, {"fault": "status", "status": 409}):
        desk.break_("patch_call", **fault)
        began = time.monotonic()
        assert (await desk.fails(desk.help_desk.patch_call, pop, limit_s=3)).type == Failure.UNAVAILABLE
        assert time.monotonic() - began < 2.5
    arrived = len(desk.sent("patch_call"))
    wrong = await desk.run(desk.help_desk.patch_call, replace(pop, properties={"a b": 1}), limit_s=3)
    assert wrong.refused
    assert len(desk.sent("patch_call")) == arrived


async def test_the_real_ledger_has_a_row_for_every_request(desk: Bench, database_url: str) -> None:
    """Over PostgreSQL: rows before and after, a lost answer known as unknown, and a note that is not sent again."""
    await migrate(database_url)
    async with Database(database_url) as database:
        help_desk = ZendeskHelpDesk(desk.client, desk.tokens, Attempts(database), CallPolicy(screen_pop_properties=[]))
        created = await desk.run(help_desk.create_ticket, CREATE)
        assert created.ticket is not None
        note = UpdateTicket(
            ref=replace(REF, step="final"), ticket_id=created.ticket.id, change=TicketChange(note="n"), final=True
        )
        desk.break_("update_ticket", "drop_after")
        assert (await desk.fails(help_desk.update_ticket, note)).type == Failure.UNAVAILABLE
        withheld = await desk.run(help_desk.update_ticket, note, attempt=2)
        assert withheld.result == "outcome_unknown"
        looked = replace(note, looked_until=withheld.unknown_until)
        assert (await desk.run(help_desk.update_ticket, looked, attempt=3)).result == "updated"
        await desk.run(help_desk.patch_call, PatchCall(ref=REF, properties={"ticket_id": 1}), limit_s=3)
        await help_desk.close()
        async with database.transaction() as session:
            cursor = await session._connection.execute("SELECT * FROM attempts ORDER BY id")
            rows = await cursor.fetchall()
    assert [(row["method"], row["http_status"], row["outcome"]) for row in rows] == [
        ("POST", 201, "done"),
        ("PUT", None, "ConnectionLost"),
        ("PUT", 200, "done"),
        ("PATCH", 200, "done"),
    ]
    assert len(desk.sent("update_ticket")) == 2
