"""The port `HelpDesk` on Zendesk's `guide` dialect: one method, one vendor request, at most once an attempt."""

from collections.abc import Callable
from typing import TypeVar

from temporalio import activity

from activities.bearers import Bearers
from activities.failures import detail_of
from activities.postgres.attempts import Attempt, Attempts
from activities.screen_pop import ScreenPops
from activities.ticket_shapes import create_request, first, last_line, update_request, view
from activities.tokens import TokenSource
from activities.turn import DONE, Turn, Turns, attempt_of, outcome_of, written
from activities.zendesk import guide
from activities.zendesk.client import ZendeskClient
from activities.zendesk.errors import BadRequest, Conflict, Misconfigured, NotFound, Unprocessable, VendorError
from activities.zendesk.message import Answer, Request
from workflows.domain.call import CallPolicy
from workflows.domain.ticket import TicketView, call_label
from workflows.ports import (
    CallPatched,
    CallRef,
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

T = TypeVar("T")
MAX_COMMENT_PAGES = 10
_NOT_OPEN = ("solved", "closed")


class ZendeskHelpDesk(HelpDesk):
    """One per process. `policy` gives the recent-ticket window and how long a call holds its ticket at most."""

    def __init__(self, client: ZendeskClient, tokens: TokenSource, attempts: Attempts, policy: CallPolicy) -> None:
        self._client = client
        self._attempts = attempts
        self._policy = policy
        self._turns = Turns(Bearers(tokens))
        self._pops = ScreenPops(client, attempts, self._turns)

    async def close(self) -> None:
        """Let rows that are still to be written be written, for a moment."""
        await self._pops.close()

    @activity.defn
    async def search_tickets(self, command: SearchTickets) -> TicketFound:
        """The most recently updated open ticket of the customer."""
        try:
            request = guide.search(email=command.customer.email, phone=command.customer.phone)
        except guide.Unsearchable as error:
            return TicketFound(ticket=None, attempts=activity.info().attempt, detail=str(error))

        def read(answer: Answer) -> TicketView | None:
            return first([t for t in guide.found(answer, "results") if t.status not in _NOT_OPEN], command.excluded)

        return await self._find(command.ref, request, read, kind="search", nothing=(Unprocessable,))

    @activity.defn
    async def read_ticket(self, command: ReadTicket) -> TicketFound:
        """The ticket as it stands."""

        def read(answer: Answer) -> TicketView | None:
            return view(guide.one_ticket(answer, command.ticket_id))

        # A call that gave up its ticket for "refused" would leave it In-Call and make another.
        nothing = (NotFound,) if command.ours else (NotFound, Unprocessable)
        return await self._find(command.ref, guide.read(command.ticket_id), read, kind="read", nothing=nothing)

    @activity.defn
    async def find_by_external_id(self, command: FindByExternalId) -> TicketFound:
        """The ticket with that external id."""

        def read(answer: Answer) -> TicketView | None:
            tickets = guide.found(answer, "tickets")
            return first([t for t in tickets if t.external_id in (None, command.external_id)], command.excluded)

        # What a create may have made is looked for here: an answer that is no answer must not pass for "none".
        return await self._find(command.ref, guide.find_by_external_id(command.external_id), read, kind="read")

    @activity.defn
    async def list_comments(self, command: ListComments) -> CommentsListed:
        """Which marks of ours stand on the ticket: a mark counts as the last line of a comment only."""
        found: set[str] = set()
        page: int | None = 1
        complete, gone = True, False
        async with self._turns.take("list_comments", "read") as turn:
            try:
                while page is not None and page <= MAX_COMMENT_PAGES and not found.issuperset(command.marks):
                    listed = await self._comments(turn, command, page)
                    found |= {last_line(body) for body in listed.bodies} & set(command.marks)
                    page, complete = listed.next_page, listed.whole
            except NotFound:
                # The ticket is gone, or its comments alone are out of sight: only the ticket itself can tell.
                complete, gone = False, True
            except Unprocessable:
                complete = False
        marks = [mark for mark in command.marks if mark in found]
        whole = complete and page is None
        return CommentsListed(found=marks, complete=whole, gone=gone, attempts=activity.info().attempt)

    @activity.defn
    async def create_ticket(self, command: CreateTicket) -> TicketCreated:
        """Create a ticket, once per key, unless a matching call has one by now."""
        number = activity.info().attempt
        label = call_label(command.ref.call_id, command.ref.generation)
        key = f"talkbridge-{label}-{command.key_number}"
        request = create_request(command.ticket, key)
        async with self._turns.take("create_ticket", "create") as turn, self._client.slot():
            attempt = attempt_of(command.ref, request)
            permit = await self._attempts.begin_create(
                attempt,
                key=key,
                excluded=command.excluded,
                window_s=self._policy.recent_ticket_window_s,
                looked_until=command.looked_until,
            )
            if permit.joined_ticket_id is not None:
                ticket = TicketView(id=permit.joined_ticket_id)
                return TicketCreated(result=CreateResult.JOINED, ticket=ticket, attempts=number)
            if permit.attempt_id is None:
                unknown = CreateResult.OUTCOME_UNKNOWN
                return TicketCreated(result=unknown, unknown_until=permit.unknown_until, attempts=number)
            try:
                status, made = await self._send(turn, request, attempt, permit.attempt_id, guide.one_ticket)
            except (BadRequest, Unprocessable) as error:
                conflict = isinstance(error, BadRequest)
                result = CreateResult.KEY_CONFLICT if conflict else CreateResult.REFUSED
                return TicketCreated(result=result, attempts=number, detail=detail_of(error, turn.request))
            await written(
                self._attempts.end_create(
                    permit.attempt_id,
                    http_status=status,
                    ticket_id=made.id,
                    max_duration_s=self._policy.max_duration_s,
                ),
                request_id=attempt.request_id,
            )
        return TicketCreated(result=CreateResult.CREATED, ticket=view(made), attempts=number)

    @activity.defn
    async def update_ticket(self, command: UpdateTicket) -> TicketUpdated:
        """Update a ticket, its note once."""
        number, change = activity.info().attempt, command.change
        async with self._turns.take("update_ticket", "update") as turn, self._client.slot():
            attempt = attempt_of(command.ref, update_request(command.ticket_id, change))
            permit = await self._attempts.begin_update(
                attempt,
                ticket_id=command.ticket_id,
                final=command.final,
                note=change.note is not None,
                looked_until=command.looked_until,
                max_duration_s=self._policy.max_duration_s,
                outcome=change.metadata.outcome if command.final and change.metadata else None,
            )
            if permit.attempt_id is None:
                unknown = UpdateResult.OUTCOME_UNKNOWN
                return TicketUpdated(result=unknown, unknown_until=permit.unknown_until, attempts=number)
            request = update_request(command.ticket_id, change, with_status=permit.send_status)

            def read(answer: Answer) -> guide.Ticket:
                return guide.one_ticket(answer, command.ticket_id)

            try:
                status, changed = await self._send(turn, request, attempt, permit.attempt_id, read)
            except (NotFound, Conflict, Unprocessable) as error:
                result = _REFUSALS[type(error)]
                return TicketUpdated(result=result, attempts=number, detail=detail_of(error, turn.request))
            await self._done(permit.attempt_id, status, attempt)
        with_status = permit.send_status and change.status is not None
        updated = UpdateResult.UPDATED
        return TicketUpdated(result=updated, ticket=view(changed), with_status=with_status, attempts=number)

    @activity.defn
    async def patch_call(self, command: PatchCall) -> CallPatched:
        """Push the screen pop."""
        return await self._pops.show(command)

    async def _find(
        self,
        ref: CallRef,
        request: Request,
        read: Callable[[Answer], TicketView | None],
        *,
        kind: str,
        nothing: tuple[type[VendorError], ...] = (),
    ) -> TicketFound:
        """`nothing`: the refusals that mean that there is no such ticket."""
        name, number = activity.info().activity_type, activity.info().attempt
        async with self._turns.take(name, kind) as turn, self._client.slot():
            try:
                ticket = await self._look(turn, ref, request, read)
            except (NotFound, Unprocessable) as error:
                if not isinstance(error, nothing):
                    raise Misconfigured(str(error), status=error.status, vendor_text=error.vendor_text) from None
                return TicketFound(ticket=None, attempts=number, detail=detail_of(error, name))
        return TicketFound(ticket=ticket, attempts=number)

    async def _comments(self, turn: Turn, command: ListComments, page: int) -> guide.Comments:
        request = guide.list_comments(command.ticket_id, page)
        async with self._client.slot():
            return await self._look(turn, command.ref, request, lambda answer: guide.comments(answer, page))

    async def _look(self, turn: Turn, ref: CallRef, request: Request, read: Callable[[Answer], T]) -> T:
        """A request that changes nothing: its row, its answer, its outcome."""
        attempt = attempt_of(ref, request)
        attempt_id = await self._attempts.begin(attempt)
        status, value = await self._send(turn, request, attempt, attempt_id, read)
        await self._done(attempt_id, status, attempt)
        return value

    async def _send(
        self, turn: Turn, request: Request, attempt: Attempt, attempt_id: int, read: Callable[[Answer], T]
    ) -> tuple[int, T]:
        """Send what the ledger permitted; a failure's outcome is written here, a success's by the caller."""
        timeout_s = turn.left.fitting(self._client.timeout_s)
        sending = self._client.send(
            request,
            bearer=turn.bearer.token,
            request_id=attempt.request_id,
            timeout_s=timeout_s,
            before_send=turn.left.before_sending(timeout_s),
        )
        try:
            return await turn.exchange(sending, read)
        except VendorError as error:
            outcome = outcome_of(error)
            ending = self._attempts.end(attempt_id, http_status=error.status, outcome=outcome)
            await written(ending, request_id=attempt.request_id)
            raise

    async def _done(self, attempt_id: int, status: int, attempt: Attempt) -> None:
        ending = self._attempts.end(attempt_id, http_status=status, outcome=DONE)
        await written(ending, request_id=attempt.request_id)


_REFUSALS: dict[type[VendorError], UpdateResult] = {
    NotFound: UpdateResult.GONE,
    Conflict: UpdateResult.CONFLICT,
    Unprocessable: UpdateResult.REFUSED,
}
