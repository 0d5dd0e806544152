"""Whether calls wait for the token, in one sentence for the lists: asked every ten seconds at most."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client

from api.checks.token import asked
from api.reading import LedgerUnreadable, Reading
from workflows.domain.token import TokenProblem, TokenState

FRESH_S = 10.0
PATIENCE_S = 1.0
"""For the token workflow; a list must not wait for it longer."""
_NOT_RENEWED = (TokenProblem.CLIENT_REFUSED, TokenProblem.UNAVAILABLE)


class TokenWord:
    """The sentence as it was lately, however many lists show it."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._looked_at: float | None = None
        self._text: str | None = None
        self._states: dict[str, TokenState] = {}

    async def look(self, ledger: Reading, temporal: Client, now: float) -> str | None:
        """None when all is well or nothing is known. `now` is any steady clock's seconds."""
        async with self._lock:
            if self._looked_at is None or now - self._looked_at >= FRESH_S:
                self._text = await self._ask(ledger, temporal)
                self._looked_at = now
            return self._text

    async def _ask(self, ledger: Reading, temporal: Client) -> str | None:
        try:
            kept = await ledger.credentials()
        except LedgerUnreadable:
            return None
        accounts = [row["account"] for row in kept if _lives(row)]
        states = await asyncio.gather(*(asked(temporal, account, PATIENCE_S) for account in accounts))
        # Without an answer what a workflow said last is good: scopes are required until a worker is started anew.
        self._states |= {state.account: state for state in states if state is not None}
        return word(kept, self._states)


def word(kept: Sequence[Mapping[str, Any]], states: Mapping[str, TokenState]) -> str | None:
    """What the rows of the ledger, the newest first, and the token workflows' last words come to."""
    if not kept:
        return "There is no Zendesk token yet: calls wait. Start a worker; they go on by themselves."
    living = [row for row in kept if _lives(row)]
    if not living:
        ended: datetime = kept[0]["expires_at"]
        return (
            f"There is no living Zendesk token, the last ended {ended.astimezone(UTC):%Y-%m-%d %H:%M} UTC: calls wait."
        )
    said = (_of(row, states.get(row["account"])) for row in living)
    return next((text for text in said if text is not None), None)


def _of(row: Mapping[str, Any], state: TokenState | None) -> str | None:
    if state is None:
        return None
    if state.refused_version == row["version"] and state.problem in _NOT_RENEWED:
        return "Zendesk refuses the token, and there is no new one: calls wait."
    missing = [scope for scope in state.required_scopes if scope not in row["scopes"]]
    if not missing:
        return None
    them = "it" if len(missing) == 1 else "them"
    return (
        f"The Zendesk token lacks {' '.join(missing)}: calls wait. "
        f"Grant {them} to the OAuth client; the calls go on by themselves."
    )


def _lives(row: Mapping[str, Any]) -> bool:
    """By the clock that wrote its times."""
    return bool(row["expires_at"] > row["read_at"])
