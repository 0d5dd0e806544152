"""The calls the demo goes on with: nobody is on the telephone twice, and each fate comes to pass."""

from itertools import islice

from cli.demo.traffic import CALLERS, EVERY_S, RING_S, SCRIPTS, STUCK_EVERY, TALK_S, planned


def test_nobody_calls_while_they_talk() -> None:
    """A customer's next call begins after their last has ended."""
    assert len(CALLERS) * EVERY_S > RING_S + TALK_S
    calls = list(islice(planned(), 100))
    assert len({call.call_id for call in calls}) == 100
    neighbours = zip(calls, calls[len(CALLERS) :], strict=False)
    assert all(earlier.customer == later.customer for earlier, later in neighbours)


def test_the_first_call_needs_a_person_and_each_kind_does_once() -> None:
    """Whoever opens the page does not wait long for something to mend."""
    calls = list(islice(planned(), len(SCRIPTS) * STUCK_EVERY))
    assert calls[0].stuck
    assert {call.script for call in calls if call.stuck} == set(SCRIPTS)
