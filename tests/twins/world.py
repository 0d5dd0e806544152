"""What the in-memory twins share: tickets, records, what was asked of them, and what a test may break."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from temporalio.exceptions import ApplicationError

from workflows.domain.call import CallPolicy
from workflows.domain.customer import Customer
from workflows.domain.errors import Failure
from workflows.domain.ticket import NewTicket, TicketView
from workflows.domain.token import Alert, TokenExchanged
from workflows.ports import CallRef, KeepMend, SaveCall, TicketOfOthers, UpdateTicket

SCOPES = ["talk:read_all", "tickets:read_all", "tickets:write"]

PropertyValue = str | int | float | bool


@dataclass
class TwinTicket:
    """A ticket of the twin help desk."""

    id: int
    external_id: str | None = None
    status: str = "open"
    custom_status: str | None = None
    revision: int = 1
    comments: list[str] = field(default_factory=list)
    metadata: list[object] = field(default_factory=list)
    requester: Customer = field(default_factory=Customer)
    follows: int | None = None

    @property
    def view(self) -> TicketView:
        """The ticket as the port shows it; the revision stands in for the time of the last change."""
        return TicketView(
            id=self.id, status=self.status, custom_status=self.custom_status, updated_at=f"r{self.revision}"
        )

    @property
    def marks(self) -> list[str]:
        """The last line of every comment."""
        return [comment.rsplit("\n", maxsplit=1)[-1] for comment in self.comments]

    def written_by_agent(self, **fields: object) -> None:
        """Somebody at the help desk changes the ticket."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.revision += 1

    def take(self, command: UpdateTicket) -> None:
        """Write one update of ours."""
        change = command.change
        if change.status is not None:
            self.status, self.custom_status = change.status, "In-Call" if change.in_call else None
        self.comments += [change.note] if change.note else []
        self.metadata += [change.metadata] if change.metadata else []
        self.revision += 1


@dataclass
class World:
    """What the twins share, and what a test may look at or break.

    `answers` are results to give instead of acting, by request name, each used once; `acted <result>` acts first.
    `held` are requests that hang until the event is set. `before` is called with each request's name, and may raise.
    """

    policy: CallPolicy = field(
        default_factory=lambda: CallPolicy(screen_pop_properties=["crm_customer_id", "account_status"])
    )
    tickets: dict[int, TwinTicket] = field(default_factory=dict)
    last_ticket_id: int = 1000
    records: dict[str, dict[str, PropertyValue]] = field(default_factory=dict)
    recent: TicketOfOthers = field(default_factory=TicketOfOthers)
    pops: list[tuple[str, dict[str, PropertyValue]]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    by_call: dict[str, Counter[str]] = field(default_factory=dict)
    created: list[NewTicket] = field(default_factory=list)
    updates: list[UpdateTicket] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    saved: dict[tuple[str, int], SaveCall] = field(default_factory=dict)
    mends: dict[str, KeepMend] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    alerted_at: dict[str, datetime] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _: None
    answers: dict[str, list[str]] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    at_once: Counter[str] = field(default_factory=Counter)
    most_at_once: Counter[str] = field(default_factory=Counter)
    granted: list[str] = field(default_factory=lambda: list(SCOPES))
    token_life_s: int = 3600
    token: TokenExchanged | None = None
    exchanged_at: list[datetime] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        """Requests by name."""
        return Counter(self.requests)

    def shape(self, **settings: object) -> None:
        """Change settings of the calls that start from now on."""
        self.policy = replace(self.policy, **settings)  # type: ignore[arg-type]

    async def asked(self, name: str, ref: CallRef | None = None) -> str | None:
        """Note a request; the scripted result, if there is one."""
        self.requests.append(name)
        if ref is not None:
            self.by_call.setdefault(ref.call_id, Counter())[name] += 1
        await self.meet(name)
        scripted = self.answers.get(name)
        return scripted.pop(0) if scripted else None

    async def meet(self, name: str) -> None:
        """Hang or break as the test wants it."""
        self.at_once[name] += 1
        self.most_at_once[name] = max(self.most_at_once[name], self.at_once[name])
        try:
            if (held := self.held.get(name)) is not None:
                await held.wait()
            self.before(name)
        finally:
            self.at_once[name] -= 1

    def hold(self, name: str) -> asyncio.Event:
        """Let requests of that name hang until the event is set."""
        self.held[name] = asyncio.Event()
        return self.held[name]

    def add_ticket(self, **fields: object) -> TwinTicket:
        """A ticket with the next id."""
        self.last_ticket_id += 1
        ticket = TwinTicket(id=self.last_ticket_id, **fields)  # type: ignore[arg-type]
        self.tickets[ticket.id] = ticket
        return ticket


def failing(name: str, times: int, error: Exception | None = None) -> Callable[[str], None]:
    """A `World.before` that fails the first `times` requests of that name: the vendor is out of reach, or `error`."""
    left = [times]

    def before(request: str) -> None:
        if request == name and left[0] > 0:
            left[0] -= 1
            raise error or ApplicationError(f"{name} is broken", type=Failure.UNAVAILABLE)

    return before
