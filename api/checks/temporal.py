"""Whether Temporal is there, with a namespace that remembers long enough, and a worker on each queue."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.checks.database import SERVERS, SETUP
from api.checks.finding import Finding, fails, ok
from workflows.connection import RETENTION, missing_search_attributes
from workflows.ports import CALLS_QUEUE, CRM_QUEUE, HELP_DESK_QUEUE, TOKEN_QUEUE

WORKER = "python worker.py"
POLLED_WITHIN_S = 75
"""A worker asks again at least once a minute; the server remembers one that died for five."""
_WORKFLOW, _ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
QUEUES: Mapping[str, tuple[TaskQueueType.ValueType, ...]] = {
    TOKEN_QUEUE: (_WORKFLOW, _ACTIVITY),
    CALLS_QUEUE: (_WORKFLOW, _ACTIVITY),
    HELP_DESK_QUEUE: (_ACTIVITY,),
    CRM_QUEUE: (_ACTIVITY,),
}
"""What is asked of each, in the order in which a worker begins to serve them."""
_COMPOSE = "docker compose -f docker-compose.temporal.yml up --wait"
_REFUSED = "nothing listens there"
# What the SDK says of these is a page of its own innards.
_REASONS = {
    "ConnectionRefused": _REFUSED,
    "dns error": "there is no such host",
    "InvalidMessage(": "it does not speak TLS, and TEMPORAL_TLS or TEMPORAL_API_KEY asks for it",
}


def out_of_reach(where: str, error: Exception) -> Finding:
    """No connection to the server at `where` (host and port)."""
    told = "no answer in time" if isinstance(error, TimeoutError) else " ".join(str(error).split())[:160]
    reason = next((words for sign, words in _REASONS.items() if sign in str(error)), told)
    text = f"TEMPORAL_ADDRESS {where}: {reason}"
    if reason == _REFUSED and where.rpartition(":")[0] in ("127.0.0.1", "localhost", "[::1]"):
        mend = f"then set TEMPORAL_ADDRESS to what it prints; or: {_COMPOSE}"
        return fails("reachable", text, command=SERVERS, mend=mend)
    return fails(
        "reachable", text, mend="start that server, or correct TEMPORAL_ADDRESS, TEMPORAL_TLS, TEMPORAL_API_KEY"
    )


async def namespace(client: Client, patience_s: float) -> list[Finding]:
    """Whether the client's namespace is there and, if so, for how long it remembers closed calls."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        about = await client.workflow_service.describe_namespace(request, timeout=timedelta(seconds=patience_s))
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return [fails("namespace", f"there is no namespace {client.namespace} (TEMPORAL_NAMESPACE)", command=SETUP)]
        return [refused("namespace", error)]
    kept = about.config.workflow_execution_retention_ttl.ToTimedelta()
    return [ok("namespace", f"{client.namespace} is there"), _retention(kept)]


def _retention(kept: timedelta) -> Finding:
    days, needed = kept.total_seconds() / 86400, RETENTION.total_seconds() / 86400
    told = f"closed calls are remembered for {days:g} days"
    if days < needed:
        return fails("retention", f"{told}, {needed:g} are needed to know late redeliveries", command=SETUP)
    return ok("retention", told)


async def search_attributes(client: Client, patience_s: float) -> Finding:
    """Whether the namespace has ours."""
    try:
        async with asyncio.timeout(patience_s):
            missing = await missing_search_attributes(client)
    except (RPCError, TimeoutError) as error:
        return refused("search attributes", error)
    if missing:
        return fails("search attributes", f"the namespace lacks {', '.join(missing)}", command=SETUP)
    return ok("search attributes", "all are there")


async def last_polls(client: Client, queue: str, patience_s: float) -> list[float]:
    """When a worker last asked a queue for each kind of work, in seconds since 1970; 0: none did. Raises `RPCError`."""
    return [await _last_poll(client, queue, kind, patience_s) for kind in QUEUES[queue]]


async def _last_poll(client: Client, queue: str, kind: TaskQueueType.ValueType, patience_s: float) -> float:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    answer = await client.workflow_service.describe_task_queue(request, timeout=timedelta(seconds=patience_s))
    return max((poller.last_access_time.seconds for poller in answer.pollers), default=0)


def served(queue: str, polls: list[float], now: datetime, *, others: bool) -> Finding:
    """Whether workers ask a queue for every kind of work it has. `others`: some other queue is served."""
    if all(poll >= now.timestamp() - POLLED_WITHIN_S for poll in polls):
        return ok(f"queue {queue}", f"a worker asked it for work in the last {POLLED_WITHIN_S} s")
    if others:
        # So a worker is there and has not come so far.
        why = "a worker is there and waits before it serves this one"
        return fails(f"queue {queue}", why, mend="the worker's log, and the group Token here, say what it waits for")
    return fails(f"queue {queue}", "no worker serves it: calls are taken and wait", command=WORKER)


def refused(name: str, error: Exception) -> Finding:
    """The server is there and did not answer this question."""
    told = f"{error.status.name}: {error.message}" if isinstance(error, RPCError) else "no answer in time"
    mend = "give this client the right to ask that (TEMPORAL_API_KEY, TLS), or look into the server's log"
    return fails(name, " ".join(told.split())[:200], mend=mend)
