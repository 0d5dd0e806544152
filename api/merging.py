"""What Temporal knows of activities under way, put into the steps a call tells of."""

from collections.abc import Iterable
from dataclasses import replace

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.failure.v1 import Failure as FailureProto
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError, FailureError

from workflows.domain.customer import mask_text
from workflows.domain.errors import WAITS_FOR_ADMINISTRATOR, Failure
from workflows.domain.status import StepState, StepStatus

_WAITING = frozenset({*WAITS_FOR_ADMINISTRATOR, Failure.RATE_LIMITED})
_NOT_BEGUN = frozenset(
    {PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED, PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED}
)
_UNFINISHED = frozenset({StepState.RUNNING, StepState.RETRYING, StepState.WAITING})


async def merge(
    steps: Iterable[StepStatus], pending: Iterable[PendingActivityInfo], converter: DataConverter
) -> list[StepStatus]:
    """The steps, those under way with their attempts and why the last one failed, masked.

    A workflow does not see its activities' attempts; Temporal does.
    """
    by_id = {activity.activity_id: activity for activity in pending}
    return [await _with(step, by_id.get(step.activity_id), converter) for step in steps]


async def _with(step: StepStatus, activity: PendingActivityInfo | None, converter: DataConverter) -> StepStatus:
    # The query may have been answered a moment after the activity's end: then the workflow knows better.
    if activity is None or step.state not in _UNFINISHED:
        return step
    # Between two attempts, Temporal's number is already that of the next one.
    begun = activity.attempt - (activity.state in _NOT_BEGUN)
    attempts = max(begun, step.attempts)
    if not activity.HasField("last_failure"):
        return replace(step, attempts=attempts)
    kind = activity.last_failure.application_failure_info.type
    state = StepState.WAITING if kind in _WAITING else StepState.RETRYING
    return replace(step, state=state, attempts=attempts, last_error=await _told(activity.last_failure, converter))


async def _told(failure: FailureProto, converter: DataConverter) -> str:
    """The failure's type and message, as far as this process can decrypt it."""
    try:
        error = await converter.decode_failure(failure)
    except Exception:  # noqa: BLE001 - another key, or a failure of a shape to come: the call is still worth showing
        return failure.application_failure_info.type or "cannot be decrypted by this gateway"
    name = error.type if isinstance(error, ApplicationError) else type(error).__name__
    message = error.message if isinstance(error, FailureError) else str(error)
    return mask_text(f"{name}: {message}" if name else message)
