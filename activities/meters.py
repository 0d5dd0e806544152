"""What a worker counts of its activities, and which call the lines it logs meanwhile are of."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from structlog.contextvars import bind_contextvars, get_contextvars
from temporalio import activity
from temporalio.common import MetricMeter
from temporalio.exceptions import ApplicationError, is_cancelled_exception
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from workflows.domain.errors import Failure
from workflows.ports import call_id_of, call_workflow_id

DONE = "done"
CANCELLED = "cancelled"
TOLD_APART = frozenset({200, 201, 400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504})
"""Statuses counted by their own number; others by their class, so that no vendor can invent labels."""

Requested = Callable[[str, str | None, int | None, float], None]
"""Told of each vendor request that went out: its name, its `X-Request-ID`, its status if any, its seconds."""

# The process's own meter: what is no single activity's must not carry the name of the one that saw it.
_METER: ContextVar[MetricMeter] = ContextVar("meter", default=MetricMeter.noop)
_REQUESTED: ContextVar[Requested | None] = ContextVar("requested", default=None)


class Metering(Interceptor):
    """Counts every attempt by its end; log lines written during it carry `call_id`. `meter` is the process's.

    `requested` is told of each vendor request, where anybody wants to know.
    """

    def __init__(self, meter: MetricMeter, requested: Requested | None = None) -> None:
        self._meter = meter
        self._requested = requested

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Stand around every activity."""
        return _Metered(next, self._meter, self._requested)


class _Metered(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, meter: MetricMeter, requested: Requested | None) -> None:
        super().__init__(following)
        self._meter = meter
        self._requested = requested

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's signature
        """One attempt, in a task and a context of its own."""
        _METER.set(self._meter)
        _REQUESTED.set(self._requested)
        workflow_id = activity.info().workflow_id or ""
        if (call_id := call_id_of(workflow_id)) and call_workflow_id(call_id) == workflow_id:
            bind_contextvars(call_id=call_id)
        result = DONE
        try:
            return await self.next.execute_activity(input)
        except BaseException as error:
            result = result_of(error)
            raise
        finally:
            counter = activity.metric_meter().create_counter("talkbridge_steps", "Attempts at steps by result")
            counter.add(1, {"result": result})


def result_of(error: BaseException) -> str:
    """A failed attempt's label: its failure's name, `cancelled`, or `Unexpected`."""
    if isinstance(error, ApplicationError) and error.type in frozenset(Failure):
        return str(error.type)
    return CANCELLED if is_cancelled_exception(error) else str(Failure.UNEXPECTED)


def measure(request: str, status: int | None, seconds: float) -> None:
    """Count and time a vendor request by its name and status (`none`: no answer came), and tell who wants to know."""
    meter = activity.metric_meter()
    seen = {"request": request, "status": status_label(status)}
    meter.create_counter("talkbridge_vendor_requests", "Requests to vendors").add(1, seen)
    duration = meter.create_histogram_timedelta("talkbridge_vendor_request_duration", "From first byte to whole answer")
    duration.record(timedelta(seconds=seconds), {"request": request})
    if (requested := _REQUESTED.get()) is not None:
        requested(request, get_contextvars().get("request_id"), status, seconds)


def status_label(status: int | None) -> str:
    """A status as a label."""
    if status is None:
        return "none"
    return str(status) if status in TOLD_APART else f"{status // 100}xx"


def head_room(headers: Mapping[str, str]) -> None:
    """Note what Zendesk says of its rate limit, where it does; `headers` have names in lower case.

    https://developer.zendesk.com/api-reference/introduction/rate-limits/
    """
    meter = _METER.get()
    if (limit := _number(headers.get("x-rate-limit", ""))) is not None:
        meter.create_gauge("talkbridge_zendesk_rate_limit", "Requests a minute that Zendesk allows").set(limit)
    if (left := _number(headers.get("x-rate-limit-remaining", ""))) is not None:
        meter.create_gauge("talkbridge_zendesk_rate_remaining", "What is left of them, by the last answer").set(left)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def outcome_lost() -> None:
    """Count a row of the ledger that says `unknown` although the outcome was seen."""
    _METER.get().create_counter("talkbridge_outcomes_lost", "Outcomes that the ledger could not be told").add(1)
