"""A call workflow changed the way nobody may: the same steps, begun in another order."""

from dataclasses import replace

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.domain.call import Decision
    from workflows.ports import CALL_WORKFLOW, CallStart

from workflows.call import CallWorkflow


@workflow.defn(name=CALL_WORKFLOW)
class ReorderedCallWorkflow(CallWorkflow):
    """Begins what is due from the last to the first."""

    @workflow.init
    def __init__(self, start: CallStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CallStart) -> None:
        """As the original."""
        await super().run(start)

    def _decide(self) -> Decision:
        decision = super()._decide()
        return replace(decision, steps=decision.steps[::-1])
