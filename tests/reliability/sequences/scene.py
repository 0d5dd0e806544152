"""One sequence's world: the desk, the ledger, the caller's record, and what is to go wrong next."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import activity

from tests.reliability.sequences.faults import ACTS, OUTCOMES, Fault, error_of, failure, refused
from tests.reliability.sequences.gate import Attempt, Gate
from tests.reliability.sequences.vendor import Desk
from workflows.domain.call import CallPolicy
from workflows.domain.errors import Failure
from workflows.ports import CallRef, call_id_of

T = TypeVar("T")

LIKE_PRODUCTION = CallPolicy(screen_pop_properties=["crm_customer_id", "account_status"])
_ADMINISTRATOR_S = 600
_HANGING_S = 0.02


class Refused(Exception):
    """422 or 400 by script."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class Scene:
    """`faults` by request name, each used once; requests in `held` hang.

    `asked` counts requests by call and step, `met` the faults that were met; `disturbed`: something else went wrong.
    `ended` are calls that know their end: what pops for them still is in `late_pops`.
    """

    def __init__(self, name: str, now: datetime, policy: CallPolicy = LIKE_PRODUCTION) -> None:
        self.name = name
        self.policy = policy
        self.desk = Desk()
        self.gate = Gate(policy, now)
        self.record: dict[str, str | int | float | bool] | None = None
        self.faults: dict[str, list[Fault]] = {}
        self.held: set[str] = set()
        self.ledger_failures = 0
        self.credentials = True
        self.ended: set[str] = set()
        self.disturbed = False
        self.late_pops: list[str] = []
        self.asked: Counter[tuple[str, str]] = Counter()
        self.met: Counter[str] = Counter()
        self.told_at: dict[str, datetime] = {}
        self.first_ticket_at: dict[str, datetime] = {}

    @property
    def now(self) -> datetime:
        """The latest moment of the server's clock that anybody here has seen."""
        return self.gate.now

    def tick(self, moment: datetime) -> None:
        """The server's clock has been seen to show this."""
        self.gate.now = max(self.gate.now, moment)

    async def turn(self, name: str, ref: CallRef) -> Fault | None:
        """A vendor request's turn comes: what will become of it. Raises without credentials."""
        self._see_clock()
        self.asked[ref.call_id, ref.step] += 1
        if name == "patch_call" and ref.call_id in self.ended:
            self.late_pops.append(f"{ref.call_id} {ref.step}")
        while name in self.held:  # noqa: ASYNC110 - let go from another thread
            await asyncio.sleep(_HANGING_S)
        if not self.credentials:
            self.met["no credentials"] += 1
            raise failure(Failure.CREDENTIAL_REFUSED, f"{name}: no token", _ADMINISTRATOR_S)
        scripted = self.faults.get(name)
        fault = scripted.pop(0) if scripted else None
        if fault is not None:
            self.met[f"{name} {fault}"] += 1
        return fault

    def send(self, fault: Fault | None, name: str, attempt: Attempt | None, act: Callable[[], T]) -> T:
        """Send what the gate permitted. Raises as the adapters do; `Refused` where the port has a word for it."""
        value = act() if fault is None or fault in ACTS else None
        if attempt is not None:
            attempt.outcome = "done" if fault is None else OUTCOMES.get(fault)
        if fault is not None and refused(fault, name):
            raise Refused(fault)
        if fault is not None:
            raise error_of(fault, name)
        assert value is not None
        return value

    def ledger(self) -> None:
        """The ledger is asked. Raises while it is out of reach, before anything has happened."""
        self._see_clock()
        if self.ledger_failures > 0:
            self.ledger_failures -= 1
            self.met["ledger out of reach"] += 1
            raise failure(Failure.LEDGER_UNAVAILABLE, "no database")

    def heal(self) -> None:
        """Whatever was broken works again."""
        self.held.clear()
        self.faults.clear()
        self.ledger_failures, self.credentials = 0, True

    def _see_clock(self) -> None:
        info = activity.info()
        # A local activity tells the time of this machine, not that of the server.
        if not info.is_local:
            self.tick(info.started_time)


class Scenes:
    """The scenes of this process, by the calls that play there: `<scene>-<letter>`."""

    def __init__(self) -> None:
        self._scenes: dict[str, Scene] = {}

    def add(self, scene: Scene) -> None:
        """A sequence begins."""
        self._scenes[scene.name] = scene

    def remove(self, scene: Scene) -> None:
        """It is over; what still comes from it finds nothing."""
        del self._scenes[scene.name]

    def of(self, call_id: str) -> Scene:
        """That of a call. Raises for a sequence that is over."""
        name = call_id.rpartition("-")[0]
        if name not in self._scenes:
            raise failure(Failure.UNEXPECTED, "this sequence is over", timedelta(days=9).total_seconds())
        return self._scenes[name]

    def current(self) -> Scene:
        """That of the running activity's call."""
        return self.of(call_id_of(activity.info().workflow_id or ""))
