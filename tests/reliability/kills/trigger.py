"""Inside a process that is to be killed: whether this passage is the one, and then `kill -9` of itself."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

from tests.reliability.kills.points import Patch, Point

FOLDER = "TALKBRIDGE_KILLS"
"""The environment variable that names the folder where a plan is looked for."""
_LOOK_S = 0.02

Place = tuple[str, str]
"""A workflow's id (at the gateway the call's), and the name of a step in it (there an event's type)."""
here: ContextVar[Place | None] = ContextVar("here", default=None)
"""Which step the code that runs now belongs to; tasks it starts inherit it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Kill whoever passes this point of this step, so many times; `folder` takes the traces."""

    point: Point
    workflow_id: str
    step: str
    times: int
    folder: str

    def write(self, where: Path) -> None:
        """Put the plan in force, at once and whole."""
        Path(self.folder).mkdir()
        draft = where / "plan.draft"
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(where / "plan.json")


def plan_for(place: Place | None) -> Plan | None:
    """The plan in force, when it is about this step."""
    try:
        found = json.loads((Path(os.environ[FOLDER]) / "plan.json").read_text())
    except FileNotFoundError:
        return None
    plan = Plan(**{**found, "point": Point(found["point"])})
    return plan if (plan.workflow_id, plan.step) == place else None


async def passes(point: Point, place: Place | None, *, may_wait: bool = True) -> None:
    """The process is at this point: it dies here if the plan says so, the first time once it is told `go`."""
    plan = plan_for(place)
    if plan is None:
        return
    # A workflow cannot be held up: it dies as soon as it has the result of the activity that was held.
    if (plan.point, point) == (Point.UNDECIDED, Point.UNREPORTED):
        await _told(plan)
    if plan.point == point and (number := _claim(plan)) is not None:
        try:
            if may_wait and number == 1:
                await _told(plan)
        finally:
            # Also when a time limit around this point runs out.
            _die(plan, number)


def result_seen(workflow_id: str, step: str) -> None:
    """A workflow task has the result of a step, and nothing of what follows has left the process."""
    plan = plan_for((workflow_id, step))
    if plan is not None and plan.point == Point.UNDECIDED and (number := _claim(plan)) is not None:
        _die(plan, number)


def wrapped(patch: Patch, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The function with its points around it."""

    @wraps(function)
    async def between(*args: object, **kwargs: object) -> object:
        if patch.before is not None:
            await passes(patch.before, here.get())
        result = await function(*args, **kwargs)
        # On a machine that is too busy an attempt may send nothing for want of time: that is no outcome of a request.
        if patch.after is not None and kwargs.get("outcome") != "not_sent":
            await passes(patch.after, here.get())
        return result

    return between


def put_in(patch: Patch) -> None:
    """Put a patch in place of the product's function."""
    holder, name = patch.place
    setattr(holder, name, wrapped(patch, getattr(holder, name)))


def _claim(plan: Plan) -> int | None:
    """Which kill of the plan this is; None when all have happened. Each number is given out once."""
    for number in range(1, plan.times + 1):
        try:
            os.close(os.open(Path(plan.folder) / f"reached-{number}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        return number
    return None


async def _told(plan: Plan) -> None:
    (Path(plan.folder) / "held").touch()
    while not (Path(plan.folder) / "go").exists():  # noqa: ASYNC110 - who says so is another process
        await asyncio.sleep(_LOOK_S)


def _die(plan: Plan, number: int) -> NoReturn:
    trace = Path(plan.folder) / f"killed-{number}"
    draft = trace.with_suffix(".draft")
    draft.write_text(json.dumps({"pid": os.getpid(), "at": time.time()}))
    draft.replace(trace)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process outlived its kill -9")
