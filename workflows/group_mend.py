"""The mend of a group: one call's mend after the other, no faster than asked for, each once, with an account of it."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.exceptions import TimeoutError as ActivityTimeoutError

with workflow.unsafe.imports_passed_through():
    from workflows.domain.customer import mask_text
    from workflows.domain.group import GroupCall, GroupEnd, GroupMend, GroupProgress, mend_id, progress
    from workflows.domain.mend import Mend, Mended
    from workflows.domain.ticket import iso
    from workflows.ports import (
        CALLS_QUEUE,
        GROUP_MEND_WORKFLOW,
        GROUP_PROGRESS_QUERY,
        GROUP_STOP_SIGNAL,
        MendCall,
        Mender,
    )

MOST_AT_ONCE = 10
"""A mend may wait for the ledger, which needs places on the same queue: a group must not take them all."""
_ATTEMPT_LIMIT = timedelta(seconds=25)
_LIMIT = timedelta(minutes=3)
_UNHEARD = "No worker told in time what came of it."
_BACK_OFF = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=15))


@workflow.defn(name=GROUP_MEND_WORKFLOW)
class GroupMendWorkflow:
    """One group, id `group-<id>`. It never fails: what does not work is in its account."""

    @workflow.init
    def __init__(self, group: GroupMend) -> None:
        self._group = group
        self._started_at = workflow.now()
        self._ended: dict[str, Mended] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._stopped = False

    @workflow.run
    async def run(self, group: GroupMend) -> GroupProgress:
        """Until every call has its answer, or somebody stops it."""
        pause = timedelta(seconds=1) / group.per_second
        for place, call in enumerate(group.calls):
            if place:
                await workflow.sleep(pause)
            await workflow.wait_condition(lambda: self._stopped or len(self._under_way) < MOST_AT_ONCE)
            if self._stopped:
                break
            self._under_way[call.call_id] = asyncio.create_task(self._mend(call))
        await workflow.wait_condition(lambda: not self._under_way)
        return self.progress()

    @workflow.signal(name=GROUP_STOP_SIGNAL)
    def stop(self) -> None:
        """Begin no further call; what is under way ends."""
        self._stopped = True

    @workflow.query(name=GROUP_PROGRESS_QUERY)
    def progress(self) -> GroupProgress:
        """How far it has come."""
        started_at = iso(self._started_at)
        return progress(self._group, self._ended, self._under_way, started_at=started_at, stopped=self._stopped)

    # --- private steps -----------------------------------------------------------------------------------------

    async def _mend(self, call: GroupCall) -> None:
        group = self._group
        wish = Mend(
            id=mend_id(group.id, call.call_id), action=group.action, by=group.by, reason=group.reason, step=call.step
        )
        try:
            mended = await workflow.execute_activity_method(
                Mender.mend_call,
                MendCall(call_id=call.call_id, wish=wish),
                task_queue=CALLS_QUEUE,
                activity_id=call.call_id,
                start_to_close_timeout=_ATTEMPT_LIMIT,
                schedule_to_close_timeout=_LIMIT,
                retry_policy=_BACK_OFF,
            )
        except ActivityError as error:
            mended = Mended(result=GroupEnd.FAILED, text=_reason(error))
        del self._under_way[call.call_id]
        self._ended[call.call_id] = mended


def _reason(error: ActivityError) -> str:
    """The words of the last attempt, where there are any."""
    cause: BaseException | None = error.cause
    while isinstance(cause, ActivityTimeoutError) and cause.cause is not None:
        cause = cause.cause
    return mask_text(cause.message) if isinstance(cause, ApplicationError) else _UNHEARD
