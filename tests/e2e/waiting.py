"""Waiting for what processes of their own do, by looking until it is there, and telling what was measured."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(what: Callable[[], T], describe: Callable[[], object] | None = None, limit_s: float = 30) -> T:
    """The first truthy value of `what`; fails with `describe` when there is none within the limit."""
    deadline = time.monotonic() + limit_s
    while True:
        if value := what():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s:g} s; last seen: {describe() if describe else value!r}")
        time.sleep(0.05)


def tell(figures: str) -> None:
    """Figures worth quoting; `pytest -s` shows them."""
    sys.stdout.write(f"\n  {figures}\n")
