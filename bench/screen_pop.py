"""How soon after `call.answered` the agent sees the caller: from the webhook's sending to the vendor's receipt."""

import argparse
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.calls import RECORD, Pace, PlayedCall, callers, play
from bench.figures import (
    DEVELOPMENT_SERVER,
    Clock,
    busy_between,
    ground,
    ms,
    percent,
    percentile,
    plain,
    table,
    used_between,
    write,
)
from bench.house import LATENCIES_MS, House

TARGET_S = 2.0
SETTLE_LIMIT_S = 60
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the system is put to."""

    what: str
    workers: int
    ring_s: float = 1.0
    crm_hangs: bool = False


LOADS = (
    *(Load(what="answered 1 s after it began to ring", workers=workers) for workers in (1, 2)),
    *(Load(what="answered in the moment it rings", workers=workers, ring_s=0) for workers in (1, 2)),
    Load(what="answered 1 s after it began to ring, the CRM hangs", workers=1, crm_hangs=True),
    Load(what="answered in the moment it rings, the CRM hangs", workers=1, ring_s=0, crm_hangs=True),
)


@dataclass(slots=True, kw_only=True)
class Taken:
    """One load's figures: seconds from `call.answered` to the first pop, of those calls that had one."""

    load: Load
    calls: int
    latencies_s: list[float] = field(default_factory=list)
    whole: int = 0
    worker_s: float = math.nan
    gateway_s: float = math.nan
    busy: float = math.nan
    ours: float = math.nan
    faults: list[str] = field(default_factory=list)

    @property
    def in_time(self) -> bool:
        """Every call had its pop, 99 of 100 within the target, and the books are right."""
        return not self.faults and percentile(self.latencies_s, 0.99) < TARGET_S


def take(load: Load, *, calls: int, per_second: float) -> Taken:
    """Play a load on a fresh system and read what came of it."""
    with House(workers=load.workers) as house:
        # Imports and first connections are no part of a call's cost.
        warm = callers("warm", 2 * load.workers)
        play(house, warm, Pace(per_second=10, ring_s=0.5, talk_s=0.5))
        _settled(house, warm)
        if load.crm_hangs:
            house.sim("POST", "/faults", {"kind": "fetch_customer", "fault": "hang", "times": None})
        taken = Taken(load=load, calls=calls)
        measured, pids = callers("b", calls), {**house.pids, "bench": os.getpid()}
        before = Clock.read(pids)
        play(house, measured, Pace(per_second=per_second, ring_s=load.ring_s))
        books = _settled(house, measured)
        after = Clock.read(pids)
        _read_pops(taken, measured, house.sim("GET", "/journal?kind=patch_call")["requests"])
        _audit(taken, measured, books)
        taken.worker_s = used_between(before, after, "worker") / calls
        taken.gateway_s = used_between(before, after, "gateway") / calls
        taken.busy, taken.ours = busy_between(before, after)
    return taken


def _settled(house: House, calls: Sequence[PlayedCall]) -> Json:
    """The books once every call's ticket was told how it ended, or the limit is over."""
    deadline = time.monotonic() + SETTLE_LIMIT_S
    while True:
        books: Json = house.sim("GET", "/books")
        marks: Mapping[str, int] = books["counts"]["notes_by_mark"]
        if all(_mark(call) in marks for call in calls) or time.monotonic() > deadline:
            return books
        time.sleep(0.5)


def _mark(call: PlayedCall) -> str:
    return f"[call {call.call_id} · completed]"


def _read_pops(taken: Taken, calls: Sequence[PlayedCall], patches: Sequence[Json]) -> None:
    first: dict[str, Json] = {}
    for patch in patches:
        first.setdefault(patch["request_id"].partition(".")[0], patch)
    for call in calls:
        if call.call_id in first:
            pop = first[call.call_id]
            taken.latencies_s.append(pop["at"] - call.answered_at)
            taken.whole += pop["body"]["call"]["custom_properties"].keys() == {"ticket_id", *RECORD}


