"""Scripts that once broke a law: what has to come of refusals of the vendor's, and of credentials that are gone."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.reliability.sequences.faults import Fault
from tests.reliability.sequences.ground import MemoryGround
from tests.reliability.sequences.machine import CallMachine
from tests.reliability.sequences.scene import Scene


@pytest.fixture
def state() -> Iterator[CallMachine]:
    """The machine, played by hand; it is over with `ended`."""
    ground = MemoryGround()
    made = type(CallMachine.__name__, (CallMachine,), {"ground": ground, "told": Counter()})
    yield made()
    ground.close()


def begin(state: CallMachine) -> None:
    """A caller whom the CRM knows, without a ticket."""
    state.begin(other="colleague", withheld=False, open_ticket=False, record=True, named=None, cached=True)


def ended(state: CallMachine) -> Scene:
    """What is left when everything had its time. Raises `Broken`."""
    state.teardown()
    assert state.scene is not None
    return state.scene


def test_an_update_that_is_not_understood_is_sent_again_as_it_was(state: CallMachine) -> None:
    """400 says nothing of the ticket: the same update a minute later, with its status."""
    begin(state)
    state.started(call="a", caller=True, named=False, own_id=False)
    state.time_passes(seconds=0.3)
    state.request_meets(request="update_ticket", fault=Fault.KEY_CONFLICT, times=1)
    state.completed(call="a", caller=True, named=False, own_id=False)
    state.time_passes(seconds=6.0)
    scene = ended(state)
    assert [ticket.custom_status for ticket in scene.desk.tickets.values()] == [None]
    assert {step: times for (_, step), times in scene.asked.items() if times > 1} == {"update_ticket-final": 2}


def test_a_ticket_that_is_not_shown_is_not_given_up(state: CallMachine) -> None:
    """After an update without an answer, a refused read is no reason for another ticket beside one left In-Call."""
    begin(state)
    state.started(call="a", caller=True, named=False, own_id=False)
    state.request_meets(request="update_ticket", fault=Fault.UNAVAILABLE, times=1)
    state.request_meets(request="read_ticket", fault=Fault.REFUSED, times=1)
    state.time_passes(seconds=15000.0)
    scene = ended(state)
    (ticket,) = scene.desk.tickets.values()
    assert (ticket.custom_status, len(ticket.notes)) == (None, 2)
    assert scene.met["read_ticket refused"] == 1


def test_a_run_that_begins_again_keeps_a_ticket_that_is_not_shown(state: CallMachine) -> None:
    """After a reset the new run looks for its note, and a refused read of the ticket does not make it write another."""
    begin(state)
    state.request_meets(request="read_ticket", fault=Fault.REFUSED, times=1)
    state.completed(call="a", caller=True, named=False, own_id=False)
    state.time_passes(seconds=6.0)
    state.reset(call="a", share=0.3)
    state.time_passes(seconds=0.3)
    scene = ended(state)
    (ticket,) = scene.desk.tickets.values()
    assert len(ticket.notes) == 2
    assert scene.met["read_ticket refused"] == 1


def test_a_day_without_credentials_is_not_held_against_an_update_that_meets_a_conflict(state: CallMachine) -> None:
    """The first answer after 25 hours is that an agent wrote: the call looks and writes at once, and needs nobody."""
    begin(state)
    state.started(call="a", caller=True, named=False, own_id=False)
    state.time_passes(seconds=0.3)
    state.credentials_go()
    state.ticket_is(what="solved")
    state.completed(call="a", caller=True, named=False, own_id=False)
    state.time_passes(seconds=90000.0)
    state.credentials_come()
    # The next attempt is due within ten minutes; asked twice, the call has its say after it.
    state.time_passes(seconds=400.0)
    state.time_passes(seconds=400.0)
    scene = ended(state)
    (ticket,) = scene.desk.tickets.values()
    assert (ticket.status, len(ticket.notes)) == ("solved", 2)
