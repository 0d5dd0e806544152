"""The life of one activity as Temporal's server would have it: attempts, back-off, time-outs, cancellation."""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import temporalio.activity
import temporalio.converter
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload
from temporalio.api.common.v1 import RetryPolicy as RetryPolicyProto
from temporalio.api.enums.v1 import RetryState
from temporalio.api.failure.v1 import Failure
from temporalio.bridge.proto.activity_result import ActivityResolution, Cancellation, Success
from temporalio.bridge.proto.activity_result import Failure as Failed
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

CONVERTER = temporalio.converter.default()
TRY_CANCEL, WAIT_FOR_END = 0, 1


@dataclass(frozen=True)
class Served:
    """One activity that the workers of this ground serve."""

    name: str
    method: Callable[..., Coroutine[Any, Any, Any]]
    types: list[type[Any]] | None


def served(adapter: object) -> Iterator[Served]:
    """Every activity of an adapter."""
    for name in dir(type(adapter)):
        method = getattr(adapter, name)
        definition = temporalio.activity._Definition.from_callable(method) if callable(method) else None
        if definition is not None:
            yield Served(str(definition.name), method, definition.arg_types)


@dataclass
class Scheduled:
    """An activity of one run. `state`: scheduled, running, or over; `cancelled` once a running one is asked to end."""

    seq: int
    served: Served
    activity_id: str
    arguments: list[Payload]
    queue: str
    retry: RetryPolicyProto
    start_to_close: timedelta
    schedule_to_close: timedelta | None
    cancellation: int
    is_local: bool
    scheduled_at: datetime
    attempt: int = 0
    state: str = "scheduled"
    cancelled: bool = False
    last: Failure | None = field(default=None, repr=False)

    @property
    def expires_at(self) -> datetime | None:
        """When its time is over, whatever it is doing."""
        return None if self.schedule_to_close is None else self.scheduled_at + self.schedule_to_close

    def perform(
        self, now: datetime, workflow_id: str, run_id: str
    ) -> tuple[Payload | None, Failure | None, float | None]:
        """One attempt: its result, or its failure and the delay the failure asks for."""
        environment = ActivityEnvironment()
        environment.info = replace(
            ActivityEnvironment.default_info(),
            activity_id=self.activity_id,
            activity_type=self.served.name,
            attempt=self.attempt,
            is_local=self.is_local,
            scheduled_time=self.scheduled_at,
            current_attempt_scheduled_time=now,
            started_time=now,
            start_to_close_timeout=self.start_to_close,
            task_queue=self.queue,
            workflow_id=workflow_id,
            workflow_run_id=run_id,
        )
        arguments = CONVERTER.payload_converter.from_payloads(self.arguments, self.served.types)
        try:
            value = environment.run(lambda: _to_the_end(self.served.method(*arguments)))
        except ApplicationError as error:
            failure = Failure()
            CONVERTER.failure_converter.to_failure(error, CONVERTER.payload_converter, failure)
            delay = error.next_retry_delay
            return None, failure, None if delay is None else delay.total_seconds()
        return CONVERTER.payload_converter.to_payloads([value])[0], None, None

    def next_delay(self, asked_s: float | None, now: datetime) -> timedelta | None:
        """How long until the next attempt; None when there is none."""
        most = self.retry.maximum_attempts
        if self.cancelled or (most and self.attempt >= most):
            return None
        initial = span(self.retry.initial_interval) or timedelta(seconds=1)
        longest = span(self.retry.maximum_interval) or 100 * initial
        factor = (self.retry.backoff_coefficient or 2.0) ** min(self.attempt - 1, 30)
        delay = min(initial * factor, longest) if asked_s is None else timedelta(seconds=asked_s)
        if self.expires_at is not None and now + delay >= self.expires_at:
            return None
        return delay

    def completed(self, result: Payload | None) -> ActivityResolution:
        """It worked."""
        return ActivityResolution(completed=Success(result=result))

    def failed(self, cause: Failure) -> ActivityResolution:
        """It did not, and will not be tried again; a local one raises its own error."""
        failure = cause if self.is_local else self._about(cause)
        return ActivityResolution(failed=Failed(failure=failure))

    def timed_out(self) -> ActivityResolution:
        """Its whole time is over."""
        cause = Failure(message="activity ScheduleToClose timeout")
        cause.timeout_failure_info.timeout_type = 3  # type: ignore[assignment]
        if self.last is not None:
            cause.cause.CopyFrom(self.last)
        return self.failed(cause)

    def stopped(self) -> ActivityResolution:
        """It was cancelled."""
        cause = Failure(message="Activity canceled")
        cause.canceled_failure_info.SetInParent()
        return ActivityResolution(cancelled=Cancellation(failure=self._about(cause)))

    def _about(self, cause: Failure) -> Failure:
        failure = Failure(message="Activity task failed", cause=cause)
        failure.activity_failure_info.activity_type.name = self.served.name
        failure.activity_failure_info.activity_id = self.activity_id
        if self.cancelled:
            failure.activity_failure_info.retry_state = RetryState.RETRY_STATE_CANCEL_REQUESTED
        return failure


def span(duration: Duration) -> timedelta | None:
    """A duration of the protocol; none when it is not given."""
    return duration.ToTimedelta() or None


def _to_the_end(coroutine: Coroutine[Any, Any, object]) -> object:
    """Run what never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: object = end.value
        return value
    raise RuntimeError("an activity of the twins waits for something")
