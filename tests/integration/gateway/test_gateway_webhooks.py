"""Every answer of the webhook endpoint, against a real Temporal server without a worker."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from tests.integration.gateway.kit import Served, refused
from workflows.domain.events import CallEvent
from workflows.ports import call_workflow_id

PLANTED = {"email": "planted.person@example.com", "phone_number": "+15550199", "name": "Planted Person"}


def call_of(served: Served, call_id: str) -> WorkflowHandle[Any, Any]:
    """The call's workflow."""
    handle: WorkflowHandle[Any, Any] = served.temporal.get_workflow_handle(call_workflow_id(call_id))
    return handle


async def test_an_accepted_event_is_durable_and_encrypted(served: Served, task_queue_prefix: str) -> None:
    """202 without any worker: history holds the signal, decodes to the event, and shows no customer data."""
    call_id = f"{task_queue_prefix}-1"
    answer = await served.sender.event("call.started", call_id, customer=PLANTED, agent={"id": "a-1"})
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "call_id": call_id})
    history = await call_of(served, call_id).fetch_history()
    raw = b"".join(event.SerializeToString() for event in history.events)
    assert not any(value.encode() in raw for value in PLANTED.values())
    (signal,) = [e for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED]
    attributes = signal.workflow_execution_signaled_event_attributes
    assert attributes.signal_name == "event"
    assert attributes.input.payloads[0].metadata["encoding"] == b"binary/encrypted"
    converter = served.temporal.data_converter
    (event,) = await converter.decode(attributes.input.payloads, [CallEvent])
    assert (event.type, event.customer.email, event.customer.phone) == (
        *("call.started", PLANTED["email"], PLANTED["phone_number"]),
    )
    started = history.events[0].workflow_execution_started_event_attributes
    assert started.workflow_type.name == "CallWorkflow"
    assert started.task_queue.name == "calls"
    assert started.workflow_task_timeout.ToTimedelta().total_seconds() == 5
    assert not started.search_attributes.indexed_fields


async def test_events_of_a_call_share_one_workflow(served: Served, task_queue_prefix: str) -> None:
    """Each event is one signal to the same run."""
    call_id = f"{task_queue_prefix}-1"
    for kind in ("call.completed", "call.started", "call.answered"):
        assert (await served.sender.event(kind, call_id)).status_code == 202
    history = await call_of(served, call_id).fetch_history()
    kinds = [event.event_type for event in history.events]
    assert kinds.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 3
    assert kinds.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED) == 1


async def test_a_redelivery_is_told_so_and_costs_nothing(served: Served, task_queue_prefix: str) -> None:
    """200 already_processed for the same key; another event id, or another agent's answer, is another event."""
    call_id = f"{task_queue_prefix}-1"
    assert (await served.sender.event("call.answered", call_id, agent={"id": "a-1"})).status_code == 202
    answer = await served.sender.event("call.answered", call_id, agent={"id": "a-1"})
    assert (answer.status_code, answer.json()) == (200, {"status": "already_processed", "call_id": call_id})
    assert (await served.sender.event("call.answered", call_id, agent={"id": "a-2"})).status_code == 202
    assert (await served.sender.event("call.answered", call_id, event_id="e-1", agent={"id": "a-1"})).status_code == 202
    history = await call_of(served, call_id).fetch_history()
    signals = [e for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED]
    assert len(signals) == 3
    assert b'talkbridge_webhook_duplicates_total{known_by="recent"} 1.0' in served.gateway.metrics.text()


async def test_a_closed_call_is_already_processed(served: Served, task_queue_prefix: str) -> None:
    """Whatever comes for a call whose workflow is closed starts nothing anew."""
    call_id = f"{task_queue_prefix}-1"
    await served.sender.event("call.started", call_id)
    await call_of(served, call_id).terminate()
    answer = await served.sender.event("call.completed", call_id)
    assert (answer.status_code, answer.json()) == (200, {"status": "already_processed", "call_id": call_id})
    assert b'known_by="closed_call"} 1.0' in served.gateway.metrics.text()


