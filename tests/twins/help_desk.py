"""The in-memory twin of the help desk: tickets that keep stamps, comments and metadata, and a live call."""

from temporalio import activity

from tests.twins.world import TwinTicket, World
from workflows.domain.customer import Customer
from workflows.domain.ticket import IN_CALL, TicketView
from workflows.ports import (
    CallPatched,
    CommentsListed,
    CreateResult,
    CreateTicket,
    FindByExternalId,
    HelpDesk,
    ListComments,
    PatchCall,
    ReadTicket,
    SearchTickets,
    TicketCreated,
    TicketFound,
    TicketUpdated,
    UpdateResult,
    UpdateTicket,
)

_ACTED = "acted "


class TwinHelpDesk(HelpDesk):
    """A help desk in memory."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn
    async def search_tickets(self, command: SearchTickets) -> TicketFound:
        await self._world.asked("search_tickets", command.ref)
        hits = [
            ticket
            for ticket in self._world.tickets.values()
            if ticket.id not in command.excluded and ticket.status == "open" and _is_of(ticket, command.customer)
        ]
        return TicketFound(ticket=hits[-1].view if hits else None)

    @activity.defn
    async def read_ticket(self, command: ReadTicket) -> TicketFound:
        await self._world.asked("read_ticket", command.ref)
        ticket = self._world.tickets.get(command.ticket_id)
        return TicketFound(ticket=ticket.view if ticket else None)

    @activity.defn
    async def find_by_external_id(self, command: FindByExternalId) -> TicketFound:
        await self._world.asked("find_by_external_id", command.ref)
        hits = [t for t in self._world.tickets.values() if t.external_id == command.external_id]
        return TicketFound(ticket=hits[-1].view if hits else None)

    @activity.defn
    async def list_comments(self, command: ListComments) -> CommentsListed:
        answer = await self._world.asked("list_comments", command.ref)
        if answer == "gone" or command.ticket_id not in self._world.tickets:
            return CommentsListed(found=[], complete=False, gone=True)
        marks = self._world.tickets[command.ticket_id].marks
        found = [mark for mark in command.marks if mark in marks]
        return CommentsListed(found=found if answer is None else [], complete=answer is None)

    @activity.defn
    async def create_ticket(self, command: CreateTicket) -> TicketCreated:
        answer = await self._world.asked("create_ticket", command.ref)
        self._world.created.append(command.ticket)
        self._world.keys.append(command.key_number)
        ticket = self._create(command) if answer is None or answer.startswith(_ACTED) else None
        if answer is None:
            return TicketCreated(result=CreateResult.CREATED, ticket=ticket)
        if answer == CreateResult.JOINED:
            ticket = next(reversed(self._world.tickets.values())).view
        return TicketCreated(result=answer.removeprefix(_ACTED), ticket=ticket, unknown_until=1, detail="scripted")

    @activity.defn
    async def update_ticket(self, command: UpdateTicket) -> TicketUpdated:
        answer = await self._world.asked("update_ticket", command.ref)
        self._world.updates.append(command)
        if answer is None:
            return self._update(command)
        if answer.startswith(_ACTED):
            self._update(command)
        return TicketUpdated(result=answer.removeprefix(_ACTED), unknown_until=1, detail="scripted")

    @activity.defn
    async def patch_call(self, command: PatchCall) -> CallPatched:
        answer = await self._world.asked("patch_call", command.ref)
        if answer is not None:
            return CallPatched(shown_at=None, refused=answer == "refused", fallback=answer == "fallback", detail=answer)
        self._world.pops.append((command.ref.call_id, command.properties))
        return CallPatched(shown_at=activity.info().started_time)

    def _create(self, command: CreateTicket) -> TicketView:
        wanted = command.ticket
        made = self._world.add_ticket(
            external_id=wanted.external_id,
            custom_status=IN_CALL if wanted.in_call else None,
            comments=[wanted.comment],
            requester=Customer(email=wanted.requester_email, phone=wanted.requester_phone),
            follows=wanted.follows,
        )
        return made.view

    def _update(self, command: UpdateTicket) -> TicketUpdated:
        ticket, change = self._world.tickets.get(command.ticket_id), command.change
        if ticket is None:
            return TicketUpdated(result=UpdateResult.GONE)
        if ticket.status == "closed":
            return TicketUpdated(result=UpdateResult.REFUSED, detail="closed")
        if change.stamp is not None and change.stamp != ticket.view.updated_at:
            return TicketUpdated(result=UpdateResult.CONFLICT)
        ticket.take(command)
        return TicketUpdated(result=UpdateResult.UPDATED, ticket=ticket.view, with_status=change.status is not None)


def _is_of(ticket: TwinTicket, customer: Customer) -> bool:
    by_email, requester = customer.email is not None, ticket.requester
    return requester.email == customer.email if by_email else requester.phone == customer.phone
