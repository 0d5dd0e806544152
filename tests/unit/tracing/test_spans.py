"""What a collector gets: requests, steps and vendor requests, and nothing but what may leave."""

from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from structlog.contextvars import bind_contextvars
from temporalio.common import MetricMeter
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.converter import PayloadConverter
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.meters import Metering
from activities.turn import answered
from activities.zendesk.message import Request
from activities.zendesk.wire import Wire
from api.tracing import Traced
from tests.collector import Collector, attributes
from workflows.tracing import Tracing

PLANTED = "planted.person@example.com"


@pytest.fixture
async def gateway(tracing: Tracing) -> AsyncIterator[httpx.AsyncClient]:
    """An application that is traced."""
    app = FastAPI()

    @app.get("/calls/{call_id}")
    async def show(call_id: str) -> dict[str, str]:
        return {"call_id": call_id}

    @app.get("/healthz")
    async def alive() -> None:
        return None

    @app.get("/fails")
    async def fails() -> None:
        raise ValueError(PLANTED)

    transport = httpx.ASGITransport(app=Traced(app, tracing), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def sent(tracing: Tracing, collector: Collector) -> list[Span]:
    """The spans, once all are there."""
    await tracing.close()
    return collector.spans


async def test_a_request_is_a_span_named_by_its_route(
    gateway: httpx.AsyncClient, tracing: Tracing, collector: Collector
) -> None:
    """Method, route and status; neither the call's id nor the query, and no trace of the asker's own."""
    strange = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": f"who={PLANTED}"}
    await gateway.get("/calls/c-1", params={"email": PLANTED}, headers=strange)
    await gateway.get("/healthz")
    (span,) = await sent(tracing, collector)
    assert span.name == "GET /calls/{call_id}"
    assert attributes(span) == {
        "http.request.method": "GET",
        "http.route": "/calls/{call_id}",
        "http.response.status_code": 200,
    }
    assert not span.parent_span_id
    assert span.trace_id.hex() != "0af7651916cd43dd8448eb211c80319c"
    assert collector.services == {"talkbridge-test"}
    assert PLANTED.encode() not in b"".join(collector.bodies)


async def test_the_end_of_the_gateway_sends_what_is_left(tracing: Tracing, collector: Collector) -> None:
    """The last spans are at the collector before the server says that it has ended."""
    asked = iter(["lifespan.startup", "lifespan.shutdown"])
    had: list[tuple[str, int]] = []

    async def receive() -> dict[str, str]:
        return {"type": next(asked)}

    async def send(message: MutableMapping[str, Any]) -> None:
        had.append((message["type"], len(collector.spans)))

    tracing.vendor_request("x", None, 200, 0.1)
    await Traced(FastAPI(), tracing)({"type": "lifespan", "state": {}}, receive, send)
    assert had == [("lifespan.startup.complete", 0), ("lifespan.shutdown.complete", 1)]


async def test_what_strangers_make_up_does_not_become_a_name(
    gateway: httpx.AsyncClient, tracing: Tracing, collector: Collector
) -> None:
    """A method nobody knows and an address nobody serves are one name."""
    await gateway.request(PLANTED.upper().replace("@", "-"), f"/{PLANTED}")
    (span,) = await sent(tracing, collector)
    assert span.name == "other none"
    assert b"planted" not in b"".join(collector.bodies).lower()


async def test_a_fault_is_an_error_without_its_words(
    gateway: httpx.AsyncClient, tracing: Tracing, collector: Collector
) -> None:
    """The status says that it failed; exception and trace stay here."""
    await gateway.get("/fails")
    (span,) = await sent(tracing, collector)
    assert (span.status.code, span.status.message, list(span.events)) == (2, "", [])
    assert attributes(span)["http.response.status_code"] == 500
    assert PLANTED.encode() not in b"".join(collector.bodies)


async def test_a_vendor_request_belongs_to_what_sent_it(tracing: Tracing, collector: Collector) -> None:
    """It lies within the span that was open, with status and `X-Request-ID`, as long as it took."""
    with tracing.request("POST") as done:
        tracing.vendor_request("create_ticket", "c-1.create.1.0a1b2c3d", 201, 0.25)
        tracing.vendor_request("search_tickets", None, None, 0.5)
        done("/webhooks/calls", 202)
    created, searched, webhook = await sent(tracing, collector)
    assert created.name == "VendorRequest:create_ticket"
    assert attributes(created) == {
        "talkbridge.request_id": "c-1.create.1.0a1b2c3d",
        "http.response.status_code": 201,
    }
    assert created.parent_span_id == webhook.span_id
    assert created.end_time_unix_nano - created.start_time_unix_nano == 250_000_000
    assert (created.status.code, searched.status.code, attributes(searched)) == (0, 2, {})


async def test_nothing_leaves_but_what_is_on_the_list(tracing: Tracing, collector: Collector) -> None:
    """Attributes of others, events, exceptions and words on a failure are cut from every span, whoever made it."""
    tracer = tracing.interceptor.tracer  # type: ignore[attr-defined]  # the SDK's own
    with (
        pytest.raises(ValueError, match="planted"),
        tracer.start_as_current_span("RunActivity:x", attributes={"url.full": PLANTED, "temporalWorkflowID": "call-1"}),
    ):
        raise ValueError(PLANTED)
    (span,) = await sent(tracing, collector)
    assert (attributes(span), list(span.events), span.status.code) == ({"temporalWorkflowID": "call-1"}, [], 2)
    assert PLANTED.encode() not in b"".join(collector.bodies)


async def test_a_vendor_is_told_of_no_trace(tracing: Tracing, collector: Collector) -> None:
    """The contract names the headers of a request; `traceparent` is none of them, and nothing adds it."""
    wire = Wire(collector.url, timeout_s=5)
    with tracing.request("POST"):
        await wire.send(Request(method="POST", path="/v1/traces", body={}), {"X-Request-ID": "c-1.x.1.00000000"})
    await wire.close()
    assert {name.lower() for name in collector.headers} == {
        *("host", "accept", "accept-encoding", "connection", "user-agent"),
        *("content-type", "content-length", "x-request-id"),
    }


class _Step(ActivityInboundInterceptor):
    """An activity that asks a vendor."""

    def __init__(self) -> None:
        """It is the innermost."""

    async def execute_activity(self, input: ExecuteActivityInput) -> None:  # noqa: A002 - the SDK's name
        bind_contextvars(request_id="c-1.create.1.0a1b2c3d")
        answered("create_ticket", 201, 0.1)


async def test_a_step_is_where_its_call_is(tracing: Tracing, collector: Collector) -> None:
    """The trace in an activity's header goes on through the attempt to the request, by whatever name that went out."""
    carrier = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": f"who={PLANTED}"}
    headers = {"_tracer-data": PayloadConverter.default.to_payloads([carrier])[0]}
    metering = Metering(MetricMeter.noop, requested=tracing.vendor_request)
    assert isinstance(tracing.interceptor, TracingInterceptor)
    attempt = tracing.interceptor.intercept_activity(metering.intercept_activity(_Step()))
    step = ExecuteActivityInput(fn=lambda: None, args=[], executor=None, headers=headers)
    await ActivityEnvironment().run(attempt.execute_activity, step)
    request, run = await sent(tracing, collector)
    assert run.name.startswith("RunActivity:")
    assert (run.trace_id.hex(), run.parent_span_id.hex()) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert (request.name, request.parent_span_id) == ("VendorRequest:create_ticket", run.span_id)
    assert attributes(request)["talkbridge.request_id"] == "c-1.create.1.0a1b2c3d"
    assert PLANTED.encode() not in b"".join(collector.bodies)
