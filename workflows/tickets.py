"""What finding a ticket and writing to it share: reading one, giving one up, and how long to go on trying."""

from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.domain.call import Call
    from workflows.domain.errors import Failure
    from workflows.domain.status import StepState
    from workflows.domain.ticket import TicketView
    from workflows.ports import CallRef, HelpDesk, ReadTicket
    from workflows.requests import Requests

_FREE_ROUNDS = 2
"""Rounds of a conversation with the vendor that follow each other at once."""
_HOURLY_ROUNDS = 60
_SLOWEST = timedelta(minutes=5)
_REQUESTS_SHARE = 24
"""A round's requests count for this part of `STEP_GIVE_UP_S` at most (an hour): each keeps a clock of its own."""


class StepRefusedError(Exception):
    """The vendor refuses the step and no fallback is left: a person must look. The text is for operations."""

    def __init__(self, text: str, cause: Failure = Failure.STEP_REFUSED) -> None:
        super().__init__(text)
        self.cause = cause


class Rounds:
    """Paces a step that asks, looks and asks again: each round costs some twenty events of a history that is finite."""

    def __init__(self, call: Call, requests: Requests, step: str, begun: datetime) -> None:
        self._call = call
        self._requests = requests
        self._step = step
        self._begun = self._since = begun
        self._spent = timedelta()
        self._count = 0

    async def next(self, reason: str | None) -> None:
        """Wait for the next round: nothing at first, then 1 s doubling to a minute, after an hour five.

        From `STEP_GIVE_UP_S` on the call needs attention and a round comes every ten minutes.
        """
        self._count += 1
        now, limit = workflow.now(), timedelta(seconds=self._call.policy.give_up_s)
        self._spent += min(now - self._since, limit / _REQUESTS_SHARE)
        if self._for_too_long(now, limit):
            hours = self._call.policy.give_up_s / 3600
            text = f"{self._step} has not worked for {hours:g} h: {reason or 'no reason given'}"
            self._call.need_attention(self._step, Failure.UNAVAILABLE, text, workflow.now())
            await self._requests.pause()
        elif self._count > _HOURLY_ROUNDS:
            await self._requests.pause(_SLOWEST)
        elif self._count > _FREE_ROUNDS:
            await self._requests.pause(timedelta(seconds=min(60, 2 ** (self._count - _FREE_ROUNDS - 1))))
        self._since = workflow.now()
        self._spent += self._since - now

    def _for_too_long(self, now: datetime, limit: timedelta) -> bool:
        # A request may have waited for credentials all day, and that is no fault of the call's.
        if now - self._begun < limit:
            return False
        return self._spent >= limit or not workflow.patched("a-round-counts-for-an-hour")

    def over(self) -> None:
        """It worked."""
        self._call.attention.pop(self._step, None)


class TicketSteps:
    """One call's dealings with tickets; results are folded into the call."""

    def __init__(self, call: Call, requests: Requests) -> None:
        self._call = call
        self._requests = requests

    def _exclude(self, ticket_id: int, *, closed: bool) -> None:
        """Give a ticket up that is gone or closed; a closed one is followed up."""
        call = self._call
        call.excluded.append(ticket_id)
        call.follows = ticket_id if closed else call.follows
        call.ticket = None

    async def _read(self, ticket_id: int, *, ours: bool = False) -> TicketView | None:
        """The ticket, unless there is none: a refusal counts as none, but for one of `ours`."""
        command = ReadTicket(ref=self._ref("read_ticket"), ticket_id=ticket_id, ours=ours)
        read = await self._requests.help_desk(HelpDesk.read_ticket, command, step="read_ticket")
        if read.ticket is None:
            self._requests.settle("read_ticket", StepState.DONE, read.detail)
        return read.ticket

    def _ref(self, step: str) -> CallRef:
        return CallRef(call_id=self._call.call_id, generation=self._call.generation, step=step)

    def _rounds(self, step: str) -> Rounds:
        return Rounds(self._call, self._requests, step, workflow.now())
