"""Scenes of a gateway that dies around its one request to Temporal, and a sender who sends again."""

import asyncio
import time
from collections import Counter

import httpx2 as httpx
from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError, RPCStatusCode

from tests.e2e.webhooks import Json, payload
from tests.reliability.kills.ground import LIMIT_S, Ground
from tests.reliability.kills.play import Played, Sender, ended
from tests.reliability.kills.points import Point
from tests.reliability.kills.scenes import EVENTS, WHOLE_CALL, Delivery
from tests.reliability.kills.verdict import Finding, Harm, differing, findings
from workflows.connection import Keyring, connect


def deliver(ground: Ground, delivery: Delivery, limit_s: float = LIMIT_S) -> Played:
    """Play a call whose event kills the gateway; each time the sender, unanswered, sends the same again."""
    ground.sim("DELETE", "/faults")
    ground.man()
    caller, played = Sender(ground), Played(scene=delivery)
    _come_to(caller, delivery.event)
    body = payload(delivery.event, caller.call_id, customer=caller.customer)
    armed = ground.arm(delivery.point, caller.call_id, f"call.{delivery.event}", delivery.times)
    armed.go()
    killed_at, before = time.time(), EVENTS.index(delivery.event)
    for number in range(1, delivery.times + 1):
        played.findings += _unanswered(ground, body)
        killed_at = armed.until_killed(number)
        signals = before + (number if delivery.point == Point.BEFORE_ANSWER else 0)
        if (found := asyncio.run(_signals(ground, caller))) != signals:
            played.findings.append(Finding(harm=Harm.KILL, text=f"{found} signals, not {signals}"))
        ground.start_gateway()
    caller.sent.add(delivery.event)
    if delivery.again:
        answer = ground.post(body)
        assert answer.status_code == 202, answer.text
        played.recovery_s = time.time() - killed_at
    status = ended(caller, played, limit_s)
    played.settled_s, played.kills = time.time() - killed_at, armed.kills
    armed.disarm()
    played.findings += findings(caller, status, seeded=None)
    played.findings += differing(
        Counter(r["kind"] for r in caller.since(0) if r["kind"] != "token"), Counter(WHOLE_CALL)
    )
    return played


def _come_to(caller: Sender, event: str) -> None:
    if event != "started":
        caller.starts()
        caller.is_ready()
    if event == "completed":
        caller.is_answered()
        caller.is_popped()


def _unanswered(ground: Ground, body: Json) -> list[Finding]:
    try:
        answer = ground.post(body)
    except httpx.TransportError:
        return []
    return [Finding(harm=Harm.KILL, text=f"the gateway that was to die answered {answer.status_code}")]


async def _signals(ground: Ground, caller: Sender) -> int:
    """How many signals the call's workflow has: what Temporal holds of the deliveries."""
    client = await connect(Keyring.parse(ground.key), environment={"TEMPORAL_ADDRESS": ground.temporal.address})
    try:
        history = await client.get_workflow_handle(caller.workflow_id).fetch_history()
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return 0
    signalled = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    return sum(event.event_type == signalled for event in history.events)
