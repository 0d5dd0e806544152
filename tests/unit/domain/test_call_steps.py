"""What is due for a call, by example: one line of the contract a test."""

from datetime import timedelta

import pytest

from tests.unit.domain.performer import (
    ANSWERED,
    COMPLETED,
    JONES,
    NOON,
    STARTED,
    Delivery,
    Performer,
    event,
    new_call,
)
from workflows.domain.call import CallState, CustomerData, PopState, Step, StepKind, Told, next_steps
from workflows.domain.customer import Customer
from workflows.domain.events import EventType
from workflows.domain.ticket import Ticket, TicketOrigin

NOBODY = Customer()
HOUR = timedelta(hours=1)


def arriving(*events: tuple[float, EventType]) -> list[Delivery]:
    """Events of the reference call, at these seconds."""
    return [Delivery(second=at, event=event(kind, at)) for at, kind in events]


def kinds(played: Performer) -> list[str]:
    """What was carried to its end, in order."""
    return [str(performed.step.kind) for performed in played.completed()]


def test_an_ordinary_call() -> None:
    """The caller's record and the ticket at once, the pop at the answer, one update at the end."""
    played = Performer().play(arriving((0, STARTED), (8, ANSWERED), (95, COMPLETED)))
    assert kinds(played) == ["fetch_customer", "correlate", "screen_pop", "final_update"]
    assert played.performed[2].begun == NOON + timedelta(seconds=8)
    assert played.finished_at == NOON + timedelta(seconds=95 + 3600)


def test_a_found_ticket_is_set_in_call_unless_the_end_is_known() -> None:
    """In-Call is sent while the end is unknown, and not after it."""
    ringing = Performer(found=True).play(arriving((0, STARTED), (8, COMPLETED)))
    assert kinds(ringing) == ["fetch_customer", "correlate", "set_in_call", "final_update"]
    over = Performer(found=True).play(arriving((0, COMPLETED), (0, STARTED)))
    assert kinds(over) == ["correlate", "final_update"]


@pytest.mark.parametrize(
    ("events", "told_after_s"),
    [
        (((0, STARTED), (1, ANSWERED), (2, COMPLETED)), 2),
        (((0, STARTED), (2, COMPLETED)), 7),
        (((1, ANSWERED), (2, COMPLETED)), 7),
        (((2, COMPLETED),), 7),
        (((2, COMPLETED), (4, ANSWERED)), 7),
        (((2, COMPLETED), (4, ANSWERED), (5, STARTED)), 5),
    ],
)
def test_the_final_update_waits_for_stragglers(events: tuple[tuple[float, EventType], ...], told_after_s: int) -> None:
    """The grace is waited for only while `started` or `answered` is missing, and is counted from the end."""
    played = Performer().play(arriving(*events))
    (final,) = played.completed(StepKind.FINAL_UPDATE)
    assert final.begun - NOON <= timedelta(seconds=told_after_s + 0.2)
    assert final.begun - NOON >= timedelta(seconds=told_after_s)


@pytest.mark.parametrize(
    ("late", "corrections", "state"),
    [
        ([(60, ANSWERED)], 1, CallState.COMPLETED),
        ([(60, STARTED)], 0, CallState.MISSED),
        ([(60, COMPLETED)], 0, CallState.MISSED),
        ([(60, ANSWERED), (61, ANSWERED), (62, STARTED)], 1, CallState.COMPLETED),
        ([(4000, ANSWERED)], 0, CallState.MISSED),
    ],
)
def test_late_events_after_a_missed_call(
    late: list[tuple[float, EventType]], corrections: int, state: CallState
) -> None:
    """An answer corrects once; a late start and repetitions do not; after the linger nobody listens."""
    played = Performer().play(arriving((0, COMPLETED), *late))
    assert (played.call.corrections, played.call.state) == (corrections, state)
    assert len(played.completed(StepKind.CORRECT)) == corrections


def test_an_end_that_is_not_reported() -> None:
    """Four hours after the first receipt the ticket is told, a day later the call is closed."""
    played = Performer().play(arriving((0, STARTED)))
    (final,) = played.completed(StepKind.FINAL_UPDATE)
    assert final.begun == NOON + 4 * HOUR
    assert (played.call.state, final.told.outcome) == (CallState.END_NOT_REPORTED, "end_not_reported")
    assert played.finished_at == NOON + 28 * HOUR + timedelta(seconds=0.1)


def test_an_end_that_is_reported_late() -> None:
    """It corrects the ticket, and the call lingers an hour from then."""
    played = Performer().play(arriving((0, STARTED), (8, ANSWERED), (20 * 3600, COMPLETED)))
    assert [told.outcome for told in played.told[-1:]] == ["completed"]
    assert played.finished_at == NOON + 21 * HOUR


@pytest.mark.parametrize(
    ("kind", "customer", "begun"),
    [
        (STARTED, NOBODY, True),
        (ANSWERED, NOBODY, False),
        (ANSWERED, Customer(phone="+15550100"), True),
        (ANSWERED, Customer(name="Ada"), False),
        (COMPLETED, Customer(email="user@example.com"), True),
        (COMPLETED, NOBODY, False),
    ],
)
def test_what_starts_the_correlation(kind: EventType, customer: Customer, begun: bool) -> None:
    """`started`, with or without a customer; else the first event that carries one."""
    call = new_call()
    call.record(event(kind, customer=customer), NOON)
    assert (Step(kind=StepKind.CORRELATE, subject="0") in next_steps(call, NOON).steps) is begun


def test_an_unknown_caller_is_correlated_when_the_final_update_is_due() -> None:
    """As anonymous, once the stragglers had their time."""
    played = Performer().play([Delivery(second=0, event=event(COMPLETED, customer=NOBODY))])
    assert [p.begun - NOON for p in played.completed(StepKind.CORRELATE)] == [timedelta(seconds=5)]


