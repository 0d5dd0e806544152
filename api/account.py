"""What is known of one call: the workflow's own word and Temporal's of what is under way, else the ledger's."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import structlog
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import (
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.service import RPCError, RPCStatusCode

from api import problems
from api.gateway import Gateway
from api.merging import merge
from api.problems import Problem
from api.reading import KeysMisfit, LedgerUnreadable
from api.schemas import CALL_ID
from workflows.connection import UnknownKeyError
from workflows.domain.status import CallStatus
from workflows.ports import CALL_STATUS_QUERY, call_workflow_id

ANSWER_S = 2.0
_SOON = {"Retry-After": "5"}

log = structlog.stdlib.get_logger("api.account")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An activity that has not ended, as Temporal tells of it.

    `begun_at`: of the attempt that runs now, None between two. `failed_at`: the end of the last that failed.
    `next_at`: when the next attempt is due, None while one runs or waits for a worker.
    """

    begun_at: datetime | None = None
    failed_at: datetime | None = None
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A call's status as JSON values, with the steps' activity ids, and whose word it is.

    `open`: whether its workflow runs, None when Temporal did not tell. `pending` is by activity id.
    """

    status: Mapping[str, Any]
    source: Literal["workflow", "ledger"]
    open: bool | None = None
    pending: Mapping[str, Pending] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The JSON of `GET /calls/{call_id}`."""
        return shown(self.status, self.source)


def shown(status: Mapping[str, Any], source: str) -> dict[str, Any]:
    """A call as it is shown: where the word comes from, and no activity ids."""
    steps = [{name: value for name, value in step.items() if name != "activity_id"} for step in status["steps"]]
    return {**status, "source": source, "steps": steps}


async def account_of(gateway: Gateway, call_id: str) -> Account:
    """The workflow's own word, running or closed; the ledger's when the workflow cannot be asked. Raises `Problem`."""
    if not CALL_ID.fullmatch(call_id):
        raise Problem(problems.UNKNOWN_CALL)
    handle: WorkflowHandle[Any, Any] = gateway.temporal.get_workflow_handle(call_workflow_id(call_id))
    status, description = await asyncio.gather(_ask(handle), _describe(handle))
    if isinstance(status, CallStatus):
        return await _from_workflow(gateway, status, description)
    silence = _silence(status, description)
    try:
        known = await gateway.ledger.call_status(call_id)
    except LedgerUnreadable:
        detail = f"The ledger cannot be read, and {silence}"
        raise Problem(problems.CALL_UNREADABLE, detail, headers=_SOON) from None
    if known is not None:
        return Account(status=known, source="ledger", open=_is_open(description), pending=_pending(description))
    if description is RPCStatusCode.NOT_FOUND or status is RPCStatusCode.NOT_FOUND:
        raise Problem(problems.UNKNOWN_CALL)
    raise Problem(problems.CALL_UNREADABLE, f"The ledger does not know it yet, and {silence}", headers=_SOON)


def _silence(status: RPCStatusCode | KeysMisfit, description: WorkflowExecutionDescription | RPCStatusCode) -> str:
    """Why the workflow has not told, and what to look at."""
    if isinstance(status, KeysMisfit):
        return str(status)
    if isinstance(description, WorkflowExecutionDescription):
        return "its workflow does not answer. Does a worker run? If one does, its log says what holds the call up."
    if description is RPCStatusCode.NOT_FOUND:
        return "Temporal does not know the call."
    return "Temporal does not answer."


async def _ask(handle: WorkflowHandle[Any, Any]) -> CallStatus | RPCStatusCode | KeysMisfit:
    """The workflow's answer, or why there is none."""
    try:
        async with asyncio.timeout(ANSWER_S):
            status: CallStatus = await handle.query(
                CALL_STATUS_QUERY, result_type=CallStatus, rpc_timeout=timedelta(seconds=ANSWER_S)
            )
    except RPCError as error:
        return error.status
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError):
        return RPCStatusCode.FAILED_PRECONDITION
    except (RuntimeError, TimeoutError):
        return RPCStatusCode.UNAVAILABLE
    except (UnknownKeyError, ValueError) as error:
        # The codec's own; an answer of another shape is a TypeError.
        log.warning("call_undecryptable", error=str(error))
        return KeysMisfit("its workflow's answer cannot be decrypted: ENCRYPTION_KEYS here are not the workers'.")
    return status


async def _describe(handle: WorkflowHandle[Any, Any]) -> WorkflowExecutionDescription | RPCStatusCode:
    try:
        async with asyncio.timeout(ANSWER_S):
            return await handle.describe(rpc_timeout=timedelta(seconds=ANSWER_S))
    except RPCError as error:
        return error.status
    except (RuntimeError, TimeoutError):
        return RPCStatusCode.UNAVAILABLE


async def _from_workflow(
    gateway: Gateway, status: CallStatus, description: WorkflowExecutionDescription | RPCStatusCode
) -> Account:
    if isinstance(description, WorkflowExecutionDescription):
        pending = description.raw_description.pending_activities
        status = replace(status, steps=await merge(status.steps, pending, gateway.temporal.data_converter))
    return Account(status=asdict(status), source="workflow", open=_is_open(description), pending=_pending(description))


def _is_open(description: WorkflowExecutionDescription | RPCStatusCode) -> bool | None:
    if isinstance(description, WorkflowExecutionDescription):
        return description.status == WorkflowExecutionStatus.RUNNING
    return None


def _pending(description: WorkflowExecutionDescription | RPCStatusCode) -> dict[str, Pending]:
    if not isinstance(description, WorkflowExecutionDescription):
        return {}
    return {each.activity_id: _told(each) for each in description.raw_description.pending_activities}


def _told(activity: PendingActivityInfo) -> Pending:
    running = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    # Of a stamp that was not set, protobuf would say 1970.
    known = {descriptor.name: value for descriptor, value in activity.ListFields()}

    def at(name: str) -> datetime | None:
        return known[name].ToDatetime(tzinfo=UTC) if name in known else None

    return Pending(
        begun_at=at("last_started_time") if running else None,
        failed_at=at("last_attempt_complete_time"),
        next_at=None if running else at("next_attempt_schedule_time"),
    )