async def test_other_types_are_ignored_and_counted(served: Served) -> None:
    """200 ignored, and no more labels than are good for a metric."""
    answer = await served.sender.raw(b'{"event":"ticket.updated","id":123}')
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert (await served.sender.raw(b'{"event":"+15550100 \\u0000"}')).status_code == 200
    text = served.gateway.metrics.text().decode()
    assert 'talkbridge_webhooks_ignored_total{event="ticket.updated"} 1.0' in text
    assert 'talkbridge_webhooks_ignored_total{event="other"} 1.0' in text
    assert 'talkbridge_webhooks_total{answer="ignored"} 2.0' in text


@pytest.mark.parametrize("body", [b"", b"nope", b"[" * 60_000, b'{"event":NaN}', b"\xff"])
async def test_what_is_not_json_is_400(served: Served, body: bytes) -> None:
    """Signed or not, it has to be JSON."""
    refused(await served.sender.raw(body), 400, "not-json")


async def test_what_is_no_call_event_is_422_and_says_which_field(served: Served) -> None:
    """The document names the field and the reason, and quotes nothing."""
    answer = await served.sender.raw(b'{"event":"call.started","data":{"id":"planted 15550199"}}')
    document = refused(answer, 422, "not-a-call-event")
    assert document["errors"] == [{"field": "data.id", "problem": document["detail"].removeprefix("data.id: ")}]
    assert "15550199" not in answer.text


async def test_missing_wrong_and_old_signatures_are_one_401(served: Served) -> None:
    """A stranger learns nothing from the answer, and a header of any bytes is no fault."""
    body = json.dumps({"event": "call.started", "data": {"id": "c-forged"}}).encode()
    answers = [
        await served.sender.raw(body, secret="another"),
        await served.sender.raw(body, x_zendesk_webhook_signature=""),
        await served.sender.raw(body, x_zendesk_webhook_signature="é".encode()),
        await served.sender.raw(body, x_zendesk_webhook_signature=b"\xff\xfe"),
        await served.sender.raw(body, x_zendesk_webhook_signature_timestamp="2021-03-25T05:09:27Z"),
        await served.http.post("/webhooks/calls", content=body, headers={"content-type": "application/json"}),
    ]
    documents = [refused(answer, 401, "signature-refused") for answer in answers]
    assert all(document == documents[0] for document in documents)


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded", "application/jsonx"])
async def test_other_content_types_are_415(served: Served, content_type: str) -> None:
    """Only JSON is read."""
    refused(await served.sender.raw(b"{}", content_type=content_type), 415, "media-type")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"])
async def test_json_types_are_taken(served: Served, content_type: str) -> None:
    """With a parameter, in any case, or of a vendor's own."""
    assert (await served.sender.raw(b'{"event":"x.y"}', content_type=content_type)).status_code == 200


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1_000_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_too_large_a_body_is_413(served: Served, size: int, *, chunked: bool) -> None:
    """With or without Content-Length; the sender hears the answer although it was still writing."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 8192):
            yield b" " * min(8192, size - start)

    content = chunks() if chunked else b" " * size
    headers = {"content-type": "application/json"}
    refused(await served.http.post("/webhooks/calls", content=content, headers=headers), 413, "body-too-large")


async def test_the_largest_body_is_taken(served: Served) -> None:
    """64 KiB to the byte, in chunks."""
    body = b'{"event":"x.y"}'.ljust(64 * 1024)
    assert (await served.sender.raw(body)).status_code == 200


async def test_answers_and_metrics_hold_no_customer_data(served: Served, task_queue_prefix: str) -> None:
    """Neither the answer to a good or a bad event, nor what is counted."""
    good = await served.sender.event("call.started", f"{task_queue_prefix}-1", customer=PLANTED)
    bad = await served.sender.raw(json.dumps({"event": "call.started", "data": {"customer": PLANTED}}).encode())
    metrics = (await served.http.get("/metrics")).text
    for text in (good.text, bad.text, metrics):
        assert not any(value in text for value in PLANTED.values())
