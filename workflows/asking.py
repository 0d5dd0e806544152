"""How a process asks a call's workflow for a mend, and cuts short what the call then sits out.

Never imported by a workflow. Whoever asks (the gateway for a person, a worker for a group) has own words for what comes
of it.

NotMended
├── CallUnknown ......... Temporal knows no such call
├── CallOver ............ the call's workflow is closed
├── WishRefused ......... no call could grant it; the text says why
├── AnswerUnreadable .... encrypted with a key this process lacks; the text says which
└── CallSilent .......... no answer in time: the same wish may be sent again
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import ResetActivityRequest
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from workflows.connection import UnknownKeyError
from workflows.domain.mend import Mend, Mended
from workflows.ports import CALL_MEND_UPDATE, call_workflow_id

ANSWER_S = 20.0
"""A request that is out already has its answer first: its time-out, and a little."""
_LOOK = timedelta(seconds=2)


class NotMended(Exception):
    """The call did not say what came of the wish."""


class CallUnknown(NotMended):
    """Temporal knows no such call."""


class CallOver(NotMended):
    """The call's workflow is closed."""


class WishRefused(NotMended):
    """No call could grant it."""


class AnswerUnreadable(NotMended):
    """It was encrypted with a key this process does not have."""


class CallSilent(NotMended):
    """Its workflow did not answer in time."""


async def ask_for_mend(temporal: Client, call_id: str, wish: Mend) -> Mended:
    """What came of it; a wish with the same id is done once, however often it is sent. Raises `NotMended`."""
    handle = temporal.get_workflow_handle(call_workflow_id(call_id))
    try:
        async with asyncio.timeout(ANSWER_S):
            mended: Mended = await handle.execute_update(
                CALL_MEND_UPDATE, wish, id=wish.id, result_type=Mended, rpc_timeout=timedelta(seconds=ANSWER_S)
            )
    except WorkflowUpdateFailedError as error:
        raise WishRefused(str(error.cause)) from None
    except RPCError as error:
        raise _of(error) from None
    except (WorkflowUpdateRPCTimeoutOrCancelledError, RuntimeError, TimeoutError):
        raise CallSilent from None
    except (UnknownKeyError, ValueError) as error:
        raise AnswerUnreadable(str(error)) from None
    return mended


def _of(error: RPCError) -> NotMended:
    match error.status:
        case RPCStatusCode.FAILED_PRECONDITION:
            return CallOver()
        case RPCStatusCode.NOT_FOUND:
            return CallOver() if "completed" in str(error) else CallUnknown()
        case _:
            return CallSilent()


async def cut_back_off(temporal: Client, call_id: str, *, identity: str) -> str | None:
    """Reset the call's activities that wait for their next attempt. The error's type where that did not work.

    It need not: their time comes by itself. `identity` is who asks, for Temporal's records.
    """
    workflow_id = call_workflow_id(call_id)
    try:
        about = await temporal.get_workflow_handle(workflow_id).describe(rpc_timeout=_LOOK)
        for activity_id in _in_back_off(about.raw_description.pending_activities):
            request = ResetActivityRequest(
                namespace=temporal.namespace,
                execution=WorkflowExecution(workflow_id=workflow_id),
                identity=identity,
                id=activity_id,
            )
            await temporal.workflow_service.reset_activity(request, timeout=_LOOK)
    except (RPCError, RuntimeError) as error:
        return type(error).__name__
    return None


def _in_back_off(pending: Iterable[PendingActivityInfo]) -> list[str]:
    scheduled = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    return [each.activity_id for each in pending if each.state == scheduled and each.attempt > 1]
