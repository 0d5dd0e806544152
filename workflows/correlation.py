"""Which ticket is the call's: the one named, another call's, one that is found, or a new one."""

from dataclasses import replace

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.domain.call import Call
    from workflows.domain.customer import Customer
    from workflows.domain.status import StepState
    from workflows.domain.ticket import (
        NewTicket,
        Ticket,
        TicketOrigin,
        TicketView,
        opening_comment,
        subject_of,
    )
    from workflows.ports import (
        CallOpened,
        CreateResult,
        CreateTicket,
        FindByExternalId,
        FindTicket,
        HelpDesk,
        Ledger,
        SearchTickets,
        TicketOfOthers,
    )
    from workflows.requests import Requests
    from workflows.tickets import StepRefusedError, TicketSteps


class Correlation(TicketSteps):
    """Finds the call's ticket or creates one."""

    def __init__(self, call: Call, requests: Requests) -> None:
        super().__init__(call, requests)
        self._entered_as: Customer | None = None
        self._others: TicketOfOthers | None = None
        self._create_unknown = False
        # Named, and not there. The call has lost nothing by that: among the excluded tickets it would match everybody
        # else who names that number, and share a ticket with them.
        self._absent: list[int] = []

    def entered(self, customer: Customer, opened: CallOpened) -> None:
        """What the ledger said when the call was entered as this customer.

        Of others: good for the first look. Of the call itself: what a run that was lost had begun. Its ticket is the
        call's, whatever a search would find by now.
        """
        self._entered_as, self._others, self._create_unknown = customer, opened.others, opened.create_unknown
        call, own = self._call, opened.ticket_id
        known = call.ticket.id if call.ticket is not None else None
        if own is not None and call.told is None and own not in (known, *call.excluded, *call.left):
            self._use(TicketView(id=own), TicketOrigin.RECENT)
        # The events come again one by one: In-Call now would undo a final update that is out.
        call.in_call_done = call.in_call_done or opened.ended

    async def correlate(self) -> None:
        """Find the call's ticket or create one. Raises `StepRefusedError`."""
        call = self._call
        if await self._use_begun() or await self._use_named() or await self._use_of_others():
            return None
        # A closed ticket that was named is followed up; one that closed under us is looked for again first.
        if call.customer.known and (call.follows is None or call.follows not in call.facts.ticket_ids):
            unusable = [*call.excluded, *self._absent]
            search = SearchTickets(ref=self._ref("search_tickets"), customer=call.customer, excluded=unusable)
            found = await self._requests.help_desk(HelpDesk.search_tickets, search, step="search_tickets")
            if found.ticket is not None:
                # Search lags behind: what it says of the ticket is no stamp to write by.
                return self._use(replace(found.ticket, updated_at=None), TicketOrigin.SEARCH)
            self._requests.settle("search_tickets", StepState.DONE, found.detail)
        return await self._create()

    async def _use_begun(self) -> bool:
        """What a run that was lost may have created: before all but a person's choice, as nobody looks for it later."""
        if not self._create_unknown or self._call.wanted_ticket is not None:
            return False
        found = await self._use_external(self._call.label, self._own_origin)
        self._create_unknown = False
        return found

    async def _use_named(self) -> bool:
        call = self._call
        chosen = [] if call.wanted_ticket is None else [call.wanted_ticket]
        for ticket_id in (*chosen, *call.facts.ticket_ids):
            if ticket_id in call.excluded or ticket_id in self._absent:
                continue
            seen = await self._read(ticket_id)
            if seen is None:
                self._absent.append(ticket_id)
            elif seen.closed:
                self._exclude(ticket_id, closed=True)
            else:
                self._use(seen, TicketOrigin.PAYLOAD)
                return True
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
        if others is None or call.excluded or self._absent or call.customer != self._entered_as:
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
        looked_until, plain, rounds = 0, False, self._rounds("create_ticket")
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
            origin = self._own_origin
            if answer.result == CreateResult.JOINED and answer.ticket is not None:
                self._requests.settle(step, StepState.SKIPPED)
                return self._use(answer.ticket, TicketOrigin.RECENT)
            if answer.result == CreateResult.CREATED and answer.ticket is not None:
                rounds.over()
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
            else:
                await rounds.next(answer.detail)
            call.key_number += 1

    @property
    def _own_origin(self) -> TicketOrigin:
        return TicketOrigin.CREATED if self._call.follows is None else TicketOrigin.FOLLOW_UP

    def _new_ticket(self, *, plain: bool) -> NewTicket:
        facts, call = self._call.facts, self._call
        return NewTicket(
            subject=subject_of(facts),
            comment=opening_comment(call.label, facts, call.follows),
            requester_name=facts.customer.display_name,
            external_id=call.label,
            requester_email=facts.customer.email,
            requester_phone=facts.customer.phone,
            in_call=call.active and call.outcome(workflow.now()) is None,
            tags=["talkbridge"],
            follows=call.follows,
            plain=plain,
        )

    async def _use_external(self, external_id: str, origin: TicketOrigin) -> bool:
        command = FindByExternalId(
            ref=self._ref("find_by_external_id"), external_id=external_id, excluded=self._call.excluded
        )
        found = await self._requests.help_desk(HelpDesk.find_by_external_id, command, step="find_by_external_id")
        self._requests.settle("find_by_external_id", StepState.DONE, found.detail)
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
