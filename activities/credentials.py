"""The port `Credentials`: tokens exchanged for the whole fleet, and alerts posted once."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

from structlog.contextvars import bind_contextvars
from temporalio import activity

from activities.failures import detail_of, failure
from activities.pace import now_s
from activities.postgres.alerts import Alerts, Turn
from activities.postgres.attempts import Attempt, Attempts
from activities.postgres.credential import CredentialStore, StoredCredential
from activities.postgres.database import Database
from activities.postgres.errors import LedgerUnavailable, StoreError
from activities.reaching import reaching_ledger
from activities.turn import DONE, NOT_SENT, answered, outcome_of, request_id, written
from activities.zendesk.errors import BadRequest, RateLimited, Unauthorized, VendorError
from activities.zendesk.guide import TokenAnswer
from activities.zendesk.message import Request, error_of
from activities.zendesk.wire import Wire
from workflows.domain.customer import mask_text
from workflows.domain.errors import Failure
from workflows.domain.token import Alert, ExchangeResult, TokenExchanged, is_fresh
from workflows.ports import Credentials, ExchangeToken

ALERT_TIMEOUT_S = 5.0
LEAST_LIFE_LEFT_S = 60.0
LONGEST_LIFE_S = 10 * 365 * 86400.0
"""A life beyond this is as good as this, and still a date."""

log = logging.getLogger(__name__)


class TokenEndpoint(Protocol):
    """What an exchange needs of the vendor's client."""

    async def exchange(self, scopes: Sequence[str], request_id: str) -> TokenAnswer:
        """A token for these scopes. Raises `VendorError`."""
        ...


