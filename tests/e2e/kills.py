"""Killing workers at a chosen moment: hold a request at the vendor, find whose it is, see how the call goes on."""

import asyncio
import itertools
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client

from activities.settings import account_of
from tests.e2e.process import Process
from tests.e2e.stack import RECORD, Json, Stack, eventually, is_told
from workflows.connection import Keyring, connect
from workflows.ports import call_workflow_id, token_workflow_id

SETTINGS = {"HTTP_TIMEOUT_S": "2", "CALL_GRACE_S": "1"}
"""A short HTTP time-out makes a short start-to-close time-out, which is what a killed worker's step waits for."""
LIMIT_S = 60.0

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How long it took to go on after a worker was killed, in seconds."""

    what: str
    next_request_s: float
    next_request: str
    settled_s: float


@dataclass(kw_only=True)
class Fleet:
    """Two workers or more, and what became of those that were killed."""

    stack: Stack
    recoveries: list[Recovery] = field(default_factory=list)

    def man(self, count: int = 2) -> None:
        """Have so many workers that take calls."""
        while len(self.running) < count:
            self.stack.start_worker()
        for number, worker in enumerate(self.stack.workers, start=1):
            if worker.running:
                self.stack.until_log(f"worker-{number}", "worker serves")

    @property
    def running(self) -> list[Process]:
        """Workers that have not been killed."""
        return [worker for worker in self.stack.workers if worker.running]

    def holder(self, workflow_id: str, activity_type: str) -> Process:
        """The worker that runs this activity now."""

        def look() -> list[Process]:
            pids = asyncio.run(self._pids(workflow_id, activity_type))
            return [worker for worker in self.running if worker.pid in pids]

        return eventually(look)[0]

    async def _pids(self, workflow_id: str, activity_type: str) -> list[int]:
        client = await self._client()
        about = await client.get_workflow_handle(workflow_id).describe()
        started = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        return [
            int(activity.last_worker_identity.partition("@")[0])
            for activity in about.raw_description.pending_activities
            if activity.activity_type.name == activity_type and activity.state == started
        ]

    async def _client(self) -> Client:
        return await connect(
            Keyring.parse(self.stack.key), environment={"TEMPORAL_ADDRESS": self.stack.temporal.address}
        )


class Caller:
    """A customer whom nobody else is, and their one call."""

    def __init__(self, stack: Stack) -> None:
        number = next(_numbers)
        self.stack = stack
        self.call_id = f"k-{number}"
        self.customer = {"email": f"caller{number}@example.com", "phone_number": f"+155501{number:05d}"}
        stack.sim("PUT", "/customers", {"email": self.customer["email"], "properties": RECORD})

    # --- what happens ------------------------------------------------------------------------------------------

    def seed(self) -> int:
        """An open ticket of this customer's."""
        requester = {"name": "Somebody", "email": self.customer["email"]}
        return int(self.stack.sim("POST", "/tickets", {"subject": "earlier", "requester": requester})["ticket"]["id"])

    def fault(self, kind: str, fault: str, **more: object) -> None:
        """What the next request of a kind meets."""
        self.stack.sim("POST", "/faults", {"kind": kind, "fault": fault, **more})

    def starts(self, ticket_id: int | None = None) -> None:
        """The phone rings."""
        self.stack.send("started", self.call_id, customer=self.customer, ticket_id=ticket_id)

    def is_answered(self) -> None:
        """An agent answers."""
        self.stack.send("answered", self.call_id, customer=self.customer)

    def ends(self) -> None:
        """The call is over."""
        self.stack.send("completed", self.call_id, customer=self.customer)

    def has_ticket(self) -> None:
        """Wait for the ticket."""
        self.stack.until(self.call_id, lambda s: s["ticket_id"], LIMIT_S)

    def is_ready(self) -> None:
        """Wait for the ticket and the CRM's answer."""
        done = {"fetch_customer"}
        self.has_ticket()
        self.stack.until(self.call_id, lambda s: done <= {x["name"] for x in s["steps"] if x["state"] == "done"})

    def is_shown(self) -> None:
        """Have everything ready, then answer, and wait for the screen pop."""
        self.is_ready()
        self.is_answered()
        self.is_popped()

    def is_popped(self) -> None:
        """Wait for the screen pop to have ended one way or other."""
        self.stack.until(
            self.call_id, lambda s: s["screen_pops"] and s["screen_pops"][0]["state"] != "pending", LIMIT_S
        )

    def plays_on(self) -> Json:
        """Whatever of the three events has not been sent; the status at the end."""
        self.has_ticket()
        sent = {event["type"] for event in self.stack.call(self.call_id)["events"]}
        if "call.answered" not in sent:
            self.is_answered()
        self.is_popped()
        if "call.completed" not in sent:
            self.ends()
        # An update of unknown outcome is done as a request, and looked into by the next ones.
        return self.stack.until(self.call_id, lambda s: is_told(s) and not _under_way(s), LIMIT_S)

    # --- what is seen ------------------------------------------------------------------------------------------

    def held(self, kind: str, after: int = 0) -> Json:
        """The open request of a kind, once it is there."""
        return eventually(lambda: [r for r in self.since(after, kind) if r["status"] is None and r["fault"]])[0]

    def since(self, after: int, *kinds: str) -> list[Json]:
        """Requests of this call (and for tokens) later than number `after`."""
        own = (f"{self.call_id}.", "token.")
        return [
            request
            for request in self.stack.journal()
            if request["n"] > after
            and (request["request_id"] or "").startswith(own)
            and (not kinds or request["kind"] in kinds)
        ]

    def marks(self) -> dict[str, int]:
        """How often each mark of this call stands on tickets."""
        counted: dict[str, int] = self.stack.books()["counts"]["notes_by_mark"]
        return {mark: count for mark, count in counted.items() if mark.startswith(f"[call {self.call_id} ")}

    def tickets(self) -> list[Json]:
        """Every ticket of this customer's, or of this call's: one made by the plainest body has no email."""
        tickets: list[Json] = self.stack.books()["tickets"]
        email = self.customer["email"]
        return [t for t in tickets if t["requester"].get("email") == email or t["external_id"] == self.call_id]

    def pops(self) -> int:
        """How many screen pops reached the call."""
        return len(self.stack.sim("GET", f"/calls/{self.call_id}")["call"]["pops"])

    @property
    def workflow_id(self) -> str:
        """The call's workflow."""
        return call_workflow_id(self.call_id)

    @property
    def token_workflow_id(self) -> str:
        """The workflow of the account's token."""
        return token_workflow_id(account_of(self.stack.simulator_url))


