"""The fleet as a gateway sees it when it is scraped: from the ledger and from Temporal, seldom, and never for long."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client
from temporalio.service import RPCError

from api.reading import LedgerUnreadable, Reading
from workflows.domain.errors import Failure
from workflows.ports import CALLS_QUEUE, CRM_QUEUE, HELP_DESK_QUEUE, TOKEN_QUEUE

LOOK_S = 0.7
"""How long a look at one server may take: a scrape must not wait for it."""
FRESH_S = 10.0

_ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
_WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_QUEUES = (
    *((queue, "activity", _ACTIVITIES) for queue in (CALLS_QUEUE, HELP_DESK_QUEUE, CRM_QUEUE, TOKEN_QUEUE)),
    *((queue, "workflow", _WORKFLOWS) for queue in (CALLS_QUEUE, TOKEN_QUEUE)),
)


class Gauge(Enum):
    """Each with its labels and its meaning; `docs/metrics.md` says more."""

    REACHABLE = ("talkbridge_reachable", ("server",), "Whether the server answered at the last look.")
    ACTIVE = ("talkbridge_active_calls", ("state",), "Calls whose end is not known.")
    WAITING = ("talkbridge_waiting_calls", ("awaited",), "Calls that wait for a ticket or for their final update.")
    OLDEST = ("talkbridge_oldest_waiting_call_seconds", ("awaited",), "How long the oldest of them has waited.")
    STUCK = ("talkbridge_calls_needing_attention", ("cause",), "Calls that wait for a person, by cause.")
    TOKEN_AGE = ("talkbridge_token_age_seconds", (), "Age of the newest Zendesk token.")
    TOKEN_LEFT = ("talkbridge_token_left_seconds", (), "Life left of the newest Zendesk token; negative once over.")
    BACKLOG = ("talkbridge_queue_backlog", ("queue", "kind"), "Tasks that wait for a worker.")
    BACKLOG_AGE = ("talkbridge_queue_backlog_age_seconds", ("queue", "kind"), "Age of the oldest of them.")
    POLLERS = ("talkbridge_queue_pollers", ("queue", "kind"), "Workers that asked the queue lately.")

    def __init__(self, metric: str, labels: tuple[str, ...], meaning: str) -> None:
        self.metric = metric
        self.labels = labels
        self.meaning = meaning


Labelled = Mapping[tuple[str, ...], float]
Seen = Mapping[Gauge, Labelled]
"""Values by label values."""
NOTHING_SEEN: Seen = {}

_ALWAYS = {
    Gauge.ACTIVE: ("ringing", "in_call"),
    Gauge.WAITING: ("ticket", "final_update"),
    Gauge.OLDEST: ("ticket", "final_update"),
    Gauge.STUCK: (*map(str, Failure), "other"),
}
"""Label values that are 0 when there is nothing to count, so that a rise from none is seen."""
_FIGURES = {
    "active": Gauge.ACTIVE,
    "waiting": Gauge.WAITING,
    "oldest": Gauge.OLDEST,
    "stuck": Gauge.STUCK,
    "token_age": Gauge.TOKEN_AGE,
    "token_left": Gauge.TOKEN_LEFT,
}


class Fleet:
    """What was seen lately: one look in 10 s at most, however many scrape. A server out of reach has no values."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._looked_at: float | None = None
        self._seen: Seen = NOTHING_SEEN

    async def look(self, temporal: Client, ledger: Reading, now: float) -> Seen:
        """The fleet, at most 10 s old. `now` is any steady clock's seconds. Never fails."""
        async with self._lock:
            if self._looked_at is None or now - self._looked_at >= FRESH_S:
                in_ledger, in_temporal = await asyncio.gather(_ledger(ledger), _temporal(temporal))
                reached: Labelled = {("postgresql",): float(bool(in_ledger)), ("temporal",): float(bool(in_temporal))}
                self._seen = {Gauge.REACHABLE: reached, **in_ledger, **in_temporal}
                self._looked_at = now
            return self._seen


async def _ledger(ledger: Reading) -> Seen:
    try:
        async with asyncio.timeout(LOOK_S):
            rows = await ledger.figures()
    except (LedgerUnreadable, TimeoutError):
        return NOTHING_SEEN
    found: dict[Gauge, dict[tuple[str, ...], float]] = {Gauge.TOKEN_AGE: {}, Gauge.TOKEN_LEFT: {}}
    for gauge, labels in _ALWAYS.items():
        found[gauge] = {(label,): 0.0 for label in labels}
    for figure, label, value in rows:
        values = found[gauge := _FIGURES[figure]]
        key = (_known(gauge, label),) if gauge.labels else ()
        values[key] = values.get(key, 0.0) + value
    return found


def _known(gauge: Gauge, label: str) -> str:
    """A cause that Temporal named, and not we, must not become a label."""
    return label if label in _ALWAYS[gauge] else "other"


async def _temporal(client: Client) -> Seen:
    try:
        async with asyncio.timeout(LOOK_S):
            told = await asyncio.gather(*(_describe(client, queue, kind) for queue, _, kind in _QUEUES))
    except (RPCError, RuntimeError, TimeoutError):
        return NOTHING_SEEN
    seen: dict[Gauge, dict[tuple[str, ...], float]] = {
        Gauge.BACKLOG: {},
        Gauge.BACKLOG_AGE: {},
        Gauge.POLLERS: {},
    }
    for (queue, kind, _), answer in zip(_QUEUES, told, strict=True):
        for gauge, value in _figures(answer):
            seen[gauge][queue, kind] = value
    return seen


def _figures(answer: DescribeTaskQueueResponse) -> Iterator[tuple[Gauge, float]]:
    stats = answer.stats
    yield Gauge.BACKLOG, float(stats.approximate_backlog_count)
    yield Gauge.BACKLOG_AGE, stats.approximate_backlog_age.ToTimedelta() / timedelta(seconds=1)
    yield Gauge.POLLERS, float(len(answer.pollers))


async def _describe(client: Client, queue: str, kind: Any) -> DescribeTaskQueueResponse:  # noqa: ANN401 - protobuf's own enum type
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind, report_stats=True
    )
    return await client.workflow_service.describe_task_queue(request, timeout=timedelta(seconds=LOOK_S))
