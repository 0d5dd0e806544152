"""Group *Temporal*: server, namespace, retention, search attributes, and a worker on each queue."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta

from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import ListTaskQueuePartitionsRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.settings import temporal_environment
from api.checks import temporal as checks
from api.checks.finding import Finding, State, fails, ok, skipped
from cli.doctor.ground import PATIENCE_S, Ground
from workflows.connection import connect
from workflows.ports import HELP_DESK_QUEUE


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
        yield checks.out_of_reach(where, error)
        yield skipped("namespace", "Temporal is out of reach")
        return
    yield ok("reachable", f"the server at {where} answers")
    found = await checks.namespace(client, PATIENCE_S)
    for finding in found:
        yield finding
    if found[0].state != State.OK:
        yield skipped("search attributes", "there is no namespace")
        return
    ground.client = client
    yield await checks.search_attributes(client, PATIENCE_S)
    async for finding in _queues(ground, client):
        yield finding


async def _queues(ground: Ground, client: Client) -> AsyncIterator[Finding]:
    for queue in checks.QUEUES:
        try:
            polls = await checks.last_polls(client, queue, PATIENCE_S)
        except RPCError as error:
            yield checks.refused(f"queue {queue}", error)
            continue
        finding = checks.served(queue, polls, ground.now(), others=bool(ground.served))
        yield finding
        if finding.state == State.OK:
            ground.served.add(queue)
    if ground.worker is not None and ground.worker.zendesk_requests_per_minute:
        yield await _partitions(client)


async def _partitions(client: Client) -> Finding:
    request = ListTaskQueuePartitionsRequest(namespace=client.namespace, task_queue=TaskQueue(name=HELP_DESK_QUEUE))
    try:
        answer = await client.workflow_service.list_task_queue_partitions(
            request, timeout=timedelta(seconds=PATIENCE_S)
        )
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
