"""One ticket for a call: find or create it, and write to it without undoing anybody else's work."""

from dataclasses import dataclass, replace
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.domain.call import Call, CallState
    from workflows.domain.customer import Customer
    from workflows.domain.status import StepState
    from workflows.domain.ticket import (
        IN_CALL,
        IN_CALL_STATUS,
        CallMetadata,
        NewTicket,
        Ticket,
        TicketChange,
        TicketOrigin,
        TicketView,
        mark,
        metadata_of,
        note_of,
        opening_comment,
        status_may_be_sent,
        subject_of,
    )
    from workflows.ports import (
        CallRef,
        CreateResult,
        CreateTicket,
        FindByExternalId,
        FindTicket,
        HelpDesk,
        Ledger,
        ListComments,
        ReadTicket,
        SearchTickets,
        TicketOfOthers,
        UpdateResult,
        UpdateTicket,
    )
    from workflows.requests import UPDATE_PRIORITY, Requests

_FREE_CONFLICTS = 3
"""Conflicts in a row that are met at once; then somebody writes all the time, and we slow down."""


class StepRefusedError(Exception):
    """The vendor refuses the step and no fallback is left: a person must look. The text is for operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What an update is to say. `status` None leaves the ticket's status alone."""

    step: str
    status: str | None
    custom_status: str | None = None
    note: str | None = None
    metadata: CallMetadata | None = None
    mark: str | None = None
    final: bool = False


