"""Workers that die one after another in the same call, and workers that were only asleep: nothing happens twice."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest

from tests.e2e.kills import LIMIT_S, SETTINGS, Caller, Fleet, assert_right, kill, send_signal, waits
from tests.e2e.process import Process
from tests.e2e.stack import Stack, eventually

LOCK = 4711


@dataclass(frozen=True, slots=True, kw_only=True)
class Asleep:
    """A step whose worker falls asleep, and the request by which another worker takes over."""

    kind: str
    step: str
    goes_on_with: str


CREATE = Asleep(kind="create_ticket", step="create_ticket", goes_on_with="create_ticket")
FINAL = Asleep(kind="update_ticket", step="update_ticket-final", goes_on_with="read_ticket")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One set of servers for all tests of this module."""
    with Stack(folder=tmp_path_factory.mktemp("kills-again"), settings=dict(SETTINGS)) as stack:
        asyncio.run(stack.set_up())
        stack.start_gateway()
        yield Fleet(stack=stack)


@pytest.fixture
def fleet(servers: Fleet) -> Fleet:
    """Two workers and no fault of an earlier test."""
    servers.stack.sim("DELETE", "/faults")
    servers.man()
    return servers


def test_two_workers_killed_one_after_another_in_the_same_call(fleet: Fleet) -> None:
    """The second dies while it looks for the note the first had sent; the third finds it and sends nothing."""
    fleet.man(3)
    caller = Caller(fleet.stack)
    caller.starts()
    caller.is_shown()
    caller.fault("update_ticket", "hang_after")
    caller.fault("read_ticket", "hang")
    caller.ends()
    update = caller.held("update_ticket")
    kill(fleet.holder(caller.workflow_id, "update_ticket"))
    looking = waits(caller, update["n"], ("read_ticket",))
    kill(fleet.holder(caller.workflow_id, "read_ticket"))
    status = caller.plays_on()
    assert_right(caller, status)
    assert [request["kind"] for request in caller.since(looking["n"])] == ["read_ticket", "list_comments"]
    assert len(fleet.running) == 1


@pytest.mark.parametrize("asleep", [CREATE, FINAL], ids=lambda asleep: asleep.kind)
def test_a_worker_that_slept_between_permission_and_sending(fleet: Fleet, asleep: Asleep) -> None:
    """It wakes up after another has taken over, with its permission in hand, and sends nothing."""
    caller = Caller(fleet.stack)
    with _gate_held(fleet, caller, asleep.step) as waiting:
        before = _come_to(caller, asleep)
        waiting()
        sleeper = fleet.holder(caller.workflow_id, asleep.kind)
        send_signal(sleeper, signal.SIGSTOP)
    _wake_after_takeover(sleeper, caller, asleep, before)
    _right_and_only_one(caller, sleeper, asleep)


def test_a_worker_that_slept_while_the_vendor_worked(fleet: Fleet) -> None:
    """The note it had sent is found by the one who takes over, and by itself it does nothing more."""
    caller = Caller(fleet.stack)
    caller.fault(FINAL.kind, "delay", delay_ms=1000)
    before = _come_to(caller, FINAL)
    (sent,) = eventually(lambda: caller.since(before, FINAL.kind))
    sleeper = fleet.holder(caller.workflow_id, FINAL.kind)
    send_signal(sleeper, signal.SIGSTOP)
    eventually(lambda: caller.since(before, FINAL.kind)[0]["acted"])
    _wake_after_takeover(sleeper, caller, FINAL, sent["n"])
    _right_and_only_one(caller, sleeper, FINAL)


def _come_to(caller: Caller, asleep: Asleep) -> int:
    """Play the call up to the step; the number of the last request before it."""
    if asleep is FINAL:
        caller.starts()
        caller.is_shown()
    before = max((request["n"] for request in caller.stack.journal()), default=0)
    if asleep is FINAL:
        caller.ends()
    else:
        caller.starts()
    return before


def _wake_after_takeover(sleeper: Process, caller: Caller, asleep: Asleep, after: int) -> None:
    try:
        # Temporal hands tasks to a sleeper too while its polls are open; each comes back when its time is over.
        waits(caller, after, (asleep.goes_on_with,), limit_s=2 * LIMIT_S)
    finally:
        send_signal(sleeper, signal.SIGCONT)


def _right_and_only_one(caller: Caller, sleeper: Process, asleep: Asleep) -> None:
    status = caller.plays_on()
    # Once it has drained, there is nothing left in it that could be sent.
    sleeper.terminate()
    assert sleeper.wait(LIMIT_S) == 0
    assert_right(caller, status)
    assert len(caller.since(0, asleep.kind)) == 1


@contextmanager
def _gate_held(fleet: Fleet, caller: Caller, step: str) -> Iterator["_Waiting"]:
    """The gate keeps this step of this call waiting for its permission until the block ends."""
    url = fleet.stack.postgres.url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        connection.execute(
            f"""
            CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_xact_lock_shared({LOCK}); RETURN NEW; END';
            CREATE TRIGGER hold BEFORE INSERT ON attempts FOR EACH ROW
            WHEN (NEW.call_id = '{caller.call_id}' AND NEW.step = '{step}') EXECUTE FUNCTION hold()
            """
        )
        yield _Waiting(connection)
        connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        connection.execute("DROP TRIGGER hold ON attempts; DROP FUNCTION hold()")


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Waits until somebody waits at the gate."""

    connection: psycopg.Connection

    def __call__(self) -> None:
        query = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
        eventually(lambda: self.connection.execute(query, [LOCK]).fetchone() is not None)
