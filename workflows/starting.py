"""What a worker makes sure of before it takes calls: Temporal, search attributes, and a token with every scope.

Never imported by a workflow.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from workflows.connection import missing_search_attributes
from workflows.domain.token import TokenProblem, TokenState
from workflows.ports import TOKEN_QUEUE, TOKEN_WORKFLOW, EnsureToken, token_workflow_id

OUT_OF_REACH_LIMIT_S = 60.0
ALERT_LIMIT_S = 5.0
_PAUSE_S = 1.0
_LOOK_AGAIN_S = 5.0

T = TypeVar("T")
log = logging.getLogger(__name__)


class CannotStart(Exception):
    """Why this worker must not take calls: one sentence that names the thing and its mend."""


async def reach(what: str, attempt: Callable[[], Awaitable[T]], expected: tuple[type[Exception], ...]) -> T:
    """Try until it works, for a minute, saying so. Raises `CannotStart`."""
    deadline = asyncio.get_running_loop().time() + OUT_OF_REACH_LIMIT_S
    said = False
    while True:
        try:
            return await attempt()
        except expected as error:
            if asyncio.get_running_loop().time() > deadline:
                raise CannotStart(f"{what} has been out of reach for {OUT_OF_REACH_LIMIT_S:g} s: {error}") from None
            if not said:
                log.warning("waiting for %s", what, extra={"action": "start_waits", "reason": str(error)})
            said = True
            await asyncio.sleep(_PAUSE_S)


async def await_search_attributes(client: Client) -> None:
    """Wait until the namespace has every search attribute that calls set. Raises `CannotStart` without a namespace."""
    while missing := await _missing(client):
        log.warning(
            "the namespace %s lacks the search attributes %s; run: talkbridge setup",
            client.namespace,
            ", ".join(missing),
            extra={"action": "start_waits"},
        )
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _missing(client: Client) -> list[str]:
    try:
        return await missing_search_attributes(client)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        raise CannotStart(
            f"Temporal has no namespace {client.namespace} (TEMPORAL_NAMESPACE): correct it, or run `talkbridge setup` "
            "to make it"
        ) from None


async def ensure_token(client: Client, account: str, wanted: EnsureToken) -> TokenState:
    """A token with every scope, from the account's token workflow. Raises `CannotStart` once the alert is out.

    Waits, and says so, while Zendesk cannot be reached.
    """
    while True:
        state = await _ask(client, account, wanted)
        if state is not None and state.problem == TokenProblem.SCOPES:
            await _alerts_out(client, account)
            raise CannotStart(
                f"the Zendesk token lacks the scopes {' '.join(state.missing_scopes)}: grant them to the OAuth client "
                "(ZENDESK_CLIENT_ID) in the Zendesk Admin Center, then start the worker again"
            )
        if state is not None and state.problem == TokenProblem.CLIENT_REFUSED:
            await _alerts_out(client, account)
            raise CannotStart(f"Zendesk refuses ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET: {state.detail}")
        if state is not None and state.problem is None:
            return state
        detail = state.detail if state is not None else "the token workflow has not answered yet"
        log.warning("waiting for a Zendesk token: %s", detail, extra={"action": "start_waits"})
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _ask(client: Client, account: str, wanted: EnsureToken) -> TokenState | None:
    start: WithStartWorkflowOperation[object, None] = WithStartWorkflowOperation(
        TOKEN_WORKFLOW,
        TokenState(account=account),
        id=token_workflow_id(account),
        task_queue=TOKEN_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"Zendesk token of {account}",
    )
    try:
        answer: TokenState = await client.execute_update_with_start_workflow(
            "ensure",
            wanted,
            start_workflow_operation=start,
            result_type=TokenState,
            rpc_timeout=timedelta(seconds=30),
        )
    except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError) as error:
        # The SDK makes such an error of a cancellation, too: whoever ends the start must not be asked to wait.
        if (ours := asyncio.current_task()) is not None and ours.cancelling():
            raise asyncio.CancelledError from error
        log.warning("the token workflow did not answer: %s", error, extra={"action": "start_waits"})
        return None
    return answer


async def _alerts_out(client: Client, account: str) -> None:
    """Give the alert its time: this process serves the queue that posts it."""
    handle = client.get_workflow_handle(token_workflow_id(account))
    try:
        async with asyncio.timeout(ALERT_LIMIT_S):
            while True:
                state: TokenState = await handle.query("state", result_type=TokenState)
                if not state.pending_alerts:
                    return
                await asyncio.sleep(0.1)
    except (TimeoutError, RPCError):
        log.exception("the alert could not be posted in time", extra={"action": "alert_late"})
