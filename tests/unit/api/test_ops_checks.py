"""What a gateway tells of itself and of the way to it."""

from datetime import UTC, datetime, timedelta

import pytest

from api.checks import kept_token
from api.checks.finding import State
from api.checks.refusals import signatures
from api.checks.temporal import served
from api.log import Sparing
from api.ops.address import caution
from api.signature import Verdict

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("scheme", "host", "begins"),
    [
        ("http", "127.0.0.1:8080", "This address leads to this machine only"),
        ("https", "localhost", "This address leads to this machine only"),
        ("http", "[::1]:8080", "This address leads to this machine only"),
        ("https", "", "This address leads to this machine only"),
        ("http", "10.0.0.7:8080", "This address is one of a private network"),
        ("https", "gateway", "This address is one of a private network"),
        ("https", "gateway.internal", "This address is one of a private network"),
        ("http", "calls.example.com", "You came here without TLS"),
        ("http", "93.184.216.34", "You came here without TLS"),
        ("https", "calls.example.com:8443", None),
    ],
)
def test_what_keeps_a_platform_from_an_address(scheme: str, host: str, begins: str | None) -> None:
    """Loopback, a private network, no TLS; a public name by https is fine."""
    said = caution(scheme, host)
    assert said is None if begins is None else (said or "").startswith(begins)


class _Silent:
    """A logger that says nothing."""

    def warning(self, *_: object, **__: object) -> None:
        return


def test_refused_signatures_fail_until_they_are_over() -> None:
    """Wrong ones and old ones, for ten minutes, or until a signed one comes; those of strangers are counted only."""
    sparing = Sparing(_Silent(), "webhook_signature_refused")  # type: ignore[arg-type]
    sparing.tell(Verdict.MISSING, 10.0)
    assert signatures(sparing.told, None, 20.0).state == State.OK
    assert "1 without a signature" in signatures(sparing.told, None, 20.0).text
    for at in (30.0, 60.0):
        sparing.tell(Verdict.WRONG, at)
    assert "2 with a wrong signature, the last just now" in signatures(sparing.told, None, 60.5).text
    found = signatures(sparing.told, 45.0, 180.0)
    assert found.state == State.FAILS
    assert "2 with a wrong signature, the last 2 min ago" in found.text
    assert "WEBHOOK_SECRETS" in (found.mend or "")
    followed = signatures(sparing.told, 61.0, 180.0)
    assert followed.state == State.OK
    assert "2 with a wrong signature, the last 2 min ago; signed ones have come since" in followed.text
    old = signatures(sparing.told, None, 60.0 + 600)
    assert old.state == State.OK
    assert "2 with a wrong signature, the last 10 min ago; 1 without" in old.text
    assert "none was refused" in signatures(sparing.told, None, 60.0 + 3600).text


def test_what_is_kept_of_a_token() -> None:
    """Life left by the database's clock; one that has ended says what to start."""
    row = {
        "account": "a",
        "version": 3,
        "expires_at": NOW + timedelta(minutes=30),
        "read_at": NOW,
        "scopes": ["a", "b"],
    }
    assert kept_token.life(row).text == "version 3 lives 30 min more"
    assert kept_token.granted(row).text == "granted: a b"
    ended = kept_token.life({**row, "expires_at": NOW - timedelta(minutes=5)})
    assert ended.state == State.FAILS
    assert ended.command == "python worker.py"


def test_a_queue_is_served_when_every_kind_of_work_was_asked_for() -> None:
    """One kind is not enough; with another queue served a worker is there and waits."""
    lately, long_ago = NOW.timestamp() - 30, NOW.timestamp() - 90
    assert served("calls", [lately, lately], NOW, others=False).state == State.OK
    assert served("calls", [lately, long_ago], NOW, others=False).command == "python worker.py"
    assert "waits before it serves" in served("calls", [lately, 0], NOW, others=True).text
