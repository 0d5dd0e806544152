"""Calls of every kind for the pages to show, played through the real path."""

import asyncio
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.e2e.kills import Caller
from tests.e2e.stack import Stack
from workflows.connection import Keyring, connect
from workflows.domain.errors import Failure
from workflows.domain.group import GroupCall, GroupMend
from workflows.domain.mend import MendAction
from workflows.ports import CALLS_QUEUE, GROUP_MEND_WORKFLOW, group_workflow_id

GROUP = {"cause": str(Failure.STEP_REFUSED), "step": "update_ticket-final"}
"""What stuck calls have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The ids of one call each."""

    ringing: str
    talking: str
    missed: str
    completed: str
    stuck: str
    customer: str
    """The email of the one whose call is completed."""
    group: str
    """A group that was retried: of two calls one had nothing left to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """A call whose final update was refused, and goes on being refused until the cause is mended."""

    caller: Caller
    fault: int

    @property
    def call_id(self) -> str:
        """The call's."""
        return self.caller.call_id

    @property
    def updates(self) -> int:
        """How many updates of tickets the help desk was asked for."""
        return self.caller.stack.counts(self.call_id)["update_ticket"]

    def mend_the_cause(self) -> None:
        """From now on it would be taken."""
        self.caller.stack.end_fault(self.fault)

    def assert_told_once(self) -> None:
        """The ticket has the note of the call's end, once."""
        self.caller.stack.ended(self.call_id)
        assert self.caller.marks()[f"[call {self.call_id} · completed]"] == 1


def play_world(stack: Stack) -> World:
    """Play them side by side. The stuck ones stay so."""
    ringing, talking, missed, completed = (Caller(stack) for _ in range(4))
    for caller in (ringing, talking, missed, completed):
        caller.starts()
    refused, other = stuck(stack, 2)
    for caller in (talking, completed):
        caller.is_answered()
    missed.ends()
    for caller in (talking, completed):
        caller.is_popped()
    completed.ends()
    ringing.has_ticket()
    for caller in (missed, completed):
        stack.ended(caller.call_id)
    # In a thread of its own: this one may have a browser's loop by now.
    with ThreadPoolExecutor(1) as pool:
        group = pool.submit(asyncio.run, retried(stack, [completed.call_id, other.call_id])).result()
    stack.until(other.call_id, lambda s: s["needs_attention"])
    return World(
        customer=completed.customer["email"],
        group=group,
        ringing=ringing.call_id,
        talking=talking.call_id,
        missed=missed.call_id,
        completed=completed.call_id,
        stuck=refused.call_id,
    )


async def retried(stack: Stack, call_ids: Sequence[str]) -> str:
    """Retry these as a group, and wait until each was asked; the group's id."""
    group = GroupMend(
        id=secrets.token_hex(8),
        action=MendAction.RETRY,
        cause=GROUP["cause"],
        step=GROUP["step"],
        by="Eve",
        reason="the field is optional again",
        calls=[GroupCall(call_id=call_id, step=GROUP["step"]) for call_id in call_ids],
    )
    client = await connect(Keyring.parse(stack.key), environment={"TEMPORAL_ADDRESS": stack.temporal.address})
    await client.execute_workflow(GROUP_MEND_WORKFLOW, group, id=group_workflow_id(group.id), task_queue=CALLS_QUEUE)
    return group.id


def stuck(stack: Stack, count: int) -> list[Stuck]:
    """So many of them, side by side."""
    callers = [Caller(stack) for _ in range(count)]
    for caller in callers:
        caller.starts()
    for caller in callers:
        caller.has_ticket()
        caller.is_answered()
    for caller in callers:
        caller.is_popped()
    made = [Stuck(caller=caller, fault=_refuse(stack, caller)) for caller in callers]
    for caller in callers:
        caller.ends()
    for caller in callers:
        stack.until(caller.call_id, lambda s: s["needs_attention"])
    return made


def _refuse(stack: Stack, caller: Caller) -> int:
    return stack.fault("update_ticket", "status", status=422, times=None, when=f"[call {caller.call_id} ")
