"""What one call was told, and what must have come of it: said anew here, without the product's own rules."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workflows.domain.customer import Customer
from workflows.domain.events import Agent, CallEvent, EventType

STARTED, ANSWERED, COMPLETED = EventType.STARTED, EventType.ANSWERED, EventType.COMPLETED
SMITH, JONES = Agent(id="a-1", name="Agent Smith"), Agent(id="a-2", name="Agent Jones")
_OFFSETS_S = {STARTED: 0, ANSWERED: 8, COMPLETED: 95}
_TRANSFER_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the ticket must have been told of a call in the end. Moments as the ticket shows them."""

    outcome: str
    agent_id: str | None
    answered_at: str | None
    ended_at: str | None


@dataclass(kw_only=True)
class Story:
    """One call: who calls, and which of its webhooks were acknowledged. `named`: the ticket its events may name.

    `known_at`: when it began, if its first webhook named the caller.
    `restored` counts runs that began anew or were reset, `retold` those of them whose ticket knew the end already.
    """

    call_id: str
    customer: Customer
    begun: datetime
    named: int | None = None
    heard: dict[tuple[str, str], CallEvent] = field(default_factory=dict)
    known_at: datetime | None = None
    ever_named: bool = False
    restored: int = 0
    retold: int = 0

    def event(
        self, kind: EventType, now: datetime, *, agent: Agent | None, caller: bool, named: bool, own_id: bool
    ) -> CallEvent:
        """A webhook of this call that is received now; what it tells happened when it did, however late it comes."""
        offset_s = _TRANSFER_S if agent == JONES else _OFFSETS_S[kind]
        return CallEvent(
            type=kind,
            occurred_at=self.begun + timedelta(seconds=offset_s),
            received_at=now,
            event_id=f"{kind}-{agent.id if agent else ''}" if own_id else None,
            customer=self.customer if caller else Customer(),
            agent=agent,
            ticket_id=self.named if named else None,
        )

    def hear(self, event: CallEvent, now: datetime) -> None:
        """It was acknowledged."""
        agent = event.agent.id if event.agent and event.agent.id else ""
        if not self.heard:
            self.known_at = now if event.customer.known else None
        self.heard.setdefault((event.type, event.event_id or agent), event)
        self.ever_named = self.ever_named or event.ticket_id is not None

    @property
    def agents(self) -> list[str]:
        """The agents who answered, in the order they did."""
        answers = sorted((e for e in self.heard.values() if e.type == ANSWERED), key=lambda e: e.occurred_at)
        return list(dict.fromkeys(e.agent.id for e in answers if e.agent and e.agent.id))

    @property
    def ended(self) -> bool:
        """Whether a `completed` was acknowledged."""
        return self._moment(COMPLETED) is not None

    @property
    def state(self) -> str:
        """What the call must say of itself before its end is given up on."""
        if self.ended:
            return "completed" if self.agents else "missed"
        return "in_call" if self.agents else "ringing"

    @property
    def wanted(self) -> Wanted:
        """What the ticket must say when everything is over."""
        return Wanted(
            outcome=self.state if self.ended else "end_not_reported",
            agent_id=self.agents[-1] if self.agents else None,
            answered_at=self._moment(ANSWERED),
            ended_at=self._moment(COMPLETED),
        )

    def _moment(self, kind: EventType) -> str | None:
        moments = [e.occurred_at for e in self.heard.values() if e.type == kind]
        return min(moments).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moments else None


def matching(one: Story, other: Story) -> bool:
    """Whether both calls are of one customer."""
    mine, theirs = one.customer, other.customer
    if mine.email and mine.email == theirs.email:
        return True
    return bool(mine.phone) and mine.phone == theirs.phone and not (mine.email and theirs.email)
