"""Whether calls wait for the token, as the lists tell it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from api.checks import token_word
from api.checks.token_word import FRESH_S, TokenWord, word
from api.reading import LedgerUnreadable
from workflows.domain.token import TokenProblem, TokenState

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
REQUIRED = ["talk:read_all", "tickets:read_all", "tickets:write"]
TEMPORAL = cast("Any", None)


def row(left_s: float = 600, *, scopes: Sequence[str] = REQUIRED, account: str = "a") -> dict[str, Any]:
    """What the ledger keeps of a token."""
    ends = NOW + timedelta(seconds=left_s)
    return {"account": account, "version": 3, "expires_at": ends, "read_at": NOW, "scopes": list(scopes)}


def state(**known: Any) -> dict[str, TokenState]:  # noqa: ANN401 - any of its fields
    """The token workflow's word."""
    return {"a": TokenState(account="a", required_scopes=REQUIRED, version=3, **known)}


def test_nothing_is_told_when_all_is_well() -> None:
    """Every scope; one whose requirements nobody told; a token of an account that is no longer used."""
    assert word([row()], state()) is None
    assert word([row(scopes=[])], {}) is None
    assert word([row(), row(-9999, account="b")], state()) is None


def test_missing_scopes_are_named() -> None:
    """In the order required, with what to do."""
    assert word([row(scopes=["tickets:read_all"])], state()) == (
        "The Zendesk token lacks talk:read_all tickets:write: calls wait. Grant them to the OAuth client; the calls go "
        "on by themselves."
    )
    assert "Grant it to" in str(word([row(scopes=REQUIRED[1:])], state()))


def test_without_a_token_that_is_accepted_calls_wait() -> None:
    """None yet, one that has ended, one that is refused while no other can be had."""
    assert "There is no Zendesk token yet" in str(word([], {}))
    assert word([row(-60)], state()) == (
        "There is no living Zendesk token, the last ended 2026-01-31 11:59 UTC: calls wait."
    )
    assert "Zendesk refuses the token" in str(
        word([row()], state(refused_version=3, problem=TokenProblem.CLIENT_REFUSED))
    )
    assert word([row()], state(refused_version=2, problem=TokenProblem.UNAVAILABLE)) is None


class _Ledger:
    """Counts the questions."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] | None = []
        self.asked = 0

    async def credentials(self) -> list[dict[str, Any]]:
        self.asked += 1
        if self.kept is None:
            raise LedgerUnreadable
        return self.kept


async def test_the_ledger_is_asked_every_ten_seconds_at_most() -> None:
    """However many lists are shown; away, it tells nothing."""
    ledger, said = _Ledger(), TokenWord()
    for second in range(10):
        assert await said.look(cast("Any", ledger), TEMPORAL, float(second)) is not None
    assert ledger.asked == 1
    ledger.kept = None
    assert await said.look(cast("Any", ledger), TEMPORAL, FRESH_S) is None
    assert ledger.asked == 2


async def test_required_scopes_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token workflow is served by workers; while none answers, what it said last is good."""
    answers: list[TokenState | None] = [state()["a"], None]

    async def asked(*_: object) -> TokenState | None:
        return answers.pop(0)

    monkeypatch.setattr(token_word, "asked", asked)
    ledger, said = _Ledger(), TokenWord()
    ledger.kept = [row(scopes=[])]
    for now in (0.0, FRESH_S):
        assert "lacks talk:read_all" in str(await said.look(cast("Any", ledger), TEMPORAL, now))
    assert not answers
