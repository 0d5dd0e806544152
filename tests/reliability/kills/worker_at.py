"""Run as the worker process instead of `worker.py`: the same worker, that can be killed at the named points."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

import worker
from tests.reliability.kills import defects
from tests.reliability.kills.points import CONNECT, WORKER, Point
from tests.reliability.kills.trigger import here, passes, put_in, result_seen
from workflows.connection import leave

_SEEN = "kill_points_result_seen"


def step_of(name: str, args: Sequence[Any]) -> str:
    """The step that an activity belongs to: the one its command names, else the activity's own name."""
    ref = getattr(args[0], "ref", None) if args else None
    return name if ref is None else str(ref.step)


class Points(ClientInterceptor, Interceptor):
    """The points around whole activities, and between a result and what the workflow makes of it."""

    def intercept_activity(self, inner: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Before a step begins, and after it is done."""
        return _Activities(inner)

    def workflow_interceptor_class(self, made: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        """After its result has reached the workflow."""
        made.unsafe_extern_functions[_SEEN] = result_seen
        return _Workflows


class _Activities(ActivityInboundInterceptor):
    async def execute_activity(self, asked: ExecuteActivityInput) -> object:
        info = activity.info()
        place = (info.workflow_id or "", step_of(info.activity_type, asked.args))
        # A local activity that is held up is given up.
        may_wait = not info.is_local
        here.set(place)
        await passes(Point.BEGUN, place, may_wait=may_wait)
        result: object = await self.next.execute_activity(asked)
        await passes(Point.UNREPORTED, place, may_wait=may_wait)
        return result


class _Workflows(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Commands(outbound))


class _Commands(WorkflowOutboundInterceptor):
    def start_activity(self, asked: StartActivityInput) -> workflow.ActivityHandle[Any]:
        handle = self.next.start_activity(asked)
        workflow_id, step = workflow.info().workflow_id, step_of(asked.activity, asked.args)

        def done(ended: asyncio.Task[Any]) -> None:
            worked = not ended.cancelled() and ended.exception() is None
            if worked and not workflow.unsafe.is_replaying():
                workflow.extern_functions()[_SEEN](workflow_id, step)

        handle.add_done_callback(done)
        return handle


def install() -> None:
    """Put every point into the worker that this process is about to be."""
    for patch in WORKER:
        put_in(patch)
    module, name = CONNECT.place
    connect = getattr(module, name)

    async def connect_with_points(*args: object, **kwargs: object) -> Client:
        config = (await connect(*args, **kwargs)).config()
        return Client(**{**config, "interceptors": [Points()]})

    setattr(module, name, connect_with_points)


if __name__ == "__main__":
    install()
    defects.plant(os.environ.get(defects.NAME))
    leave(asyncio.run(worker.main()))
