"""Calls of every kind for the pages to show, played through the real path."""

from dataclasses import dataclass

from tests.e2e.kills import Caller
from tests.e2e.stack import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The ids of one call each."""

    ringing: str
    talking: str
    missed: str
    completed: str
    stuck: str


def play_world(stack: Stack) -> World:
    """Play them side by side. The stuck one's final update is refused for good."""
    ringing, talking, missed, completed = (Caller(stack) for _ in range(4))
    for caller in (ringing, talking, missed, completed):
        caller.starts()
    stuck_call, _ = stuck(stack)
    for caller in (talking, completed):
        caller.is_answered()
    missed.ends()
    for caller in (talking, completed):
        caller.is_popped()
    completed.ends()
    ringing.has_ticket()
    for caller in (missed, completed):
        stack.ended(caller.call_id)
    return World(
        ringing=ringing.call_id,
        talking=talking.call_id,
        missed=missed.call_id,
        completed=completed.call_id,
        stuck=stuck_call.call_id,
    )


def stuck(stack: Stack) -> tuple[Caller, int]:
    """A call whose final update is refused until the fault with this number is ended."""
    caller = Caller(stack)
    caller.starts()
    caller.has_ticket()
    caller.is_answered()
    caller.is_popped()
    fault = stack.fault("update_ticket", "status", status=422, times=None, when=f"[call {caller.call_id} ")
    caller.ends()
    stack.until(caller.call_id, lambda s: s["needs_attention"])
    return caller, fault
