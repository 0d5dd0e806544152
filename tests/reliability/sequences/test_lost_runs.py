"""Scripts that once broke a law, each with what has to come of it: runs that are lost while a ticket is created."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.reliability.sequences.faults import Fault
from tests.reliability.sequences.ground import MemoryGround
from tests.reliability.sequences.machine import CallMachine
from tests.reliability.sequences.story import ANSWERED, COMPLETED, JONES, SMITH, STARTED
from tests.reliability.sequences.vendor import DeskTicket


@pytest.fixture
def state() -> Iterator[CallMachine]:
    """The machine, played by hand: a caller, at first not named, who has an open ticket."""
    ground = MemoryGround()
    state: CallMachine = type(CallMachine.__name__, (CallMachine,), {"ground": ground, "told": Counter()})()
    state.begin(other="colleague", withheld=False, open_ticket=True, record=True, named="open", cached=True)
    yield state
    ground.close()


def told(state: CallMachine) -> list[DeskTicket]:
    """The tickets on which we wrote, when everything had its time. Raises `Broken`."""
    state.teardown()
    assert state.scene is not None
    return [ticket for ticket in state.scene.desk.tickets.values() if ticket.notes]


@pytest.mark.parametrize("ledger_failures", [0, 1])
@pytest.mark.parametrize("create", [None, Fault.LOST, Fault.UNAVAILABLE])
@pytest.mark.parametrize("named", [True, False])
def test_a_run_that_learns_more_keeps_the_ticket_of_the_one_that_was_lost(
    state: CallMachine, ledger_failures: int, create: Fault | None, named: bool
) -> None:
    """The create is out, or its outcome unknown, when the run is lost; the next is told who calls, or of a ticket.

    It neither searches nor reads before it knows what became of the create.
    """
    if create is not None:
        state.request_meets(request="create_ticket", fault=create, times=1)
    state.started(call="a", caller=False, named=False, own_id=False)
    state.ledger_fails(times=ledger_failures)
    state.run_is_lost(call="a")
    state.answered(call="a", agent=SMITH, caller=True, named=named, own_id=False)
    state.completed(call="a", caller=True, named=named, own_id=False)
    (ticket,) = told(state)
    assert ticket.custom_status is None
    assert len(ticket.notes) == (1 if ticket.external_id is None else 2)
    assert ticket.external_id is not None or create == Fault.UNAVAILABLE


def test_a_ticket_that_was_told_the_end_is_not_set_in_call_again(state: CallMachine) -> None:
    """The final update is out when the run is lost, and the events come again one by one, the first without the end."""
    state.while_nobody_works(cached=True, call="a", kinds=[(STARTED, None), (COMPLETED, None)])
    state.while_nobody_works(cached=True, call="a", kinds=[(ANSWERED, JONES), (ANSWERED, SMITH)])
    state.while_nobody_works(cached=True, call="a", kinds=[(ANSWERED, SMITH)] * 3)
    state.while_nobody_works(cached=True, call="a", kinds=[(COMPLETED, None), (STARTED, None)])
    state.run_is_lost(call="a")
    (ticket,) = told(state)
    assert ticket.custom_status is None
