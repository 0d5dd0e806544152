"""The histories of every released version replay with the workflows as they are; a reordered workflow is found out."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.workflow import NondeterminismError

from tests.twins.reordered import ReorderedCallWorkflow
from tests.twins.workers import KEYS, WORKFLOWS
from workflows.call import CallWorkflow
from workflows.connection import Keyring, data_converter
from workflows.serving import workflow_runner

FOLDER = Path(__file__).parents[1] / "histories"
RECORDED = sorted(FOLDER.glob("*/*.json"))
NEWEST = version("talkbridge")
STORIES = {
    "reference_call",
    "shuffled_call",
    "transferred_call",
    "corrected_call",
    "followed_up_call",
    "mended_group",
    "token_day",
}


def replayer(*workflows: type[Any], runner: WorkflowRunner | None = None) -> Replayer:
    """With the converter, the sandbox and the key of the recording."""
    converter = data_converter(Keyring.parse(KEYS))
    return Replayer(workflows=workflows, data_converter=converter, workflow_runner=runner or workflow_runner())


def history(name: str, recorded_by: str = NEWEST) -> WorkflowHistory:
    """One that was recorded from a real server, under that version."""
    return WorkflowHistory.from_json(name, (FOLDER / recorded_by / f"{name}.json").read_text())


def test_every_story_is_recorded() -> None:
    """The folder of this version holds the histories this module speaks of, and no others; older ones may differ."""
    assert {file.stem for file in RECORDED if file.parent.name == NEWEST} == STORIES


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}-{file.stem}")
async def test_a_recorded_history_replays(file: Path) -> None:
    """The workflows decide today what they decided then; `tests/histories/record.py` says when to record anew."""
    await replayer(*WORKFLOWS).replay_workflow(history(file.stem, file.parent.name))


@pytest.mark.parametrize("name", ["reference_call", "transferred_call"])
async def test_a_reordered_workflow_does_not_replay(name: str) -> None:
    """Two commands that changed places are a non-determinism error, not a silent difference."""
    # The variant's own import of the original is what our sandbox rightly objects to.
    unguarded = UnsandboxedWorkflowRunner()
    await replayer(CallWorkflow, runner=unguarded).replay_workflow(history(name))
    with pytest.raises(NondeterminismError):
        await replayer(ReorderedCallWorkflow, runner=unguarded).replay_workflow(history(name))


async def test_a_replay_looks_at_activity_ids() -> None:
    """The histories carry the flag without which activities are not compared, and a changed step name is found out."""
    changed = WorkflowHistory.from_json(
        "changed",
        (FOLDER / NEWEST / "reference_call.json").read_text().replace('"search_tickets"', '"look_for_tickets"'),
    )
    with pytest.raises(NondeterminismError):
        await replayer(CallWorkflow).replay_workflow(changed)
