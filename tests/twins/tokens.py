"""Token workflows as tests use them: started and asked the way a worker does."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from tests.twins.world import SCOPES
from workflows.domain.token import TokenState
from workflows.ports import TOKEN_QUEUE, TOKEN_WORKFLOW, EnsureToken, TokenRefused, token_workflow_id


class TokenStage:
    """One account's token workflow."""

    def __init__(self, client: Client, account: str) -> None:
        self.client = client
        self.account = account
        self.handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(token_workflow_id(account))

    async def start(self) -> TokenState:
        """Start it and ask for every scope; in two requests, as the time-skipping server cannot do both in one."""
        await self.client.start_workflow(
            TOKEN_WORKFLOW, TokenState(account=self.account), id=self.handle.id, task_queue=TOKEN_QUEUE
        )
        answer: TokenState = await self.handle.execute_update("ensure", wanted(), result_type=TokenState)
        return answer

    async def ensure(self, *more_scopes: str) -> TokenState:
        """What a worker asks at its start."""
        start: WithStartWorkflowOperation[object, None] = WithStartWorkflowOperation(
            TOKEN_WORKFLOW,
            TokenState(account=self.account),
            id=self.handle.id,
            task_queue=TOKEN_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        answer: TokenState = await self.client.execute_update_with_start_workflow(
            "ensure", wanted(*more_scopes), start_workflow_operation=start, result_type=TokenState
        )
        return answer

    async def state(self) -> TokenState:
        """What the workflow knows. A run that has only just followed another cannot be asked yet: then once more."""
        while True:
            try:
                answer: TokenState = await self.handle.query("state", result_type=TokenState)
            except RPCError as error:
                if error.status != RPCStatusCode.FAILED_PRECONDITION:
                    raise
                await asyncio.sleep(0.03)
            else:
                return answer

    async def until(self, what: Callable[[TokenState], object], limit_s: float = 10) -> TokenState:
        """Ask again and again. Raises `TimeoutError` with the last state."""
        state = await self.state()
        try:
            async with asyncio.timeout(limit_s):
                while not what(state):
                    await asyncio.sleep(0.03)
                    state = await self.state()
        except TimeoutError:
            raise TimeoutError(f"after {limit_s} s: {state}") from None
        return state

    async def tell(self, signal: str, version: int) -> None:
        """A request's `refused`, `forbidden` or `confirmed`."""
        await self.handle.signal(signal, TokenRefused(version=version))


def wanted(*more_scopes: str) -> EnsureToken:
    """The question of a worker that needs these scopes besides the usual."""
    return EnsureToken(scopes=[*SCOPES, *more_scopes], margin_s=300)


def gaps(moments: list[datetime]) -> list[int]:
    """Whole seconds between one moment and the next."""
    return [round((later - earlier) / timedelta(seconds=1)) for earlier, later in pairwise(moments)]
