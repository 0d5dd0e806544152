"""One activity, one vendor request: how long it may take, how it is retried, and the account kept of it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, RetryState, is_cancelled_exception
from temporalio.exceptions import TimeoutError as ActivityTimeoutError

with workflow.unsafe.imports_passed_through():
    from workflows.domain.call import Call
    from workflows.domain.customer import mask_text
    from workflows.domain.errors import WAITS_FOR_ADMINISTRATOR
    from workflows.domain.status import StepState, StepStatus
    from workflows.domain.ticket import iso
    from workflows.ports import CALLS_QUEUE, HELP_DESK_QUEUE

SCREEN_POP_PRIORITY = Priority(priority_key=1)
TICKET_PRIORITY = Priority(priority_key=2)
"""Requests that make a ticket known: an agent may be waiting for its number."""
UPDATE_PRIORITY = Priority(priority_key=4)

PATIENT_INTERVAL = timedelta(minutes=10)
"""Between two tries of a step that needs attention."""
LOCAL_LIMIT = timedelta(milliseconds=300)
ONCE = RetryPolicy(maximum_attempts=1)

_BACK_OFF = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))
_PATIENT = RetryPolicy(initial_interval=PATIENT_INTERVAL, backoff_coefficient=1.0)
_CONNECT_SLACK_S = 5
_MOST_STEPS = 100
"""Requests a call tells of; a vendor that is unwell for days must not fill the answer to a query."""
_LEDGER_LIMIT = timedelta(seconds=5)
_LEDGER_BACK_OFF = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10))


class Attempted(Protocol):
    """Any result that tells at which attempt it came."""

    @property
    def attempts(self) -> int:
        """The attempt that gave it, from 1."""


C = TypeVar("C")
R = TypeVar("R", bound=Attempted)
T = TypeVar("T")


class Requests:
    """Runs activities for one call and remembers each as a `StepStatus`."""

    def __init__(self, call: Call, changed: Callable[[], None]) -> None:
        self._call = call
        self.changed = changed
        self.steps: list[StepStatus] = []
        self.stopped = False
        """A person ends what writes the ticket: nothing further is asked of the help desk."""
        self._begun: Counter[str] = Counter()
        self._hurries = 0

    def hurry(self) -> None:
        """Whoever pauses goes on at once."""
        self._hurries += 1

    async def pause(self, time: timedelta = PATIENT_INTERVAL) -> None:
        """Wait before the next try, unless somebody hurries us."""
        hurries = self._hurries
        try:
            await workflow.wait_condition(lambda: self._hurries > hurries, timeout=time)
        except TimeoutError:
            return

    async def help_desk(
        self, method: Callable[[Any, C], Awaitable[R]], command: C, *, step: str, priority: Priority = TICKET_PRIORITY
    ) -> R:
        """A request that has to work: retried until it does, with `needs_attention` after `STEP_GIVE_UP_S`."""
        status = self._begin(method, step)
        patient = False
        while True:
            if self.stopped:
                raise asyncio.CancelledError
            try:
                result = await workflow.execute_activity_method(
                    method,
                    command,
                    task_queue=HELP_DESK_QUEUE,
                    activity_id=status.activity_id,
                    start_to_close_timeout=timedelta(seconds=self._call.policy.http_timeout_s + _CONNECT_SLACK_S),
                    schedule_to_close_timeout=None if patient else timedelta(seconds=self._call.policy.give_up_s),
                    retry_policy=_PATIENT if patient else _BACK_OFF,
                    priority=priority,
                    cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                )
            except ActivityError as error:
                if _is_cancelled(error):
                    self._end(status, StepState.SKIPPED)
                    raise asyncio.CancelledError from error
                patient = self._note_give_up(status, error) or patient
                if not isinstance(error.cause, ActivityTimeoutError):
                    # Temporal does not come back to a failure that forbids retries; we do, slowly.
                    await self.pause()
            else:
                self._call.attention.pop(status.activity_id, None)
                self._end(status, StepState.DONE, result.attempts)
                return result

    async def bounded(
        self,
        method: Callable[[Any, C], Awaitable[R]],
        command: C,
        *,
        step: str,
        queue: str,
        attempt_limit: timedelta,
        limit: timedelta,
        back_off: RetryPolicy,
        priority: Priority = TICKET_PRIORITY,
        wait_when_cancelled: bool = False,
    ) -> R | None:
        """A request that is only of use for `limit`: its result, or None when it did not work by then.

        A cancellation is raised as such; with `wait_when_cancelled` only after a running attempt has ended.
        """
        status = self._begin(method, step)
        kind = workflow.ActivityCancellationType
        try:
            result = await workflow.execute_activity_method(
                method,
                command,
                task_queue=queue,
                activity_id=status.activity_id,
                start_to_close_timeout=attempt_limit,
                schedule_to_close_timeout=limit,
                retry_policy=back_off,
                priority=priority,
                cancellation_type=kind.WAIT_CANCELLATION_COMPLETED if wait_when_cancelled else kind.TRY_CANCEL,
            )
        except ActivityError as error:
            if _is_cancelled(error):
                self._end(status, StepState.SKIPPED)
                raise asyncio.CancelledError from error
            status.last_error = _reason(error)[1]
            self._end(status, StepState.MISSED)
            return None
        self._end(status, StepState.DONE, result.attempts)
        return result

    async def ledger(self, method: Callable[[Any, C], Awaitable[T]], command: C) -> T:
        """A step of our own database: local with one short attempt, a regular one when that fails.

        A local activity holds back every command of its workflow task, so there is none while a pop may become due.
        """
        if not self._call.pop_open:
            try:
                return await workflow.execute_local_activity_method(
                    method,
                    command,
                    schedule_to_close_timeout=LOCAL_LIMIT,
                    retry_policy=ONCE,
                )
            except FailureError as error:
                # A local activity raises its own error, not an `ActivityError` around it.
                if is_cancelled_exception(error):
                    raise
        return await self.patient_ledger(method, command)

    async def patient_ledger(
        self, method: Callable[[Any, C], Awaitable[T]], command: C, *, activity_id: str | None = None
    ) -> T:
        """A step of our own database as a regular activity: retried until it works, and nothing waits meanwhile."""
        return await workflow.execute_activity_method(
            method,
            command,
            task_queue=CALLS_QUEUE,
            activity_id=activity_id,
            start_to_close_timeout=_LEDGER_LIMIT,
            retry_policy=_LEDGER_BACK_OFF,
        )

    async def wait_for(self, method: Callable[[Any, C], Awaitable[R]], command: C, *, step: str) -> R:
        """A wait for somebody else, as a regular activity that comes back until it is over."""
        status = self._begin(method, step)
        result = await self.patient_ledger(method, command, activity_id=status.activity_id)
        self._end(status, StepState.DONE, result.attempts)
        return result

    def settle(self, step: str, state: StepState, detail: str | None = None) -> None:
        """Correct the account of a step that was answered, but not as it should have been."""
        if (status := self._last(step)) is not None:
            status.state = state
            status.last_error = detail

    def give_up(self) -> None:
        """A person goes on without what did not work: its account says so."""
        for status in self.steps:
            if status.state in (StepState.RETRYING, StepState.WAITING, StepState.REFUSED):
                self._end(status, StepState.SKIPPED)

    def _begin(self, method: Callable[..., Awaitable[object]], step: str) -> StepStatus:
        self._begun[step] += 1
        activity_id = step if self._begun[step] == 1 else f"{step} {self._begun[step]}"
        last = self._last(step)
        if last is not None and last.state == StepState.RETRYING:
            # The same request once more: one line of the account, however often that is.
            last.activity_id = activity_id
            return last
        status = StepStatus(name=method.__name__, activity_id=activity_id)
        self._make_room(status.name)
        self.steps.append(status)
        return status

    def _last(self, step: str) -> StepStatus | None:
        own = (s for s in reversed(self.steps) if s.activity_id == step or s.activity_id.startswith(step + " "))
        return next(own, None)

    def _make_room(self, name: str) -> None:
        """Leave out the oldest request of that name when there are many; the ledger has them all."""
        if len(self.steps) >= _MOST_STEPS:
            oldest = next((n for n, s in enumerate(self.steps) if s.name == name and s.state == StepState.DONE), None)
            if oldest is not None:
                del self.steps[oldest]

    def _end(self, status: StepStatus, state: StepState, attempts: int = 0) -> None:
        status.state = state
        status.attempts += attempts
        status.finished_at = iso(workflow.now())
        self.changed()

    def _note_give_up(self, status: StepStatus, error: ActivityError) -> bool:
        """Whether the step has failed for too long on its own account; only then the call needs attention."""
        kind, status.last_error = _reason(error)
        status.state = StepState.RETRYING
        self.changed()
        if kind in WAITS_FOR_ADMINISTRATOR:
            return False
        hours = self._call.policy.give_up_s / 3600
        text = f"{status.name} has not worked for {hours:g} h: {status.last_error}"
        self._call.need_attention(status.activity_id, kind, text, workflow.now())
        return True


def _is_cancelled(error: ActivityError) -> bool:
    """Whether the activity ended because nobody wants it: as cancelled, or with an attempt that failed meanwhile."""
    if is_cancelled_exception(error):
        return True
    # Taken for a step that does not work, it would be tried again ten minutes later, the final update behind it.
    return error.retry_state == RetryState.CANCEL_REQUESTED and workflow.patched("a-cancelled-request-is-over")


def _reason(error: ActivityError) -> tuple[str, str]:
    """Type and text of what lies behind a failed activity."""
    cause: BaseException | None = error.cause
    while isinstance(cause, ActivityTimeoutError) and cause.cause is not None:
        cause = cause.cause
    if isinstance(cause, ApplicationError):
        return cause.type or "", mask_text(cause.message)
    return type(cause).__name__, mask_text(str(cause))
