"""Where a call's steps run: one at a time in each lane, started when due, stopped when no longer."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from temporalio import workflow
from temporalio.exceptions import is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from workflows.domain.call import TICKET_LANE, Call, Decision, Step, StepKind, next_steps
    from workflows.domain.errors import Failure
    from workflows.requests import Requests
    from workflows.tickets import StepRefusedError

_UNSTOPPABLE = frozenset({StepKind.CORRELATE, StepKind.FINAL_UPDATE, StepKind.CORRECT})
"""Steps that are carried through once begun, unless a person stops them."""


class Lanes:
    """The steps under way. `perform` does one; `attend` is told which needs a person, with cause and text."""

    def __init__(
        self,
        call: Call,
        requests: Requests,
        perform: Callable[[Step], Coroutine[Any, Any, None]],
        attend: Callable[[Step, Failure, str], None],
    ) -> None:
        self._call = call
        self._requests = requests
        self._perform_step = perform
        self._attend = attend
        self._running: dict[str, tuple[Step, asyncio.Task[None]]] = {}
        self._refused: set[Step] = set()

    @property
    def kinds(self) -> set[StepKind]:
        """The kinds of steps under way."""
        return {step.kind for step, _ in self._running.values()}

    def carry_out(self, decision: Decision, *, ticket_waits: bool) -> None:
        """Stop what is no longer due, then start what is new and whose lane is free; pops first."""
        for step, task in self._running.values():
            if step not in decision.steps and step.kind not in _UNSTOPPABLE and not task.cancelling():
                task.cancel()
        for step in sorted(decision.steps, key=lambda step: step.kind != StepKind.SCREEN_POP):
            waits = step.lane == TICKET_LANE and ticket_waits
            if step.lane not in self._running and step not in self._refused and not waits:
                self._running[step.lane] = (step, asyncio.create_task(self._perform(step)))

    async def clear_ticket_lane(self) -> None:
        """End what writes the ticket, for a person. A request that is out already has its answer first."""
        self._refused.clear()
        while TICKET_LANE in self._running:
            _, task = self._running[TICKET_LANE]
            self._requests.stopped = True
            task.cancel()
            await asyncio.wait([task])
        self._requests.stopped = False

    def forget_refusals(self) -> None:
        """What was refused may be tried again."""
        for step in self._refused:
            self._call.attention.pop(str(step.kind), None)
        self._refused.clear()

    async def _perform(self, step: Step) -> None:
        try:
            await self._perform_step(step)
            self._call.attention.pop(str(step.kind), None)
        except asyncio.CancelledError:
            pass
        except StepRefusedError as refusal:
            # What it learnt on the way, such as tickets excluded, is in the name it has by now.
            again = (due for due in next_steps(self._call, workflow.now()).steps if due.kind == step.kind)
            self._refused.update({step, *again})
            self._attend(step, refusal.cause, str(refusal))
        except Exception as error:  # noqa: BLE001 - a call never fails: whatever this is, a person has to see it
            if not is_cancelled_exception(error):
                workflow.logger.exception("step failed unexpectedly", extra={"step": step.kind})
                self._attend(step, Failure.UNEXPECTED, f"{step.kind} failed unexpectedly: {type(error).__name__}")
                await self._requests.pause()
        finally:
            self._running.pop(step.lane, None)
            self._requests.changed()
