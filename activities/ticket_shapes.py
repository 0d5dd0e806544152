"""Between the call's words for a ticket and the `guide` dialect's."""

from collections.abc import Sequence

from activities.zendesk import guide
from activities.zendesk.message import Request
from workflows.domain.ticket import IN_CALL, IN_CALL_STATUS, NewTicket, TicketChange, TicketView


def create_request(ticket: NewTicket, key: str) -> Request:
    """A new ticket; a plain one has subject, comment, requester name and external id only."""
    rich = not ticket.plain
    return guide.create(
        key=key,
        subject=ticket.subject,
        comment=ticket.comment,
        requester=guide.Requester(
            # A longer one would be refused, in the plain form as well, and the call have no ticket.
            name=ticket.requester_name[: guide.LONGEST_TEXT],
            email=ticket.requester_email if rich else None,
            phone=ticket.requester_phone if rich else None,
        ),
        external_id=ticket.external_id,
        status=IN_CALL_STATUS if rich else None,
        custom_status=IN_CALL if rich and ticket.in_call else None,
        tags=ticket.tags if rich else (),
        follows=ticket.follows,
    )


def update_request(ticket_id: int, change: TicketChange, *, with_status: bool = True) -> Request:
    """An update, without its status when that is not to be sent."""
    metadata = None
    if change.metadata is not None:
        fields = {name: getattr(change.metadata, name) for name in change.metadata.__slots__}
        metadata = {name.rstrip("_"): value for name, value in fields.items()}
    return guide.update(
        ticket_id,
        status=change.status if with_status else None,
        custom_status=IN_CALL if change.in_call else None,
        comment=change.note,
        metadata=metadata,
        stamp=change.stamp,
    )


def view(ticket: guide.Ticket) -> TicketView:
    """The ticket as the workflow sees it."""
    return TicketView(
        id=ticket.id, status=ticket.status, custom_status=ticket.custom_status, updated_at=ticket.updated_at
    )


def first(tickets: Sequence[guide.Ticket], excluded: Sequence[int]) -> TicketView | None:
    """The first that is not excluded."""
    return next((view(ticket) for ticket in tickets if ticket.id not in excluded), None)


def last_line(body: str) -> str:
    """Where a comment of ours has its mark."""
    lines = body.rstrip().splitlines()
    return lines[-1].strip() if lines else ""
