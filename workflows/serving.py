"""How a worker serves its queues: the activities of an adapter, the sandbox of its workflows, the drain at the end.

Never imported by a workflow.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

from temporalio import workflow
from temporalio.client import Client
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.worker import Interceptor, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = ("workflows.domain", "workflows.ports", "opentelemetry")
"""Pure modules: importing them anew for every run would cost about 17 ms a call and gain nothing. And what stands
around a workflow where tracing is on: it was imported outside of the sandbox, and reaches for more of itself inside."""


DRAIN = timedelta(seconds=25)
STICKY = timedelta(seconds=3)
"""How long an open call waits for a worker that died before another takes it over."""
_LATENCY_BUCKETS_MS = [
    *(50.0, 100.0, 200.0, 300.0, 500.0, 750.0, 1000.0, 1250.0, 1500.0, 1750.0),
    *(2000.0, 2250.0, 2500.0, 3000.0, 5000.0, 10000.0),
]
"""Close together around the two seconds that are promised."""
_REQUEST_BUCKETS_S = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 15.0]

T = TypeVar("T")


class Served:
    """The queues of one process. As a context manager it drains at the end: running activities get 25 s.

    `interceptors` stand around activities.
    """

    def __init__(self, client: Client, interceptors: Sequence[Interceptor] = ()) -> None:
        self._client = client
        self._interceptors = interceptors
        self._running: dict[str, tuple[Worker, asyncio.Task[None]]] = {}

    @property
    def queues(self) -> list[str]:
        """The queues served."""
        return list(self._running)

    def serve(
        self,
        queue: str,
        adapter: object,
        *others: object,
        workflows: Sequence[type] = (),
        slots: int | None = None,
        per_minute: int | None = None,
    ) -> None:
        """Begin to serve a queue with the activities of these adapters.

        `per_minute` is the whole queue's rate, kept by the server.
        """
        worker = Worker(
            self._client,
            task_queue=queue,
            activities=[each for given in (adapter, *others) for each in all_activities(given)],
            workflows=workflows,
            workflow_runner=workflow_runner(),
            interceptors=self._interceptors,
            max_concurrent_activities=slots,
            max_task_queue_activities_per_second=per_minute / 60 if per_minute else None,
            graceful_shutdown_timeout=DRAIN,
            sticky_queue_schedule_to_start_timeout=STICKY,
        )
        self._running[queue] = (worker, asyncio.create_task(worker.run(), name=queue))

    async def leave(self, queue: str) -> None:
        """Serve a queue no longer."""
        worker, task = self._running.pop(queue)
        await worker.shutdown()
        await task

    async def during(self, start: Coroutine[Any, Any, T], stop: asyncio.Event) -> T | None:
        """The result of `start`, or None when asked to stop before; raises what a worker died of."""
        starting = asyncio.create_task(start)
        await self._first(starting, asyncio.create_task(stop.wait()))
        if not starting.done():
            starting.cancel()
            return None
        return starting.result()

    async def until(self, stop: asyncio.Event) -> None:
        """Return when asked to stop; raise what a worker died of."""
        await self._first(asyncio.create_task(stop.wait()))

    async def _first(self, *awaited: asyncio.Task[Any]) -> None:
        serving = {task for _, task in self._running.values()}
        done, _ = await asyncio.wait({*awaited, *serving}, return_when=asyncio.FIRST_COMPLETED)
        for task in done & serving:
            task.result()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        # All at once, so that the drain takes 25 s and not 100.
        await asyncio.gather(*(worker.shutdown() for worker, _ in self._running.values()), return_exceptions=True)
        await asyncio.gather(*(task for _, task in self._running.values()), return_exceptions=True)


def runtime(metrics_port: int | None) -> Runtime:
    """The process's telemetry: Temporal's and our metrics on that port of every interface, none for None.

    What Temporal's own core has to say goes the way of all other log lines, in their form and masked.
    """
    core = logging.getLogger("temporalio.core")
    lines = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding=LogForwardingConfig(logger=core)
    )
    if metrics_port is None:
        return Runtime(telemetry=TelemetryConfig(logging=lines))
    buckets = {
        "talkbridge_screen_pop_latency": _LATENCY_BUCKETS_MS,
        "talkbridge_vendor_request_duration": _REQUEST_BUCKETS_S,
    }
    prometheus = PrometheusConfig(
        bind_address=f"0.0.0.0:{metrics_port}",
        durations_as_seconds=True,
        counters_total_suffix=True,
        histogram_bucket_overrides=buckets,
    )
    return Runtime(telemetry=TelemetryConfig(logging=lines, metrics=prometheus))


def all_activities(adapter: object) -> list[Callable[..., Awaitable[Any]]]:
    """The adapter's activities: every method that carries a definition."""
    return list(_definitions(adapter))


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox; an import that nobody meant to pass through is an error."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(
        restrictions=restrictions.with_import_notification_policy(
            workflow.SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
            | workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        )
    )


def _definitions(adapter: object) -> Iterator[Callable[..., Awaitable[Any]]]:
    for name in dir(type(adapter)):
        method = getattr(adapter, name)
        if callable(method) and hasattr(method, "__temporal_activity_definition"):
            yield method
