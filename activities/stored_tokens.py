"""The token as every request of a process gets it: a copy of what PostgreSQL keeps, looked after by version."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.failures import credential_delay_s, failure
from activities.pace import now_s
from activities.postgres.credential import CredentialStore, StoredCredential
from activities.postgres.errors import StoreError
from activities.tokens import Bearer
from workflows.domain.customer import mask_text
from workflows.domain.errors import Failure
from workflows.domain.token import Alert, refresh_at
from workflows.ports import TokenRefused, token_workflow_id

SCOPES_DELAY_S = 5.0
SIGNAL_TIMEOUT = timedelta(seconds=2)
SIGNAL_AGAIN_S = 60.0
REREAD_S = 1.0
"""How soon what is stored is looked at again when it was no help."""

log = logging.getLogger(__name__)


class StoredTokens:
    """A `TokenSource`: one per process.

    Reads PostgreSQL when it has no copy, when the copy is due to be replaced (`margin_s` before its end), and when its
    version was refused. What happens to a version is signalled to the token workflow of the account.
    """

    def __init__(
        self, store: CredentialStore, client: Client, *, account: str, required_scopes: Sequence[str], margin_s: int
    ) -> None:
        self._store = store
        self._handle = client.get_workflow_handle(token_workflow_id(account))
        self._account = account
        self._required = tuple(required_scopes)
        self._margin_s = margin_s
        self._copy: StoredCredential | None = None
        self._ends_at = float("-inf")
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._refused = 0
        self._doubted = 0
        self._owes_confirmation = False
        self._signalled: dict[str, float] = {}

    async def bearer(self) -> Bearer:
        """The present token. Raises `ApplicationError`: `CredentialRefused`, `ScopeMissing`, `LedgerUnavailable`."""
        if not self._good_for_now():
            async with self._reading:
                # Whoever held the lock may have read it for all.
                if not self._good_for_now() and not self._read_lately:
                    await self._read()
        copy = self._copy
        if copy is None or not self._usable(copy):
            if copy is not None and copy.version <= self._refused:
                await self._signal("refused", TokenRefused(version=copy.version), f"refused {copy.version}")
            text = "there is no token that is accepted; waiting for the next"
            raise failure(Failure.CREDENTIAL_REFUSED, text, delay_s=credential_delay_s(_attempt()))
        missing = [scope for scope in self._required if scope not in copy.scopes]
        if missing:
            text = f"the token lacks the scopes: {' '.join(missing)}"
            raise failure(Failure.SCOPE_MISSING, text, delay_s=SCOPES_DELAY_S)
        return Bearer(version=copy.version, token=copy.token, scopes=frozenset(copy.scopes))

    async def refused(self, version: int) -> None:
        """A request was answered 401: use the next version if it is there, else ask for one."""
        self._refused = max(self._refused, version)
        self._owes_confirmation = True
        async with self._reading:
            if self._copy is None or self._copy.version <= version:
                with suppress(ApplicationError):
                    await self._read()
        if self._copy is None or self._copy.version <= version:
            await self._signal("refused", TokenRefused(version=version), f"refused {version}")

    async def forbidden(self, version: int) -> None:
        """A request was answered 403: the token workflow finds out whether scopes have shrunk; look for its answer."""
        self._doubted = max(self._doubted, version)
        await self._signal("forbidden", TokenRefused(version=version), f"forbidden {version}")

    async def confirmed(self, version: int) -> None:
        """A request worked; worth a signal only after a refusal."""
        if self._owes_confirmation and version > self._refused:
            self._owes_confirmation = False
            await self._signal("confirmed", TokenRefused(version=version), f"confirmed {version}")

    async def alert(self, kind: str, text: str) -> None:
        """An administrator must know. Best effort; one of a kind a minute from this process."""
        if not await self._signal("alert", Alert(kind=kind, text=mask_text(text, limit=500)), f"alert {kind}"):
            log.error("%s", mask_text(text, limit=500), extra={"action": "alert_not_signalled", "kind": kind})

    def _usable(self, copy: StoredCredential) -> bool:
        return copy.version > self._refused and now_s() < self._ends_at

    def _good_for_now(self) -> bool:
        """Whether the copy need not be compared with what is stored."""
        copy = self._copy
        if copy is None or not self._usable(copy) or not set(self._required) <= set(copy.scopes):
            return False
        if copy.version <= self._doubted:
            return self._read_lately
        renewed_before = copy.expires_at - refresh_at(copy.obtained_at, copy.expires_at, self._margin_s)
        if now_s() < self._ends_at - renewed_before.total_seconds():
            return True
        return self._read_lately

    @property
    def _read_lately(self) -> bool:
        return time.monotonic() < self._read_at + REREAD_S

    async def _read(self) -> None:
        asked_at = now_s()
        try:
            stored = await self._store.read(self._account)
        except StoreError as error:
            # A token that is still alive is good without PostgreSQL.
            if self._copy is None or not self._usable(self._copy):
                raise failure(Failure.LEDGER_UNAVAILABLE, f"the token cannot be read: {error}") from None
        else:
            # A span, counted on a clock of our own: no two machines need agree on the time of day.
            self._copy, self._ends_at = stored, asked_at + stored.left_s if stored is not None else float("-inf")
        self._read_at = time.monotonic()

    async def _signal(self, name: str, argument: TokenRefused | Alert, once: str) -> bool:
        """Signal the token workflow, the same thing once a minute at most; False when that did not work."""
        now = time.monotonic()
        if now < self._signalled.get(once, float("-inf")) + SIGNAL_AGAIN_S:
            return True
        self._signalled = {key: at for key, at in self._signalled.items() if now < at + SIGNAL_AGAIN_S} | {once: now}
        try:
            await self._handle.signal(name, argument, rpc_timeout=SIGNAL_TIMEOUT)
        except (RPCError, RuntimeError) as error:
            # A client that never connected says RuntimeError.
            self._signalled.pop(once, None)
            fields = {"action": "token_signal_lost", "signal": name, "reason": str(error)}
            log.warning("the token workflow could not be told", extra=fields)
            return False
        return True


def _attempt() -> int:
    return activity.info().attempt if activity.in_activity() else 1
