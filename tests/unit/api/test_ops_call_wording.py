"""What a call does and waits for, in words a person reads once."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.zendesk import errors
from api.ops.wording import duration, exact, outcome_words, step_words, until, wait_after, waits_for
from workflows.domain.errors import Failure

NOW = datetime(2026, 11, 22, 20, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 ms"),
        (0, "0 ms"),
        (0.18, "180 ms"),
        (0.9999, "1 s"),
        (3.24, "3.2 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (14280, "3 h 58 min"),
        (187200, "2 d 4 h"),
    ],
)
def test_a_length_of_time_has_two_units_at_most(seconds: float, words: str) -> None:
    """The finer the shorter."""
    assert duration(seconds) == words


def test_a_step_is_told_without_its_repetitions_number() -> None:
    """And with spaces."""
    assert step_words("update_ticket-in_call") == "update ticket: in call"
    assert step_words("create_ticket-2") == "create ticket"


def test_every_outcome_the_ledger_may_hold_has_words() -> None:
    """None of them is shown as a class name."""
    names = [name for name, kind in vars(errors).items() if isinstance(kind, type)]
    assert len(names) > 12
    for name in [*names, "done", "not_sent", None]:
        words = outcome_words(name)
        assert words == words.lower()
        assert "_" not in words


def test_a_wait_says_for_whom_and_why() -> None:
    """By the outcome and status of the request before it."""
    assert wait_after("search_tickets", "RateLimited", 429) == "waiting for Zendesk: 429"
    assert wait_after("fetch_customer", "ServerFault", 503) == "waiting for the CRM: 503"
    assert wait_after("search_tickets", "NoAnswer", None) == "waiting for Zendesk: no answer in time"
    assert "found out first" in wait_after("create_ticket", None, None)


@pytest.mark.parametrize("failure", list(Failure))
def test_every_failure_a_step_may_wait_for_has_words(failure: Failure) -> None:
    """Without customer data, which an error's text might quote."""
    words = waits_for({"name": "update_ticket", "last_error": f"{failure}: said 15550199"}, None)
    assert words.startswith("waiting")
    assert "15550199" not in words


def test_a_rate_limit_says_429_and_when_again() -> None:
    """Also where no request was sent at all, because its kind is held back."""
    step = {"name": "update_ticket", "last_error": "RateLimited: update_ticket: 429"}
    assert waits_for(step, None) == "waiting for Zendesk: 429"
    assert until(NOW + timedelta(seconds=12.3), NOW) == "again in 12 s"
    assert until(NOW - timedelta(seconds=1), NOW) == "again now"


def test_a_call_that_waits_for_another_says_so() -> None:
    """The step's name is enough."""
    assert "earlier call of the same customer" in waits_for({"name": "await_ticket", "last_error": None}, None)


def test_moments_are_in_milliseconds_and_utc() -> None:
    """Whatever zone they come in."""
    assert exact(NOW) == "2026-11-22 20:00:00.123"
