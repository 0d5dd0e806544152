"""The section of docs/reliability.md on long runs, from what the runs found."""

from tests.reliability.hygiene.ledgers import Studied
from tests.reliability.hygiene.memory import DELIVERIES, Memory
from tests.reliability.hygiene.plans import SETTLED_AFTER
from tests.reliability.hygiene.token_runs import TokenRuns
from tests.reliability.report import Section, table, zero


def section(studied: Studied, memory: Memory, token: TokenRuns, recent: tuple[int, int, int], *, seed: int) -> Section:
    """Token, memory, ledger. `recent`: keys acknowledged, most entries, the bound."""
    parts = [_token(token), _memory(memory, recent), _ledger(studied, seed)]
    return Section(name="hygiene", command="make hygiene", text="\n\n".join(parts))


def _token(token: TokenRuns) -> str:
    asked = token.asked + token.refused
    return (
        f"**Token workflow**: continued as new {token.runs:,} times while starting workers asked {token.asked:,} "
        f"questions and {token.refused:,} versions were refused. Questions without an answer, refusals without a new "
        f"token, exchanges forgotten: {zero(token.lost, asked)}; {token.exchanges:,} exchanges."
    )


def _memory(memory: Memory, recent: tuple[int, int, int]) -> str:
    keys, most, bound = recent
    answers = ", ".join(f"{count:,} {answer}" for answer, count in sorted(memory.answers.items()))
    rows = [(f"{s.webhooks:,}", f"{s.gateway_mb:.0f} MB", f"{s.worker_mb:.0f} MB") for s in memory.steps]
    return (
        f"**Memory**: {sum(memory.answers.values()):,} webhooks of {memory.calls:,} calls, each of three events sent "
        f"{DELIVERIES} times in any order and one of an unknown type a call ({answers}); {memory.ended:,} calls ended. "
        f"The gateway's list of recent events had {most:,} entries at most (its bound: {bound:,}) after {keys:,} "
        f"different ones.\n\n{table(['Webhooks', 'Gateway', 'Worker'], rows)}"
    )


def _ledger(studied: Studied, seed: int) -> str:
    sizes = ", ".join(f"{count:,} {name}" for name, count in studied.rows.items())
    rows = [
        (
            f"`{p.question.name}` {p.question.detail}",
            ", ".join(p.nodes),
            p.pages,
            p.pages_empty,
            f"{p.median_ms:.2f} ms",
            f"{p.ratio:.1f}",
        )
        for p in studied.plans
    ]
    heads = ["Statement", "Found by", "Pages", "in an empty ledger", "Median", "ratio to an empty ledger"]
    return (
        f"**Ledger**: {sizes} (seed {seed}), against an empty one, asked in turn. Plans are those of the first "
        f"{SETTLED_AFTER} uses of the prepared statement, by which PostgreSQL has settled; pages of 8 KiB are the most "
        "of these. Statements that read a big table from end to end, or too much of it: "
        f"{len(studied.bad)} of {len(studied.plans)}.\n\n{table(heads, rows)}"
    )
