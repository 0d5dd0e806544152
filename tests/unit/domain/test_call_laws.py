"""Laws of a call, whatever comes in whatever order, however often and however late."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain.performer import (
    ANSWERED,
    COMPLETED,
    JONES,
    NOON,
    SMITH,
    STARTED,
    Delivery,
    Performer,
    event,
    new_call,
)
from workflows.domain.call import CallState, PopState, StepKind, next_steps
from workflows.domain.customer import Customer
from workflows.domain.events import CallEvent, facts_of

NAMELESS = Customer()
EVENTS = {
    "started": event(STARTED, 0),
    "answered": event(ANSWERED, 8),
    "transferred": event(ANSWERED, 60, JONES),
    "completed": event(COMPLETED, 95),
    "completed without caller": event(COMPLETED, 95, customer=NAMELESS),
}
DURATIONS = st.fixed_dictionaries({kind: st.floats(0.01, 30) for kind in StepKind})
WRITES = (StepKind.SET_IN_CALL, StepKind.FINAL_UPDATE, StepKind.CORRECT, StepKind.CORRELATE)


def arrivals(names: list[str], last_s: float, fewest: int = 1) -> st.SearchStrategy[list[Delivery]]:
    """Each of these events up to three times, at any moment before `last_s`."""
    one = {name: st.lists(st.floats(0, last_s), min_size=fewest, max_size=3) for name in names}
    return st.fixed_dictionaries(one).map(
        lambda times: [Delivery(second=at, event=EVENTS[name]) for name, ats in times.items() for at in ats]
    )


def some_arrivals(last_s: float) -> st.SearchStrategy[list[Delivery]]:
    """The events of a call with a transfer: each at any moment, most in the first seconds; the end, at least once."""
    talk = [arrivals(["started", "answered", "transferred"], s, fewest=0) for s in (min(12, last_s), last_s)]
    return st.builds(lambda many, ends: [*many, *ends], st.one_of(talk), arrivals(["completed"], last_s))


@given(arrivals(["started", "answered", "completed"], 4.9), DURATIONS, st.booleans())
def test_any_order_and_repetition_tells_the_ticket_the_same(
    deliveries: list[Delivery], durations: dict[StepKind, float], found: bool
) -> None:
    """With all events inside the grace: one correlation, one final update, the same metadata, told and state."""
    played = Performer(durations=durations, found=found).play(deliveries)
    assert [p.step.kind for p in played.completed(StepKind.CORRELATE, StepKind.FINAL_UPDATE, StepKind.CORRECT)] == [
        StepKind.CORRELATE,
        StepKind.FINAL_UPDATE,
    ]
    assert played.call.state == CallState.COMPLETED
    in_order = Performer().play([Delivery(second=0, event=EVENTS[n]) for n in ("started", "answered", "completed")])
    assert played.told == in_order.told
    assert played.call.told == in_order.call.told


@given(some_arrivals(3000), DURATIONS)
@settings(max_examples=120)
def test_the_ticket_ends_with_what_is_known(deliveries: list[Delivery], durations: dict[StepKind, float]) -> None:
    """Whatever comes before the call is closed: the last thing the ticket was told is what the events say."""
    played = Performer(durations=durations, found=True).play(deliveries)
    call = played.call
    assert call.told == call.telling(call.state)
    assert {agent.key for agent in facts_of(call.events.values()).agents} == set(call.told.agents)
    assert len(played.completed(StepKind.FINAL_UPDATE)) == 1
    assert len(played.completed(StepKind.CORRELATE)) == 1
    assert len(played.told) == 1 + call.corrections <= 3


@given(some_arrivals(3000), DURATIONS)
@settings(max_examples=120)
def test_no_step_is_performed_twice(deliveries: list[Delivery], durations: dict[StepKind, float]) -> None:
    """Each step's result is folded in once, and none is stopped that should be carried through."""
    played = Performer(durations=durations, found=True).play(deliveries)
    done = [performed.step for performed in played.completed()]
    assert len(done) == len(set(done))
    stopped = [p.step.kind for p in played.performed if p.ended is None]
    assert not {StepKind.CORRELATE, StepKind.FINAL_UPDATE, StepKind.CORRECT} & set(stopped)


