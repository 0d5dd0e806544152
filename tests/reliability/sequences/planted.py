"""Defects that the machine must find: what it cannot fail, it cannot prove."""

from collections.abc import Callable, Mapping
from typing import Any

from temporalio import workflow

from tests.reliability.sequences.ground import Ground, MemoryGround
from tests.reliability.sequences.machine import CallMachine
from tests.reliability.sequences.scene import Scene
from workflows.call import CallWorkflow
from workflows.domain.call import Decision
from workflows.domain.events import CallEvent, EventType
from workflows.ports import CALL_EVENT_SIGNAL, CALL_WORKFLOW, CallStart


@workflow.defn(name=CALL_WORKFLOW)
class ForgetfulCallWorkflow(CallWorkflow):
    """Takes an end for an answer's echo: one that comes before the start is dropped."""

    @workflow.init
    def __init__(self, start: CallStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CallStart) -> None:
        """As the original."""
        await super().run(start)

    @workflow.signal(name=CALL_EVENT_SIGNAL)
    def event(self, event: CallEvent) -> None:
        """As the original, but for that."""
        begun = self._call.facts.started is not None or any(e.type == EventType.STARTED for e, _ in self._inbox)
        if event.type != EventType.COMPLETED or begun:
            super().event(event)


_begun: set[tuple[str, str]] = set()


@workflow.defn(name=CALL_WORKFLOW)
class ElsewhereCallWorkflow(CallWorkflow):
    """Remembers in the process, not in its history, which steps it has begun."""

    @workflow.init
    def __init__(self, start: CallStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: CallStart) -> None:
        """As the original."""
        await super().run(start)

    def _decide(self) -> Decision:
        decision = super()._decide()
        new = tuple(step for step in decision.steps if (workflow.info().run_id, str(step)) not in _begun)
        _begun.update((workflow.info().run_id, str(step)) for step in new)
        return Decision(steps=new, wake_at=decision.wake_at, finished=decision.finished)


class WithoutUnknown(CallMachine):
    """A gate that does not return attempts of unknown outcome: each is simply made again."""

    def new_scene(self) -> Scene:
        scene = super().new_scene()
        scene.gate.forgets = True
        return scene


Plant = tuple[str, type[CallMachine], Callable[[], Ground]]


def _workflow(variant: type[Any]) -> Callable[[], Ground]:
    return lambda: MemoryGround(workflow=variant)


PLANTED: Mapping[str, Plant] = {
    "forgetful": (
        "the workflow drops a `completed` that overtakes `started`",
        CallMachine,
        _workflow(ForgetfulCallWorkflow),
    ),
    "elsewhere": ("the workflow remembers in its process what is begun", CallMachine, _workflow(ElsewhereCallWorkflow)),
    "unknown": ("the gate forgets attempts of unknown outcome", WithoutUnknown, MemoryGround),
}
