"""The spans themselves: who makes them, where they go, and how a trace reaches from a webhook to a vendor's answer.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import asyncio
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio.client import OutboundInterceptor, StartWorkflowUpdateWithStartInput, WorkflowUpdateHandle
from temporalio.contrib.opentelemetry import TracingInterceptor, TracingWorkflowInboundInterceptor
from temporalio.worker import WorkflowInboundInterceptor, WorkflowInterceptorClassInput

from workflows.tracing import Answered
from workflows.tracing.scrubbing import Scrubbing

# It would log a header it cannot read, and that is the collector's secret.
logging.getLogger("opentelemetry.util.re").setLevel(logging.ERROR)

_HEADER = "_tracer-data"
_FLUSH_S = 2.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Two random ids and nothing else: baggage could be anybody's words, and headers in Temporal are not encrypted.
_PROPAGATOR = TraceContextTextMapPropagator()


class Spans:
    """The spans of one process. Sends them to `OTEL_EXPORTER_OTLP_ENDPOINT`, or to the exporter given.

    Nothing is made global: what libraries would trace by themselves, vendors' addresses among it, is not traced.
    """

    def __init__(self, service: str, exporter: SpanExporter | None = None) -> None:
        # It is closed by hand: a process of ours runs no exit handlers.
        self._provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(Scrubbing(exporter or OTLPSpanExporter())))
        self._tracer = self._provider.get_tracer("talkbridge")
        self.interceptor = CallTracing(self._tracer)

    @contextmanager
    def request(self, method: str) -> Iterator[Answered]:
        """The span of a request to us until its answer begins. A stranger's `traceparent` is not heeded."""
        method = method if method in _METHODS else "other"
        span = self._tracer.start_as_current_span(
            method,
            context=Context(),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            record_exception=False,
            set_status_on_exception=False,
            end_on_exit=False,
        )
        with span as current:

            def answered(route: str, status: int) -> None:
                current.update_name(f"{method} {route}")
                current.set_attributes({"http.route": route, "http.response.status_code": status})
                if status >= 500:
                    current.set_status(StatusCode.ERROR)
                current.end()

            try:
                yield answered
            finally:
                if current.is_recording():
                    current.end()

    def vendor_request(self, name: str, request_id: str | None, status: int | None, seconds: float) -> None:
        """A span that is over: what is known of a request is known with its answer."""
        end = time.time_ns()
        known = {"talkbridge.request_id": request_id, "http.response.status_code": status}
        span = self._tracer.start_span(
            f"VendorRequest:{name}",
            kind=SpanKind.CLIENT,
            start_time=end - int(seconds * 1e9),
            attributes={key: value for key, value in known.items() if value is not None},
        )
        if status is None or status >= 400:
            span.set_status(StatusCode.ERROR)
        span.end(end)

    async def close(self) -> None:
        """Send what is left; a collector out of reach holds up an end for two seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await asyncio.to_thread(self._provider.force_flush, int(_FLUSH_S * 1000))


class CallTracing(TracingInterceptor):
    """Temporal's own spans, one trace a call: what a call does belongs to the webhook that began it."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__(tracer)
        self.text_map_propagator = _PROPAGATOR

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        """Stand around the client's calls."""
        return super().intercept_client(_TokenApart(next))

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 - the SDK's name
    ) -> type[TracingWorkflowInboundInterceptor]:
        """What stands around a workflow, in its sandbox."""
        super().workflow_interceptor_class(input)
        return _WorkflowTracing


class _WorkflowTracing(TracingWorkflowInboundInterceptor):
    def __init__(self, next: WorkflowInboundInterceptor) -> None:  # noqa: A002 - the SDK's name
        super().__init__(next)
        self.text_map_propagator = _PROPAGATOR


class _TokenApart(OutboundInterceptor):
    """The token workflow runs for months: it belongs to no trace, and each of its exchanges is one of its own."""

    async def start_update_with_start_workflow(
        self,
        input: StartWorkflowUpdateWithStartInput,  # noqa: A002 - the SDK's name
    ) -> WorkflowUpdateHandle[Any]:
        start = input.start_workflow_input
        start.headers = {name: value for name, value in start.headers.items() if name != _HEADER}
        return await super().start_update_with_start_workflow(input)


def _resource(service: str) -> Resource:
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return Resource.create({} if named else {"service.name": service})
