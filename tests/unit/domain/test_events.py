"""Events: what makes two deliveries the same, and what a set of them says."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.domain.performer import ANSWERED, COMPLETED, JONES, NOON, SMITH, STARTED, event, new_call
from workflows.domain.customer import Customer
from workflows.domain.events import MAX_EVENTS, Agent, CallEvent, facts_of


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (event(STARTED), event(STARTED, 3), True),
        (event(STARTED), event(COMPLETED), False),
        (replace(event(STARTED), event_id="e-1"), replace(event(STARTED, 3), event_id="e-1"), True),
        (replace(event(STARTED), event_id="e-1"), replace(event(STARTED), event_id="e-2"), False),
        (replace(event(STARTED), event_id="e-1"), replace(event(COMPLETED), event_id="e-1"), False),
        (event(ANSWERED, agent=SMITH), event(ANSWERED, 3, agent=SMITH), True),
        (event(ANSWERED, agent=SMITH), event(ANSWERED, agent=JONES), False),
        (event(ANSWERED, agent=SMITH), replace(event(ANSWERED), agent=None), False),
        (replace(event(ANSWERED), agent=None), replace(event(ANSWERED), agent=Agent()), True),
        (event(ANSWERED, agent=Agent(name="Al")), event(ANSWERED, agent=Agent(name="Bo")), False),
        (event(COMPLETED), replace(event(COMPLETED), customer=Customer()), True),
    ],
)
def test_what_makes_a_delivery_the_same_event(one: CallEvent, other: CallEvent, same: bool) -> None:
    """The sender's event id within its type; else the type, and for an answer the agent."""
    call = new_call()
    assert call.record(one, NOON)
    assert call.record(other, NOON) is not same


def test_a_call_keeps_only_so_many_events() -> None:
    """A sender that invents ids without end is counted, not kept."""
    call = new_call()
    for n in range(MAX_EVENTS + 7):
        call.record(replace(event(STARTED), event_id=f"e-{n}"), NOON)
    assert (len(call.events), call.overheard) == (MAX_EVENTS, 7)


def test_a_call_that_heard_enough_still_hears_of_its_end() -> None:
    """The first event of a type is kept however many there are of another; the second is not."""
    call = new_call()
    for n in range(MAX_EVENTS):
        call.record(replace(event(STARTED), event_id=f"e-{n}"), NOON)
    assert [call.record(replace(event(COMPLETED), event_id=f"e-{n}"), NOON) for n in range(2)] == [True, False]
    assert call.outcome(NOON + timedelta(seconds=5)) == "missed"


def test_facts_come_from_the_first_event_that_has_them() -> None:
    """In the order of a call, not of arrival: each part of the caller, each ticket id once, each optional text."""
    started = replace(event(STARTED, customer=Customer(phone="+15550100")), ticket_id=5)
    answered = replace(event(ANSWERED, 8, customer=Customer(email="user@example.com")), queue="sales", ticket_id=7)
    completed = replace(event(COMPLETED, 9, customer=Customer(name="Ada", phone="+1")), queue="late", ticket_id=5)
    facts = facts_of([completed, answered, started])
    assert facts.customer == Customer(email="user@example.com", phone="+15550100", name="Ada")
    assert facts.ticket_ids == (5, 7)
    assert (facts.first("queue"), facts.first("to_line")) == ("sales", None)


def test_the_last_answer_counts_and_every_agent_is_named_once() -> None:
    """By the time it happened; a nameless agent is one agent."""
    facts = facts_of([event(ANSWERED, 9, JONES), event(ANSWERED, 3, SMITH), replace(event(ANSWERED, 5), agent=None)])
    assert [agent.key for agent in facts.agents] == ["a-1", "-", "a-2"]
    assert facts.talking_to == JONES.key
    assert facts_of([event(STARTED)]).talking_to is None


@pytest.mark.parametrize(
    ("events", "seconds"),
    [
        ([event(ANSWERED, 8), event(COMPLETED, 95)], 87),
        ([replace(event(ANSWERED, 8), duration_s=3), replace(event(COMPLETED, 95), duration_s=90)], 90),
        ([event(ANSWERED, 95), event(COMPLETED, 8)], 0),
        ([event(COMPLETED, 8)], None),
        ([replace(event(COMPLETED, 8), duration_s=0)], 0),
        ([event(ANSWERED, 8)], None),
        ([event(ANSWERED, 8), event(ANSWERED, 20, JONES), event(COMPLETED, 30)], 22),
    ],
)
def test_duration(events: list[CallEvent], seconds: int | None) -> None:
    """What the sender states, else from the first answer to the end, never below nothing."""
    assert facts_of(events).duration_s == seconds
