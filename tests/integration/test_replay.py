"""The histories of every released version replay with the workflows as they are; a reordered workflow is found out."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import WorkflowHistory
from temporalio.converter import PayloadConverter
from temporalio.worker import Interceptor, Replayer, UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.workflow import NondeterminismError, unsafe

from tests.twins.reordered import ReorderedCallWorkflow
from tests.twins.workers import KEYS, WORKFLOWS
from workflows.call import CallWorkflow
from workflows.connection import Keyring, data_converter
from workflows.ports import CALL_EVENT_SIGNAL, CALL_WORKFLOW
from workflows.serving import workflow_runner
from workflows.tracing.spans import Spans

FOLDER = Path(__file__).parents[1] / "histories"
RECORDED = sorted(FOLDER.glob("*/*.json"))
NEWEST = version("talkbridge")
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
STORIES = {
    "reference_call",
    "shuffled_call",
    "transferred_call",
    "corrected_call",
    "followed_up_call",
    "mended_group",
    "token_day",
}


def replayer(
    *workflows: type[Any], runner: WorkflowRunner | None = None, interceptors: Sequence[Interceptor] = ()
) -> Replayer:
    """With the converter, the sandbox and the key of the recording."""
    converter = data_converter(Keyring.parse(KEYS))
    return Replayer(
        workflows=workflows,
        data_converter=converter,
        workflow_runner=runner or workflow_runner(),
        interceptors=interceptors,
    )


def history(name: str, recorded_by: str = NEWEST) -> WorkflowHistory:
    """One that was recorded from a real server, under that version."""
    return WorkflowHistory.from_json(name, (FOLDER / recorded_by / f"{name}.json").read_text())


def with_a_trace(recorded: WorkflowHistory) -> WorkflowHistory:
    """The history as it is when its start and its signals come from a gateway that traces."""
    carrier = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
    payload = PayloadConverter.default.to_payloads([carrier])[0]
    for event in recorded.events:
        for kind in ("workflow_execution_started_event_attributes", "workflow_execution_signaled_event_attributes"):
            if event.HasField(kind):
                getattr(event, kind).header.fields["_tracer-data"].CopyFrom(payload)
    return recorded


def test_every_story_is_recorded() -> None:
    """The folder of this version holds the histories this module speaks of, and no others; older ones may differ."""
    assert {file.stem for file in RECORDED if file.parent.name == NEWEST} == STORIES


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}-{file.stem}")
async def test_a_recorded_history_replays(file: Path) -> None:
    """The workflows decide today what they decided then; `tests/histories/record.py` says when to record anew."""
    await replayer(*WORKFLOWS).replay_workflow(history(file.stem, file.parent.name))


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}-{file.stem}")
async def test_tracing_changes_nothing_of_a_replay(file: Path) -> None:
    """What was recorded without spans replays where they are on, in the sandbox, and a replay makes none."""
    kept = InMemorySpanExporter()
    spans = Spans("replay", kept)
    await replayer(*WORKFLOWS, interceptors=[spans.interceptor]).replay_workflow(history(file.stem, file.parent.name))
    await spans.close()
    assert kept.get_finished_spans() == ()


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize("name", ["reference_call", "token_day"])
async def test_a_traced_history_replays_with_tracing_on_and_off(name: str, *, traced: bool) -> None:
    """A trace in the headers of start and signals is read in the sandbox, or not at all, and changes no decision."""
    spans = Spans("replay", InMemorySpanExporter())
    interceptors = [spans.interceptor] if traced else []
    await replayer(*WORKFLOWS, interceptors=interceptors).replay_workflow(with_a_trace(history(name)))
    await spans.close()


async def test_steps_belong_to_the_trace_that_began_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a first run, from inside the sandbox: start, signals and each step are spans of the trace in the header."""
    monkeypatch.setattr(unsafe, "is_replaying", lambda: False)
    kept = InMemorySpanExporter()
    spans = Spans("first run", kept)
    traced = with_a_trace(history("reference_call"))
    await replayer(*WORKFLOWS, interceptors=[spans.interceptor]).replay_workflow(traced)
    await spans.close()
    found = kept.get_finished_spans()
    names = {span.name for span in found}
    assert {f"RunWorkflow:{CALL_WORKFLOW}", f"HandleSignal:{CALL_EVENT_SIGNAL}"} <= names
    assert {"StartActivity:create_ticket", "StartActivity:update_ticket", "StartActivity:patch_call"} <= names
    assert {span.context.trace_id for span in found if span.context} == {int(TRACE_ID, 16)}


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