class ZendeskCredentials(Credentials):
    """Exchanges tokens and posts alerts. The token leaves it encrypted, to PostgreSQL, and in no other way.

    `alert_url` None: alerts are logged and counted only.
    """

    def __init__(
        self, endpoint: TokenEndpoint, store: CredentialStore, database: Database, *, alert_url: str | None
    ) -> None:
        self._endpoint = endpoint
        self._store = store
        self._attempts = Attempts(database)
        self._alerts = Alerts(database)
        self._alert_path = "/" if alert_url and alert_url.endswith("/") else ""
        self._alert_wire = Wire(alert_url, timeout_s=ALERT_TIMEOUT_S) if alert_url else None

    async def close(self) -> None:
        """Close the connections for alerts."""
        if self._alert_wire is not None:
            await self._alert_wire.close()

    @activity.defn
    async def exchange_token(self, command: ExchangeToken) -> TokenExchanged:
        """One exchange; the token is written encrypted to PostgreSQL. Raises `ApplicationError` when that fails."""
        with reaching_ledger():
            stored = await self._store.read(command.account)
        if stored is not None and stored.version > command.known_version and _serves(stored, command.scopes):
            return _exchanged(stored)
        asked_at = now_s()
        try:
            answer = await self._ask(command.scopes)
        except VendorError as error:
            fields = {"action": "token_not_exchanged", "failure": type(error).__name__}
            log.warning("no token: %s", detail_of(error, "token"), extra=fields)
            return _not_exchanged(error)
        # Not a number is not greater than anything either.
        if not answer.expires_in > 0:
            return TokenExchanged(result=ExchangeResult.UNAVAILABLE, detail="token: its life is no number of seconds")
        known = max(command.known_version, stored.version if stored else 0)
        with reaching_ledger():
            kept = await self._keep(command.account, known, answer, asked_at)
        life = {"version": kept.version, "left_s": round(kept.left_s), "scopes": list(kept.scopes)}
        log.info("a new token", extra={"action": "token_exchanged", **life})
        return _exchanged(kept)

    @activity.defn
    async def post_alert(self, alert: Alert) -> bool:
        """Log, count and POST the alert; False when one of its kind went out within the hour."""
        text = mask_text(alert.text, limit=500)
        if activity.info().attempt == 1:
            log.error("%s", text, extra={"action": "alert", "kind": alert.kind})
            counter = activity.metric_meter().create_counter("talkbridge_alerts", "Alerts raised, by kind")
            counter.add(1, {"kind": alert.kind})
        with reaching_ledger():
            turn = await self._alerts.raise_alert(alert.kind, text)
        if turn == Turn.SOMEBODY_ELSES:
            raise failure(Failure.UNAVAILABLE, "another attempt is posting this alert", delay_s=5)
        if turn == Turn.POSTED_LATELY:
            return False
        return await self._post(alert.kind, text)

    async def _keep(self, account: str, known: int, answer: TokenAnswer, asked_at: float) -> StoredCredential:
        """Store the token as the next version, unless somebody was faster; what is stored then."""
        await self._store.store(
            account,
            known_version=known,
            token=answer.access_token,
            life_s=min(answer.expires_in, LONGEST_LIFE_S),
            age_s=now_s() - asked_at,
            scopes=answer.scopes,
        )
        stored = await self._store.read(account)
        if stored is None:
            raise LedgerUnavailable("the token that was stored is not there")
        return stored

    async def _post(self, kind: str, text: str) -> bool:
        if self._alert_wire is None:
            with reaching_ledger():
                await self._alerts.posted(kind)
            return False
        body = {"text": text, "kind": kind, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        try:
            async with self._alert_wire.slot():
                answer = await self._alert_wire.send(Request(method="POST", path=self._alert_path, body=body), {})
            if (refused := error_of(answer, datetime.now(UTC))) is not None:
                raise refused
        except VendorError as error:
            with suppress(StoreError):
                await self._alerts.release(kind)
            raise failure(Failure.UNAVAILABLE, f"ALERT_WEBHOOK_URL: {error}") from None
        with reaching_ledger():
            await self._alerts.posted(kind)
        return True

    async def _ask(self, scopes: Sequence[str]) -> TokenAnswer:
        """One request, with its row in the ledger as well as that can be done."""
        number = activity.info().attempt
        attempt = Attempt(
            call_id="token",
            generation=0,
            step="exchange",
            attempt=number,
            request_id=request_id("token", "exchange", number),
            method="POST",
            path="/api/v2/oauth/token",
        )
        bind_contextvars(request_id=attempt.request_id)
        row: int | None = None
        with suppress(StoreError):
            row = await self._attempts.begin(attempt)
        status, outcome, began = None, None, now_s()
        try:
            answer = await self._endpoint.exchange(scopes, attempt.request_id)
            status, outcome = answer.status, DONE
        except VendorError as error:
            status, outcome = error.status, outcome_of(error)
            raise
        finally:
            if outcome not in (None, NOT_SENT):
                answered("exchange_token", status, now_s() - began)
            if row is not None and outcome is not None:
                await written(
                    self._attempts.end(row, http_status=status, outcome=outcome), request_id=attempt.request_id
                )
        return answer


def _serves(stored: StoredCredential, scopes: Sequence[str]) -> bool:
    """Whether a token stored since the caller last knew spares the exchange."""
    alive = stored.left_s > LEAST_LIFE_LEFT_S and set(scopes) <= set(stored.scopes)
    return alive or is_fresh(stored.obtained_at, stored.read_at)


def _exchanged(stored: StoredCredential) -> TokenExchanged:
    return TokenExchanged(
        result=ExchangeResult.STORED,
        version=stored.version,
        obtained_at=stored.obtained_at,
        expires_at=stored.expires_at,
        scopes=list(stored.scopes),
        left_s=stored.left_s,
    )


def _not_exchanged(error: VendorError) -> TokenExchanged:
    refused = isinstance(error, BadRequest | Unauthorized)
    return TokenExchanged(
        result=ExchangeResult.CLIENT_REFUSED if refused else ExchangeResult.UNAVAILABLE,
        detail=detail_of(error, "token"),
        retry_after_s=error.retry_after_s if isinstance(error, RateLimited) else None,
    )
