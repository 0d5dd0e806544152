"""Group *Token*: whether there is one with every scope, by the token workflow's word or an exchange of our own."""

import asyncio
from collections.abc import AsyncIterator

from temporalio.client import WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.service import RPCError, RPCStatusCode

from activities.failures import detail_of
from activities.settings import WorkerSettings
from activities.turn import DONE, outcome_of
from activities.zendesk.client import Account, ZendeskClient
from activities.zendesk.errors import BadRequest, Unauthorized, VendorError
from activities.zendesk.guide import TokenAnswer
from api.checks.finding import Finding, fails, ok, skipped
from api.checks.temporal import WORKER
from api.checks.token import ADDRESS, CLIENT, of_state, scopes
from cli.doctor.asking import Asked
from cli.doctor.ground import PATIENCE_S, Ground
from workflows.connection import UnknownKeyError
from workflows.domain.token import TokenState
from workflows.ports import TOKEN_QUEUE, token_workflow_id

_WORKFLOW = "token workflow"


async def check(ground: Ground) -> AsyncIterator[Finding]:
    """The workflow is asked first: an exchange of our own, which is not kept, is for when it does not answer."""
    if ground.worker is None:
        yield skipped("token", ground.lacking["worker"])
        return
    told = await _asked(ground, ground.worker)
    state = told if isinstance(told, TokenState) else None
    if state is not None:
        yield of_state(state, ground.now())
        if state.version:
            yield scopes("scopes", ground.worker.zendesk_scopes, state.scopes)
    if isinstance(told, Finding):
        yield told
    if state is None or ground.exchange:
        for finding in await _exchange(ground, ground.worker):
            yield finding


async def _asked(ground: Ground, settings: WorkerSettings) -> TokenState | Finding:
    """What the token workflow knows, or why it does not tell."""
    if ground.client is None:
        return skipped(_WORKFLOW, "Temporal cannot be asked")
    if not ground.keys_fit:
        return skipped(_WORKFLOW, "ENCRYPTION_KEYS could not read its answer")
    handle = ground.client.get_workflow_handle(token_workflow_id(settings.account))
    try:
        async with asyncio.timeout(PATIENCE_S):
            state: TokenState = await handle.query("state", result_type=TokenState)
    except (RPCError, TimeoutError) as error:
        return _unanswered(ground, error)
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError, UnknownKeyError, ValueError) as error:
        mend = "give every worker, the gateway and this command the same ENCRYPTION_KEYS"
        return fails(_WORKFLOW, f"its answer cannot be read ({type(error).__name__})", mend=mend)
    return state


def _unanswered(ground: Ground, error: Exception) -> Finding:
    if isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND:
        return skipped(_WORKFLOW, "it has never run: no worker of this account has started")
    if TOKEN_QUEUE not in ground.served:
        return skipped(_WORKFLOW, "no worker serves it")
    # For a minute after the last worker died its queues look served: this is what tells.
    return fails(_WORKFLOW, f"no worker answers for it within {PATIENCE_S:g} s", command=WORKER)


async def _exchange(ground: Ground, settings: WorkerSettings) -> list[Finding]:
    name = "exchange"
    secret = settings.zendesk_client_secret.get_secret_value()
    account = Account(url=settings.zendesk_url, client_id=settings.zendesk_client_id, client_secret=secret)
    client = ZendeskClient(account, timeout_s=PATIENCE_S)
    asked = Asked(ground, "exchange", "POST", "/api/v2/oauth/token")
    try:
        answer: TokenAnswer = await client.exchange(settings.zendesk_scopes, asked.request_id)
    except VendorError as error:
        await asked.record(error.status, outcome_of(error))
        mend = CLIENT if isinstance(error, BadRequest | Unauthorized) else ADDRESS
        return [fails(name, detail_of(error, "token"), mend=mend)]
    finally:
        await client.close()
    await asked.record(answer.status, DONE)
    ground.bearer = answer.access_token
    told = ok(name, f"ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET get a token, for {answer.expires_in:.0f} s")
    return [told, scopes("scopes granted", settings.zendesk_scopes, answer.scopes)]
