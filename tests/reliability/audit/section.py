"""The audit's part of docs/reliability.md, from what it compared and found."""

from collections import Counter

from tests.reliability.audit.finding import Excuse, Result
from tests.reliability.report import Section, table, zero

_LISTED = 20
_SAYS = """
After the run the ledger's row of every attempt, Temporal's history of every workflow and the vendor's journal are
laid side by side, joined by `X-Request-ID`. A row says which call and step sent what where, and how it was answered;
the journal says what arrived and what was answered; the histories say which step was scheduled, started and finished.
For each call the ticket, the end, its moments, each change of a ticket and each screen pop have to agree in all three.
"""


def section(result: Result, *, command: str, seed: int, calls: int) -> Section:
    """What was compared and what came of it; `command` is what a reader types to see it again."""
    compared = table(["Compared", "Number"], [(name, f"{n:,}") for name, n in result.compared.items()])
    excused = table(
        ["Missing, as it may be after a fault", "Number"], [(each, f"{result.excused[each]:,}") for each in Excuse]
    )
    requests = result.compared.get("requests in the vendor's journal", 0)
    verdict = f"Seed {seed}, {calls:,} calls. Untrue: **{zero(len(result.findings), requests)}** requests."
    return Section(
        name="audit",
        command=command,
        text="\n\n".join([_SAYS.strip(), verdict, compared, excused, *_listed(result)]),
    )


def _listed(result: Result) -> list[str]:
    if not result.findings:
        return []
    kinds = Counter(finding.lie for finding in result.findings)
    shown = [f"- {finding}" for finding in result.findings[:_LISTED]]
    return [table(["Untrue", "Number"], kinds.most_common()), "\n".join(shown)]
