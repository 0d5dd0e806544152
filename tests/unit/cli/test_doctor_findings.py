"""The doctor's judgements and words, without a server."""

from datetime import UTC, datetime, timedelta

import pytest

from api.checks.clock import ClockSeen, ahead_s
from api.checks.finding import Finding, Section, State, exit_code, fails, ok, skipped
from api.checks.token import of_state, scopes
from cli.doctor.telling import document, summary, told
from cli.doctor.zendesk import rate
from workflows.domain.token import TokenProblem, TokenState

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECTION = Section(
    title="Database",
    findings=(ok("reachable", "it answers"), fails("schema", "old", command="talkbridge setup"), skipped("keys", "x")),
)


def test_a_failure_says_what_mends_it() -> None:
    """One without a command and without words cannot be made."""
    with pytest.raises(ValueError, match="schema"):
        fails("schema", "old")


def test_the_code_is_1_when_something_fails() -> None:
    """What was skipped does not count."""
    assert exit_code([SECTION]) == 1
    assert exit_code([Section(title="x", findings=(ok("a", "b"), skipped("c", "d")))]) == 0


def test_each_state_is_a_word_and_each_mend_a_line() -> None:
    """No colour is needed to read it."""
    page = [line.plain for line in told(SECTION)]
    assert page == [
        "Database",
        "  ok       reachable  it answers",
        "  fails    schema     old",
        "           mend it: talkbridge setup",
        "  skipped  keys       because x",
    ]
    assert summary([SECTION]) == "1 of 3 checks failed; 1 skipped."
    assert document([SECTION])["checks"][1] == {
        "group": "Database",
        "name": "schema",
        "state": "fails",
        "text": "old",
        "command": "talkbridge setup",
        "mend": None,
    }


@pytest.mark.parametrize(
    ("said_s", "ahead"), [(0, 0), (0.4, 0), (-0.9, 0), (-1.5, -0.5), (2, 1), (600, 599), (-600, -599)]
)
def test_a_clock_is_off_by_what_the_way_does_not_explain(said_s: float, ahead: float) -> None:
    """The answer took a second, and dates have whole seconds."""
    said = NOW + timedelta(seconds=said_s)
    seen = ClockSeen(whose="Zendesk", said=said, before=NOW, after=NOW + timedelta(seconds=1))
    assert ahead_s(seen) == pytest.approx(ahead)


@pytest.mark.parametrize(
    ("headers", "ours", "state"),
    [
        ({}, None, State.OK),
        ({}, 400, State.OK),
        ({"x-rate-limit": "700", "x-rate-limit-remaining": "699"}, 600, State.OK),
        ({"ratelimit-limit": "700", "ratelimit-remaining": "30"}, 600, State.FAILS),
        ({"ratelimit-limit": "400"}, 600, State.FAILS),
        ({"ratelimit-limit": "plenty"}, 600, State.OK),
    ],
)
def test_room_in_the_rate_limit(headers: dict[str, str], ours: int | None, state: State) -> None:
    """What the account allows is compared with our setting, and with what is left of this minute."""
    found = rate(headers, ours)
    assert found.state == state
    assert state == State.OK or "ZENDESK_REQUESTS_PER_MINUTE=" in (found.mend or "")


def _told(**state: object) -> Finding:
    known: dict[str, object] = {"account": "example", "version": 3, "expires_at": NOW + timedelta(minutes=30)}
    return of_state(TokenState(**{**known, **state}), NOW)  # type: ignore[arg-type]


def test_the_token_workflows_word() -> None:
    """A live token is well; a refused client, no token, and one that cannot be renewed are not."""
    assert _told() == ok("token", "version 3 lives 30 min more")
    assert "refuses the OAuth client" in _told(problem=TokenProblem.CLIENT_REFUSED, detail="answered 401").text
    assert _told(version=0, expires_at=None).command == "talkbridge doctor --exchange"
    assert "its renewal fails: 503" in _told(problem=TokenProblem.UNAVAILABLE, detail="503").text
    assert "there is none: 503" in _told(problem=TokenProblem.UNAVAILABLE, detail="503", expires_at=NOW).text


def test_scopes_that_are_missing_are_named() -> None:
    """In the order required; more than required is fine."""
    assert scopes("scopes", ["a", "b", "c"], ["b"]).text == "the token lacks a c"
    assert scopes("scopes", ["a"], ["b", "a"]).state == State.OK
