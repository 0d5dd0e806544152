"""A webhook's body: two fields refuse it, nothing else does, and no bytes are too strange."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.schemas import Ignored, NotACall, NotJson, Received, read_event
from workflows.domain.customer import Customer
from workflows.domain.events import Agent, CallEvent

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SEED = {
    "event": "call.started",
    "timestamp": 1678901234567,
    "data": {
        "id": "c-1234567890",
        "status": "ringing",
        "customer": {"email": "User@Example.com", "phone_number": "+15550100"},
        "ticket_id": None,
        "agent": {"id": "a-9876543210", "name": "Agent Smith"},
    },
}


def read(document: object, region: str | None = None) -> Received | Ignored:
    """What is made of this document."""
    return read_event(json.dumps(document).encode(), NOW, region)


def event_with(top: dict[str, Any] | None = None, /, **data: object) -> CallEvent:
    """The event made of a call with these fields."""
    document = {"event": "call.started", "timestamp": 1767322800000, **(top or {}), "data": {"id": "c-1", **data}}
    received = read(document)
    assert isinstance(received, Received)
    return received.event


def test_the_seed_payload_is_read() -> None:
    """The integration guide's example becomes an event without a warning."""
    assert read(SEED) == Received(
        "c-1234567890",
        CallEvent(
            type="call.started",
            occurred_at=datetime(2023, 3, 15, 17, 27, 14, 567000, tzinfo=UTC),
            received_at=NOW,
            customer=Customer(email="user@example.com", phone="+15550100"),
            agent=Agent(id="a-9876543210", name="Agent Smith"),
        ),
    )


def test_every_optional_field_is_kept() -> None:
    """What the sender adds beyond the example reaches the event."""
    event = event_with(
        {"id": "evt-1"},
        customer={"name": "Ada"},
        ticket_id="123",
        direction="inbound",
        from_line="Sales",
        to_line=4930901820,
        duration_s=12.6,
        recording_url="https://example.com/r/1",
        disposition="sold",
        queue="vip",
    )
    assert (event.event_id, event.customer.name, event.ticket_id, event.direction) == ("evt-1", "Ada", 123, "inbound")
    assert (event.from_line, event.to_line, event.duration_s) == ("Sales", "4930901820", 13)
    assert (event.recording_url, event.disposition, event.queue) == ("https://example.com/r/1", "sold", "vip")
    assert event.warnings == []


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "body"),
        (None, "body"),
        ({}, "event"),
        ({"event": 7}, "event"),
        ({"event": "call.started"}, "data"),
        ({"event": "call.started", "data": []}, "data"),
        ({"event": "call.started", "data": {}}, "data.id"),
        ({"event": "call.started", "data": {"id": ""}}, "data.id"),
        ({"event": "call.started", "data": {"id": None}}, "data.id"),
        ({"event": "call.started", "data": {"id": True}}, "data.id"),
        ({"event": "call.started", "data": {"id": 1.5}}, "data.id"),
        ({"event": "call.started", "data": {"id": "a b"}}, "data.id"),
        ({"event": "call.started", "data": {"id": "é"}}, "data.id"),
        ({"event": "call.started", "data": {"id": "x" * 129}}, "data.id"),
    ],
)
def test_only_event_and_call_id_refuse(document: object, field: str) -> None:
    """The refusal names the field."""
    with pytest.raises(NotACall) as refused:
        read(document)
    assert (refused.value.field or "body") == field


@pytest.mark.parametrize(
    ("value", "call_id"), [(17, "17"), ("x" * 128, "x" * 128), ("a/b?c#d%", "a/b?c#d%"), (10**100, "1" + "0" * 100)]
)
def test_call_ids_are_visible_ascii_or_integers(value: object, call_id: str) -> None:
    """An integer is the text of its digits."""
    received = read({"event": "call.started", "data": {"id": value}})
    assert isinstance(received, Received)
    assert received.call_id == call_id


def test_unknown_types_are_ignored_whatever_else_they_hold() -> None:
    """A vendor's other webhooks are no errors."""
    assert read({"event": "ticket.updated", "id": 123}) == Ignored("ticket.updated")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"customer": {"email": "not an address"}}, "data.customer.email"),
        ({"customer": {"email": 7}}, "data.customer.email"),
        ({"customer": {"phone_number": "call me"}}, "data.customer.phone_number"),
        ({"customer": {"phone_number": [1]}}, "data.customer.phone_number"),
        ({"customer": {"phone_number": "030 901820"}}, "data.customer.phone_number"),
        ({"customer": {"name": {"first": "Ada"}}}, "data.customer.name"),
        ({"customer": "Ada"}, "data.customer"),
        ({"agent": ["Smith"]}, "data.agent"),
        ({"ticket_id": 0}, "data.ticket_id"),
        ({"ticket_id": "12a"}, "data.ticket_id"),
        ({"ticket_id": 2**63}, "data.ticket_id"),
        ({"ticket_id": 1.5}, "data.ticket_id"),
        ({"ticket_id": True}, "data.ticket_id"),
        ({"duration_s": -1}, "data.duration_s"),
        ({"duration_s": "long"}, "data.duration_s"),
        ({"duration_s": 1e300}, "data.duration_s"),
        ({"recording_url": "javascript:alert(1)"}, "data.recording_url"),
        ({"recording_url": "https://[broken"}, "data.recording_url"),
        ({"recording_url": "https://example.com/" + "x" * 2048}, "data.recording_url"),
    ],
)
def test_what_cannot_be_used_is_absent_with_a_warning(data: dict[str, Any], field: str) -> None:
    """The call goes on, and says what was left out without showing it."""
    event = event_with(None, **data)
    assert event.warnings == [f"{field} could not be used and was left out"]
    assert event.customer == Customer()
    assert (event.agent, event.ticket_id, event.duration_s, event.recording_url) == (None, None, None, None)


