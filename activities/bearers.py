"""Hands out the token to attempts, and reports how it fared, without ever failing a step over the report."""

import asyncio
import logging
from collections.abc import Awaitable
from datetime import timedelta

from temporalio.exceptions import ApplicationError

from activities.failures import credential_delay_s, failure
from activities.tokens import Bearer, TokenSource
from workflows.domain.errors import Failure

_log = logging.getLogger(__name__)

TELLING_S = 2.0
"""How long an attempt waits for the token workflow to be told something."""
SCOPE_DELAY_S = 10.0
"""How long a step waits before it looks whether the missing scopes are there."""


class Bearers:
    """One per process; a token that was refused in this process is never used again."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self._refused = 0
        self._reported = 0
        self._doubted = False

    async def take(self, attempt: int) -> Bearer:
        """A bearer to send with. `attempt` decides how soon to come back when there is none."""
        try:
            bearer = await self._source.bearer()
        except ApplicationError as error:
            raise _with_delay(error, attempt) from None
        if bearer.version <= self._refused:
            await self._report()
            text = "the token was refused; waiting for a new one"
            raise failure(Failure.CREDENTIAL_REFUSED, text, delay_s=credential_delay_s(attempt))
        return bearer

    async def refused(self, bearer: Bearer) -> None:
        """401: say so once a version, until it has been heard."""
        if bearer.version > self._refused:
            self._refused = bearer.version
            self._doubted = True
        await self._report()

    async def forbidden(self, bearer: Bearer) -> None:
        """403."""
        await _quietly(self._source.forbidden(bearer.version))

    async def worked(self, bearer: Bearer) -> None:
        """A request worked; the first after a 401 is reported."""
        if self._doubted and bearer.version > self._refused:
            self._doubted = False
            await _quietly(self._source.confirmed(bearer.version))

    async def alert(self, kind: str, text: str) -> None:
        """Tell an administrator, as well as that can be done now."""
        await _quietly(self._source.alert(kind, text))

    async def _report(self) -> None:
        version = self._refused
        if version > self._reported:
            # Before it is told, so that thirty refused at once are one report.
            before, self._reported = self._reported, version
            if not await _quietly(self._source.refused(version)):
                self._reported = before


async def _quietly(telling: Awaitable[None]) -> bool:
    """Whether it could be told. A step fails for its own reason, never because that could not be reported."""
    try:
        async with asyncio.timeout(TELLING_S):
            await telling
    except Exception:  # noqa: BLE001 - whatever it is, it must not fail the step
        _log.exception("the token workflow could not be told", extra={"action": "token_report_failed"})
        return False
    return True


def _with_delay(error: ApplicationError, attempt: int) -> ApplicationError:
    if error.next_retry_delay is not None:
        return error
    wait = SCOPE_DELAY_S if error.type == Failure.SCOPE_MISSING else credential_delay_s(attempt)
    return ApplicationError(
        error.message,
        *error.details,
        type=error.type,
        non_retryable=error.non_retryable,
        next_retry_delay=timedelta(seconds=wait),
        category=error.category,
    )
