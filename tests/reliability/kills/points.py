"""The named points at which a process is killed, and the functions of the product that they lie around."""

import importlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Point(StrEnum):
    """A boundary in the code of a worker (the first twelve) or of the gateway."""

    BEGUN = "before the step's transaction"
    """Only of steps of our own database."""
    BEFORE_ROW = "before the ledger's row"
    BEFORE_SENDING = "before sending"
    """With the row written, where the row comes first."""
    ANSWERED = "answered, no outcome written"
    UNRECORDED = "reported, no row written"
    """Only of requests that do not wait for the ledger: their row is written beside."""
    RECORDED = "reported, row written"
    OUTCOME_WRITTEN = "outcome written"
    BEFORE_COMMIT = "before the token's commit"
    AFTER_COMMIT = "after the token's commit"
    UNREPORTED = "done, completion not reported"
    UNDECIDED = "completion reported, next decision not"
    """In the workflow task that gets the result, before anything of it has left the process."""
    NEVER = "not killed"

    BEFORE_SIGNAL = "before the signal RPC"
    BEFORE_ANSWER = "signalled, not answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A coroutine function of the product, `module:name`, and the points before it begins and after it returned."""

    target: str
    before: Point | None = None
    after: Point | None = None

    @property
    def place(self) -> tuple[Any, str]:
        """Where the function is found: its module or class, and its name there.

        Raises `LookupError` when the product has no such function any more.
        """
        module, _, path = self.target.partition(":")
        holder: Any = importlib.import_module(module)
        *outer, name = path.split(".")
        for part in outer:
            holder = getattr(holder, part, None)
        if name not in vars(holder or object):
            raise LookupError(f"{self.target} is no more: the kill points around it are gone with it")
        return holder, name


WORKER = (
    Patch(target="activities.postgres.attempts:Attempts.begin", before=Point.BEFORE_ROW),
    Patch(target="activities.postgres.attempts:Attempts.begin_create", before=Point.BEFORE_ROW),
    Patch(target="activities.postgres.attempts:Attempts.begin_update", before=Point.BEFORE_ROW),
    Patch(target="activities.zendesk.wire:Wire.send", before=Point.BEFORE_SENDING, after=Point.ANSWERED),
    Patch(target="activities.postgres.attempts:Attempts.end", after=Point.OUTCOME_WRITTEN),
    Patch(target="activities.postgres.attempts:Attempts.end_create", after=Point.OUTCOME_WRITTEN),
    Patch(target="activities.postgres.attempts:Attempts.record", before=Point.UNRECORDED, after=Point.RECORDED),
    Patch(
        target="activities.postgres.credential:CredentialStore.store",
        before=Point.BEFORE_COMMIT,
        after=Point.AFTER_COMMIT,
    ),
)
GATEWAY = (Patch(target="api.webhooks:_signal", before=Point.BEFORE_SIGNAL, after=Point.BEFORE_ANSWER),)
CONNECT = Patch(target="worker:connect")
"""Gives the worker its client; there the points around whole activities and workflow tasks are put in."""

INTERCEPTED = (Point.BEGUN, Point.UNREPORTED, Point.UNDECIDED)


def around() -> set[Point]:
    """Every point that lies around something."""
    patched = {point for patch in (*WORKER, *GATEWAY) for point in (patch.before, patch.after) if point is not None}
    return {*patched, *INTERCEPTED, Point.NEVER}
