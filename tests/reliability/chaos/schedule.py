"""Which fault strikes what, and when: drawn from the seed, the same for every system under test. Pure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.reliability.chaos.proxy import Trouble
from tests.reliability.chaos.system import LINKS, PARTS

KILL, PAUSE, VENDOR, REVOKE = "kill", "pause", "vendor", "revoke"

_VENDOR_KINDS = ("search", "read_ticket", "create_ticket", "update_ticket", "list_comments", "patch_call", "token", "*")
_VENDOR_FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "status", "status": 500},
    {"fault": "status", "status": 503},
    {"fault": "status", "status": 500, "act": True},
    {"fault": "status", "status": 429, "headers": {"Retry-After": "1"}},
    {"fault": "drop_before"},
    {"fault": "drop_after"},
    {"fault": "hang_after"},
    {"fault": "delay", "delay_ms": 1500},
    {"fault": "malformed"},
    {"fault": "wrong_shape"},
)
"""What a vendor in trouble does; refusals (404, 422) rightly change the outcome: the matrix has those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: from `at_s` after the run began, for `lasts_s`. `what`: KILL, PAUSE, a Trouble, VENDOR, REVOKE."""

    at_s: float
    lasts_s: float
    what: str
    where: str
    how: dict[str, Any] = field(default_factory=dict)

    @property
    def ends_s(self) -> float:
        """When it is over: the part is started again, the link heals."""
        return self.at_s + self.lasts_s

    def __str__(self) -> str:
        details = "".join(f" {name}={value}" for name, value in self.how.items())
        return f"{self.at_s:7.1f} s  {self.what} {self.where}{details} for {self.lasts_s:.1f} s"


def schedule(seed: int, *, begins_s: float, ends_s: float, every_s: float = 4.0) -> list[Fault]:
    """Faults between two moments, in order; on the average one begins each `every_s`, and none outlasts `ends_s`."""
    rng = random.Random(f"faults {seed}")
    busy: dict[str, float] = {}
    made: list[Fault] = []
    at_s = begins_s
    while at_s < ends_s - 1:
        fault = _drawn(rng, at_s, ends_s)
        # A part that is down already cannot be killed, nor a link that is cut be cut otherwise.
        if busy.get(fault.where, 0.0) <= fault.at_s:
            busy[fault.where] = fault.ends_s + 2
            made.append(fault)
        at_s += rng.expovariate(1 / every_s)
    return made


def _drawn(rng: random.Random, at_s: float, ends_s: float) -> Fault:
    what = rng.choices((KILL, PAUSE, "link", VENDOR, REVOKE), weights=(30, 12, 38, 16, 4))[0]
    lasts_s = round(min(ends_s - at_s, rng.uniform(0.5, 5)), 2)
    where, how = "vendor answers", {}
    if what in (KILL, PAUSE):
        where = rng.choice(PARTS)
    elif what == "link":
        where, what = rng.choice(LINKS), str(rng.choice(list(Trouble)))
        how = _trouble(rng, what)
    elif what == VENDOR:
        how = {"kind": rng.choice(_VENDOR_KINDS), "times": rng.randint(1, 4), **rng.choice(_VENDOR_FAULTS)}
    return Fault(at_s=round(at_s, 2), lasts_s=lasts_s, what=what, where=where, how=how)


def _trouble(rng: random.Random, what: str) -> dict[str, Any]:
    if what == Trouble.LATENCY:
        return {"latency_s": round(rng.uniform(0.05, 0.6), 2)}
    return {"after_bytes": rng.choice((0, 50, 500, 5000))} if what == Trouble.CUT_AFTER else {}


def finale(seed: int, at_s: float, lasts_s: float) -> list[Fault]:
    """The last faults, which end together: no worker and no way to the vendor, so that a backlog is there to see go."""
    rng = random.Random(f"finale {seed}")
    workers = [Fault(at_s=at_s, lasts_s=lasts_s, what=KILL, where=part) for part in ("worker-1", "worker-2")]
    link = Fault(at_s=at_s, lasts_s=lasts_s, what=str(rng.choice((Trouble.RESET, Trouble.BLACK_HOLE))), where="vendor")
    return [*workers, link]


def kinds(faults: Sequence[Fault]) -> Iterator[tuple[str, str]]:
    """What struck and where, once each."""
    yield from sorted({(fault.what, fault.where) for fault in faults})
