"""One attempt of one step: its turn comes, the ledger permits it, it is sent once, and its outcome is written."""

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from structlog.contextvars import bind_contextvars
from temporalio import activity

from activities.bearers import Bearers
from activities.failures import detail_of, failure, failure_of, kind_of
from activities.meters import head_room, measure, outcome_lost
from activities.pace import Pace, Punctuality, TimeLeft, now_s
from activities.postgres.attempts import Attempt
from activities.postgres.errors import StoreError
from activities.tokens import Bearer
from activities.zendesk.errors import Forbidden, NotSent, RateLimited, Unauthorized, VendorError
from activities.zendesk.message import Answer, Request
from workflows.domain.errors import AlertKind, Failure
from workflows.ports import CallRef

T = TypeVar("T")
_log = logging.getLogger(__name__)
_UNSAFE = re.compile(r"[^A-Za-z0-9._:@-]")

DONE = "done"
NOT_SENT = "not_sent"

WRITING_S = 2.0
"""How long an attempt waits for its outcome to be written: once the answer is there it must not fail for that."""


def request_id(name: str, step: str, attempt: int) -> str:
    """`<call id or token>.<step>.<attempt>.<8 random hex>`; whatever is not `[A-Za-z0-9._:@-]` becomes `_`."""
    return _UNSAFE.sub("_", f"{name}.{step}.{attempt}.{secrets.token_hex(4)}")


def attempt_of(ref: CallRef, request: Request) -> Attempt:
    """The ledger's row for a request that this activity attempt is about to send."""
    number = activity.info().attempt
    name = request_id(ref.call_id, ref.step, number)
    # Whatever this attempt logs from here on is about this request.
    bind_contextvars(call_id=ref.call_id, request_id=name)
    return Attempt(
        call_id=ref.call_id,
        generation=ref.generation,
        step=ref.step,
        attempt=number,
        request_id=name,
        method=request.method,
        path=request.path,
    )


def outcome_of(error: VendorError) -> str:
    """The ledger's word for what became of a request: that it was never sent, or the name of what went wrong."""
    return type(error).__name__ if error.sent else NOT_SENT


def answered(request: str, status: int | None, seconds: float) -> None:
    """Count, time and log a vendor request that went out; `status` None: no answer came."""
    measure(request, status, seconds)
    fields = {"action": "vendor_request", "request": request, "status": status, "duration_ms": round(seconds * 1000)}
    _log.info("%s: %s", request, status or "no answer", extra=fields)


async def written(writing: Awaitable[None], **fields: object) -> None:
    """Let the ledger write an outcome; a failure is logged, and the row honestly stays unknown."""
    try:
        async with asyncio.timeout(WRITING_S):
            await writing
    except Exception:  # noqa: BLE001 - whatever it is, the vendor has acted already
        outcome_lost()
        _log.exception("an outcome could not be written", extra={"action": "outcome_lost", **fields})


class Turn:
    """What an attempt holds while it is its turn."""

    def __init__(self, request: str, bearer: Bearer, left: TimeLeft) -> None:
        self.request = request
        self.bearer = bearer
        self.left = left
        self.worked = False

    async def exchange(self, sending: Awaitable[Answer], read: Callable[[Answer], T]) -> tuple[int, T]:
        """Send once and read the answer: its status and what it says. Raises `VendorError`."""
        began, status = now_s(), None
        try:
            answer = await sending
            status = answer.status
            head_room(answer.headers)
            value = read(answer)
        except NotSent:
            raise
        except VendorError as error:
            answered(self.request, status or error.status, now_s() - began)
            raise
        answered(self.request, status, now_s() - began)
        self.worked = True
        return status, value


class Turns:
    """Gives an attempt its turn, and tells Temporal, the token workflow and the pace what came of it."""

    def __init__(self, bearers: Bearers) -> None:
        self._bearers = bearers
        self._pace = Pace()
        self._punctuality = Punctuality()

    @asynccontextmanager
    async def take(self, request: str, kind: str, *, urgent: bool = False) -> AsyncIterator[Turn]:
        """A turn for a request of a kind (its row among the vendor's requests). Raises `ApplicationError` only.

        `urgent`: a failure is not put off until an administrator had time.
        """
        info = activity.info()
        left = self._punctuality.begin(info.started_time, info.start_to_close_timeout)
        bearer: Bearer | None = None
        try:
            self._pace.check(kind)
            bearer = await self._bearers.take(info.attempt)
            turn = Turn(request, bearer, left)
            yield turn
            if turn.worked:
                await self._bearers.worked(bearer)
        except StoreError as error:
            raise failure(Failure.LEDGER_UNAVAILABLE, f"{request}: nothing was sent: {error}") from None
        except VendorError as error:
            await self._heed(error, request, kind, bearer)
            raise failure_of(error, request, info.attempt, urgent=urgent) from None

    async def _heed(self, error: VendorError, request: str, kind: str, bearer: Bearer | None) -> None:
        if isinstance(error, RateLimited):
            self._pace.hold(kind, error.retry_after_s)
        elif isinstance(error, Unauthorized) and bearer is not None:
            await self._bearers.refused(bearer)
        elif isinstance(error, Forbidden) and bearer is not None:
            await self._bearers.forbidden(bearer)
        elif kind_of(error) == Failure.MISCONFIGURED:
            await self._bearers.alert(
                AlertKind.MISCONFIGURED, f"Zendesk does not take our requests: {detail_of(error, request)}"
            )
