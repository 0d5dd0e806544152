"""A process whose wall clock is wrong: `python -m tests.reliability.credentials.clock SECONDS worker|gateway`.

What the product reads of the wall clock is `datetime.now`, in `activities/` and `api/` (a test holds that); what its
log lines and spans read is `time.time` and `time.time_ns`. All are moved. Steady clocks, which measure how long
something takes, stay as they are.
"""

import ast
import asyncio
import importlib
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from types import ModuleType
from typing import Self

MOVED = ("activities", "api", "worker")
"""The packages whose `datetime` is moved. Workflows have no clock but Temporal's."""


class _Any(type):
    """Takes every `datetime` for one of its own."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


def moved(offset: timedelta) -> type[datetime]:
    """`datetime`, but that its `now` is off."""

    class Moved(datetime, metaclass=_Any):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return datetime.now(tz) + offset  # type: ignore[return-value]  # a plain one, as everywhere else

    return Moved


def move(seconds: float) -> None:
    """Move the wall clock of every module of ours that is imported by now."""
    wrong, true_time, true_time_ns = moved(timedelta(seconds=seconds)), time.time, time.time_ns
    for module in list(sys.modules.values()):
        if _is_moved(module) and vars(module).get("datetime") is datetime:
            vars(module)["datetime"] = wrong
    time.time = lambda: true_time() + seconds
    time.time_ns = lambda: true_time_ns() + round(seconds * 1e9)


def wall_clocks(source: str) -> Iterator[str]:
    """What a module reads of the wall clock, as it is written there."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if name in _WALL_CLOCKS or node.attr in ("utcnow", "today"):
                yield name


_WALL_CLOCKS = {"datetime.now", "time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.CLOCK_REALTIME"}


def _is_moved(module: ModuleType) -> bool:
    return getattr(module, "__name__", "").partition(".")[0] in MOVED


def main(seconds: float, which: str) -> int:
    """Run it; its exit code."""
    if which == "worker":
        worker = importlib.import_module("worker")
        move(seconds)
        return int(asyncio.run(worker.main()))
    gateway = importlib.import_module("api.__main__")
    move(seconds)
    return int(gateway.main())


if __name__ == "__main__":
    which = sys.argv[2]
    # The programs read their own arguments.
    from workflows.connection import leave

    seconds, sys.argv = float(sys.argv[1]), [which]
    leave(main(seconds, which))
