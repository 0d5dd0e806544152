"""Whether there is a token with every scope, by the token workflow's word."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from temporalio.client import Client, WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.service import RPCError

from api.checks.finding import Finding, fails, ok
from workflows.connection import UnknownKeyError
from workflows.domain.token import TokenProblem, TokenState
from workflows.ports import token_workflow_id

CLIENT = "set ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET to the OAuth client's, then start the worker again"
ADDRESS = "is ZENDESK_URL the account's address, and can this machine reach it?"
_GRANT = "grant them to the OAuth client (ZENDESK_CLIENT_ID) in the Admin Center; calls that wait go on by themselves"


async def asked(temporal: Client, account: str, patience_s: float) -> TokenState | None:
    """The token workflow's word, if it has one."""
    handle = temporal.get_workflow_handle(token_workflow_id(account))
    try:
        async with asyncio.timeout(patience_s):
            state: TokenState = await handle.query("state", result_type=TokenState)
    except (RPCError, RuntimeError, TimeoutError):
        return None
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError, UnknownKeyError, ValueError):
        return None
    return state


def of_state(state: TokenState, now: datetime) -> Finding:
    """What the workflow says of the token as such; scopes are another matter."""
    detail = f": {state.detail}" if state.detail else ""
    if state.problem == TokenProblem.CLIENT_REFUSED:
        return fails("token", f"Zendesk refuses the OAuth client{detail}", mend=CLIENT)
    left_s = (state.expires_at - now).total_seconds() if state.expires_at else 0
    if state.problem == TokenProblem.UNAVAILABLE and left_s <= 0:
        return fails("token", f"there is none{detail}", mend=ADDRESS)
    if not state.version:
        return fails("token", "there is none yet", command="talkbridge doctor --exchange")
    renewal = ", but its renewal fails" + detail if state.problem == TokenProblem.UNAVAILABLE else ""
    if renewal:
        return fails("token", f"it lives {left_s / 60:.0f} min more{renewal}", mend=ADDRESS)
    return ok("token", f"version {state.version} lives {left_s / 60:.0f} min more")


def scopes(name: str, required: Sequence[str], granted: Sequence[str]) -> Finding:
    """Granted ⊇ required."""
    missing = [scope for scope in required if scope not in granted]
    if missing:
        return fails(name, f"the token lacks {' '.join(missing)}", mend=_GRANT)
    return ok(name, f"granted: {' '.join(granted)}")
