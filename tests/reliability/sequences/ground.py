"""What sequences are played on: so far the workflow in memory and in virtual time."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any

from temporalio.worker import WorkflowRunner

from tests.reliability.sequences.activity_twin import served
from tests.reliability.sequences.adapters import SceneCredentials, SceneCrm, SceneHelpDesk, SceneLedger
from tests.reliability.sequences.engine import Engine
from tests.reliability.sequences.scene import Scene, Scenes
from workflows.call import CallWorkflow
from workflows.domain.events import CallEvent
from workflows.domain.status import CallStatus
from workflows.ports import CALL_EVENT_SIGNAL, CALL_STATUS_QUERY, CallStart, call_id_of, call_workflow_id

_BETWEEN_WEBHOOKS_S = 0.01


class Ground(ABC):
    """A Temporal and the workers of one sequence at a time."""

    def __init__(self) -> None:
        self.scenes = Scenes()

    @property
    @abstractmethod
    def now(self) -> datetime:
        """Temporal's clock."""

    @abstractmethod
    def deliver(self, call_id: str, events: list[CallEvent], *, again: bool = False) -> list[bool]:
        """Webhooks at the same moment: which were acknowledged. `again`: even to a call that is closed."""

    @abstractmethod
    def pass_(self, seconds: float) -> None:
        """Let so much time pass, or what one may wait for where it cannot be skipped."""

    @abstractmethod
    def serve(self, *, cached: bool) -> None:
        """Another worker begins, that remembers nothing; without a cache it never does."""

    @abstractmethod
    def stop(self) -> None:
        """No worker works on workflows."""

    @abstractmethod
    def let_go(self) -> None:
        """What hung goes on."""

    @abstractmethod
    def status(self, call_id: str) -> CallStatus:
        """The call's own word."""

    @abstractmethod
    def is_open(self, call_id: str) -> bool:
        """Whether its workflow runs."""

    @abstractmethod
    def terminate(self, call_id: str) -> None:
        """End its run by force."""

    @abstractmethod
    def may_reset(self, call_id: str) -> bool:
        """Whether it has decided anything yet."""

    @abstractmethod
    def reset(self, call_id: str, share: float) -> None:
        """Go back to the workflow task at that share of its history, as an operator can."""

    @abstractmethod
    def clear(self, scene: Scene) -> None:
        """The sequence is over."""

    @abstractmethod
    def close(self) -> None:
        """No sequence follows."""

    @property
    @abstractmethod
    def replays(self) -> int:
        """How often a workflow was made from its history, as far as is known."""


class MemoryGround(Ground):
    """The SDK's workflow instances under a server in memory. `workflow` is production's unless a defect is planted."""

    def __init__(self, *, workflow: type[Any] = CallWorkflow, runner: WorkflowRunner | None = None) -> None:
        super().__init__()
        adapters = (
            SceneHelpDesk(self.scenes),
            SceneCrm(self.scenes),
            SceneLedger(self.scenes, self._is_open),
            SceneCredentials(self.scenes),
        )
        activities = [each for adapter in adapters for each in served(adapter)]
        self.engine = Engine(workflow, activities, held=self._held, runner=runner)

    @property
    def now(self) -> datetime:
        return self.engine.now

    def deliver(self, call_id: str, events: list[CallEvent], *, again: bool = False) -> list[bool]:
        start, name = CallStart(call_id=call_id), call_workflow_id(call_id)
        taken = [self.engine.signal_with_start(name, start, CALL_EVENT_SIGNAL, event, again=again) for event in events]
        self.engine.advance(_BETWEEN_WEBHOOKS_S)
        return taken

    def pass_(self, seconds: float) -> None:
        self.engine.advance(seconds)

    def serve(self, *, cached: bool) -> None:
        self.engine.forget()
        self.engine.working, self.engine.cached = True, cached
        self.engine.wake()

    def stop(self) -> None:
        self.engine.forget()
        self.engine.working = False

    def let_go(self) -> None:
        self.engine.let_go()

    def status(self, call_id: str) -> CallStatus:
        answer: CallStatus = self.engine.query(call_workflow_id(call_id), CALL_STATUS_QUERY, CallStatus)
        return answer

    def is_open(self, call_id: str) -> bool:
        return self.engine.runs[call_workflow_id(call_id)].closed is None

    def terminate(self, call_id: str) -> None:
        self.engine.terminate(call_workflow_id(call_id))

    def may_reset(self, call_id: str) -> bool:
        return bool(self.engine.runs[call_workflow_id(call_id)].tasks)

    def reset(self, call_id: str, share: float) -> None:
        self.engine.reset(call_workflow_id(call_id), share)

    def clear(self, scene: Scene) -> None:
        self.engine.clear()
        self.scenes.remove(scene)

    def close(self) -> None:
        self.engine.close()

    @property
    def replays(self) -> int:
        return self.engine.replays

    async def _is_open(self, call_id: str) -> bool:
        return call_workflow_id(call_id) in self.engine.runs and self.is_open(call_id)

    def _held(self, workflow_id: str, name: str) -> bool:
        return name in self.scenes.of(call_id_of(workflow_id)).held
