"""Recorded histories of every released version, replayed by one version of the code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner
from temporalio.workflow import NondeterminismError

from tests.twins.workers import KEYS
from workflows.connection import Keyring, data_converter
from workflows.token import TokenWorkflow

HISTORIES = Path(__file__).parents[2] / "histories"


def recorded() -> Mapping[str, list[Path]]:
    """The files of calls, by version; a group's mend is no call, and has one version of its code."""
    folders = sorted(folder for folder in HISTORIES.iterdir() if folder.is_dir() and any(folder.glob("*.json")))
    return {folder.name: sorted(set(folder.glob("*.json")) - set(folder.glob("*_group.json"))) for folder in folders}


async def refused(version: type[Any], files: list[Path]) -> list[str]:
    """Those whose decisions this version of the code does not repeat."""
    replayer = Replayer(
        workflows=[version, TokenWorkflow],
        data_converter=data_converter(Keyring.parse(KEYS)),
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    differing = []
    for file in files:
        try:
            await replayer.replay_workflow(WorkflowHistory.from_json(file.stem, file.read_text()))
        except NondeterminismError:
            differing.append(file.stem)
    return differing
