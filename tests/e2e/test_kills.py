"""A worker dies by `kill -9` in the middle of each step, before and after the vendor acted: the call ends right."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.kills import SETTINGS, Caller, Fleet, Recovery, assert_right, kill, waits
from tests.e2e.stack import Stack

Lead = Callable[[Caller, str], int | None]
"""Plays a call up to the step, whose request then meets the fault named; the ticket it named, if it did."""


def _at_the_start(kind: str) -> Lead:
    def lead(caller: Caller, fault: str) -> None:
        caller.fault(kind, fault)
        caller.starts()

    return lead


def _with_a_named_ticket(kind: str) -> Lead:
    def lead(caller: Caller, fault: str) -> int:
        ticket_id = caller.seed()
        caller.fault(kind, fault)
        caller.starts(ticket_id)
        return ticket_id

    return lead


def _looking_up_the_external_id(caller: Caller, fault: str) -> None:
    # Zendesk's word for a key that was used with another body: the ticket may be there already.
    caller.fault("create_ticket", "status", status=400)
    caller.fault("find_by_external_id", fault)
    caller.starts()


def _popping(caller: Caller, fault: str) -> None:
    caller.starts()
    caller.is_ready()
    caller.fault("patch_call", fault)
    caller.is_answered()


def _ending(caller: Caller, fault: str) -> None:
    caller.starts()
    caller.is_shown()
    caller.fault("update_ticket", fault)
    caller.ends()


def _looking_for_the_note(caller: Caller, fault: str) -> None:
    caller.starts()
    caller.is_shown()
    caller.fault("update_ticket", "drop_after")
    caller.fault("list_comments", fault)
    caller.ends()


def _exchanging(caller: Caller, fault: str) -> None:
    caller.starts()
    caller.is_shown()
    caller.stack.sim("POST", "/tokens/revoke")
    caller.fault("token", fault)
    caller.ends()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A step, how a call comes to it, and the requests by which it may go on (else the same again)."""

    kind: str
    lead: Lead
    acted: bool = False
    activity: str | None = None
    goes_on_with: tuple[str, ...] = ()
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.name or self.kind}-{'acted' if self.acted else 'not-acted'}"


# A look that was not answered has changed nothing, and a token nobody got nearly so: one scene each.
SCENES = (
    Scene(kind="search", lead=_at_the_start("search"), activity="search_tickets"),
    Scene(kind="read_ticket", lead=_with_a_named_ticket("read_ticket")),
    Scene(kind="find_by_external_id", lead=_looking_up_the_external_id),
    Scene(kind="fetch_customer", lead=_at_the_start("fetch_customer")),
    Scene(kind="list_comments", lead=_looking_for_the_note),
    *(Scene(kind="create_ticket", lead=_at_the_start("create_ticket"), acted=acted) for acted in (False, True)),
    *(
        Scene(kind="update_ticket", name="in_call_update", lead=_with_a_named_ticket("update_ticket"), acted=acted)
        for acted in (False, True)
    ),
    *(
        # The note may be there: whoever goes on looks first.
        Scene(kind="update_ticket", name="final_update", lead=_ending, acted=acted, goes_on_with=("read_ticket",))
        for acted in (False, True)
    ),
    *(Scene(kind="patch_call", lead=_popping, acted=acted) for acted in (False, True)),
    Scene(kind="token", lead=_exchanging, acted=True, activity="exchange_token"),
)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """One set of servers for all scenes: each has a caller of its own, and workers are made up for before the next."""
    with Stack(folder=tmp_path_factory.mktemp("kills"), settings=dict(SETTINGS)) as stack:
        asyncio.run(stack.set_up())
        stack.start_gateway()
        fleet = Fleet(stack=stack)
        yield fleet
        _report(request.config, fleet.recoveries)


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_a_worker_killed_in_the_middle_of_a_step(fleet: Fleet, scene: Scene) -> None:
    """The other worker takes over, and the call ends with one ticket, each mark once, and the right state."""
    fleet.stack.sim("DELETE", "/faults")
    fleet.man()
    caller = Caller(fleet.stack)
    seeded = scene.lead(caller, "hang_after" if scene.acted else "hang")
    held = caller.held(scene.kind)
    assert held["acted"] == scene.acted
    workflow_id = caller.token_workflow_id if scene.kind == "token" else caller.workflow_id
    killed_at = kill(fleet.holder(workflow_id, scene.activity or scene.kind))
    following = waits(caller, held["n"], scene.goes_on_with or (scene.kind,))
    status = caller.plays_on()
    settled_at = time.time()
    assert_right(caller, status, seeded=seeded)
    fleet.recoveries.append(
        Recovery(
            what=str(scene),
            next_request_s=following["at"] - killed_at,
            next_request=following["kind"],
            settled_s=settled_at - killed_at,
        )
    )
    assert len(fleet.running) == 1


def _report(config: pytest.Config, recoveries: list[Recovery]) -> None:
    """A line for each scene, also where pytest keeps what tests print to itself."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None or capture is None or not recoveries:
        return
    with capture.global_and_fixture_disabled():
        reporter.write_line(f"\n{'a worker killed in':30} {'goes on after':>13}  {'with':20} {'has ended after':>15}")
        for each in recoveries:
            timing = f"{each.next_request_s:11.1f} s  {each.next_request:20} {each.settled_s:13.1f} s"
            reporter.write_line(f"{each.what:30} {timing}")
