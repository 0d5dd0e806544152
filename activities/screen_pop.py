"""The screen pop: on connections of its own, waiting for no ledger; its row is written afterwards."""

from datetime import UTC, datetime
from functools import partial

from temporalio import activity

from activities.background import Background
from activities.failures import detail_of
from activities.postgres.attempts import Attempts
from activities.turn import DONE, Turn, Turns, attempt_of, outcome_of
from activities.zendesk import guide
from activities.zendesk.client import POP_TIMEOUT_S, ZendeskClient
from activities.zendesk.errors import BadRequest, Misconfigured, NotFound, Unprocessable, VendorError
from workflows.domain.limits import PROPERTY_NAME
from workflows.ports import CallPatched, PatchCall


class ScreenPops:
    """Shows properties on live calls. Nothing it sends may endanger the call."""

    def __init__(self, client: ZendeskClient, attempts: Attempts, turns: Turns) -> None:
        self._client = client
        self._attempts = attempts
        self._turns = turns
        self._background = Background()

    async def close(self) -> None:
        """Let rows that are still to be written be written."""
        await self._background.close()

    async def show(self, command: PatchCall) -> CallPatched:
        """One request. What the vendor refuses is a result, everything else a failure to be tried again."""
        number = activity.info().attempt
        if not all(PROPERTY_NAME.fullmatch(name) for name in command.properties):
            return CallPatched(shown_at=None, refused=True, attempts=number, detail="a property's name is not allowed")
        async with self._turns.take("patch_call", "patch_call", urgent=True) as turn, self._client.pop_slot():
            try:
                shown_at = await self._send(turn, command)
            except (Unprocessable, BadRequest, NotFound, Misconfigured) as error:
                return self._refused(error, command)
        return CallPatched(shown_at=shown_at, attempts=number)

    def _refused(self, error: VendorError, command: PatchCall) -> CallPatched:
        # A body that is the fallback already must not be sent again.
        fallback = isinstance(error, Unprocessable) and len(command.properties) > 1
        detail = detail_of(error, "patch_call")
        return CallPatched(
            shown_at=None, refused=True, fallback=fallback, attempts=activity.info().attempt, detail=detail
        )

    async def _send(self, turn: Turn, command: PatchCall) -> datetime:
        request = guide.patch_call(command.ref.call_id, command.properties)
        attempt, sent_at = attempt_of(command.ref, request), datetime.now(UTC)
        sending = self._client.pop(
            request,
            bearer=turn.bearer.token,
            request_id=attempt.request_id,
            before_send=turn.left.before_sending(POP_TIMEOUT_S),
        )
        status, outcome = None, None
        try:
            status, _ = await turn.exchange(sending, guide.shown)
            outcome = DONE
            return datetime.now(UTC)
        except VendorError as error:
            status, outcome = error.status, outcome_of(error)
            raise
        finally:
            row = partial(self._attempts.record, attempt, sent_at=sent_at, http_status=status, outcome=outcome)
            self._background.start(row, request_id=attempt.request_id)
