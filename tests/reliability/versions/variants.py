"""The workflow of a call as a next release might have it: one more request at its beginning, guarded and not."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.ports import CALL_WORKFLOW, CALLS_QUEUE, CallStart, Ledger

from workflows.call import CallWorkflow

PATCH = "policy-twice"
_LIMIT = timedelta(seconds=5)


@workflow.defn(name=CALL_WORKFLOW)
class GuardedCallWorkflow(CallWorkflow):
    """The change as the policy asks for it: calls that began without it go on without it."""

    @workflow.init
    def __init__(self, start: CallStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CallStart) -> None:
        """As the original."""
        await super().run(start)

    async def _begin(self) -> None:
        if workflow.patched(PATCH):
            await _ask_once_more()
        await super()._begin()


@workflow.defn(name=CALL_WORKFLOW)
class UnguardedCallWorkflow(CallWorkflow):
    """The same change, the way nobody may make it."""

    @workflow.init
    def __init__(self, start: CallStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CallStart) -> None:
        """As the original."""
        await super().run(start)

    async def _begin(self) -> None:
        await _ask_once_more()
        await super()._begin()


async def _ask_once_more() -> None:
    await workflow.execute_activity_method(Ledger.call_policy, task_queue=CALLS_QUEUE, start_to_close_timeout=_LIMIT)
