"""What telephony sends: signature and scripts."""

from __future__ import annotations

import json

import pytest

from simulator.scripts import SCRIPTS, Play, cues
from simulator.webhook import event_body, signature, signed_headers


def test_the_signature_matches_the_vector_of_the_contract() -> None:
    """The published test vector is reproduced."""
    secret, timestamp = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==", "2021-03-25T05:09:27Z"
    body = b'{"event":"ticket.updated","id":123}'
    assert signature(secret, timestamp, body) == "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM="


def test_headers_carry_the_signature_of_their_own_time() -> None:
    """The signature covers the timestamp sent beside it."""
    headers = signed_headers("s", b"{}", 1616648967.9)
    assert headers["X-Zendesk-Webhook-Signature-Timestamp"] == "2021-03-25T05:09:27Z"
    assert headers["X-Zendesk-Webhook-Signature"] == signature("s", "2021-03-25T05:09:27Z", b"{}")


def test_an_event_has_the_shape_of_the_contract() -> None:
    """An event holds its type, milliseconds and data, and an id only where there is one."""
    assert json.loads(event_body("call.started", 1678901234.567, {"id": "c-1"}, None)) == {
        "event": "call.started",
        "timestamp": 1678901234567,
        "data": {"id": "c-1"},
    }
    assert json.loads(event_body("call.started", 0, {}, "e-1"))["id"] == "e-1"


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("normal", ["started", "answered", "completed"]),
        ("duplicates", ["started", "answered", "completed"]),
        ("out_of_order", ["completed", "answered", "started"]),
        ("missed", ["started", "completed"]),
        ("transfer", ["started", "answered", "answered", "completed"]),
        ("no_end", ["started", "answered"]),
        ("call_back", ["started", "answered", "completed"] * 2),
        ("two_at_once", ["started", "started", "answered", "answered", "completed", "completed"]),
    ],
)
def test_every_script_sends_its_events(script: str, names: list[str]) -> None:
    """A script's events come in this order, all of them for calls that carry their own id."""
    script_cues = cues(Play(webhook_url="http://x", secret="s", script=script))
    assert [cue.name for cue in script_cues] == names
    assert all(cue.data["id"] == cue.call_id for cue in script_cues)
    assert {cue.copies for cue in script_cues} == {3 if script == "duplicates" else 1}
    assert script in SCRIPTS


def test_pairs_are_two_calls_of_one_customer() -> None:
    """A given call id names the first call, and with `-2` the second."""
    pair = cues(Play(webhook_url="http://x", secret="s", script="two_at_once", call_id="c-7"))
    assert {cue.call_id for cue in pair} == {"c-7", "c-7-2"}
    assert len({json.dumps(cue.data["customer"]) for cue in pair}) == 1


def test_out_of_order_tells_the_true_times() -> None:
    """Events sent in the wrong order still say when they happened."""
    happened = {cue.name: cue.happened_s for cue in cues(Play(webhook_url="x", secret="s", script="out_of_order"))}
    assert happened["started"] < happened["answered"] < happened["completed"]


@pytest.mark.parametrize("wrong", [{"script": "x"}, {"order": ["ended"]}, {"ring_s": "1"}, {"talk_s": -1}])
def test_nonsense_is_not_played(wrong: dict[str, object]) -> None:
    """An unknown script, event or time is refused."""
    with pytest.raises(ValueError, match=r"must be|may name"):
        Play(webhook_url="http://x", secret="s", **wrong)  # type: ignore[arg-type]  # that is the point
