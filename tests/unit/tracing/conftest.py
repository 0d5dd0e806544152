"""A collector for a test, and spans that go there."""

import os
from collections.abc import Iterator

import pytest

from tests.collector import Collector, collecting
from workflows.tracing import Tracing, begin

ON = {"OTEL_TRACES_EXPORTER": "otlp"}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector; what tracing puts into the environment is taken out again."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    for name in (*ON, "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_SERVICE_NAME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    with collecting() as collector:
        yield collector


@pytest.fixture
def tracing(collector: Collector) -> Tracing:
    """Spans that go to the collector."""
    begun = begin({**ON, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}, "talkbridge-test")
    assert begun is not None
    return begun