@pytest.mark.parametrize(
    ("ticket", "record", "second", "due"),
    [
        (True, CustomerData.READY, 0, True),
        (True, CustomerData.ABSENT, 0, True),
        (True, CustomerData.UNKNOWN, 0, False),
        (True, CustomerData.UNKNOWN, 0.999, False),
        (True, CustomerData.UNKNOWN, 1, True),
        (False, CustomerData.READY, 0, True),
        (False, CustomerData.UNKNOWN, 1, False),
        (False, CustomerData.ABSENT, 3, False),
        (True, CustomerData.READY, 9.9, True),
        (True, CustomerData.READY, 10, False),
    ],
)
def test_when_a_pop_is_due(ticket: bool, record: CustomerData, second: float, due: bool) -> None:
    """At once if nothing is missing, after a second if something is there, never past its deadline."""
    call = new_call()
    call.record(event(ANSWERED), NOON)
    call.customer_data = record
    call.ticket = Ticket(id=7, origin=TicketOrigin.SEARCH) if ticket else None
    now = NOON + timedelta(seconds=second)
    call.settle(now)
    steps = [step for step in next_steps(call, now).steps if step.kind == StepKind.SCREEN_POP]
    assert steps == ([Step(kind=StepKind.SCREEN_POP, subject="a-1 1")] if due else [])


def test_a_pop_waits_a_second_from_receipt_not_from_when_it_was_seen() -> None:
    """A workflow that sees the event late does not add its own delay to the agent's."""
    call = new_call()
    call.record(event(ANSWERED), NOON + timedelta(seconds=0.8))
    assert call.pops["a-1"].patience_ends == NOON + timedelta(seconds=1)
    assert call.pops["a-1"].deadline == NOON + timedelta(seconds=10.8)


@pytest.mark.parametrize(
    ("ticket", "record", "had", "due"),
    [
        (True, CustomerData.READY, (True, False), True),
        (True, CustomerData.READY, (False, True), True),
        (True, CustomerData.READY, (True, True), False),
        (True, CustomerData.ABSENT, (True, False), False),
        (True, CustomerData.UNKNOWN, (True, False), False),
        (False, CustomerData.READY, (False, True), False),
    ],
)
def test_when_a_second_request_is_due(ticket: bool, record: CustomerData, had: tuple[bool, bool], due: bool) -> None:
    """Once, complete, when the rest arrives."""
    call = new_call()
    call.record(event(ANSWERED), NOON)
    pop = call.pops["a-1"]
    pop.state, pop.requests, (pop.had_ticket, pop.had_customer) = PopState.SHOWN, 1, had
    call.customer_data = record
    call.ticket = Ticket(id=7, origin=TicketOrigin.SEARCH) if ticket else None
    assert (Step(kind=StepKind.SCREEN_POP, subject="a-1 2") in next_steps(call, NOON).steps) is due


def test_a_transfer_leaves_the_first_agents_pop_as_it_is() -> None:
    """One that waits is not needed any more, one that was shown gets no second request."""
    call = new_call()
    call.record(event(ANSWERED), NOON)
    shown = call.pops["a-1"]
    shown.state, shown.requests, shown.had_ticket = PopState.SHOWN, 1, True
    call.record(event(ANSWERED, 1, JONES), NOON)
    call.customer_data, call.ticket = CustomerData.READY, Ticket(id=7, origin=TicketOrigin.SEARCH)
    assert [s.subject for s in next_steps(call, NOON).steps if s.kind == StepKind.SCREEN_POP] == ["a-2 1"]
    shown.state = PopState.PENDING
    assert [pop.agent.key for pop in call.settle(NOON)] == ["a-1"]
    assert shown.state == PopState.NOT_NEEDED


def test_an_agent_who_was_popped_in_an_earlier_run_is_not_popped_again() -> None:
    """What the ledger remembers of an earlier run of this call counts."""
    call = new_call()
    call.popped_before = ["a-1"]
    call.record(event(ANSWERED), NOON)
    assert [pop.state for pop in call.settle(NOON)] == [PopState.NOT_NEEDED]


@pytest.mark.parametrize(
    ("outcome", "agents", "again", "state", "corrected"),
    [
        ("completed", ["a-1"], [STARTED], CallState.COMPLETED, False),
        ("completed", ["a-1"], [COMPLETED], CallState.COMPLETED, False),
        ("completed", ["a-1"], [ANSWERED], CallState.COMPLETED, False),
        ("completed", ["a-2"], [ANSWERED], CallState.COMPLETED, True),
        ("missed", [], [STARTED, COMPLETED], CallState.MISSED, False),
        ("missed", [], [ANSWERED, COMPLETED], CallState.COMPLETED, True),
        ("end_not_reported", ["a-1"], [STARTED], CallState.END_NOT_REPORTED, False),
        ("end_not_reported", ["a-1"], [COMPLETED], CallState.COMPLETED, True),
    ],
)
def test_what_an_earlier_run_told_is_not_taken_back(
    outcome: str, agents: list[str], again: list[EventType], state: CallState, corrected: bool
) -> None:
    """Some of the events come again to a new run: only what the ticket does not know leads to a correction."""
    call = new_call()
    call.ticket = Ticket(id=7, origin=TicketOrigin.CREATED)
    call.told, call.told_at = Told(outcome=outcome, agents=agents), NOON
    for kind in again:
        call.record(event(kind), NOON)
    assert call.state == state
    steps = [step for step in next_steps(call, NOON).steps if step.kind == StepKind.CORRECT]
    assert steps == ([Step(kind=StepKind.CORRECT, subject="1")] if corrected else [])
