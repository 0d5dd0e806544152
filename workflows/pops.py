"""The screen pop: push what is known of the caller to the agent, in time or not at all."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from workflows.domain.call import Call, CustomerData, Pop, PopState
    from workflows.domain.limits import PopContent, pop_content
    from workflows.domain.status import StepState
    from workflows.ports import HELP_DESK_QUEUE, CallPatched, CallRef, HelpDesk, PatchCall
    from workflows.requests import SCREEN_POP_PRIORITY, Requests

_ATTEMPT_LIMIT = timedelta(seconds=3)
"""The two seconds of the request itself, and what it takes to begin it."""
_BACK_OFF = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=1))


class ScreenPops:
    """Performs the pops of one call; each request's result is folded into its `Pop`."""

    def __init__(self, call: Call, requests: Requests) -> None:
        self._call = call
        self._requests = requests
        self._sent = 0

    async def send(self, agent_key: str) -> str | None:
        """One request, or two when the vendor refuses the first content. Returns why it was refused, if it was."""
        call = self._call
        pop = call.pops[agent_key]
        record = call.customer_record if call.customer_data == CustomerData.READY else None
        ticket_id = call.ticket.id if call.ticket else None
        content = pop_content(ticket_id, record, call.policy.screen_pop_properties)
        had_ticket, had_customer = ticket_id is not None, record is not None
        answer, requests = await self._patch(pop, content), 1
        if answer is not None and answer.fallback and record is not None and pop.requests == 0:
            content = pop_content(None, record, call.policy.screen_pop_properties[:1])
            if content.properties:
                answer, requests = await self._patch(pop, content), 2
        pop.requests += requests
        pop.had_ticket, pop.had_customer = pop.had_ticket or had_ticket, pop.had_customer or had_customer
        pop.left_out = content.left_out
        return self._fold(pop, answer)

    async def _patch(self, pop: Pop, content: PopContent) -> CallPatched | None:
        self._sent += 1
        step = "patch_call" if self._sent == 1 else f"patch_call-{self._sent}"
        ref = CallRef(call_id=self._call.call_id, generation=self._call.generation, step=step)
        answer: CallPatched | None = await self._requests.bounded(
            HelpDesk.patch_call,
            PatchCall(ref=ref, properties=content.properties),
            step=step,
            queue=HELP_DESK_QUEUE,
            attempt_limit=_ATTEMPT_LIMIT,
            limit=max(pop.deadline - workflow.now(), timedelta(milliseconds=100)),
            back_off=_BACK_OFF,
            priority=SCREEN_POP_PRIORITY,
            wait_when_cancelled=True,
        )
        if answer is not None and answer.shown_at is None:
            self._requests.settle(step, StepState.REFUSED, answer.detail)
        return answer

    def _fold(self, pop: Pop, answer: CallPatched | None) -> str | None:
        if answer is not None and answer.shown_at is not None:
            if pop.latency_ms is None:
                pop.latency_ms = max(0, round((answer.shown_at - pop.received_at).total_seconds() * 1000))
            pop.state = PopState.SHOWN
            return None
        if pop.state == PopState.SHOWN:
            return None
        if answer is None:
            pop.state = PopState.MISSED if pop.state == PopState.PENDING else pop.state
            return None
        pop.state = PopState.REFUSED
        return answer.detail or "no reason given"
