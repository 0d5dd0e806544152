"""What a ticket is told of its call, each thing once, and nobody else's work undone."""

import asyncio
from dataclasses import dataclass, replace

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.domain.call import CallState
    from workflows.domain.errors import Failure
    from workflows.domain.status import StepState
    from workflows.domain.ticket import (
        IN_CALL,
        IN_CALL_STATUS,
        CallMetadata,
        Ticket,
        TicketChange,
        TicketView,
        mark,
        metadata_of,
        note_of,
        status_may_be_sent,
    )
    from workflows.ports import HelpDesk, ListComments, UpdateResult, UpdateTicket
    from workflows.requests import UPDATE_PRIORITY
    from workflows.tickets import StepRefusedError, TicketSteps


_NOT_KNOWN = "an earlier attempt had no answer that tells what became of it"


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


class Updates(TicketSteps):
    """Writes to the call's ticket; the workflow decides when."""

    async def set_in_call(self) -> None:
        """In-Call, without a note. A refusal is no reason to stop: the final update matters."""
        message = Message(step="update_ticket-in_call", status=IN_CALL_STATUS, custom_status=IN_CALL)
        try:
            if await self._write(message):
                self._call.in_call_done = True
            elif self._call.ticket is not None:
                self._requests.settle(message.step, StepState.SKIPPED)
        except asyncio.CancelledError:
            self._requests.settle(message.step, StepState.SKIPPED)
            raise

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
        """Send one message, once. False when the ticket turned out to be gone or closed; it is excluded then.

        False, too, when In-Call has not gone through by the call's end.
        """
        send_status, reduced, looked_until = message.status is not None, False, 0
        rounds = self._rounds(message.step)
        while (ticket := self._call.ticket) is not None:
            if message.note is None and not (send_status and self._still_in_call()):
                return not send_status
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
                rounds.over()
                self._fold(message, answer.ticket, with_status=answer.with_status)
                if reduced:
                    self._warn_reduced(ticket)
                return True
            seen = None if answer.result == UpdateResult.GONE else await self._read(ticket.id, ours=True)
            if seen is None or seen.closed:
                self._requests.settle(message.step, StepState.DONE, answer.detail)
                self._exclude(ticket.id, closed=seen is not None)
                return False
            self._call.ticket = replace(ticket, stamp=seen.updated_at)
            match answer.result:
                case UpdateResult.CONFLICT | UpdateResult.OUTCOME_UNKNOWN:
                    self._requests.settle(message.step, StepState.RETRYING, answer.detail or _NOT_KNOWN)
                    if answer.result == UpdateResult.OUTCOME_UNKNOWN and await self._is_written(message, ticket):
                        self._requests.settle(message.step, StepState.DONE)
                        rounds.over()
                        self._fold(message, seen, with_status=send_status)
                        if reduced:
                            self._warn_reduced(ticket)
                        return True
                    looked_until = max(looked_until, answer.unknown_until)
                    send_status = not reduced and message.status is not None and status_may_be_sent(ticket, seen)
                    await rounds.next(answer.detail or _NOT_KNOWN)
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

    def _still_in_call(self) -> bool:
        # A cancellation that comes while a request is under way is lost when that request ends well.
        return self._call.active or not workflow.patched("in-call-ends-with-the-call")

    async def _is_written(self, message: Message, ticket: Ticket) -> bool:
        """Whether the note stands on the ticket, or on one that a person took the call off: then that is its ticket."""
        if message.mark is None:
            return False
        for ticket_id in (ticket.id, *self._call.left):
            command = ListComments(ref=self._ref("list_comments"), ticket_id=ticket_id, marks=[message.mark])
            listed = await self._requests.help_desk(HelpDesk.list_comments, command, step="list_comments")
            if message.mark in listed.found:
                if ticket_id != ticket.id:
                    self._call.ticket = Ticket(id=ticket_id, origin=ticket.origin)
                return True
            if listed.gone and await self._read(ticket_id, ours=True) is None:
                if ticket_id == ticket.id:
                    self._exclude(ticket_id, closed=False)
            elif not listed.complete:
                unknown = "cannot be read whole, so whether it has our note is not known"
                text = f"the comments of ticket {ticket_id} {unknown}"
                self._requests.settle(message.step, StepState.REFUSED, text)
                raise StepRefusedError(text, Failure.COMMENTS_INCOMPLETE)
        return False

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
        if seen is not None and seen.id != ticket.id:
            # It was written to the ticket that a person had taken the call off.
            return
        stamp = seen.updated_at if seen is not None else None
        changed = replace(ticket, stamp=stamp)
        if with_status:
            changed = replace(changed, status_set=message.status, custom_status=message.custom_status)
        self._call.ticket = changed

    def _warn_reduced(self, ticket: Ticket) -> None:
        refused = "but Zendesk refused its status after the call: it may still say In-Call"
        text = f"ticket {ticket.id} has its note, {refused}"
        self._call.need_attention("update_ticket-final", Failure.STEP_REFUSED, text, workflow.now())
