"""Group *Temporal*: server, namespace, retention, search attributes, and a worker on each queue."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    ListTaskQueuePartitionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.settings import temporal_environment
from cli.doctor.database import SERVERS, SETUP
from cli.doctor.finding import Finding, State, fails, ok, skipped
from cli.doctor.ground import PATIENCE_S, Ground
from cli.setup import RETENTION
from workflows.connection import connect, missing_search_attributes
from workflows.ports import CALLS_QUEUE, CRM_QUEUE, HELP_DESK_QUEUE, TOKEN_QUEUE

WORKER = "python worker.py"
POLLED_WITHIN_S = 75
"""A worker asks again at least once a minute; the server remembers one that died for five."""
_WORKFLOW, _ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
_QUEUES: Mapping[str, tuple[TaskQueueType.ValueType, ...]] = {
    TOKEN_QUEUE: (_WORKFLOW, _ACTIVITY),
    CALLS_QUEUE: (_WORKFLOW, _ACTIVITY),
    HELP_DESK_QUEUE: (_ACTIVITY,),
    CRM_QUEUE: (_ACTIVITY,),
}
_COMPOSE = "docker compose -f docker-compose.temporal.yml up --wait"
_REFUSED = "nothing listens there"
# What the SDK says of these is a page of its own innards.
_REASONS = {
    "ConnectionRefused": _REFUSED,
    "dns error": "there is no such host",
    "InvalidMessage(": "it does not speak TLS, and TEMPORAL_TLS or TEMPORAL_API_KEY asks for it",
}
_LIMIT = timedelta(seconds=PATIENCE_S)


async def check(ground: Ground) -> AsyncIterator[Finding]:
    """From the server inwards; what rests on one that fails is skipped."""
    if ground.keyring is None:
        yield skipped("reachable", ground.lacking["both"])
        return
    environment = temporal_environment(os.environ)
    where = environment.get("TEMPORAL_ADDRESS", "localhost:7233")
    try:
        async with asyncio.timeout(PATIENCE_S):
            client = await connect(ground.keyring, environment=environment)
    except (RuntimeError, RPCError, TimeoutError, ValueError) as error:
        yield _out_of_reach(where, error)
        yield skipped("namespace", "Temporal is out of reach")
        return
    yield ok("reachable", f"the server at {where} answers")
    found = await _namespace(client)
    for finding in found:
        yield finding
    if found[0].state != State.OK:
        yield skipped("search attributes", "there is no namespace")
        return
    ground.client = client
    yield await _search_attributes(client)
    async for finding in _queues(ground, client):
        yield finding


def _out_of_reach(where: str, error: Exception) -> Finding:
    told = "no answer in time" if isinstance(error, TimeoutError) else " ".join(str(error).split())[:160]
    reason = next((words for sign, words in _REASONS.items() if sign in str(error)), told)
    text = f"TEMPORAL_ADDRESS {where}: {reason}"
    if reason == _REFUSED and where.rpartition(":")[0] in ("127.0.0.1", "localhost", "[::1]"):
        mend = f"then set TEMPORAL_ADDRESS to what it prints; or: {_COMPOSE}"
        return fails("reachable", text, command=SERVERS, mend=mend)
    return fails(
        "reachable", text, mend="start that server, or correct TEMPORAL_ADDRESS, TEMPORAL_TLS, TEMPORAL_API_KEY"
    )


async def _namespace(client: Client) -> list[Finding]:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        about = await client.workflow_service.describe_namespace(request, timeout=_LIMIT)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return [fails("namespace", f"there is no namespace {client.namespace} (TEMPORAL_NAMESPACE)", command=SETUP)]
        return [_refused("namespace", error)]
    return [ok("namespace", f"{client.namespace} is there"), _retention(about.config.workflow_execution_retention_ttl)]


def _retention(kept: Duration) -> Finding:
    days, needed = kept.ToTimedelta().total_seconds() / 86400, RETENTION.total_seconds() / 86400
    told = f"closed calls are remembered for {days:g} days"
    if days < needed:
        return fails("retention", f"{told}, {needed:g} are needed to know late redeliveries", command=SETUP)
    return ok("retention", told)


async def _search_attributes(client: Client) -> Finding:
    try:
        async with asyncio.timeout(PATIENCE_S):
            missing = await missing_search_attributes(client)
    except (RPCError, TimeoutError) as error:
        return _refused("search attributes", error)
    if missing:
        return fails("search attributes", f"the namespace lacks {', '.join(missing)}", command=SETUP)
    return ok("search attributes", "all are there")


async def _queues(ground: Ground, client: Client) -> AsyncIterator[Finding]:
    for queue, kinds in _QUEUES.items():
        try:
            pollers = [await _pollers(ground, client, queue, kind) for kind in kinds]
        except RPCError as error:
            yield _refused(f"queue {queue}", error)
            continue
        if all(pollers):
            yield ok(f"queue {queue}", f"a worker asked it for work in the last {POLLED_WITHIN_S} s")
            ground.served.add(queue)
        else:
            yield _unserved(queue, waiting=bool(ground.served))
    if ground.worker is not None and ground.worker.zendesk_requests_per_minute:
        yield await _partitions(client)


def _unserved(queue: str, *, waiting: bool) -> Finding:
    """`waiting`: some other queue is served, so a worker is there and has not come so far."""
    if waiting:
        why = "a worker is there and waits before it serves this one"
        return fails(f"queue {queue}", why, mend="the worker's log, and the group Token here, say what it waits for")
    return fails(f"queue {queue}", "no worker serves it: calls are taken and wait", command=WORKER)


async def _pollers(ground: Ground, client: Client, queue: str, kind: TaskQueueType.ValueType) -> int:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    answer = await client.workflow_service.describe_task_queue(request, timeout=_LIMIT)
    oldest = ground.now().timestamp() - POLLED_WITHIN_S
    return sum(poller.last_access_time.seconds >= oldest for poller in answer.pollers)


async def _partitions(client: Client) -> Finding:
    request = ListTaskQueuePartitionsRequest(namespace=client.namespace, task_queue=TaskQueue(name=HELP_DESK_QUEUE))
    try:
        answer = await client.workflow_service.list_task_queue_partitions(request, timeout=_LIMIT)
    except RPCError as error:
        return skipped("partitions", f"this server does not tell of them ({error.status.name})")
    count = len(answer.activity_task_queue_partitions)
    if count <= 1:
        return ok(
            "partitions", f"queue {HELP_DESK_QUEUE} has one, so its rate is what ZENDESK_REQUESTS_PER_MINUTE says"
        )
    wanted = "matching.numTaskqueueReadPartitions and matching.numTaskqueueWritePartitions"
    return fails(
        "partitions",
        f"queue {HELP_DESK_QUEUE} has {count}: a low ZENDESK_REQUESTS_PER_MINUTE is divided among them and not reached",
        mend=f"set {wanted} to 1 for the task queue {HELP_DESK_QUEUE} in Temporal's dynamic configuration",
    )


def _refused(name: str, error: Exception) -> Finding:
    told = f"{error.status.name}: {error.message}" if isinstance(error, RPCError) else "no answer in time"
    mend = "give this client the right to ask that (TEMPORAL_API_KEY, TLS), or look into the server's log"
    return fails(name, " ".join(told.split())[:200], mend=mend)
