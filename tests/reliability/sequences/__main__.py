"""`python -m tests.reliability.sequences`: random sequences against the workflow of a call, and planted defects."""

import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.reliability.report import Section, options, progress, publish, table, zero
from tests.reliability.sequences.planted import PLANTED
from tests.reliability.sequences.run import STEPS, Played, play, play_planted

_SHARE = 250
_PLANTED_N = 2000
_ABOUT = """
A Hypothesis state machine plays up to {steps} things that may befall one or two calls, then lets everything heal and
gives it its time: webhooks in any order, repeated, at once, late, without a caller, with a ticket that is open,
closed or unknown; pauses from 0.3 s to 25 h; workers that go while webhooks come, workers without a cache; requests
that meet a 5xx, act and lose their answer, act while their worker dies, 429, 403, 422, 400, no connection, or hang; a
ledger out of reach; no credentials; tickets that are closed, deleted, solved; a run that is lost and begins anew; a
reset to any part of the history.

**Real** is the workflow: `CallWorkflow` in the SDK's own workflow instances, fed with activations, with the SDK's
converters; each replay must decide what was decided before. **Twins** are what surrounds it, all in memory and in
virtual time: Temporal's server with the part of the SDK that talks to it (timers, retries, back-off, time-outs,
cancellation, resets), and strict twins of the vendor (stamps, idempotency keys, a search that lags) and of the
ledger's gate. `chaos` and `kills` have the real ones.

Laws, asked whenever time has passed and at the end: one ticket a call, and one for two matching calls at once; each
mark once on a ticket, one end told; outcome, agent and times on the ticket are those of the acknowledged events,
whatever their order; no ticket left In-Call; at most two pops an agent, none once the end is known; the query always
answers, and says what the events say; no workflow task fails, no replay differs, every call ends, and needs a person
only when the vendor refused what has no fallback; where nothing went wrong, no request is made twice; the ledger
holds nothing open.

Not asked of a call that was reset, or began anew, after its ticket had been told the end: whether an answer that came
in between is on the ticket. The new run finds its note and cannot tell that it says less than it would say now.
"""


def main() -> int:
    """The proof's command: 0 when no law was broken and every planted defect was found."""
    parser = options("sequences", __doc__, n=10_000)
    asked = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=context) as pool:
        shares = [pool.submit(play, asked.seed * 10_000 + k, size) for k, size in enumerate(_sizes(asked.n))]
        played = []
        for share in as_completed(shares):
            played.append(share.result())
            done = sum(each.told["sequences"] for each in played)
            progress(f"{done:,} sequences, {sum(each.broken is not None for each in played)} shares with a broken law")
        planted = {name: pool.submit(play_planted, name, asked.seed, _PLANTED_N, shrink=True) for name in PLANTED}
        caught = {name: share.result() for name, share in planted.items()}
    broken = [each for each in played if each.broken]
    for each in broken:
        progress(f"--- seed {each.seed}\n{each.broken}")
    publish(_section(played, caught, asked.n, asked.seed), into_page=asked.write)
    return int(bool(broken) or any(each.broken is None for each in caught.values()))


def _sizes(n: int) -> Iterator[int]:
    while n > 0:
        yield min(n, _SHARE)
        n -= _SHARE


def _section(played: list[Played], caught: dict[str, Played], n: int, number: int) -> Section:
    told: Counter[str] = sum((each.told for each in played), Counter())
    broken = sum(each.broken is not None for each in played)
    names = (
        ("calls", "calls"),
        ("acknowledged", "webhooks acknowledged"),
        ("already processed", "webhooks to a closed call"),
        ("requests", "vendor requests"),
        ("faults", "of them, or of the ledger's, that met a fault"),
        ("workers gone", "workers replaced"),
        ("replays", "replays from a history"),
        ("resets", "resets"),
        ("runs lost", "runs that began anew"),
        ("begun anew after the end", "of both, those whose ticket knew the end already"),
        ("asked", "answers to the query"),
        ("left to a person", "calls left to a person, by law"),
    )
    counts = table(("What happened", "Times"), [(text, f"{told[name]:,}") for name, text in names])
    found = table(
        ("Planted defect", "Found as", "Sequences until then, shrinking included"),
        [
            (
                PLANTED[name][0],
                "no" if each.broken is None else f"yes: {_law(each.broken)}",
                f"{each.told['sequences']:,}",
            )
            for name, each in caught.items()
        ],
    )
    smallest = min((each.broken for each in caught.values() if each.broken), key=len, default="none was found")
    text = f"""{_ABOUT.format(steps=STEPS).strip()}

**{zero(broken, told["sequences"])} sequences broke a law.**

{counts}

The same machine with planted defects:

{found}

The script that it printed for the first of them to be small:

```
{_script(smallest)}
```"""
    command = f"make sequences N={n} SEED={number}"
    return Section(name="sequences", command=command, text=text)


def _law(broken: str) -> str:
    return broken.splitlines()[0].partition(": ")[2][:120]


def _script(broken: str) -> str:
    lines = broken.splitlines()
    begin = next((n for n, line in enumerate(lines) if line.startswith("state = ")), 0)
    end = next((n for n, line in enumerate(lines) if line.startswith("state.teardown")), len(lines) - 1)
    return "\n".join(lines[begin : end + 1])


if __name__ == "__main__":
    sys.exit(main())
