"""A call's memory, and the one pure function that says which steps are due."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from workflows.domain.customer import Customer
from workflows.domain.events import MAX_EVENTS, Agent, CallEvent, EventType, Facts, facts_of
from workflows.domain.ticket import Ticket, TicketOrigin, call_label

TICKET_LANE = "ticket"
POP_PATIENCE_S = 1.0
"""How long a pop waits for CRM data: half of the two seconds, so that the request itself has the other half."""
END_NOT_REPORTED_LINGER_S = 24 * 3600


class CallState(StrEnum):
    """Where the call is; the search attribute `CallState` and the ticket's `outcome`."""

    RINGING = "ringing"
    IN_CALL = "in_call"
    COMPLETED = "completed"
    MISSED = "missed"
    END_NOT_REPORTED = "end_not_reported"


class StepKind(StrEnum):
    """What a call can be due for; every kind is one or more vendor requests."""

    FETCH_CUSTOMER = "fetch_customer"
    CORRELATE = "correlate"
    SET_IN_CALL = "set_in_call"
    SCREEN_POP = "screen_pop"
    FINAL_UPDATE = "final_update"
    CORRECT = "correct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that is due. `subject` tells apart steps of a kind: the agent of a pop, the number of a correction."""

    kind: StepKind
    subject: str = ""

    @property
    def lane(self) -> str:
        """Steps of one lane never overlap: everything that writes the ticket shares one."""
        match self.kind:
            case StepKind.FETCH_CUSTOMER:
                return "customer"
            case StepKind.SCREEN_POP:
                return f"pop {self.subject}"
            case _:
                return TICKET_LANE


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What should be under way now, when to look again at the latest, and whether the call is over for us."""

    steps: tuple[Step, ...]
    wake_at: datetime | None
    finished: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPolicy:
    """The settings that shape a call, fixed for it when it starts. Durations in seconds."""

    screen_pop_properties: list[str]
    screen_pop_deadline_s: int = 10
    grace_s: int = 5
    linger_s: int = 3600
    max_duration_s: int = 14400
    give_up_s: int = 86400
    http_timeout_s: float = 10
    recent_ticket_window_s: int = 300
    status_after_call: str = "open"
    account: str = "zendesk"


class CustomerData(StrEnum):
    """What is known of the caller's CRM record."""

    UNKNOWN = "unknown"
    READY = "ready"
    ABSENT = "absent"


class PopState(StrEnum):
    """How a screen pop ended, or that it has not."""

    PENDING = "pending"
    SHOWN = "shown"
    MISSED = "missed"
    REFUSED = "refused"
    NOT_NEEDED = "not_needed"


