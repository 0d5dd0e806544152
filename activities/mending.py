"""The port `Mender`: a group's wish for one call, sent to the call's workflow as a person's would be."""

import logging

from structlog.contextvars import bind_contextvars
from temporalio import activity
from temporalio.client import Client

from activities.failures import failure
from workflows.asking import (
    AnswerUnreadable,
    CallOver,
    CallSilent,
    CallUnknown,
    WishRefused,
    ask_for_mend,
    cut_back_off,
)
from workflows.domain.errors import Failure
from workflows.domain.mend import Mended, MendResult
from workflows.ports import MendCall, Mender

_OVER = "Nothing was done: the call is over."
_UNKNOWN = "Nothing was done: Temporal does not know the call any more."
_SILENT = "The call's workflow did not answer: the Temporal UI shows what holds it up."

log = logging.getLogger(__name__)


class WorkflowMender(Mender):
    """Raises `ApplicationError` of type `Unavailable` when the call does not answer; it may then be asked again."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn
    async def mend_call(self, command: MendCall) -> Mended:
        """What came of the wish; a call that is over, or not there, needs none."""
        bind_contextvars(call_id=command.call_id)
        try:
            mended = await ask_for_mend(self._client, command.call_id, command.wish)
        except CallOver:
            return Mended(result=MendResult.NOT_NEEDED, text=_OVER)
        except CallUnknown:
            return Mended(result=MendResult.NOT_NEEDED, text=_UNKNOWN)
        except WishRefused as error:
            return Mended(result=MendResult.REFUSED, text=str(error))
        except (CallSilent, AnswerUnreadable) as error:
            raise failure(Failure.UNAVAILABLE, str(error) or _SILENT) from None
        if mended.hurry:
            await self._hurry(command.call_id)
        return mended

    async def _hurry(self, call_id: str) -> None:
        hindrance = await cut_back_off(self._client, call_id, identity="talkbridge-worker")
        if hindrance is not None:
            fields = {"action": "back_off_not_cut", "error_type": hindrance}
            log.warning("what the call waits for could not be hurried", extra=fields)
