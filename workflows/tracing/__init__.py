"""OpenTelemetry tracing of a process, where it is wanted; nothing of OpenTelemetry is imported where it is not.

Never imported by a workflow.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

from temporalio.client import Interceptor

_EXPORTER = "OTEL_TRACES_EXPORTER"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")

Answered = Callable[[str, int], None]
"""Told of a request's route and its answer's status."""


class TracingUnusable(Exception):
    """Tracing is wanted and cannot be had; the text is one sentence that names the setting."""


class Tracing(Protocol):
    """The spans of one process."""

    @property
    def interceptor(self) -> Interceptor:
        """For the client of Temporal; workers made of that client have it too."""

    @contextmanager
    def request(self, method: str) -> Iterator[Answered]:
        """The span of a request to us, and of what it leads to."""

    def vendor_request(self, name: str, request_id: str | None, status: int | None, seconds: float) -> None:
        """The span of a request that has just ended; `status` None: no answer came."""

    async def close(self) -> None:
        """Send what is left, for a moment at most."""


@asynccontextmanager
async def begun(environment: Mapping[str, str], service: str) -> AsyncIterator[Tracing | None]:
    """What `begin` gives; what is left is sent at the end."""
    tracing = begin(environment, service)
    try:
        yield tracing
    finally:
        if tracing is not None:
            await tracing.close()


def begin(environment: Mapping[str, str], service: str) -> Tracing | None:
    """Spans as OpenTelemetry's standard variables have it, none unless `OTEL_TRACES_EXPORTER` is `otlp`.

    `service` is the service's name where they give none. Raises `TracingUnusable`.
    """
    exporter = environment.get(_EXPORTER) or "none"
    if exporter == "none" or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if exporter != "otlp":
        raise TracingUnusable(f"{_EXPORTER} cannot be used: set it in the environment or in .env to `otlp` or `none`.")
    protocol = next((name for name in _PROTOCOLS if environment.get(name, "http/protobuf") != "http/protobuf"), None)
    if protocol is not None:
        raise TracingUnusable(f"{protocol} cannot be used: set it in the environment or in .env to `http/protobuf`.")
    # OpenTelemetry reads its variables by itself, and knows nothing of `.env`.
    os.environ.update({name: value for name, value in environment.items() if name.startswith("OTEL_")})
    try:
        from workflows.tracing.spans import Spans  # noqa: PLC0415 - an extra that need not be installed
    except ImportError:
        raise TracingUnusable(
            f"{_EXPORTER} is `otlp`, but OpenTelemetry is not installed: install `talkbridge[tracing]`, or set it to "
            "`none`."
        ) from None
    try:
        return Spans(service)
    except ValueError as error:
        raise TracingUnusable(f"the OTEL_ settings cannot be used: {error}") from None
