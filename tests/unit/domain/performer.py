"""A pure performer: plays a call's decisions the way the workflow does; results take the time they are given."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from workflows.domain.call import Call, CallPolicy, CustomerData, Decision, PopState, Step, StepKind, Told, next_steps
from workflows.domain.customer import Customer
from workflows.domain.events import Agent, CallEvent, EventType
from workflows.domain.ticket import CallMetadata, Ticket, TicketOrigin, metadata_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CALLER = Customer(email="user@example.com", phone="+15550100")
SMITH, JONES = Agent(id="a-1", name="Agent Smith"), Agent(id="a-2", name="Agent Jones")
STARTED, ANSWERED, COMPLETED = EventType.STARTED, EventType.ANSWERED, EventType.COMPLETED
CARRIED_THROUGH = frozenset({StepKind.CORRELATE, StepKind.FINAL_UPDATE, StepKind.CORRECT})


def event(kind: EventType, second: float = 0, agent: Agent | None = None, customer: Customer = CALLER) -> CallEvent:
    """An event that happened so many seconds after noon."""
    at = NOON + timedelta(seconds=second)
    who = (agent or SMITH) if kind == ANSWERED else None
    return CallEvent(type=kind, occurred_at=at, received_at=at, customer=customer, agent=who)


def new_call(**settings: object) -> Call:
    """A call that is seen for the first time at noon."""
    policy = CallPolicy(screen_pop_properties=["crm_customer_id"], **settings)  # type: ignore[arg-type]
    return Call(call_id="c-1", policy=policy, opened_at=NOON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event as it arrives, so many seconds after noon."""

    second: float
    event: CallEvent


@dataclass(slots=True, kw_only=True)
class Performed:
    """A step that was begun; `ended` is None when it was stopped before its result was there."""

    step: Step
    begun: datetime
    due: datetime
    had_ticket: bool
    had_customer: bool
    told: Told
    metadata: CallMetadata
    ended: datetime | None = None


@dataclass(kw_only=True)
class Performer:
    """Plays deliveries and results in the order of time. `durations` in seconds by kind; 0.1 for those not named."""

    call: Call = field(default_factory=new_call)
    durations: Mapping[StepKind, float] = field(default_factory=dict)
    found: bool = False
    now: datetime = NOON
    performed: list[Performed] = field(default_factory=list)
    told: list[CallMetadata] = field(default_factory=list)
    running: dict[str, Performed] = field(default_factory=dict)
    finished_at: datetime | None = None
    decision: Decision = field(default_factory=lambda: Decision(steps=(), wake_at=None))

    def play(self, deliveries: Sequence[Delivery]) -> "Performer":
        """Until the call is finished; what arrives after that meets a closed workflow."""
        waiting = sorted(deliveries, key=lambda delivery: delivery.second)
        for _ in range(10_000):
            moments = [NOON + timedelta(seconds=waiting[0].second)] if waiting else []
            moments += [performed.due for performed in self.running.values()]
            moments += [self.decision.wake_at] if self.decision.wake_at else []
            assert moments, "nothing will ever happen again, and the call is not finished"
            self.now = max(self.now, min(moments))
            while waiting and NOON + timedelta(seconds=waiting[0].second) <= self.now:
                self.call.record(waiting.pop(0).event, self.now)
            self._fold_results()
            self._decide()
            if self.decision.finished and not self.running:
                self.finished_at = self.now
                return self
        raise AssertionError("the call goes round in circles")

    def completed(self, *kinds: StepKind) -> list[Performed]:
        """Steps whose result was folded in, of those kinds or of all."""
        return [p for p in self.performed if p.ended is not None and (not kinds or p.step.kind in kinds)]

    def _decide(self) -> None:
        self.call.settle(self.now)
        self.decision = next_steps(self.call, self.now)
        self._nothing_changes_before_the_wake()
        for lane, performed in list(self.running.items()):
            if performed.step not in self.decision.steps and performed.step.kind not in CARRIED_THROUGH:
                del self.running[lane]
        for step in self.decision.steps:
            if step.lane not in self.running:
                self._begin(step)

    def _begin(self, step: Step) -> None:
        call = self.call
        outcome = call.outcome(self.now) or call.state
        performed = Performed(
            step=step,
            begun=self.now,
            due=self.now + timedelta(seconds=self.durations.get(step.kind, 0.1)),
            had_ticket=call.ticket is not None,
            had_customer=call.customer_data == CustomerData.READY,
            told=call.telling(call.state if step.kind == StepKind.CORRECT else outcome),
            metadata=metadata_of(call.label, call.facts, outcome),
        )
        self.performed.append(performed)
        self.running[step.lane] = performed

    def _fold_results(self) -> None:
        for lane, performed in list(self.running.items()):
            if performed.due <= self.now:
                del self.running[lane]
                performed.ended = self.now
                self._fold(performed)

    def _fold(self, performed: Performed) -> None:
        call = self.call
        match performed.step.kind:
            case StepKind.FETCH_CUSTOMER:
                call.customer_data = CustomerData.READY
            case StepKind.CORRELATE:
                call.ticket = Ticket(id=1001, origin=TicketOrigin.SEARCH if self.found else TicketOrigin.CREATED)
            case StepKind.SET_IN_CALL:
                call.in_call_done = True
            case StepKind.SCREEN_POP:
                self._fold_pop(performed)
            case StepKind.FINAL_UPDATE:
                call.told, call.told_at = performed.told, self.now
                self.told.append(performed.metadata)
            case StepKind.CORRECT:
                call.told, call.corrections = performed.told, call.corrections + 1
                self.told.append(performed.metadata)

    def _fold_pop(self, performed: Performed) -> None:
        pop = self.call.pops[performed.step.subject.rpartition(" ")[0]]
        pop.state, pop.requests = PopState.SHOWN, pop.requests + 1
        pop.had_ticket |= performed.had_ticket
        pop.had_customer |= performed.had_customer

    def _nothing_changes_before_the_wake(self) -> None:
        """Time alone changes no decision before the moment that was named; pops have deadlines of their own."""
        later = (self.decision.wake_at or self.now + timedelta(days=9)) - timedelta(milliseconds=1)
        if later > self.now:
            then = next_steps(copy.deepcopy(self.call), later)
            assert _without_pops(then) == _without_pops(self.decision)
            assert not then.finished or self.running or self.decision.finished


def _without_pops(decision: Decision) -> list[Step]:
    return [step for step in decision.steps if step.kind != StepKind.SCREEN_POP]
