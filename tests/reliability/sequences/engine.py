"""A Temporal server for sequences, in memory and in virtual time, around the SDK's own workflow instances.

What runs is the real workflow in the SDK's event loop, activation by activation; the server and the part of the SDK
that talks to it are this twin. Everything is decided by the sequence alone, so that a failing one fails again.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import temporalio.workflow
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.bridge.proto.activity_result import ActivityResolution
from temporalio.bridge.proto.workflow_activation import (
    FireTimer,
    InitializeWorkflow,
    QueryWorkflow,
    RemoveFromCache,
    ResolveActivity,
    SignalWorkflow,
    WorkflowActivation,
    WorkflowActivationJob,
)
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import Success
from temporalio.common import MetricMeter, Priority, TypedSearchAttributes
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker._workflow_instance import WorkflowInstance, WorkflowInstanceDetails

from tests.reliability.sequences.activity_twin import CONVERTER, TRY_CANCEL, Scheduled, Served, span
from tests.reliability.sequences.history import Decided, first_activations, replayed

T = TypeVar("T")

EPOCH = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOP = timedelta(milliseconds=5)
WORK = timedelta(milliseconds=40)
_EXTERN: dict[str, Callable[..., Any]] = {
    "__temporal_get_metric_meter": lambda: MetricMeter.noop,
    "__temporal_assert_local_activity_valid": lambda _: None,
}


class TaskFailed(Exception):
    """A workflow task failed, or a replay differs: the workflow would stand still for ever."""


@dataclass
class Run:
    """One run of one workflow. `tasks` is its history."""

    workflow_id: str
    run_id: str
    start: InitializeWorkflow
    instance: WorkflowInstance | None = None
    tasks: list[Decided] = field(default_factory=list)
    pending: list[WorkflowActivationJob] = field(default_factory=list)
    activities: dict[int, Scheduled] = field(default_factory=dict)
    timers: dict[int, datetime] = field(default_factory=dict)
    closed: str | None = None


class Engine:
    """Runs workflows of one class over activities that end at once. `held` says whether an attempt has to hang."""

    def __init__(
        self,
        workflow: type[Any],
        activities: list[Served],
        *,
        held: Callable[[str, str], bool],
        runner: WorkflowRunner | None = None,
    ) -> None:
        self.now = EPOCH
        self.runs: dict[str, Run] = {}
        self.working = True
        self.cached = True
        self.replays = 0
        self._definition = temporalio.workflow._Definition.must_from_class(workflow)
        self._activities = {each.name: each for each in activities}
        self._held = held
        self._loop = asyncio.new_event_loop()
        self._runner = runner or UnsandboxedWorkflowRunner()
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._hanging: list[Callable[[], None]] = []
        self._numbers = itertools.count(1)

    # --- what a client can do ----------------------------------------------------------------------------------

    def signal_with_start(self, workflow_id: str, start: object, signal: str, argument: object, *, again: bool) -> bool:
        """False when the workflow is closed; with `again` that starts a new run."""
        run = self.runs.get(workflow_id)
        if run is not None and run.closed is not None and not again:
            return False
        if run is None or run.closed is not None:
            run = self.runs[workflow_id] = self._new_run(workflow_id, start)
        inputs = CONVERTER.payload_converter.to_payloads([argument])
        run.pending.append(WorkflowActivationJob(signal_workflow=SignalWorkflow(signal_name=signal, input=inputs)))
        return True

    def query(self, workflow_id: str, name: str, result: type[T]) -> T:
        """The answer of a run, open or closed. Raises `TaskFailed`."""
        run = self.runs[workflow_id]
        self._wake(run)
        query = QueryWorkflow(query_id="q", query_type=name)
        completion = self._instance(run).activate(self._activation(run, [WorkflowActivationJob(query_workflow=query)]))
        (command,) = completion.successful.commands
        if not command.respond_to_query.HasField("succeeded"):
            raise TaskFailed(f"the query {name} failed: {command.respond_to_query.failed.message}")
        self._forget_unless_cached(run)
        value: T
        (value,) = CONVERTER.payload_converter.from_payloads([command.respond_to_query.succeeded.response], [result])
        return value

    def terminate(self, workflow_id: str) -> None:
        """End a run by force."""
        run = self.runs[workflow_id]
        run.closed = run.closed or "terminated"
        self._forget(run)

    def reset(self, workflow_id: str, share: float) -> None:
        """Decide the workflow task at that share of the history anew: signals since then come again."""
        old = self.runs[workflow_id]
        begins = first_activations(old.tasks)
        kept = begins[min(int(share * len(begins)), len(begins) - 1)]
        self.terminate(workflow_id)
        new = self.runs[workflow_id] = Run(workflow_id, f"run-{next(self._numbers)}", old.start)
        for activation, before in replayed(old.tasks[:kept], new.run_id):
            self._copy(new, activation, before)
        first = list(old.tasks[kept].activation.jobs)
        self._take_in(new, first)
        later = [job for each in old.tasks[kept + 1 :] for job in each.activation.jobs] + old.pending
        new.pending = first + [job for job in later if job.HasField("signal_workflow")]
        for scheduled in list(new.activities.values()):
            if scheduled.cancelled:
                self._cancel(new, scheduled)
            self._at(self.now + HOP, lambda s=scheduled: self._attempt(new, s))  # type: ignore[misc]
            self._expire(new, scheduled)
        for seq, moment in new.timers.items():
            self._at(max(moment, self.now), lambda s=seq: self._fire(new, s))  # type: ignore[misc]

    # --- time and workers --------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let everything happen that is due by then. Raises `TaskFailed`."""
        until = self.now + timedelta(seconds=seconds)
        self.wake()
        while self._queue and self._queue[0][0] <= until:
            self.now, _, act = heapq.heappop(self._queue)
            act()
            if not self._queue or self._queue[0][0] > self.now:
                self.wake()
        self.now = until

    def wake(self) -> None:
        """Let every run decide for which something has come, if anybody works."""
        if self.working:
            for run in list(self.runs.values()):
                self._wake(run)

    def forget(self) -> None:
        """The worker is gone, and with it all it had in memory."""
        for run in self.runs.values():
            self._forget(run)

    def let_go(self) -> None:
        """What hangs goes on now."""
        hanging, self._hanging = self._hanging, []
        for act in hanging:
            self._at(self.now, act)

    def close(self) -> None:
        """Give back what it has."""
        self._loop.close()

    def clear(self) -> None:
        """Nothing is left of the sequence but the time."""
        self.forget()
        self.runs.clear()
        self._queue.clear()
        self._hanging.clear()
        self.working = self.cached = True

    # --- workflow tasks ----------------------------------------------------------------------------------------

    def _wake(self, run: Run) -> None:
        while run.pending and run.closed is None and self.working:
            jobs, run.pending = run.pending, []
            ended = False
            while not ended:
                activation = self._activation(run, jobs)
                decided = self._decide(run, activation)
                commands = list(decided.commands)
                jobs = self._carry_out(run, commands)
                ended = not jobs
                flags = list(decided.used_internal_flags)
                run.tasks.append(Decided(activation=activation, commands=commands, flags=flags, ended=ended))
            self._forget_unless_cached(run)

    def _decide(self, run: Run, activation: WorkflowActivation) -> Success:
        completion = self._instance(run).activate(activation)
        if completion.HasField("failed"):
            raise TaskFailed(f"a workflow task of {run.workflow_id} failed: {completion.failed.failure.message}")
        return completion.successful

    def _carry_out(self, run: Run, commands: list[WorkflowCommand]) -> list[WorkflowActivationJob]:
        """What the run wants; the results of its local activities, which are there before the task ends."""
        locals_ = []
        for command in commands:
            match command.WhichOneof("variant"):
                case "schedule_local_activity":
                    locals_.append(self._perform_local(run, command))
                case "schedule_activity":
                    scheduled = run.activities[command.schedule_activity.seq] = self._scheduled(command)
                    self._at(self.now + HOP, lambda s=scheduled: self._attempt(run, s))  # type: ignore[misc]
                    self._expire(run, scheduled)
                case "request_cancel_activity":
                    self._cancel(run, run.activities.get(command.request_cancel_activity.seq))
                case "start_timer":
                    timer = command.start_timer
                    run.timers[timer.seq] = self.now + (span(timer.start_to_fire_timeout) or timedelta())
                    self._at(run.timers[timer.seq], lambda s=timer.seq: self._fire(run, s))  # type: ignore[misc]
                case "cancel_timer":
                    run.timers.pop(command.cancel_timer.seq, None)
                case "complete_workflow_execution":
                    run.closed = "completed"
                case "fail_workflow_execution":
                    raise TaskFailed(f"{run.workflow_id} failed: {command.fail_workflow_execution.failure.message}")
                case _:
                    # Search attributes, details and metrics change nothing here.
                    pass
        return locals_

    def _copy(self, run: Run, activation: WorkflowActivation, before: Decided) -> None:
        """One activation of a run that was reset, without any effect but on what is open."""
        self._take_in(run, activation.jobs)
        commands = list(self._decide(run, activation).commands)
        moment = activation.timestamp.ToDatetime().replace(tzinfo=UTC)
        for command in commands:
            match command.WhichOneof("variant"):
                case "schedule_activity":
                    run.activities[command.schedule_activity.seq] = self._scheduled(command)
                case "request_cancel_activity":
                    if (asked := run.activities.get(command.request_cancel_activity.seq)) is not None:
                        asked.cancelled = True
                case "start_timer":
                    timer = command.start_timer
                    run.timers[timer.seq] = moment + (span(timer.start_to_fire_timeout) or timedelta())
                case "cancel_timer":
                    run.timers.pop(command.cancel_timer.seq, None)
                case _:
                    pass
        run.tasks.append(replace(before, commands=commands))

    def _take_in(self, run: Run, jobs: Iterable[WorkflowActivationJob]) -> None:
        for job in jobs:
            if job.HasField("resolve_activity") and not job.resolve_activity.is_local:
                run.activities.pop(job.resolve_activity.seq, None)
            elif job.HasField("fire_timer"):
                run.timers.pop(job.fire_timer.seq, None)

    def _instance(self, run: Run) -> WorkflowInstance:
        """In memory, or made from the history: then every decision must come out as it did."""
        if run.instance is None:
            # An instance is made on the worker's loop and brings its own; any will do.
            asyncio._set_running_loop(self._loop)
            try:
                run.instance = self._runner.create_instance(self._details(run))
            finally:
                asyncio._set_running_loop(None)
            self.replays += bool(run.tasks)
            for activation, before in replayed(run.tasks, run.run_id):
                if list(self._decide(run, activation).commands) != before.commands:
                    raise TaskFailed(f"{run.workflow_id} decides otherwise when it is replayed")
        return run.instance

    def _forget_unless_cached(self, run: Run) -> None:
        if not self.cached:
            self._forget(run)

    def _forget(self, run: Run) -> None:
        if run.instance is not None:
            job = WorkflowActivationJob(remove_from_cache=RemoveFromCache(message="forgotten"))
            run.instance.activate(self._activation(run, [job]))
            run.instance = None

    def _activation(self, run: Run, jobs: list[WorkflowActivationJob]) -> WorkflowActivation:
        activation = WorkflowActivation(run_id=run.run_id, jobs=jobs, history_length=10 * len(run.tasks) + 3)
        activation.timestamp.FromDatetime(self.now)
        return activation

    def _new_run(self, workflow_id: str, start: object) -> Run:
        arguments = CONVERTER.payload_converter.to_payloads([start])
        begin = InitializeWorkflow(
            workflow_type=self._definition.name or "", workflow_id=workflow_id, arguments=arguments
        )
        begin.start_time.FromDatetime(self.now)
        run = Run(workflow_id, f"run-{next(self._numbers)}", begin)
        run.pending.append(WorkflowActivationJob(initialize_workflow=begin))
        return run

    def _details(self, run: Run) -> WorkflowInstanceDetails:
        started = run.start.start_time.ToDatetime().replace(tzinfo=UTC)
        info = temporalio.workflow.Info(
            attempt=1,
            continued_run_id=None,
            cron_schedule=None,
            execution_timeout=None,
            first_execution_run_id=run.run_id,
            headers={},
            namespace="default",
            original_execution_run_id=run.run_id,
            parent=None,
            root=None,
            raw_memo={},
            retry_policy=None,
            run_id=run.run_id,
            run_timeout=None,
            search_attributes={},
            start_time=started,
            workflow_start_time=started,
            task_queue="calls",
            task_timeout=timedelta(seconds=5),
            typed_search_attributes=TypedSearchAttributes.empty,
            workflow_id=run.workflow_id,
            workflow_type=run.start.workflow_type,
            priority=Priority.default,
        )
        return WorkflowInstanceDetails(
            payload_converter_factory=CONVERTER._new_payload_converter,
            failure_converter_class=CONVERTER.failure_converter_class,
            interceptor_classes=[],
            defn=self._definition,
            info=info,
            randomness_seed=1,
            extern_functions=_EXTERN,
            disable_eager_activity_execution=False,
            worker_level_failure_exception_types=[],
            patch_activation_callback=None,
            last_completion_result=Payloads(),
            last_failure=None,
        )

    # --- activities and timers ---------------------------------------------------------------------------------

    def _at(self, moment: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (moment, next(self._numbers), act))

    def _fire(self, run: Run, seq: int) -> None:
        if run.closed is None and run.timers.get(seq) is not None and run.timers[seq] <= self.now:
            del run.timers[seq]
            run.pending.append(WorkflowActivationJob(fire_timer=FireTimer(seq=seq)))

    def _scheduled(self, command: WorkflowCommand) -> Scheduled:
        is_local = command.WhichOneof("variant") == "schedule_local_activity"
        wanted: Any = command.schedule_local_activity if is_local else command.schedule_activity
        return Scheduled(
            seq=wanted.seq,
            served=self._activities[wanted.activity_type],
            activity_id=wanted.activity_id,
            arguments=list(wanted.arguments),
            queue="calls" if is_local else wanted.task_queue,
            retry=wanted.retry_policy,
            start_to_close=span(wanted.start_to_close_timeout) or timedelta(seconds=1),
            schedule_to_close=span(wanted.schedule_to_close_timeout),
            cancellation=wanted.cancellation_type,
            is_local=is_local,
            scheduled_at=self.now,
        )

    def _perform_local(self, run: Run, command: WorkflowCommand) -> WorkflowActivationJob:
        scheduled = self._scheduled(command)
        scheduled.attempt = 1
        result, failure, _ = scheduled.perform(self.now, run.workflow_id, run.run_id)
        resolution = scheduled.completed(result) if failure is None else scheduled.failed(failure)
        return WorkflowActivationJob(
            resolve_activity=ResolveActivity(seq=scheduled.seq, result=resolution, is_local=True)
        )

    def _attempt(self, run: Run, scheduled: Scheduled) -> None:
        if run.closed is not None or scheduled.state == "over":
            return
        if self._held(run.workflow_id, scheduled.served.name):
            scheduled.state = "running"
            self._hanging.append(lambda: self._attempt(run, scheduled))
            return
        scheduled.state, scheduled.attempt = "running", scheduled.attempt + 1
        result, failure, asked_s = scheduled.perform(self.now, run.workflow_id, run.run_id)
        self._at(self.now + WORK, lambda: self._attempted(run, scheduled, result, failure, asked_s))

    def _attempted(
        self, run: Run, scheduled: Scheduled, result: Payload | None, failure: Failure | None, asked_s: float | None
    ) -> None:
        if run.closed is not None or scheduled.state == "over":
            return
        if failure is None:
            self._resolve(run, scheduled, scheduled.completed(result))
            return
        scheduled.last = failure
        delay = scheduled.next_delay(asked_s, self.now)
        if delay is None:
            self._resolve(run, scheduled, scheduled.failed(failure))
            return
        scheduled.state = "scheduled"
        self._at(self.now + delay, lambda: self._attempt(run, scheduled))

    def _expire(self, run: Run, scheduled: Scheduled) -> None:
        def over() -> None:
            if run.closed is None and scheduled.state != "over":
                self._resolve(run, scheduled, scheduled.timed_out())

        if scheduled.expires_at is not None:
            self._at(max(scheduled.expires_at, self.now), over)

    def _cancel(self, run: Run, scheduled: Scheduled | None) -> None:
        """What waits is cancelled at once; what runs goes on to its end, and is not tried again."""
        if scheduled is None or scheduled.state == "over":
            return
        scheduled.cancelled = True
        if scheduled.state == "scheduled" or scheduled.cancellation == TRY_CANCEL:
            self._resolve(run, scheduled, scheduled.stopped())

    def _resolve(self, run: Run, scheduled: Scheduled, resolution: ActivityResolution) -> None:
        scheduled.state = "over"
        run.activities.pop(scheduled.seq, None)
        run.pending.append(
            WorkflowActivationJob(resolve_activity=ResolveActivity(seq=scheduled.seq, result=resolution))
        )
