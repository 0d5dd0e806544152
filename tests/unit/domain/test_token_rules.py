"""When a token is exchanged, and what each answer to an exchange leads to."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.domain.performer import NOON
from workflows.domain.token import (
    ExchangeResult,
    TokenExchanged,
    TokenProblem,
    TokenState,
    after_forbidden,
    after_refusal,
    fold,
    is_fresh,
    refresh_at,
)

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
SCOPES = ["talk:read_all", "tickets:read_all", "tickets:write"]
NEW = TokenState(account="example", required_scopes=SCOPES)
PRESENT = replace(NEW, version=3, obtained_at=NOON, expires_at=NOON + HOUR, scopes=SCOPES, last_exchange_at=NOON)
STORED = TokenExchanged(
    result=ExchangeResult.STORED, version=4, obtained_at=NOON, expires_at=NOON + HOUR, scopes=SCOPES
)
DOWN = TokenExchanged(result=ExchangeResult.UNAVAILABLE, detail="503")
REFUSED = TokenExchanged(result=ExchangeResult.CLIENT_REFUSED, detail="invalid_client")


@pytest.mark.parametrize(
    ("life_s", "margin_s", "after_s"),
    [(3600, 300, 3300), (600, 300, 300), (599, 300, 299.5), (400, 300, 200), (60, 300, 30), (3600, 0, 3600)],
)
def test_when_a_token_is_refreshed(life_s: float, margin_s: int, after_s: float) -> None:
    """The margin before its end, or at half its life when that is shorter than two margins."""
    assert refresh_at(NOON, NOON + life_s * SECOND, margin_s) == NOON + after_s * SECOND


@pytest.mark.parametrize(("age_s", "fresh"), [(0, True), (59, True), (60, False)])
def test_a_minute_old_exchange_serves_another_worker(age_s: int, fresh: bool) -> None:
    """And an older one does not."""
    assert is_fresh(NOON, NOON + age_s * SECOND) is fresh
    assert not is_fresh(None, NOON)


@pytest.mark.parametrize(
    ("refusals", "spacing_s"), [(0, 0), (1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (99, 60)]
)
def test_refusals_are_met_ever_more_slowly(refusals: int, spacing_s: int) -> None:
    """At once the first time, then 1 s after the last exchange, doubling to 60 s; never in the past."""
    assert after_refusal(NOON, refusals, NOON) == NOON + spacing_s * SECOND
    assert after_refusal(NOON, refusals, NOON + HOUR) == NOON + HOUR
    assert after_refusal(None, refusals, NOON) == NOON


def test_a_stored_token_settles_everything() -> None:
    """Version, life and scopes are known, the problem is gone, the next exchange is due in time."""
    troubled = replace(PRESENT, problem=TokenProblem.UNAVAILABLE, detail="503", failures=4)
    after = fold(troubled, STORED, NOON)
    assert (after.version, after.problem, after.detail, after.failures) == (4, None, None, 0)
    assert after.next_exchange_at == NOON + 3300 * SECOND
    assert (after.last_exchange_at, after.exchanges, after.pending_alerts) == (NOON, 1, [])


@pytest.mark.parametrize("off_s", [-300, 0, 300])
def test_a_token_lives_by_the_clock_of_the_workflow(off_s: int) -> None:
    """Whatever the clock says that its times were taken from, it is exchanged once its own life is nearly over."""
    obtained_at = NOON + off_s * SECOND
    answer = replace(STORED, obtained_at=obtained_at, expires_at=obtained_at + HOUR, left_s=3590)
    after = fold(PRESENT, answer, NOON)
    assert (after.obtained_at, after.expires_at) == (NOON - 10 * SECOND, NOON + 3590 * SECOND)
    assert after.next_exchange_at == NOON + 3290 * SECOND


def test_tokens_that_end_on_their_way_are_a_second_apart() -> None:
    """A vendor whose tokens live no time at all is not asked without a pause."""
    answer = replace(STORED, expires_at=NOON + SECOND, left_s=-1.5)
    assert fold(PRESENT, answer, NOON).next_exchange_at == NOON + SECOND


def test_only_exchanges_that_a_refusal_caused_count_as_such() -> None:
    """The spacing of refusals grows with those alone."""
    assert fold(PRESENT, STORED, NOON).refusals == 0
    assert fold(replace(PRESENT, refused_version=3), STORED, NOON).refusals == 1
    assert fold(replace(PRESENT, refused_version=2, refusals=5), STORED, NOON).refusals == 5


def test_a_token_without_a_required_scope_is_a_problem() -> None:
    """It is named, alerted, and asked for again within the minute."""
    short = replace(STORED, scopes=["talk:read_all", "tickets:write", "more"])
    after = fold(PRESENT, short, NOON)
    assert (after.problem, after.missing_scopes) == (TokenProblem.SCOPES, ["tickets:read_all"])
    assert after.next_exchange_at == NOON + 60 * SECOND
    (alert,) = after.pending_alerts
    assert alert.kind == "scopes_missing"
    assert "tickets:read_all" in alert.text
    assert fold(after, short, NOON).pending_alerts == [alert]


@pytest.mark.parametrize(
    ("failures", "wait_s"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (50, 60)]
)
def test_an_endpoint_that_is_down_is_asked_ever_more_slowly(failures: int, wait_s: int) -> None:
    """From 1 s to 60 s, while the present token stays in use."""
    after = fold(replace(PRESENT, failures=failures), DOWN, NOON)
    assert after.next_exchange_at == NOON + wait_s * SECOND
    assert (after.version, after.scopes, after.problem) == (3, SCOPES, TokenProblem.UNAVAILABLE)
    assert (after.failures, after.pending_alerts) == (failures + 1, [])


def test_an_endpoint_may_ask_for_more_time() -> None:
    """Its `Retry-After` is waited for when it is longer than ours, for a minute at most."""
    assert fold(PRESENT, replace(DOWN, retry_after_s=40), NOON).next_exchange_at == NOON + 40 * SECOND
    assert fold(PRESENT, replace(DOWN, retry_after_s=900), NOON).next_exchange_at == NOON + 60 * SECOND
    assert fold(PRESENT, replace(DOWN, retry_after_s=0.1), NOON).next_exchange_at == NOON + SECOND


@pytest.mark.parametrize(
    ("left_s", "refused_version", "alerts"),
    [(61, 0, 0), (60, 0, 0), (59, 0, 1), (-100, 0, 1), (3000, 3, 1), (3000, 2, 0)],
)
def test_the_alert_when_no_token_is_left(left_s: int, refused_version: int, alerts: int) -> None:
    """Due in the last minute of the present token, or when it is refused while no other can be had."""
    state = replace(PRESENT, refused_version=refused_version)
    after = fold(state, DOWN, NOON + HOUR - left_s * SECOND)
    assert [alert.kind for alert in after.pending_alerts] == ["token_ending"] * alerts


def test_a_worker_that_never_had_a_token_is_no_reason_to_alert() -> None:
    """Before the first exchange nothing is about to end."""
    assert fold(NEW, DOWN, NOON).pending_alerts == []


def test_a_refused_client_is_alerted_and_tried_each_minute() -> None:
    """The alert names the settings, not their values."""
    after = fold(PRESENT, REFUSED, NOON)
    assert after.problem == TokenProblem.CLIENT_REFUSED
    assert after.next_exchange_at == NOON + 60 * SECOND
    (alert,) = after.pending_alerts
    assert alert.kind == "client_refused"
    assert "ZENDESK_CLIENT_ID" in alert.text
    assert "invalid_client" in alert.text


@pytest.mark.parametrize(
    ("version", "checked", "scopes", "due", "alerts"),
    [
        (3, 0, SCOPES, True, 0),
        (2, 0, SCOPES, False, 0),
        (3, 3, SCOPES, False, 1),
        # The exchange for it is on its way: what it shows is not known yet.
        (3, 4, SCOPES, False, 0),
        (3, 3, SCOPES[:1], False, 0),
    ],
)
def test_a_403_leads_to_one_exchange(version: int, checked: int, scopes: list[str], due: bool, alerts: int) -> None:
    """A version that was checked already: the 403 belongs to its request, unless a scope is missing anyway."""
    state = replace(PRESENT, forbidden_checked_version=checked, scopes=scopes)
    after = after_forbidden(state, version, NOON)
    assert (after.next_exchange_at == NOON) is due
    assert [alert.kind for alert in after.pending_alerts] == ["forbidden"] * alerts
    if due:
        assert after_forbidden(fold(after, STORED, NOON), 4, NOON).next_exchange_at != NOON