def _audit(taken: Taken, calls: Sequence[PlayedCall], books: Json) -> None:
    """Figures of a run that went wrong are worth nothing."""
    marks, wanted = books["counts"]["notes_by_mark"], {call.call_id for call in calls}
    tickets = [ticket for ticket in books["tickets"] if ticket["external_id"] in wanted]
    findings = {
        "webhooks refused": sum(status not in (200, 202) for call in calls for status in call.answers),
        "calls without a screen pop": len(calls) - len(taken.latencies_s),
        "calls without their final note, or with two": sum(marks.get(_mark(call), 0) != 1 for call in calls),
        "calls without their ticket, or with two": abs(len(tickets) - len(calls)),
    }
    taken.faults = [f"{count} {what}" for what, count in findings.items() if count]


def rows(taken: Sequence[Taken]) -> list[list[str]]:
    """The table's lines."""
    return [
        [
            each.load.what,
            str(each.load.workers),
            *(ms(percentile(each.latencies_s, share)) for share in (0.5, 0.95, 0.99, 1.0)),
            f"{len(each.latencies_s)}/{each.calls}",
            f"{each.whole}/{each.calls}",
            ms(each.worker_s),
            ms(each.gateway_s),
            f"{percent(each.busy)} ({percent(each.ours)})",
        ]
        for each in taken
    ]


HEADS = ("load", "workers", "p50", "p95", "p99", "max", "popped", "whole")
COSTS = ("worker CPU/call", "gateway CPU/call", "cores busy (by this)")


def section(taken: Sequence[Taken], *, calls: int, per_second: float, markdown: bool) -> str:
    """What was measured, how, on what, and the figures."""
    verdict = "kept" if all(each.in_time for each in taken) else "NOT kept"
    how = (
        "From the sending of `call.answered` to the arrival of the first `PATCH` at the vendor. "
        f"{calls} calls a load, {per_second:g} a second, each of a caller whom the CRM knows and who has no ticket; "
        "`call.completed` follows 3 s after the answer. "
        f"The CRM takes {LATENCIES_MS['fetch_customer']} ms, Zendesk {LATENCIES_MS['*']} ms a request; a hanging CRM "
        "never answers. *Whole*: the first pop had the ticket and everything the CRM knows. *By this*: by what is "
        "measured, servers and simulators included; what else ran on the machine makes the figures worse."
    )
    text = [
        ("## " if markdown else "") + "Screen pop",
        how,
        f"{ground()} {DEVELOPMENT_SERVER}",
        table([*HEADS, *COSTS], rows(taken), markdown=markdown),
        f"Target: p99 under {TARGET_S:g} s, a pop for every call: {verdict}.",
        *(f"{each.load.what}, {each.load.workers} workers: {fault}." for each in taken for fault in each.faults),
    ]
    return "\n\n".join(text if markdown else [plain(block) for block in text])


def measure(*, calls: int, per_second: float, loads: Sequence[Load] = LOADS) -> list[Taken]:
    """Every load, one after another."""
    return [take(load, calls=calls, per_second=per_second) for load in loads]


def main() -> int:
    """The exit code: 0 when the target was kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.screen_pop", description=__doc__)
    parser.add_argument("--calls", type=int, default=120, help="calls a load")
    parser.add_argument("--per-second", type=float, default=2.0)
    parser.add_argument("--load", type=int, action="append", choices=range(1, len(LOADS) + 1), help="only these")
    parser.add_argument("--markdown", action="store_true", help="as a section of docs/benchmarks.md")
    options = parser.parse_args()
    loads = [LOADS[number - 1] for number in options.load] if options.load else LOADS
    taken = measure(calls=options.calls, per_second=options.per_second, loads=loads)
    write(section(taken, calls=options.calls, per_second=options.per_second, markdown=options.markdown))
    return 0 if all(each.in_time for each in taken) else 1


if __name__ == "__main__":
    sys.exit(main())