@dataclass(slots=True, kw_only=True)
class Pop:
    """The screen pop for one agent. `latency_ms`: gateway receipt to the vendor's answer to the first request."""

    agent: Agent
    received_at: datetime
    seen_at: datetime
    deadline: datetime
    state: str = PopState.PENDING
    latency_ms: int | None = None
    requests: int = 0
    had_ticket: bool = False
    had_customer: bool = False
    left_out: list[str] = field(default_factory=list)

    @property
    def patience_ends(self) -> datetime:
        """When the pop stops waiting for CRM data: 1.0 s after receipt, never later than 1.0 s after it was seen."""
        return min(self.received_at, self.seen_at) + timedelta(seconds=POP_PATIENCE_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the ticket was last told: outcome and the agents' keys."""

    outcome: str
    agents: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Why a person has to look: the cause by its name in `domain/errors.py`, the words, and since when."""

    cause: str
    text: str
    since: datetime


@dataclass(slots=True, kw_only=True)
class Call:
    """Everything the workflow remembers of its call."""

    call_id: str
    policy: CallPolicy
    opened_at: datetime
    generation: int = 1
    events: dict[str, CallEvent] = field(default_factory=dict)
    end_seen_at: datetime | None = None
    overheard: int = 0
    customer_data: str = CustomerData.UNKNOWN
    customer_record: dict[str, object] | None = None
    ticket: Ticket | None = None
    excluded: list[int] = field(default_factory=list)
    follows: int | None = None
    in_call_done: bool = False
    told: Told | None = None
    told_at: datetime | None = None
    corrections: int = 0
    correction_abandoned: bool = False
    key_number: int = 0
    pops: dict[str, Pop] = field(default_factory=dict)
    popped_before: list[str] = field(default_factory=list)
    attention: dict[str, Attention] = field(default_factory=dict)
    wanted_ticket: int | None = None
    """The ticket a person chose."""
    left: list[int] = field(default_factory=list)
    """Tickets a person took the call off."""
    ended_by_hand: bool = False

    @property
    def active(self) -> bool:
        """Ringing or talking: the end is neither known nor given up on."""
        return self.facts.completed is None and self.told is None

    @property
    def pop_open(self) -> bool:
        """Whether a screen pop may still become due."""
        return any(pop.state == PopState.PENDING for pop in self.pops.values())

    @property
    def label(self) -> str:
        """The call's name towards the vendor."""
        return call_label(self.call_id, self.generation)

    @property
    def facts(self) -> Facts:
        """What the events say, whatever their order."""
        return facts_of(self.events.values())

    @property
    def customer(self) -> Customer:
        """The caller, as far as the events name one."""
        return self.facts.customer

    @property
    def customer_pending(self) -> bool:
        """Whether there is a caller to look up in the CRM, and no answer of its yet."""
        return self.customer.known and self.customer_data == CustomerData.UNKNOWN

    @property
    def state(self) -> CallState:
        """Where the call is, by its events and by what the ticket was told."""
        facts, told = self.facts, self.told
        # An earlier run may have told the ticket of events that have not come again.
        if facts.completed is not None:
            answered = bool(facts.answers) or (told is not None and bool(told.agents))
            return CallState.COMPLETED if answered else CallState.MISSED
        if told is not None:
            return CallState(told.outcome)
        return CallState.IN_CALL if facts.answers else CallState.RINGING

    def record(self, event: CallEvent, now: datetime) -> bool:
        """Remember an event; False when it is known already. Nothing else happens here."""
        if event.key in self.events:
            return False
        # However many there are of one type, a call must hear of its end.
        if len(self.events) >= MAX_EVENTS and any(kept.type == event.type for kept in self.events.values()):
            self.overheard += 1
            return False
        self.events[event.key] = event
        if event.type == EventType.COMPLETED and self.end_seen_at is None:
            self.end_seen_at = now
        if event.type == EventType.ANSWERED:
            agent = event.agent or Agent()
            deadline = now + timedelta(seconds=self.policy.screen_pop_deadline_s)
            self.pops.setdefault(
                agent.key, Pop(agent=agent, received_at=event.received_at, seen_at=now, deadline=deadline)
            )
        return True

    def need_attention(self, subject: str, cause: str, text: str, now: datetime) -> None:
        """A person has to look at this step or request; since when is that of the first time."""
        known = self.attention.get(subject)
        self.attention[subject] = Attention(cause=cause, text=text, since=known.since if known else now)

    def settle(self, now: datetime) -> list[Pop]:
        """End the pops that no longer help (too late, call over, another agent has it) and return them."""
        current = self.facts.talking_to
        ended = []
        for key, pop in self.pops.items():
            if pop.state != PopState.PENDING:
                continue
            if not self.active or key != current or key in self.popped_before:
                pop.state = PopState.NOT_NEEDED
            elif now >= pop.deadline:
                pop.state = PopState.MISSED
            else:
                continue
            ended.append(pop)
        return ended

    def outcome(self, now: datetime) -> CallState | None:
        """What the final update says, once it is due: the stragglers had their time, or the end is overdue."""
        facts = self.facts
        if facts.completed is None:
            overdue = now >= self.opened_at + timedelta(seconds=self.policy.max_duration_s)
            return CallState.END_NOT_REPORTED if overdue or self.ended_by_hand else None
        whole = facts.started is not None and bool(facts.answers)
        assert self.end_seen_at is not None
        if whole or now >= self.end_seen_at + timedelta(seconds=self.policy.grace_s):
            return self.state
        return None

    def telling(self, outcome: CallState) -> Told:
        """What the ticket knows after an update sent now, with what it was told before."""
        known = self.told.agents if self.told is not None else []
        return Told(outcome=outcome, agents=list(dict.fromkeys([*known, *(a.key for a in self.facts.agents)])))

    def lingers_until(self) -> datetime | None:
        """When the call stops listening for late events; None before the final update."""
        if self.told is None or self.told_at is None:
            return None
        reported = self.facts.completed is not None
        seconds = self.policy.linger_s if reported else max(self.policy.linger_s, END_NOT_REPORTED_LINGER_S)
        return (self.end_seen_at or self.told_at) + timedelta(seconds=seconds)


def next_steps(call: Call, now: datetime) -> Decision:
    """Which steps should be under way now, from what is known alone. Call `settle` first.

    A step stays in the answer until its result is folded into the call, so a caller starts what is new,
    leaves what runs, and stops what is no longer named.
    """
    pops = tuple(_pop_steps(call, now))
    steps = tuple(s for s in (_customer_step(call, now), ticket_step(call, now)) if s) + pops
    linger = call.lingers_until()
    finished = linger is not None and now >= linger and not steps
    upcoming = [moment for moment in _moments(call, popping=bool(pops)) if moment > now]
    return Decision(steps=steps, wake_at=min(upcoming, default=None), finished=finished)


def _customer_step(call: Call, now: datetime) -> Step | None:
    if not call.customer_pending or not call.active:
        return None
    still_shown = not call.pops or any(_may_still_send(pop, now) for pop in call.pops.values())
    return Step(kind=StepKind.FETCH_CUSTOMER) if still_shown else None


def ticket_step(call: Call, now: datetime) -> Step | None:
    """The step that is due for the ticket; None when there is nothing to find or to write."""
    if call.told is not None:
        return _correction(call)
    outcome = call.outcome(now)
    if call.ticket is None:
        chosen = call.wanted_ticket is not None
        begun = call.facts.started is not None or call.customer.known or bool(call.excluded) or chosen
        return Step(kind=StepKind.CORRELATE, subject=str(len(call.excluded))) if begun or outcome else None
    if outcome is not None:
        return Step(kind=StepKind.FINAL_UPDATE)
    made_in_call = call.ticket.origin in (TicketOrigin.CREATED, TicketOrigin.FOLLOW_UP)
    if made_in_call or call.in_call_done or call.facts.completed is not None:
        return None
    return Step(kind=StepKind.SET_IN_CALL)


def _correction(call: Call) -> Step | None:
    assert call.told is not None
    if call.correction_abandoned or call.telling(call.state) == call.told:
        return None
    return Step(kind=StepKind.CORRECT, subject=str(call.corrections + 1))


def _pop_steps(call: Call, now: datetime) -> Iterator[Step]:
    customer_pending = call.customer_pending
    customer_ready = call.customer_data == CustomerData.READY
    for key, pop in call.pops.items():
        if not call.active or key != call.facts.talking_to or not _may_still_send(pop, now):
            continue
        if pop.state == PopState.PENDING:
            something = call.ticket is not None or customer_ready
            due = something and (not customer_pending or now >= pop.patience_ends)
        else:
            news = (call.ticket is not None and not pop.had_ticket) or (customer_ready and not pop.had_customer)
            due = news and call.ticket is not None and not customer_pending
        if due:
            yield Step(kind=StepKind.SCREEN_POP, subject=f"{key} {pop.requests + 1}")


def _may_still_send(pop: Pop, now: datetime) -> bool:
    open_ = pop.state == PopState.PENDING or (pop.state == PopState.SHOWN and pop.requests == 1)
    return open_ and now < pop.deadline


def _moments(call: Call, *, popping: bool) -> Iterator[datetime]:
    """Every moment at which time alone may change the decision; a pop that is under way has its own deadline."""
    if (linger := call.lingers_until()) is not None:
        yield linger
        return
    if call.end_seen_at is not None:
        if call.facts.started is None or not call.facts.answers:
            yield call.end_seen_at + timedelta(seconds=call.policy.grace_s)
    else:
        yield call.opened_at + timedelta(seconds=call.policy.max_duration_s)
        for pop in call.pops.values():
            if pop.state == PopState.PENDING and not popping:
                yield pop.patience_ends
                yield pop.deadline
            elif call.customer_pending and _may_still_send(pop, pop.seen_at):
                # The customer's record is of no use after it.
                yield pop.deadline
