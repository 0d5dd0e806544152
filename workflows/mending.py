"""What people do to a call that is stuck: each wish once, nothing that was written a second time, all of it kept."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from workflows.domain.call import Call, Step, StepKind, ticket_step
    from workflows.domain.mend import Mend, MendAction, Mended, MendResult, foretold, unusable
    from workflows.lanes import Lanes
    from workflows.ports import KeepMend, Ledger
    from workflows.requests import Requests

_MOST_MENDS = 100
_TOO_LATE = "Nothing was done: it is not stuck there any more."
_SAME = "Nothing was done: {ticket} is the call's ticket."
_TOLD = "Nothing was done: ticket {ticket} has been told of this call already."


class Mending:
    """Carries out mends one after the other; two people at once find what the first has done."""

    def __init__(self, call: Call, requests: Requests, lanes: Lanes) -> None:
        self._call = call
        self._requests = requests
        self._lanes = lanes
        self._done: dict[str, Mended] = {}
        self._turn = asyncio.Lock()

    @property
    def at_work(self) -> bool:
        """Whether the ticket's lane is being cleared or changed: nothing may start in it."""
        return self._turn.locked()

    def check(self, mend: Mend) -> None:
        """Raises `ApplicationError` for a wish that no call could grant."""
        if mend.action not in frozenset(MendAction):
            raise ApplicationError(f"unknown action {mend.action!r}: one of {', '.join(MendAction)}")
        if not (mend.id and mend.by.strip() and mend.reason.strip()):
            raise ApplicationError("a mend needs an id, who asks for it, and a reason")
        if unusable(mend.id, mend.by, mend.reason, mend.step):
            raise ApplicationError("a mend's texts hold no control characters")
        if (mend.action == MendAction.USE_TICKET) != (mend.ticket_id is not None):
            raise ApplicationError("use_ticket needs ticket_id, and no other action takes one")
        if len(self._done) >= _MOST_MENDS and mend.id not in self._done:
            raise ApplicationError(f"this call has been mended {_MOST_MENDS} times: end it in the Temporal UI")

    async def carry_out(self, mend: Mend) -> Mended:
        """Do it, unless it was done already, and keep who, when and why."""
        async with self._turn:
            if (known := self._done.get(mend.id)) is not None:
                return known
            mended = self._done[mend.id] = await self._carry_out(mend)
            kept = KeepMend(
                call_id=self._call.call_id,
                generation=self._call.generation,
                mend=mend,
                mended=mended,
                at=workflow.now(),
            )
        self._requests.changed()
        await self._requests.patient_ledger(Ledger.keep_mend, kept)
        return mended

    async def _carry_out(self, mend: Mend) -> Mended:
        call = self._call
        due = ticket_step(call, workflow.now())
        possible = dict(foretold(call, due))
        action = MendAction(mend.action)
        if action not in possible or (mend.step is not None and mend.step not in call.attention):
            told = call.told is not None and call.ticket is not None and due is None
            text = _TOLD.format(ticket=call.ticket.id) if told and call.ticket else _TOO_LATE
            return Mended(result=MendResult.NOT_NEEDED, text=text)
        match action:
            case MendAction.RETRY:
                return self._retry(possible[action])
            case MendAction.USE_TICKET:
                assert mend.ticket_id is not None
                return await self._use_ticket(mend.ticket_id)
            case MendAction.SKIP:
                return await self._skip(due, possible[action])
            case MendAction.END:
                return await self._end(possible[action])

    def _retry(self, text: str) -> Mended:
        self._lanes.forget_refusals()
        self._requests.hurry()
        return Mended(result=MendResult.DONE, text=text, hurry=True)

    async def _use_ticket(self, ticket_id: int) -> Mended:
        call = self._call
        if call.ticket is not None and call.ticket.id == ticket_id:
            return Mended(result=MendResult.REFUSED, text=_SAME.format(ticket=ticket_id))
        await self._lanes.clear_ticket_lane()
        if call.told is not None and call.ticket is not None:
            return Mended(result=MendResult.NOT_NEEDED, text=_TOLD.format(ticket=call.ticket.id))
        if call.ticket is not None:
            call.left.append(call.ticket.id)
            call.ticket = None
        call.left = [left for left in call.left if left != ticket_id]
        # A person may know that one which was closed is open again.
        call.excluded = [gone for gone in call.excluded if gone != ticket_id]
        call.wanted_ticket, call.follows, call.in_call_done = ticket_id, None, False
        self._settle()
        return Mended(result=MendResult.DONE, text=f"This call goes on with ticket {ticket_id}.")

    async def _skip(self, due: Step | None, text: str) -> Mended:
        await self._lanes.clear_ticket_lane()
        if ticket_step(self._call, workflow.now()) != due:
            return Mended(result=MendResult.NOT_NEEDED, text=_TOO_LATE)
        match due.kind if due is not None else None:
            case StepKind.SET_IN_CALL:
                self._call.in_call_done = True
            case StepKind.FINAL_UPDATE:
                self._give_up()
            case StepKind.CORRECT:
                self._call.correction_abandoned = True
            case _:
                # Only the list of those who need a person has it.
                pass
        self._settle()
        return Mended(result=MendResult.DONE, text=text)

    async def _end(self, text: str) -> Mended:
        call = self._call
        if call.facts.completed is None:
            call.ended_by_hand = True
        else:
            await self._lanes.clear_ticket_lane()
            if call.told is not None:
                return Mended(result=MendResult.NOT_NEEDED, text=_TOO_LATE)
            self._give_up()
            self._settle()
        return Mended(result=MendResult.DONE, text=text)

    def _give_up(self) -> None:
        call = self._call
        call.told, call.told_at = call.telling(call.outcome(workflow.now()) or call.state), workflow.now()

    def _settle(self) -> None:
        """Whatever was stuck is not any more; the account of requests says that they were given up."""
        self._call.attention.clear()
        self._requests.give_up()
