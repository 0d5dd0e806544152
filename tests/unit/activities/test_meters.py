"""What a worker counts of its activities, and the names its log lines carry meanwhile."""

import asyncio
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from structlog.contextvars import clear_contextvars, get_contextvars
from temporalio.exceptions import ApplicationError
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities import meters, turn
from activities.failures import failure
from activities.meters import Metering, head_room, result_of, status_label
from workflows.domain.errors import Failure


class Last(ActivityInboundInterceptor):
    """The activity itself: ends as it is told, after `during`."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__(self)
        self.error = error
        self.names: dict[str, Any] = {}

    async def execute_activity(self, input: ExecuteActivityInput) -> None:  # noqa: A002 - the SDK's name
        """Look at the context, then end."""
        self.names = get_contextvars()
        head_room({"x-rate-limit": "700", "x-rate-limit-remaining": "699"})
        head_room({"x-rate-limit": "many", "x-rate-limit-remaining": "-1"})
        head_room({})
        await turn.written(_fails(), request_id="c-1.update.1.0")
        if self.error is not None:
            raise self.error


async def _fails() -> NoReturn:
    raise ConnectionError


@pytest.fixture
def buffer() -> MetricBuffer:
    """Where the metrics of a test go."""
    return MetricBuffer(1000)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """No names from another test."""
    clear_contextvars()
    yield
    clear_contextvars()


async def run(buffer: MetricBuffer, last: Last, workflow_id: str = "call-c-1") -> dict[str, tuple[float, Any]]:
    """What one attempt leaves behind: value and attributes by metric."""
    meter = Runtime(telemetry=TelemetryConfig(metrics=buffer)).metric_meter
    environment = ActivityEnvironment()
    environment.metric_meter = meter
    environment.info = replace(environment.info, workflow_id=workflow_id)
    activity = Metering(meter).intercept_activity(last)
    given = ExecuteActivityInput(fn=_fails, args=(), executor=None, headers={})
    # As in a worker: every attempt is a task, and so has a context of its own.
    task = asyncio.get_running_loop().create_task(
        environment.run(activity.execute_activity, given), context=copy_context()
    )
    await asyncio.wait([task])
    assert (task.exception() is None) == (last.error is None)
    return {update.metric.name: (update.value, update.attributes) for update in buffer.retrieve_updates()}


async def test_an_attempt_is_counted_by_its_end(buffer: MetricBuffer) -> None:
    """Done, or the name of the failure; beside it the vendor's word on its rate and an outcome that was lost."""
    counted = await run(buffer, Last())
    assert counted["talkbridge_steps"][0] == 1
    assert counted["talkbridge_steps"][1]["result"] == "done"
    assert [counted[f"talkbridge_zendesk_rate_{name}"][0] for name in ("limit", "remaining")] == [700, 699]
    assert counted["talkbridge_outcomes_lost"][0] == 1
    assert "activity_type" not in counted["talkbridge_zendesk_rate_limit"][1]
    failed = await run(buffer, Last(failure(Failure.RATE_LIMITED, "later")))
    assert failed["talkbridge_steps"][1]["result"] == "RateLimited"


@pytest.mark.parametrize(("workflow_id", "names"), [("call-c-1", {"call_id": "c-1"}), ("token-acme", {})])
async def test_lines_of_an_attempt_name_its_call(buffer: MetricBuffer, workflow_id: str, names: dict[str, str]) -> None:
    """And the next attempt's lines do not."""
    last = Last()
    await run(buffer, last, workflow_id)
    assert last.names == names
    assert get_contextvars() == {}


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (failure(Failure.STEP_REFUSED, "no"), "StepRefused"),
        (ApplicationError("no", type="SomebodyElses +15550100"), "Unexpected"),
        (asyncio.CancelledError(), "cancelled"),
        (ZeroDivisionError(), "Unexpected"),
    ],
)
def test_labels_are_names_of_ours(error: BaseException, result: str) -> None:
    """However an attempt ends, the label is one of a handful."""
    assert result_of(error) == result


@pytest.mark.parametrize(("status", "label"), [(None, "none"), (200, "200"), (429, "429"), (418, "4xx"), (599, "5xx")])
def test_no_vendor_invents_labels(status: int | None, label: str) -> None:
    """Statuses that matter are told apart, others by class."""
    assert status_label(status) == label
    assert len(meters.TOLD_APART) < 20
