"""One trace a call, from the webhook to each request at a vendor, as a collector gets it; and nothing private in it."""

import json
from collections.abc import Iterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.collector import Collector, attributes, collecting
from tests.e2e.stack import SECRET, Stack, eventually
from workflows.connection import Keyring, connect
from workflows.ports import CALL_WORKFLOW

CALLER = {"email": "planted.person@example.com", "phone_number": "+15550142", "name": "Planted Person"}
SECRETS = (
    "planted.person",
    "15550142",
    "Planted Person",
    SECRET,
    "simulator-secret",
    "crm-secret",
    "Bearer",
    "customer_email",
)


@pytest.fixture
def collector(stack: Stack) -> Iterator[Collector]:
    """A collector that gateway and workers send to, soon after each span."""
    with collecting() as collector:
        stack.settings |= {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        yield collector


def ancestry(span: Span, spans: dict[bytes, Span]) -> list[str]:
    """The names from a span up to the root of its trace."""
    above = spans.get(span.parent_span_id)
    return [span.name, *(ancestry(above, spans) if above is not None else [])]


async def test_a_call_is_one_trace_from_webhook_to_vendor(stack: Stack, collector: Collector) -> None:
    """Every request the vendors saw is a span below the first webhook, with its `X-Request-ID` and status."""
    stack.start_gateway()
    stack.start_worker()
    stack.run_call("c-traced", customer=CALLER)
    seen = {request["request_id"]: request["status"] for request in stack.journal("c-traced")}

    def told() -> dict[str | int, Span]:
        requests = [span for span in collector.spans if span.name.startswith("VendorRequest:")]
        return {attributes(span)["talkbridge.request_id"]: span for span in requests}

    eventually(lambda: set(seen) <= set(told()), lambda: f"{sorted(map(str, told()))} of {sorted(seen)}")
    spans = {span.span_id: span for span in collector.spans}
    traces = {told()[name].trace_id for name in seen}
    assert len(traces) == 1
    for name, status in seen.items():
        span = told()[name]
        assert attributes(span)["http.response.status_code"] == status
        assert ancestry(span, spans)[-2:] == [f"SignalWithStartWorkflow:{CALL_WORKFLOW}", "POST /webhooks/calls"]
        step = ancestry(span, spans)[1]
        assert step.startswith("RunActivity:")
    assert collector.services == {"talkbridge-gateway", "talkbridge-worker"}
    exchanges = [span for span in collector.spans if span.name == "VendorRequest:exchange_token"]
    assert {span.trace_id in traces for span in exchanges} == {False}

    everything = b"".join(collector.bodies)
    assert [secret for secret in SECRETS if secret.encode() in everything] == []


async def test_headers_in_temporal_hold_two_random_ids(stack: Stack, collector: Collector) -> None:
    """What the trace travels in is not encrypted, and tells nothing: `traceparent` alone."""
    stack.start_gateway()
    stack.start_worker()
    stack.run_call("c-traced", customer=CALLER)
    client = await connect(Keyring.parse(stack.key), environment={"TEMPORAL_ADDRESS": stack.temporal.address})
    history = await client.get_workflow_handle("call-c-traced").fetch_history()
    carried = [
        bytes(payload.data)
        for event in history.events
        for kind in ("workflow_execution_started_event_attributes", "activity_task_scheduled_event_attributes")
        if event.HasField(kind)
        for name, payload in getattr(event, kind).header.fields.items()
    ]
    assert carried
    for each in carried:
        assert set(json.loads(each)) == {"traceparent"}


async def test_a_collector_out_of_reach_hinders_nothing(stack: Stack) -> None:
    """Calls are served as ever, and both processes end in time."""
    stack.settings |= {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    gateway, worker = stack.start_gateway(), stack.start_worker()
    assert stack.run_call("c-alone")["state"] == "completed"
    for process in (gateway, worker):
        process.terminate()
        assert process.wait(15) == 0
