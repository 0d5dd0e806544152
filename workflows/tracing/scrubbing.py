"""What of a span may leave this process: names, times, attributes of a short list; no texts of errors, no events."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status

ALLOWED = frozenset(
    {
        *("temporalWorkflowID", "temporalRunID", "temporalActivityID", "temporalActivityType"),
        *("http.request.method", "http.route", "http.response.status_code", "talkbridge.request_id"),
    }
)
"""Ids of ours, constants of the code, and numbers. Whatever else a library adds is left out."""


class Scrubbing(SpanExporter):
    """An exporter before another one, which gets what may leave."""

    def __init__(self, following: SpanExporter) -> None:
        self._following = following

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them on, scrubbed."""
        return self._following.export([scrubbed(span) for span in spans])

    def shutdown(self) -> None:
        """Send no more."""
        self._following.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what is held."""
        return self._following.force_flush(timeout_millis)


def scrubbed(span: ReadableSpan) -> ReadableSpan:
    """The span without events, without words on its failure, with attributes of the list only."""
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if name in ALLOWED},
        links=[Link(link.context) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
