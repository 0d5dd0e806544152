"""The strict twin of the help desk: stamps, idempotency keys, closed and deleted tickets, a search that lags."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workflows.domain.customer import Customer
from workflows.domain.ticket import IN_CALL, CallMetadata, NewTicket, TicketChange, TicketView

SEARCH_LAG = timedelta(seconds=60)


class Gone(Exception):
    """404."""


class Unprocessable(Exception):
    """422."""


class Conflict(Exception):
    """409: the stamp is not the ticket's."""


class BadKey(Exception):
    """400: the key is known with another body."""


@dataclass
class DeskTicket:
    """A ticket, with everything that was ever written on it."""

    id: int
    made_at: datetime
    external_id: str | None = None
    status: str = "open"
    custom_status: str | None = None
    revision: int = 1
    notes: list[str] = field(default_factory=list)
    metadata: list[CallMetadata] = field(default_factory=list)
    requester: Customer = field(default_factory=Customer)
    follows: int | None = None
    deleted: bool = False
    agent_status: str | None = None

    @property
    def lost(self) -> bool:
        """Whether nothing can be written to it any more."""
        return self.deleted or self.status == "closed"

    @property
    def view(self) -> TicketView:
        """As the port shows it; the revision stands in for the time of the last change."""
        return TicketView(
            id=self.id, status=self.status, custom_status=self.custom_status, updated_at=f"r{self.revision}"
        )

    @property
    def marks(self) -> list[str]:
        """The last line of every note."""
        return [note.rsplit("\n", maxsplit=1)[-1] for note in self.notes]


class Desk:
    """A help desk in memory. `patches` are screen pops that were shown: call, step, at once after the other."""

    def __init__(self) -> None:
        self.tickets: dict[int, DeskTicket] = {}
        self.keys: dict[str, tuple[NewTicket, int]] = {}
        self.patches: list[tuple[str, str]] = []

    def add(self, at: datetime, **fields: object) -> DeskTicket:
        """A ticket that was there before us."""
        ticket = DeskTicket(id=1001 + len(self.tickets), made_at=at, **fields)  # type: ignore[arg-type]
        self.tickets[ticket.id] = ticket
        return ticket

    def search(self, customer: Customer, excluded: Iterable[int], now: datetime) -> TicketView | None:
        """The latest open ticket of the customer that the index knows by now."""
        hits = [
            ticket
            for ticket in self._living()
            if ticket.status == "open"
            and ticket.id not in excluded
            and ticket.made_at + SEARCH_LAG <= now
            and _is_of(ticket, customer)
        ]
        return hits[-1].view if hits else None

    def read(self, ticket_id: int) -> TicketView | None:
        """The ticket, unless it is deleted."""
        ticket = self.tickets.get(ticket_id)
        return None if ticket is None or ticket.deleted else ticket.view

    def by_external_id(self, external_id: str, excluded: Iterable[int]) -> TicketView | None:
        """The latest ticket with it."""
        hits = [t for t in self._living() if t.external_id == external_id and t.id not in excluded]
        return hits[-1].view if hits else None

    def marks(self, ticket_id: int) -> list[str]:
        """Of a ticket that can be read; none of one that cannot."""
        ticket = self.tickets.get(ticket_id)
        return [] if ticket is None or ticket.deleted else ticket.marks

    def create(self, key: str, wanted: NewTicket, now: datetime) -> TicketView:
        """A ticket, once for its key. Raises `BadKey`."""
        if key in self.keys:
            body, ticket_id = self.keys[key]
            if body != wanted:
                raise BadKey
            return self.tickets[ticket_id].view
        made = self.add(
            now,
            external_id=wanted.external_id,
            custom_status=IN_CALL if wanted.in_call and not wanted.plain else None,
            notes=[wanted.comment],
            requester=Customer(email=wanted.requester_email, phone=wanted.requester_phone),
            follows=wanted.follows,
        )
        self.keys[key] = wanted, made.id
        return made.view

    def update(self, ticket_id: int, change: TicketChange, *, with_status: bool) -> TicketView:
        """Write one update. Raises `Gone`, `Unprocessable` or `Conflict`."""
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.deleted:
            raise Gone
        if ticket.status == "closed":
            raise Unprocessable
        if change.stamp is not None and change.stamp != ticket.view.updated_at:
            raise Conflict
        if change.status is not None and with_status:
            ticket.status, ticket.custom_status = change.status, IN_CALL if change.in_call else None
            ticket.agent_status = None
        ticket.notes += [change.note] if change.note else []
        ticket.metadata += [change.metadata] if change.metadata else []
        ticket.revision += 1
        return ticket.view

    def patch(self, call_id: str, step: str) -> bool:
        """Show a screen pop."""
        self.patches.append((call_id, step))
        return True

    def written_by_agent(self, ticket: DeskTicket, status: str) -> None:
        """Somebody at the help desk sets a status."""
        ticket.status, ticket.custom_status, ticket.agent_status = status, None, status
        ticket.revision += 1

    def _living(self) -> list[DeskTicket]:
        return [ticket for ticket in self.tickets.values() if not ticket.deleted]


def _is_of(ticket: DeskTicket, customer: Customer) -> bool:
    if customer.email is not None:
        return ticket.requester.email == customer.email
    return customer.phone is not None and ticket.requester.phone == customer.phone