def assert_right(caller: Caller, status: Json, *, seeded: int | None = None) -> None:
    """One ticket, each mark once, the right final state, at most two pops, nothing left to a person."""
    call_id = caller.call_id
    (ticket,) = caller.tickets()
    assert status["ticket_id"] == ticket["id"] == (seeded or ticket["id"])
    assert (status["state"], status["needs_attention"]) == ("completed", False)
    own = {f"[call {call_id} · completed]": 1} | ({} if seeded else {f"[call {call_id} · started]": 1})
    assert caller.marks() == own
    assert ticket["external_id"] == (None if seeded else call_id)
    assert (ticket["status"], ticket["custom_status"]) == ("open", None)
    assert ticket["metadata"]["call"]["outcome"] == "completed"
    assert 1 <= caller.pops() <= 2
    assert status["screen_pops"][0]["state"] == "shown"


def kill(worker: Process) -> float:
    """`kill -9`; the moment it was done."""
    worker.kill()
    return time.time()


def waits(caller: Caller, after: int, kinds: Sequence[str], limit_s: float = LIMIT_S) -> Json:
    """The next request of these kinds after number `after`."""
    return eventually(lambda: caller.since(after, *kinds), limit_s=limit_s)[0]


def send_signal(worker: Process, number: int) -> None:
    """A signal to one worker of ours, by its own id."""
    os.kill(worker.pid, number)


def _under_way(status: Json) -> bool:
    return any(step["state"] in ("running", "retrying", "waiting") for step in status["steps"])
