"""The history of one run, and how the part of the SDK that talks to the server has it decided anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from temporalio.bridge.proto.workflow_activation import NotifyHasPatch, WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import WorkflowCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What came in, what was decided, by which of the SDK's own flags, and if that ended a workflow task."""

    activation: WorkflowActivation
    commands: list[WorkflowCommand]
    flags: list[int]
    ended: bool


def replayed(tasks: Sequence[Decided], run_id: str) -> Iterator[tuple[WorkflowActivation, Decided]]:
    """Each activation as it comes in a replay.

    A task is read to its end before it is decided: at its begin stand the patches that it marks, and the flags by
    which it was decided are known.
    """
    flags: set[int] = set()
    begin = 0
    while begin < len(tasks):
        end = next((n for n in range(begin, len(tasks)) if tasks[n].ended), len(tasks) - 1) + 1
        task, begin = tasks[begin:end], end
        flags.update(flag for each in task for flag in each.flags)
        marked = [c.set_patch_marker for each in task for c in each.commands if c.HasField("set_patch_marker")]
        patches = [
            WorkflowActivationJob(notify_has_patch=NotifyHasPatch(patch_id=marker.patch_id)) for marker in marked
        ]
        for place, each in enumerate(task):
            again = WorkflowActivation()
            again.CopyFrom(each.activation)
            again.run_id, again.is_replaying = run_id, True
            again.available_internal_flags[:] = sorted(flags)
            if place == 0:
                again.jobs.extend(patches)
            yield again, each


def first_activations(tasks: Sequence[Decided]) -> list[int]:
    """Where each workflow task begins."""
    return [n for n in range(len(tasks)) if n == 0 or tasks[n - 1].ended]