class Tickets:
    """Everything a call does to tickets. Results are folded into the call; the workflow decides when to call what."""

    def __init__(self, call: Call, requests: Requests) -> None:
        self._call = call
        self._requests = requests
        self._entered_as: Customer | None = None
        self._others: TicketOfOthers | None = None

    def entered(self, customer: Customer, others: TicketOfOthers | None) -> None:
        """What the ledger said of others when the call was entered as this customer: good for the first look."""
        self._entered_as, self._others = customer, others

    # --- which ticket ------------------------------------------------------------------------------------------

    async def correlate(self) -> None:
        """Find the call's ticket or create one. Raises `StepRefusedError`."""
        call = self._call
        if await self._use_named() or await self._use_of_others():
            return None
        # A closed ticket that was named is followed up; one that closed under us is looked for again first.
        if call.customer.known and (call.follows is None or call.follows not in call.facts.ticket_ids):
            search = SearchTickets(ref=self._ref("search_tickets"), customer=call.customer, excluded=call.excluded)
            found = await self._requests.help_desk(HelpDesk.search_tickets, search, step="search_tickets")
            if found.ticket is not None:
                # Search lags behind: what it says of the ticket is no stamp to write by.
                return self._use(replace(found.ticket, updated_at=None), TicketOrigin.SEARCH)
        return await self._create()

    async def _use_named(self) -> bool:
        for ticket_id in self._call.facts.ticket_ids:
            if ticket_id in self._call.excluded:
                continue
            seen = await self._read(ticket_id)
            if seen is not None and not seen.closed:
                self._use(seen, TicketOrigin.PAYLOAD)
                return True
            self._exclude(ticket_id, closed=seen is not None)
        return False

    async def _use_of_others(self) -> bool:
        call = self._call
        find = FindTicket(
            call_id=call.call_id,
            generation=call.generation,
            customer=call.customer,
            excluded=list(call.excluded),
            window_s=call.policy.recent_ticket_window_s,
        )
        others, self._others = self._others, None
        if others is None or call.excluded or call.customer != self._entered_as:
            others = await self._requests.ledger(Ledger.find_ticket, find)
        if others.wait:
            others = await self._requests.wait_for(Ledger.await_ticket, find, step="await_ticket")
        if others.ticket_id is not None:
            self._use(TicketView(id=others.ticket_id), TicketOrigin.RECENT)
            return True
        for external_id in others.lookup_external_ids:
            if await self._use_external(external_id, TicketOrigin.RECENT):
                return True
        return False

    async def _create(self) -> None:
        call = self._call
        looked_until, plain = 0, False
        call.key_number += 1
        while True:
            step = "create_ticket" if call.key_number == 1 else f"create_ticket-{call.key_number}"
            command = CreateTicket(
                ref=self._ref(step),
                ticket=self._new_ticket(plain=plain),
                key_number=call.key_number,
                excluded=call.excluded,
                looked_until=looked_until,
            )
            answer = await self._requests.help_desk(HelpDesk.create_ticket, command, step=step)
            origin = TicketOrigin.CREATED if call.follows is None else TicketOrigin.FOLLOW_UP
            if answer.result == CreateResult.JOINED and answer.ticket is not None:
                self._requests.settle(step, StepState.SKIPPED)
                return self._use(answer.ticket, TicketOrigin.RECENT)
            if answer.result == CreateResult.CREATED and answer.ticket is not None:
                return self._use(answer.ticket, origin)
            looks = answer.result in (CreateResult.OUTCOME_UNKNOWN, CreateResult.KEY_CONFLICT)
            if looks and await self._use_external(call.label, origin):
                return None
            looked_until = max(looked_until, answer.unknown_until)
            if answer.result != CreateResult.OUTCOME_UNKNOWN:
                self._requests.settle(step, StepState.REFUSED, answer.detail)
                if plain:
                    raise StepRefusedError(f"Zendesk refuses to create a ticket: {answer.detail or 'no reason given'}")
                plain = True
            call.key_number += 1

    def _new_ticket(self, *, plain: bool) -> NewTicket:
        facts, call = self._call.facts, self._call
        return NewTicket(
            subject=subject_of(facts),
            comment=opening_comment(call.label, facts, call.follows),
            requester_name=facts.customer.display_name,
            external_id=call.label,
            requester_email=facts.customer.email,
            requester_phone=facts.customer.phone,
            in_call=call.active,
            tags=["talkbridge"],
            follows=call.follows,
            plain=plain,
        )

    async def _use_external(self, external_id: str, origin: TicketOrigin) -> bool:
        command = FindByExternalId(
            ref=self._ref("find_by_external_id"), external_id=external_id, excluded=self._call.excluded
        )
        found = await self._requests.help_desk(HelpDesk.find_by_external_id, command, step="find_by_external_id")
        if found.ticket is None or found.ticket.closed:
            return False
        self._use(found.ticket, origin)
        return True

    def _use(self, seen: TicketView, origin: TicketOrigin) -> None:
        ours = origin in (TicketOrigin.CREATED, TicketOrigin.FOLLOW_UP)
        self._call.ticket = Ticket(
            id=seen.id,
            origin=origin,
            stamp=seen.updated_at,
            status_before=None if ours else seen.status,
            custom_status_before=None if ours else seen.custom_status,
            status_set=seen.status if ours else None,
            custom_status=seen.custom_status if ours else None,
        )

    def _exclude(self, ticket_id: int, *, closed: bool) -> None:
        call = self._call
        call.excluded.append(ticket_id)
        call.follows = ticket_id if closed else call.follows
        call.ticket = None

    # --- what it is told ---------------------------------------------------------------------------------------

    async def set_in_call(self) -> None:
        """In-Call, without a note. A refusal is no reason to stop: the final update matters."""
        message = Message(step="update_ticket-in_call", status=IN_CALL_STATUS, custom_status=IN_CALL)
        if await self._write(message):
            self._call.in_call_done = True

    async def tell_outcome(self, outcome: CallState) -> bool:
        """The final update; False when the ticket is gone and another has to be found. Raises `StepRefusedError`."""
        what = "end not reported" if outcome == CallState.END_NOT_REPORTED else str(outcome)
        message = self._message("update_ticket-final", outcome, what, status=self._call.policy.status_after_call)
        return await self._write(message)

    async def correct(self, number: int) -> bool:
        """A correcting update; False when there is no ticket left to correct. Raises `StepRefusedError`."""
        what = "corrected" if number == 1 else f"corrected {number}"
        return await self._write(self._message(f"update_ticket-correct-{number}", self._call.state, what, status=None))

    def _message(self, step: str, outcome: CallState, what: str, *, status: str | None) -> Message:
        call, facts = self._call, self._call.facts
        return Message(
            step=step,
            status=status,
            note=note_of(call.label, facts, outcome, what),
            metadata=metadata_of(call.label, facts, outcome),
            mark=mark(call.label, what),
            final=status is not None,
        )

    async def _write(self, message: Message) -> bool:
        """Send one message, once. False when the ticket turned out to be gone or closed; it is excluded then."""
        send_status, reduced, looked_until, conflicts = message.status is not None, False, 0, 0
        while (ticket := self._call.ticket) is not None:
            if not send_status and message.note is None:
                return True
            command = UpdateTicket(
                ref=self._ref(message.step),
                ticket_id=ticket.id,
                change=self._change(message, ticket, send_status=send_status),
                final=message.final,
                looked_until=looked_until,
            )
            answer = await self._requests.help_desk(
                HelpDesk.update_ticket, command, step=message.step, priority=UPDATE_PRIORITY
            )
            if answer.result == UpdateResult.UPDATED:
                self._fold(message, answer.ticket, with_status=answer.with_status)
                if reduced:
                    self._warn_reduced(ticket)
                return True
            seen = None if answer.result == UpdateResult.GONE else await self._read(ticket.id)
            if seen is None or seen.closed:
                self._exclude(ticket.id, closed=seen is not None)
                return False
            self._call.ticket = replace(ticket, stamp=seen.updated_at)
            match answer.result:
                case UpdateResult.CONFLICT:
                    conflicts += 1
                    send_status = not reduced and message.status is not None and status_may_be_sent(ticket, seen)
                    await self._slow_down(conflicts)
                case UpdateResult.OUTCOME_UNKNOWN:
                    if await self._is_written(message, ticket):
                        self._fold(message, seen, with_status=send_status)
                        return True
                    looked_until = answer.unknown_until
                case UpdateResult.REFUSED:
                    self._requests.settle(message.step, StepState.REFUSED, answer.detail)
                    if message.note is None:
                        return True
                    if reduced or not send_status:
                        raise StepRefusedError(f"Zendesk refuses to update ticket {ticket.id}: {answer.detail}")
                    reduced, send_status = True, False
                case other:
                    raise ValueError(f"an update cannot end as {other!r}")
        return False

    async def _slow_down(self, conflicts: int) -> None:
        if conflicts > _FREE_CONFLICTS:
            await workflow.sleep(timedelta(seconds=min(60, 2 ** (conflicts - _FREE_CONFLICTS))))

    async def _is_written(self, message: Message, ticket: Ticket) -> bool:
        if message.mark is None:
            return False
        command = ListComments(ref=self._ref("list_comments"), ticket_id=ticket.id, marks=[message.mark])
        listed = await self._requests.help_desk(HelpDesk.list_comments, command, step="list_comments")
        if message.mark not in listed.found and not listed.complete:
            raise StepRefusedError(
                f"the comments of ticket {ticket.id} cannot be read whole, so whether it has our note is not known"
            )
        return message.mark in listed.found

    def _change(self, message: Message, ticket: Ticket, *, send_status: bool) -> TicketChange:
        return TicketChange(
            status=message.status if send_status else None,
            in_call=message.custom_status == IN_CALL,
            note=message.note,
            metadata=message.metadata,
            stamp=ticket.stamp,
        )

    def _fold(self, message: Message, seen: TicketView | None, *, with_status: bool) -> None:
        ticket = self._call.ticket
        assert ticket is not None
        stamp = seen.updated_at if seen is not None else None
        changed = replace(ticket, stamp=stamp)
        if with_status:
            changed = replace(changed, status_set=message.status, custom_status=message.custom_status)
        self._call.ticket = changed

    def _warn_reduced(self, ticket: Ticket) -> None:
        self._call.attention["update_ticket-final"] = (
            f"ticket {ticket.id} has its note, but Zendesk refused its status after the call: it may still say In-Call"
        )

    async def _read(self, ticket_id: int) -> TicketView | None:
        command = ReadTicket(ref=self._ref("read_ticket"), ticket_id=ticket_id)
        return (await self._requests.help_desk(HelpDesk.read_ticket, command, step="read_ticket")).ticket

    def _ref(self, step: str) -> CallRef:
        return CallRef(call_id=self._call.call_id, generation=self._call.generation, step=step)
