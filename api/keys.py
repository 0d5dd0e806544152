"""Whether ENCRYPTION_KEYS fit the database: what is signalled under a stray key is acknowledged and never read."""

import asyncio

import structlog

from api.reading import KeysMisfit, LedgerUnreadable, NotSetUp, Reading

LOOK_AGAIN_S = 5.0

log = structlog.stdlib.get_logger("api.keys")


class Keys:
    """What is known of it. `misfit` is why they do not fit, None while that is not known to be so."""

    def __init__(self) -> None:
        self.misfit: str | None = None
        self._said: str | None = None

    async def watch(self, ledger: Reading) -> None:
        """Ask PostgreSQL until it has said that they fit, beside the webhooks, which read the flag only."""
        while not await self._fit(ledger):  # noqa: ASYNC110 - a database has no event to wait for
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _fit(self, ledger: Reading) -> bool:
        try:
            await ledger.check_keys()
        except KeysMisfit as error:
            self.misfit = str(error)
            self._say("keys_do_not_fit", error, "webhooks are answered 503; correct ENCRYPTION_KEYS and restart")
            return False
        except NotSetUp as error:
            self._say("database_not_set_up", error, "run: talkbridge setup")
            return False
        except LedgerUnreadable as error:
            self._say("keys_not_checked_yet", error, "webhooks are taken; ENCRYPTION_KEYS are checked when it is there")
            return False
        self.misfit = None
        return True

    def _say(self, event: str, error: Exception, hint: str) -> None:
        if self._said != event:
            (log.error if isinstance(error, KeysMisfit) else log.warning)(event, error=str(error), hint=hint)
        self._said = event
