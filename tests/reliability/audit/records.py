"""The three accounts of one run as plain records: the ledger's, Temporal's and the vendor's. Seconds since 1970."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Json = dict[str, Any]
_UNSAFE = re.compile(r"[^A-Za-z0-9._:@-]")
TOKEN = "token"
"""The name under which the ledger keeps exchanges."""
NOT_SENT = "not_sent"


def label_of(call_id: str, generation: int) -> str:
    """The call's name towards the vendor."""
    return call_id if generation <= 1 else f"{call_id}#{generation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One attempt as the ledger has it. `http_status` None: no answer that could be understood."""

    call_id: str
    generation: int
    step: str
    attempt: int
    request_id: str
    method: str
    path: str
    sent_at: float
    http_status: int | None = None
    outcome: str | None = None

    @property
    def label(self) -> str:
        """The call it belongs to."""
        return label_of(self.call_id, self.generation)

    @property
    def activity(self) -> str:
        """The activity whose attempt it was."""
        return "exchange_token" if self.call_id == TOKEN and self.step == "exchange" else self.step.partition("-")[0]

    @property
    def prefix(self) -> str:
        """How its request id has to begin."""
        return _UNSAFE.sub("_", f"{self.call_id}.{self.step}.{self.attempt}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCall:
    """One call as the ledger has it; `status` is what operations are shown."""

    call_id: str
    generation: int
    ticket_id: int | None
    state: str
    active: bool
    ended_at: float | None
    excluded: Sequence[int] = ()
    status: Json = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The call's name towards the vendor."""
        return label_of(self.call_id, self.generation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One activity of a history. `attempt`: the last that was started; None when the history does not tell.

    `end`: completed, failed, timed out, canceled, or None while it is open. `silent`: its result says nothing was sent.
    """

    type: str
    step: str
    scheduled_at: float
    closed_at: float | None = None
    attempt: int | None = None
    end: str | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a workflow; `ticket_id` and `state` as its search attributes say."""

    workflow_id: str
    run_id: str
    began_at: float
    ticket_id: int | None = None
    state: str | None = None
    activities: Sequence[Activity] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One request in the vendor's journal. `status` None: no answer went out."""

    at: float
    kind: str
    method: str
    path: str
    request_id: str | None
    status: int | None = None
    answered_at: float | None = None
    acted: bool = False
    fault: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Records:
    """Everything there is to compare. `tickets` and `calls` are the vendor's books as they are."""

    rows: Sequence[Row]
    ledger_calls: Sequence[LedgerCall]
    runs: Sequence[Run]
    journal: Sequence[Served]
    tickets: Sequence[Json] = ()
    calls: Sequence[Json] = ()

    @cached_property
    def row_of(self) -> Mapping[str, Row]:
        """Rows by request id."""
        return {row.request_id: row for row in self.rows}

    @cached_property
    def served(self) -> Mapping[str, Served]:
        """The journal by request id."""
        return {request.request_id: request for request in self.journal if request.request_id}

    @cached_property
    def runs_of(self) -> Mapping[str, list[Run]]:
        """Runs by workflow id, the oldest first."""
        found: dict[str, list[Run]] = defaultdict(list)
        for run in sorted(self.runs, key=lambda run: run.began_at):
            found[run.workflow_id].append(run)
        return found

    @cached_property
    def latest(self) -> Mapping[str, LedgerCall]:
        """The newest generation of each call."""
        return {call.call_id: call for call in sorted(self.ledger_calls, key=lambda call: call.generation)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbances:
    """When processes were killed or paused and links cut: spans of time in which an answer may go unheard."""

    spans: Sequence[tuple[float, float]] = ()
    recovery_s: float = 10.0

    def touch(self, begin: float, end: float) -> bool:
        """Whether one of them, or the recovery after it, overlaps."""
        return any(first <= end and begin <= last + self.recovery_s for first, last in self.spans)


THROUGHOUT = Disturbances(spans=((-math.inf, math.inf),))
