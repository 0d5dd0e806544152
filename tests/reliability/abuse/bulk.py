"""The bulk: many mutated requests over kept-alive connections, each answer judged, the gateway's memory watched."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.reliability.abuse import bodies, forged, shapes
from tests.reliability.abuse.case import Case, is_unacknowledged, judge
from tests.reliability.abuse.wire import Answer, Connection
from tests.reliability.report import progress

CONNECTIONS = 8
SAMPLE = 20_000
"""Requests between two looks at the gateway's memory."""
_KEPT = 50

MUTATIONS: tuple[tuple[int, Callable[[Random], Case]], ...] = (
    (28, forged.wrong_signature),
    (10, forged.misplaced_signature),
    (12, forged.wrong_time),
    (6, forged.another_time),
    (12, forged.tampered),
    (2, forged.nul_in_a_header),
    (2, forged.twice_right_first),
    (1, forged.spaces_around),
    (2, forged.right_time),
    (5, shapes.content_type),
    (3, shapes.further_headers),
    (2, shapes.forged_further),
    (5, shapes.sizes),
    (4, shapes.chunked),
    (3, shapes.lying_length),
    (5, shapes.encodings),
    (6, shapes.not_http),
    (1, shapes.old_http),
    (10, bodies.no_json),
    (8, bodies.no_call),
    (6, bodies.odd_call),
    (3, bodies.nested),
    (2, bodies.ignored),
    (3, bodies.good),
)
"""How often each is drawn, relative to the others."""


@dataclass(kw_only=True)
class Bulk:
    """What became of the requests."""

    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By family and answer."""
    forged: int = 0
    genuine: int = 0
    forged_accepted: int = 0
    server_errors: int = 0
    unacknowledged: int = 0
    """Genuine calls answered 503 with `Retry-After`, as documented: Temporal took more than 2.5 s."""
    wrong: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """Requests asked."""
        return self.asked.total()

    def note(self, one: Case, answer: Answer | None) -> None:
        """Count one request, and whatever is wrong with its answer."""
        self.asked[one.family, answer.label if answer else "closed"] += 1
        self.genuine += one.genuine
        self.forged += not one.genuine
        waits = is_unacknowledged(one, answer)
        self.unacknowledged += waits
        self.server_errors += answer is not None and answer.status >= 500 and not waits
        self.forged_accepted += answer is not None and answer.status == 202 and not one.genuine
        for problem in judge(one, answer):
            self.wrong[f"{one.family}, {one.name}: {problem}"] += 1
            if len(self.examples) < _KEPT:
                self.examples.append(f"{one.name}: {problem}: {one.raw[:300]!r}")


def cases(seed: int, n: int) -> Iterator[Case]:
    """So many requests, the same for the same seed but for the moment in them."""
    rng = Random(seed)
    weights = [weight for weight, _ in MUTATIONS]
    makers = [maker for _, maker in MUTATIONS]
    return (maker(rng) for maker in rng.choices(makers, weights, k=n))


async def abuse(port: int, *, n: int, seed: int, pid: int | None = None) -> Bulk:
    """Ask everything of the gateway at this port; `pid` is whose memory to watch."""
    found = Bulk()
    began = time.monotonic()
    upcoming = cases(seed, n)
    _sample(found, pid)

    async def work() -> None:
        async with Connection(port) as connection:
            # One iterator for all: nothing awaits between its making a request and our sending it.
            for one in upcoming:
                found.note(one, await _asked(connection, one))
                if found.total % SAMPLE == 0:
                    _sample(found, pid)
                    progress(
                        f"{found.total:,} requests, {time.monotonic() - began:.0f} s, {sum(found.wrong.values())} wrong"
                    )

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    _sample(found, pid)
    found.seconds = time.monotonic() - began
    return found


async def _asked(connection: Connection, one: Case) -> Answer | None:
    try:
        answer = await connection.ask(one.raw, ends=one.ends)
    except TimeoutError:
        answer = None
        await connection.close()
    if one.breaks:
        await connection.close()
    return answer


def rss_mib(pid: int) -> float:
    """The resident memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {pid} has no memory")


def _sample(found: Bulk, pid: int | None) -> None:
    if pid is not None:
        found.memory_mib.append(round(rss_mib(pid), 1))
