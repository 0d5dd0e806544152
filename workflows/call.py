"""The life of one call: webhooks come in as signals, what is due is done once, and an account of it is kept."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from workflows.account import Account
    from workflows.correlation import Correlation
    from workflows.domain.call import Call, CallPolicy, CustomerData, Decision, Step, StepKind, next_steps
    from workflows.domain.customer import Customer
    from workflows.domain.errors import AlertKind, Failure
    from workflows.domain.events import CallEvent, EventType
    from workflows.domain.mend import Mend, Mended
    from workflows.domain.status import CallStatus
    from workflows.domain.token import Alert
    from workflows.lanes import Lanes
    from workflows.mending import Mending
    from workflows.pops import ScreenPops
    from workflows.ports import (
        CALL_EVENT_SIGNAL,
        CALL_MEND_UPDATE,
        CALL_STATUS_QUERY,
        CALL_WORKFLOW,
        CRM_QUEUE,
        TOKEN_QUEUE,
        CallOpened,
        CallRef,
        CallStart,
        Credentials,
        Crm,
        FetchCustomer,
        Ledger,
        OpenCall,
    )
    from workflows.requests import LOCAL_LIMIT, ONCE, Requests
    from workflows.updates import Updates

_POLICY_LIMIT = timedelta(seconds=5)
_CUSTOMER_BACK_OFF = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10))
_ALERT_LIMIT = timedelta(hours=1)


@workflow.defn(name=CALL_WORKFLOW)
class CallWorkflow:
    """One call, id `call-<call_id>`. It never fails: what cannot be done is `needs_attention`."""

    @workflow.init
    def __init__(self, start: CallStart) -> None:
        self._inbox: list[tuple[CallEvent, datetime]] = []
        self._call = Call(call_id=start.call_id, policy=CallPolicy(screen_pop_properties=[]), opened_at=workflow.now())
        self._requests = Requests(self._call, self._touch)
        self._correlation = Correlation(self._call, self._requests)
        self._updates = Updates(self._call, self._requests)
        self._pops = ScreenPops(self._call, self._requests)
        self._account = Account(self._call, self._requests)
        self._lanes = Lanes(self._call, self._requests, self._performer, self._need_attention)
        self._mending = Mending(self._call, self._requests, self._lanes)
        self._timers: dict[datetime, asyncio.Task[None]] = {}
        self._entering: asyncio.Task[None] | None = None
        self._touched = True

    @workflow.run
    async def run(self, start: CallStart) -> None:  # noqa: ARG002 - `__init__` took it
        """Until the call is over and its late events had their time."""
        await self._begin()
        while True:
            self._take_inbox()
            decision = self._decide()
            self._lanes.carry_out(decision, ticket_waits=self._entering is not None or self._mending.at_work)
            self._account.publish()
            if self._may_save():
                self._account.save()
            if decision.finished and self._at_rest():
                break
            self._set_timer(decision.wake_at)
            await workflow.wait_condition(lambda: self._touched)
            self._touched = False

    @workflow.signal(name=CALL_EVENT_SIGNAL)
    def event(self, event: CallEvent) -> None:
        """One webhook. Only remembered here; a repetition makes no difference."""
        self._inbox.append((event, workflow.now()))
        self._touch()

    @workflow.query(name=CALL_STATUS_QUERY)
    def status(self) -> CallStatus:
        """The call's own account of itself, customer data masked."""
        return self._account.status()

    @workflow.update(name=CALL_MEND_UPDATE)
    async def mend(self, mend: Mend) -> Mended:
        """What a person asks for; the same `id` again has the same answer and does nothing more."""
        return await self._mending.carry_out(mend)

    @mend.validator
    def check_mend(self, mend: Mend) -> None:
        """Refuse what could not be carried out on any call; nothing of it enters the history."""
        self._mending.check(mend)

    # --- private steps -----------------------------------------------------------------------------------------

    def _at_rest(self) -> bool:
        idle = not self._lanes.kinds and not self._inbox
        return idle and self._account.saved and workflow.all_handlers_finished()

    def _touch(self) -> None:
        self._touched = True

    async def _begin(self) -> None:
        """Fix the policy and enter the ledger in one step; an answered call does not wait for the ledger."""
        if not any(event.type == EventType.ANSWERED for event, _ in self._inbox):
            self._take_inbox()
            opening = self._opening()
            try:
                opened = await workflow.execute_local_activity_method(
                    Ledger.open_call, opening, schedule_to_close_timeout=LOCAL_LIMIT, retry_policy=ONCE
                )
            except FailureError:
                # A local activity raises its own error, not an `ActivityError` around it.
                workflow.logger.warning("ledger slow or out of reach: the call goes on and enters it later")
            else:
                self._take_over(opened, opening.customer, at_once=True)
                return
        self._call.policy = await workflow.execute_local_activity_method(
            Ledger.call_policy, start_to_close_timeout=_POLICY_LIMIT
        )
        self._take_inbox()
        self._entering = asyncio.create_task(self._enter())

    async def _enter(self) -> None:
        opening = self._opening()
        opened = await self._requests.patient_ledger(Ledger.open_call, opening)
        self._take_over(opened, opening.customer, at_once=False)
        self._entering = None
        self._touch()

    def _opening(self) -> OpenCall:
        events = self._call.events.values()
        return OpenCall(
            call_id=self._call.call_id,
            run_id=workflow.info().run_id,
            customer=self._call.customer,
            occurred_at=min((event.occurred_at for event in events), default=workflow.now()),
            status=self._account.status(kept=True),
        )

    def _take_over(self, opened: CallOpened, entered_as: Customer, *, at_once: bool) -> None:
        self._call.policy = opened.policy
        self._account.take_over(opened, as_it_stands=at_once)
        self._correlation.entered(entered_as, opened)

    def _take_inbox(self) -> None:
        for event, seen_at in self._inbox:
            self._account.count_event(event, new=self._call.record(event, seen_at))
        self._inbox.clear()

    def _decide(self) -> Decision:
        self._account.count_pops(self._call.settle(workflow.now()))
        return next_steps(self._call, workflow.now())

    def _may_save(self) -> bool:
        """Not while a pop is under way, whose command a local activity would hold up.

        Nor while the final update is, unless it is stuck: its ledger row carries the outcome.
        """
        kinds = self._lanes.kinds
        stuck = bool(self._call.attention)
        return (
            self._entering is None
            and StepKind.SCREEN_POP not in kinds
            and (stuck or StepKind.FINAL_UPDATE not in kinds)
        )

    def _performer(self, step: Step) -> Coroutine[Any, Any, None]:
        match step.kind:
            case StepKind.FETCH_CUSTOMER:
                return self._fetch_customer()
            case StepKind.CORRELATE:
                return self._correlation.correlate()
            case StepKind.SET_IN_CALL:
                return self._updates.set_in_call()
            case StepKind.SCREEN_POP:
                return self._pop(step.subject.rpartition(" ")[0])
            case StepKind.FINAL_UPDATE:
                return self._tell_outcome()
            case StepKind.CORRECT:
                return self._correct()

    async def _fetch_customer(self) -> None:
        call = self._call
        fetched = await self._requests.bounded(
            Crm.fetch_customer,
            FetchCustomer(
                ref=CallRef(call_id=call.call_id, generation=call.generation, step="fetch_customer"),
                customer=call.customer,
                properties=call.policy.screen_pop_properties,
            ),
            step="fetch_customer",
            queue=CRM_QUEUE,
            attempt_limit=timedelta(seconds=call.policy.http_timeout_s + 5),
            limit=timedelta(seconds=call.policy.max_duration_s),
            back_off=_CUSTOMER_BACK_OFF,
        )
        if fetched is not None:
            call.customer_record = dict(fetched.record or {})
            call.customer_data = CustomerData.READY if fetched.record else CustomerData.ABSENT

    async def _pop(self, agent_key: str) -> None:
        pop = self._call.pops[agent_key]
        before = pop.state
        refused = await self._pops.send(agent_key)
        if pop.state != before:
            self._account.count_pops([pop])
        if refused is not None:
            self._alert(
                AlertKind.SCREEN_POP_REFUSED, f"Zendesk refuses the screen pop of call {self._call.label}: {refused}"
            )

    async def _tell_outcome(self) -> None:
        outcome = self._call.outcome(workflow.now())
        assert outcome is not None
        told = self._call.telling(outcome)
        if await self._updates.tell_outcome(outcome):
            self._call.told, self._call.told_at = told, workflow.now()
            self._account.count_outcome(outcome)

    async def _correct(self) -> None:
        call = self._call
        told = call.telling(call.state)
        if await self._updates.correct(call.corrections + 1):
            call.corrections += 1
            call.told = told
        else:
            call.correction_abandoned = True

    def _need_attention(self, step: Step, cause: Failure, text: str) -> None:
        self._call.need_attention(str(step.kind), cause, text, workflow.now())
        self._alert(AlertKind.CALL_NEEDS_ATTENTION, f"call {self._call.label} needs attention: {text}")

    def _alert(self, kind: AlertKind, text: str) -> None:
        workflow.start_activity_method(
            Credentials.post_alert,
            Alert(kind=kind, text=text),
            task_queue=TOKEN_QUEUE,
            start_to_close_timeout=timedelta(seconds=15),
            schedule_to_close_timeout=_ALERT_LIMIT,
        )

    def _set_timer(self, wake_at: datetime | None) -> None:
        """One timer for the next moment that matters; a later one stays, as its moment will come."""
        if wake_at is None:
            return
        for moment in [m for m in self._timers if m < wake_at]:
            self._timers.pop(moment).cancel()
        if wake_at not in self._timers:
            self._timers[wake_at] = asyncio.create_task(self._wake(wake_at))

    async def _wake(self, moment: datetime) -> None:
        await workflow.sleep(max(moment - workflow.now(), timedelta(milliseconds=1)))
        self._timers.pop(moment, None)
        self._touch()
