"""One call of one customer: what is sent for it, and what operations see of it meanwhile."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client

from tests.e2e.stack import ENDED, RECORD, Json, Stack
from tests.e2e.waiting import eventually
from tests.e2e.webhooks import payload
from workflows.connection import Keyring, connect
from workflows.ports import call_workflow_id

LIMIT_S = 100.0
LOOK_S = 0.4
"""Between two looks at a call: each is a query to its workflow."""
UNDER_WAY = frozenset({"running", "retrying", "waiting"})


@dataclass(kw_only=True)
class Play:
    """A call that is played; every look at it adds to what was seen of the step in question."""

    stack: Stack
    call_id: str
    step: str
    seeded: int | None = None
    sent: list[str] = field(default_factory=list)
    states: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
    last: Json = field(default_factory=dict)
    look_s: float = LOOK_S
    from_history: str | None = None
    """The state that no look came upon, but the history tells of."""

    def __post_init__(self) -> None:
        number = int(self.call_id.rpartition("-")[2])
        self.email = f"{self.call_id}@example.com"
        self.customer = {"email": self.email, "phone_number": f"+15557{number:06d}"}
        self.stack.sim("PUT", "/customers", {"email": self.email, "properties": RECORD})

    # --- what happens ------------------------------------------------------------------------------------------

    def seed(self) -> int:
        """An open ticket of this customer's, a minute old: a change of it gets another stamp."""
        ticket = {"subject": "earlier", "requester": {"name": "Somebody", "email": self.email}, "age_s": 60}
        self.seeded = int(self.stack.sim("POST", "/tickets", ticket)["ticket"]["id"])
        return self.seeded

    def event(self, kind: str, **data: object) -> None:
        """A webhook, once acknowledged; 503 means that it is to be sent again, and on a busy machine it comes."""
        if kind not in self.sent:
            body = payload(kind, self.call_id, customer=self.customer, **data)
            eventually(lambda: self.stack.post(body).status_code in (200, 202), limit_s=LIMIT_S)
            self.sent.append(kind)

    def is_ready(self) -> None:
        """Wait for ticket and CRM data, or for what stands in their way to be known."""
        self.until(lambda s: s["attention"] or (s["ticket_id"] and not _under_way(s)), "ready to be answered")

    def is_shown(self) -> None:
        """Answer with everything ready, and wait for the screen pop to have ended one way or other."""
        self.event("answered")
        self.until(lambda s: s["screen_pops"] and s["screen_pops"][0]["state"] != "pending", "popped")

    def is_over(self) -> None:
        """End the call, and wait until nothing more is to come."""
        self.event("completed")
        self.until(_is_settled, "settled")

    # --- what is seen ------------------------------------------------------------------------------------------

    def look(self) -> Json:
        """The call as operations see it."""
        self.stack.check_alive()
        seen = self.stack.call(self.call_id)
        if seen.get("source") != "workflow":
            # What the ledger has instead may be older than what was seen before.
            return {}
        self.last = seen
        rows = [step for step in self.last.get("steps", []) if step["name"] == self.step]
        self.states.update(row["state"] for row in rows)
        self.said.update(row["last_error"] for row in rows if row["last_error"])
        if self.last.get("attention"):
            self.said.add(self.last["attention"])
        return self.last

    def until(self, what: Callable[[Json], Any], name: str, limit_s: float = LIMIT_S) -> Json:
        """The call's status once it is as wanted."""

        def look() -> bool:
            time.sleep(self.look_s)
            status = self.look()
            return bool(status) and bool(what(status))

        eventually(look, lambda: f"{self.call_id} not {name}: {json.dumps(self.last)}", limit_s)
        return self.last

    def row(self, *, first: bool) -> Json:
        """The step's first or last line of the account; empty when it has none."""
        rows = [step for step in self.last["steps"] if step["name"] == self.step]
        return rows[0 if first else -1] if rows else {}

    def remembered(self) -> set[str]:
        """Why attempts failed, by the call's history: what a look between two attempts would have shown."""
        return asyncio.run(_failures(self.stack, self.call_id, self.step))


async def _failures(stack: Stack, call_id: str, step: str) -> set[str]:
    client = await connect(Keyring.parse(stack.key), environment={"TEMPORAL_ADDRESS": stack.temporal.address})
    history = await client.get_workflow_handle(call_workflow_id(call_id)).fetch_history()
    scheduled = {
        event.event_id
        for event in history.events
        if event.activity_task_scheduled_event_attributes.activity_type.name == step
    }
    started = [event.activity_task_started_event_attributes for event in history.events]
    failed = [s.last_failure for s in started if s.scheduled_event_id in scheduled and s.HasField("last_failure")]
    return {await _told(client, failure) for failure in failed}


async def _told(client: Client, failure: Any) -> str:  # noqa: ANN401  # Temporal's own message
    error: Any = await client.data_converter.decode_failure(failure)
    return f"{getattr(error, 'type', None) or type(error).__name__}: {getattr(error, 'message', error)}"


class Numbers:
    """Call ids, each used once, none a part of another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> str:
        """A call id."""
        with self._lock:
            self._last += 1
            return f"m-{self._last:05d}"


def _under_way(status: Json) -> bool:
    return any(step["state"] in UNDER_WAY for step in status["steps"])


def _is_settled(status: Json) -> bool:
    """The end is known, nothing is under way, and the ticket was told, or a person is asked to look."""
    ends = [event["received_at"] for event in status["events"] if event["type"] == "call.completed"]
    if status["state"] not in ENDED or not ends or _under_way(status):
        return False
    if status["ticket_id"] is None and not status["needs_attention"]:
        return False
    told = (s["finished_at"] for s in status["steps"] if s["name"] == "update_ticket" and s["state"] == "done")
    return status["needs_attention"] or any(at and at >= ends[0] for at in told)
