"""In-memory twins of the ports: a help desk, a CRM, a ledger and a credential store that work, without a network."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from workflows.domain.call import CallPolicy
from workflows.domain.customer import Customer
from workflows.domain.errors import Failure
from workflows.domain.ticket import TicketView
from workflows.domain.token import Alert, ExchangeResult, TokenExchanged
from workflows.ports import (
    CallOpened,
    CallPatched,
    CommentsListed,
    CreateResult,
    CreateTicket,
    Credentials,
    Crm,
    CustomerFetched,
    ExchangeToken,
    FetchCustomer,
    FindByExternalId,
    FindTicket,
    HelpDesk,
    Ledger,
    ListComments,
    OpenCall,
    PatchCall,
    ReadTicket,
    SaveCall,
    SearchTickets,
    TicketCreated,
    TicketFound,
    TicketOfOthers,
    TicketUpdated,
    UpdateResult,
    UpdateTicket,
)

SCOPES = ["talk:read_all", "tickets:read_all", "tickets:write"]


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


@dataclass
class World:
    """What the twins share, and what a test may look at or break."""

    policy: CallPolicy = field(
        default_factory=lambda: CallPolicy(screen_pop_properties=["crm_customer_id", "account_status"])
    )
    tickets: dict[int, TwinTicket] = field(default_factory=dict)
    records: dict[str, dict[str, str | int | float | bool]] = field(default_factory=dict)
    pops: list[tuple[str, dict[str, str | int | float | bool]]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    saved: dict[tuple[str, int], SaveCall] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None
    """Called with each request's name before it acts; may raise."""
    answers: dict[str, list[str]] = field(default_factory=dict)
    """Results to give instead, by request name: each is used once."""
    granted: list[str] = field(default_factory=lambda: list(SCOPES))
    token_life_s: int = 3600
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def counts(self) -> Counter[str]:
        """Requests by name."""
        return Counter(self.requests)

    def asked(self, name: str) -> str | None:
        """Note a request; the scripted result, if there is one."""
        self.requests.append(name)
        self.before(name)
        scripted = self.answers.get(name)
        return scripted.pop(0) if scripted else None

    def add_ticket(self, **fields: object) -> TwinTicket:
        """A ticket with the next id."""
        ticket = TwinTicket(id=1001 + len(self.tickets), **fields)  # type: ignore[arg-type]
        self.tickets[ticket.id] = ticket
        return ticket