@pytest.mark.parametrize("number", ["anonymous", "", "Restricted", None])
def test_a_withheld_customer_is_absent_without_a_warning(number: str | None) -> None:
    """Withholding one's number is the caller's right."""
    event = event_with(customer={"phone_number": number, "email": ""})
    assert (event.customer.known, event.warnings) == (False, [])


@pytest.mark.parametrize(
    "timestamp", [None, "soon", 1678901234, -1, 1e400, True, (NOW + timedelta(days=2)).timestamp() * 1000, 10**30]
)
def test_an_implausible_timestamp_is_the_time_of_receipt(timestamp: object) -> None:
    """Seconds instead of milliseconds, the future, nonsense: each with a warning."""
    body = json.dumps({"event": "call.started", "timestamp": timestamp, "data": {"id": "c-1"}})
    received = read_event(body.replace("Infinity", "1e400").encode(), NOW, None)
    assert isinstance(received, Received)
    assert received.event.occurred_at == NOW
    assert len(received.event.warnings) == 1


def test_texts_are_cut_and_cleaned() -> None:
    """256 characters, no control characters, no half characters: what every store takes."""
    event = event_with(queue="x" * 300, disposition="a\x00b\nc", direction="\ud83d cut", customer={"name": " \n "})
    assert event.queue == "x" * 256
    assert (event.disposition, event.direction, event.customer.name) == ("a b c", "\ufffd cut", None)


def test_an_event_id_is_never_cut() -> None:
    """Two long ids that begin alike must not become one: without an id, the type tells events apart."""
    assert event_with({"id": "x" * 128}).event_id == "x" * 128
    event = event_with({"id": "x" * 129})
    assert event.event_id is None
    assert event.warnings == ["id could not be used and was left out"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nope",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"event":NaN}',
        b"\xff\xfe",
        b'{"event":"call.started","data":{"id":"\xe9"}}',
    ],
)
def test_what_is_not_json_is_told_apart(body: bytes) -> None:
    """Empty, broken, bottomless, or no UTF-8."""
    with pytest.raises(NotJson):
        read_event(body, NOW, None)


@pytest.mark.parametrize(
    "extra", ['"x":"\\ud800"', '"x":' + "9" * 6000, '"x":1e999', '"x":"\\u0000"', '"event":"call.started"', '"x":-0']
)
def test_strange_but_legal_json_is_taken(extra: str) -> None:
    """Half characters, numbers of any size, NUL and repeated names harm nothing."""
    received = read_event(f'{{"event":"call.started","data":{{"id":1}},{extra}}}'.encode(), NOW, None)
    assert isinstance(received, Received)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
CUSTOMER = st.fixed_dictionaries({}, optional={"email": JSON, "phone_number": JSON, "name": JSON}) | JSON
DATA = st.fixed_dictionaries(
    {"id": st.just("c-1")},
    optional={"customer": CUSTOMER, "agent": st.fixed_dictionaries({}, optional={"id": JSON, "name": JSON}) | JSON}
    | dict.fromkeys(("ticket_id", "duration_s", "recording_url", "direction", "from_line", "queue"), JSON),
)


@given(JSON)
def test_any_json_is_an_event_or_a_declared_refusal(document: object) -> None:
    """Nothing else is ever raised."""
    with suppress(NotACall, NotJson):
        assert isinstance(read(document), Ignored | Received)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_declared_refusal(body: bytes) -> None:
    """Nothing else is ever raised."""
    with pytest.raises((NotACall, NotJson)):
        read_event(body, NOW, None)


@given(data=DATA, timestamp=JSON, event_id=JSON, region=st.sampled_from([None, "US"]))
def test_any_optional_field_leaves_a_storable_event(
    data: dict[str, object], timestamp: object, event_id: object, region: str | None
) -> None:
    """A call is never refused for an optional field, and what is kept can be written to JSON and PostgreSQL."""
    document = {"id": event_id, "event": "call.answered", "timestamp": timestamp, "data": data}
    body = json.dumps(document).replace("Infinity", "1e999").encode()
    received = read_event(body, NOW, region)
    assert isinstance(received, Received)
    event = received.event
    texts = [event.event_id, event.customer.name, event.direction, event.queue, *event.warnings]
    assert all("\x00" not in text and text.encode() for text in texts if text is not None)
    assert event.occurred_at.tzinfo is not None
