"""A pasted webhook, explained without a server."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from api.checks.finding import State
from api.ops.explain import Pasted, check_signature
from api.ops.trial import CALLER, events, is_call_id, new_call_id, signed
from api.schemas import Received, read_event
from api.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, Verdict, verify
from workflows.domain.events import EventType

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECRETS = [b"first-secret", b"second-secret"]
BODY = b'{"event": "call.started",\n"data": {"id": "c-1"}}'


def pasted(body: bytes = BODY, *, secret: bytes = SECRETS[1], at: datetime = NOW, signed_body: bytes = BODY) -> Pasted:
    """A body as it arrives from a form, beside the headers of the one that was signed."""
    headers = signed(signed_body, secret, at)
    return Pasted(body=body, signature=headers[SIGNATURE_HEADER].encode(), timestamp=headers[TIMESTAMP_HEADER].encode())


@pytest.mark.parametrize("body", [BODY, BODY.replace(b"\n", b"\r\n"), BODY + b"\r\n", b" " + BODY + b"\r\n\r\n"])
def test_the_secret_that_made_a_signature_is_named(body: bytes) -> None:
    """Also when the form has changed the line ends, and pasting has added some."""
    found, verdict = check_signature(SECRETS, pasted(body), NOW, 300)
    assert verdict is Verdict.GENUINE
    assert found.text == "it is right: secret 2 of 2 made it"


def test_a_right_signature_may_be_too_old() -> None:
    """Six minutes later, or with a timestamp that is none."""
    found, verdict = check_signature(SECRETS, pasted(at=NOW - timedelta(minutes=6)), NOW, 300)
    assert verdict is Verdict.TOO_OLD
    assert "secret 2 of 2" in found.text
    assert "300 s" in found.text


def test_a_wrong_signature_says_what_to_compare() -> None:
    """Of another secret, or of another body."""
    for wrong in (pasted(secret=b"another"), pasted(b"{}")):
        found, verdict = check_signature(SECRETS, wrong, NOW, 300)
        assert verdict is Verdict.WRONG
        assert found.state == State.FAILS
        assert "none of the 2 secrets" in found.text


def test_one_header_alone_is_missing_the_other() -> None:
    """Neither of them: nothing is checked, and nothing fails."""
    whole = pasted()
    found, verdict = check_signature(SECRETS, Pasted(body=BODY, signature=whole.signature, timestamp=None), NOW, 300)
    assert (verdict, found.text) == (Verdict.MISSING, "the timestamp is missing")
    found, verdict = check_signature(SECRETS, Pasted(body=BODY, signature=None, timestamp=b"x"), NOW, 300)
    assert (verdict, found.text) == (Verdict.MISSING, "the signature is missing")
    found, verdict = check_signature(SECRETS, Pasted(body=BODY, signature=None, timestamp=None), NOW, 300)
    assert (verdict, found.state) == (None, State.SKIPPED)


def test_a_test_call_is_a_missed_one_of_nobody() -> None:
    """Two genuine webhooks without anything that a real customer has, and nothing in them that cannot be used."""
    call_id = new_call_id()
    assert is_call_id(call_id)
    assert not is_call_id("c-1")
    assert new_call_id() != call_id
    received = [read_event(body, NOW, None) for body in events(call_id, NOW)]
    assert all(isinstance(each, Received) and each.call_id == call_id for each in received)
    told = [each.event for each in received if isinstance(each, Received)]
    assert [event.type for event in told] == [EventType.STARTED, EventType.COMPLETED]
    assert all(event.warnings == [] and not event.customer.known for event in told)
    assert {event.customer.name for event in told} == {CALLER}
    for body in events(call_id, NOW):
        headers = signed(body, SECRETS[0], NOW)
        signature, timestamp = headers[SIGNATURE_HEADER].encode(), headers[TIMESTAMP_HEADER].encode()
        genuine = verify(SECRETS, signature=signature, timestamp=timestamp, body=body, now=NOW, tolerance_s=300)
        assert genuine is Verdict.GENUINE
        assert json.loads(body)["data"]["queue"] == "test call"