class TwinHelpDesk(HelpDesk):
    """A help desk in memory."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn
    async def search_tickets(self, command: SearchTickets) -> TicketFound:
        self._world.asked("search_tickets")
        hits = [
            ticket
            for ticket in self._world.tickets.values()
            if ticket.id not in command.excluded
            and ticket.status == "open"
            and command.customer.email in (ticket.requester.email, None)
            and command.customer.phone in (ticket.requester.phone, None)
        ]
        return TicketFound(ticket=hits[-1].view if hits else None)

    @activity.defn
    async def read_ticket(self, command: ReadTicket) -> TicketFound:
        self._world.asked("read_ticket")
        ticket = self._world.tickets.get(command.ticket_id)
        return TicketFound(ticket=ticket.view if ticket else None)

    @activity.defn
    async def find_by_external_id(self, command: FindByExternalId) -> TicketFound:
        self._world.asked("find_by_external_id")
        hits = [t for t in self._world.tickets.values() if t.external_id == command.external_id]
        return TicketFound(ticket=hits[-1].view if hits else None)

    @activity.defn
    async def list_comments(self, command: ListComments) -> CommentsListed:
        answer = self._world.asked("list_comments")
        comments = self._world.tickets[command.ticket_id].comments
        found = [mark for mark in command.marks if any(comment.endswith(mark) for comment in comments)]
        return CommentsListed(found=found if answer is None else [], complete=answer is None)

    @activity.defn
    async def create_ticket(self, command: CreateTicket) -> TicketCreated:
        answer = self._world.asked("create_ticket")
        if answer is not None:
            return TicketCreated(result=answer, unknown_until=1, detail="scripted")
        ticket = self._world.add_ticket(
            external_id=command.ticket.external_id,
            custom_status="In-Call" if command.ticket.in_call else None,
            comments=[command.ticket.comment],
            requester=Customer(email=command.ticket.requester_email, phone=command.ticket.requester_phone),
            follows=command.ticket.follows,
        )
        return TicketCreated(result=CreateResult.CREATED, ticket=ticket.view)

    @activity.defn
    async def update_ticket(self, command: UpdateTicket) -> TicketUpdated:
        answer = self._world.asked("update_ticket")
        ticket = self._world.tickets.get(command.ticket_id)
        change = command.change
        if answer is not None:
            return TicketUpdated(result=answer, unknown_until=1, detail="scripted")
        if ticket is None:
            return TicketUpdated(result=UpdateResult.GONE)
        if ticket.status == "closed":
            return TicketUpdated(result=UpdateResult.REFUSED, detail="closed")
        if change.stamp is not None and change.stamp != f"r{ticket.revision}":
            return TicketUpdated(result=UpdateResult.CONFLICT)
        if change.status is not None:
            ticket.status, ticket.custom_status = change.status, "In-Call" if change.in_call else None
        ticket.comments += [change.note] if change.note else []
        ticket.metadata += [change.metadata] if change.metadata else []
        ticket.revision += 1
        return TicketUpdated(result=UpdateResult.UPDATED, ticket=ticket.view, with_status=change.status is not None)

    @activity.defn
    async def patch_call(self, command: PatchCall) -> CallPatched:
        answer = self._world.asked("patch_call")
        if answer is not None:
            return CallPatched(shown_at=None, refused=answer == "refused", fallback=answer == "fallback", detail=answer)
        self._world.pops.append((command.ref.call_id, command.properties))
        return CallPatched(shown_at=self._world.now())


class TwinCrm(Crm):
    """A customer database in memory, by phone or email."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn
    async def fetch_customer(self, command: FetchCustomer) -> CustomerFetched:
        self._world.asked("fetch_customer")
        record = self._world.records.get(command.customer.email or command.customer.phone or "")
        return CustomerFetched(record=record)


class TwinLedger(Ledger):
    """A ledger in memory that knows one call at a time; matching is the real ledger's business."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn
    async def call_policy(self) -> CallPolicy:
        return self._world.policy

    @activity.defn
    async def open_call(self, command: OpenCall) -> CallOpened:
        self._world.before("open_call")
        known = self._world.saved.get((command.call_id, 1))
        return CallOpened(
            generation=1,
            policy=self._world.policy,
            memory=known.memory if known else None,
            version=known.version if known else 0,
            others=None if known else TicketOfOthers(),
        )

    @activity.defn
    async def find_ticket(self, command: FindTicket) -> TicketOfOthers:
        self._world.before("find_ticket")
        return TicketOfOthers()

    @activity.defn
    async def await_ticket(self, command: FindTicket) -> TicketOfOthers:
        return TicketOfOthers()

    @activity.defn
    async def save_call(self, command: SaveCall) -> None:
        self._world.before("save_call")
        key = (command.call_id, command.generation)
        if key not in self._world.saved or self._world.saved[key].version < command.version:
            self._world.saved[key] = command


class TwinCredentials(Credentials):
    """A credential store in memory."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stored: TokenExchanged | None = None

    @activity.defn
    async def exchange_token(self, command: ExchangeToken) -> TokenExchanged:
        if self._stored is not None and self._stored.version > command.known_version:
            return self._stored
        answer = self._world.asked("exchange_token")
        if answer is not None:
            return TokenExchanged(result=answer, detail="scripted")
        now = activity.info().current_attempt_scheduled_time
        self._stored = TokenExchanged(
            result=ExchangeResult.STORED,
            version=command.known_version + 1,
            obtained_at=now,
            expires_at=now + timedelta(seconds=self._world.token_life_s),
            scopes=[scope for scope in command.scopes if scope in self._world.granted],
        )
        return replace(self._stored)

    @activity.defn
    async def post_alert(self, alert: Alert) -> bool:
        self._world.alerts.append(alert)
        return True


def failing(name: str, times: int, kind: Failure = Failure.UNAVAILABLE) -> Callable[[str], None]:
    """A `World.before` that fails the first `times` requests of that name."""
    left = [times]

    def before(request: str) -> None:
        if request == name and left[0] > 0:
            left[0] -= 1
            raise ApplicationError(f"{name} is broken", type=kind)

    return before