@given(some_arrivals(3000), DURATIONS)
@settings(max_examples=120)
def test_whatever_writes_the_ticket_takes_turns(deliveries: list[Delivery], durations: dict[StepKind, float]) -> None:
    """Of finding, In-Call, final and correcting updates of one call, two are never under way together."""
    played = Performer(durations=durations, found=True).play(deliveries)
    spans = sorted((p.begun, p.ended) for p in played.completed(*WRITES) if p.ended)
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans))


@given(some_arrivals(3000), some_arrivals(3000), DURATIONS)
def test_a_finished_call_never_reopens(
    deliveries: list[Delivery], late: list[Delivery], durations: dict[StepKind, float]
) -> None:
    """Once finished, time changes nothing, and neither does an event that is known already."""
    played = Performer(durations=durations).play(deliveries)
    assert played.finished_at is not None
    known = set(played.call.events)
    for delivery in late:
        if delivery.event.key in known:
            assert not played.call.record(delivery.event, played.finished_at)
    for days in (0, 1, 400):
        after = next_steps(played.call, played.finished_at + timedelta(days=days))
        assert (after.finished, after.steps) == (True, ())


@given(some_arrivals(600), DURATIONS)
@settings(max_examples=150)
def test_screen_pops_keep_their_laws(deliveries: list[Delivery], durations: dict[StepKind, float]) -> None:
    """At most two requests an agent, none once the end is known, none for an agent whom a later answer has followed."""
    played = Performer(durations=durations).play(deliveries)
    pops = [p for p in played.performed if p.step.kind == StepKind.SCREEN_POP]
    for agent, pop in played.call.pops.items():
        mine = [p for p in pops if p.step.subject.startswith(f"{agent} ")]
        assert pop.requests <= 2
        assert all(p.begun < pop.deadline for p in mine)
        assert all(p.had_ticket or p.had_customer for p in mine)
    end = played.call.end_seen_at
    assert all(p.begun < end for p in pops if end)
    transferred = [NOON + timedelta(seconds=d.second) for d in deliveries if d.event.agent == JONES]
    if transferred:
        smiths = [p for p in pops if p.step.subject.startswith(str(SMITH.id))]
        assert all(p.begun < min(transferred) for p in smiths)
    assert all(pop.state != PopState.PENDING for pop in played.call.pops.values())


@given(some_arrivals(3000), DURATIONS)
def test_the_crm_is_asked_only_while_it_helps(deliveries: list[Delivery], durations: dict[StepKind, float]) -> None:
    """One answer is enough, and nothing is asked once the end is known."""
    played = Performer(durations=durations).play(deliveries)
    asked = [p for p in played.performed if p.step.kind == StepKind.FETCH_CUSTOMER]
    assert len([p for p in asked if p.ended]) <= 1
    assert all(p.begun < played.call.end_seen_at for p in asked if played.call.end_seen_at)


@given(some_arrivals(9), DURATIONS)
@settings(max_examples=120)
def test_an_answer_does_not_begin_the_crm_read_anew(
    deliveries: list[Delivery], durations: dict[StepKind, float]
) -> None:
    """Before the first pop's deadline there is one read at most, whoever answers meanwhile."""
    played = Performer(durations=durations).play(deliveries)
    assert len([p for p in played.performed if p.step.kind == StepKind.FETCH_CUSTOMER]) <= 1


@given(st.permutations([*EVENTS.values()]), st.lists(st.sampled_from([*EVENTS.values()])))
def test_recording_is_the_same_in_any_order(order: list[CallEvent], repeated: list[CallEvent]) -> None:
    """What the events say depends neither on their order nor on repetitions; of one key the first content stays."""
    events = [e for e in order if e.customer.known]
    straight, shuffled = new_call(), new_call()
    for known in (e for e in EVENTS.values() if e.customer.known):
        straight.record(known, NOON)
    for known in [*events, *(e for e in repeated if e.customer.known)]:
        shuffled.record(known, NOON)
    assert straight.facts == shuffled.facts
    assert straight.state == shuffled.state
