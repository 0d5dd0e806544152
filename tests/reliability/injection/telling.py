"""What hostile data and hostile vendors came to, in words and figures of that run."""

from collections import Counter

from tests.reliability.injection.calls import FIELDS
from tests.reliability.injection.hostile import ANSWERS
from tests.reliability.injection.run import FAULTS, Report
from tests.reliability.injection.texts import EMAILS, TEXTS
from tests.reliability.report import Section, table, zero


def section(report: Report) -> Section:
    """The part of docs/reliability.md."""
    command = f"make injection N={report.n} SEED={report.seed}"
    return Section(name="injection", command=command, text="\n\n".join([_calls(report), _vendors(report)]))


def _calls(report: Report) -> str:
    marks = sum(call.forged_mark for call in report.calls)
    otherwise = zero(len(report.wrong), len(report.calls))
    visits = zero(report.trapped, len(report.calls) + report.vendors.total)
    return (
        f"**{len(report.calls):,} calls with hostile data**, seed {report.seed}: {len(TEXTS)} texts (quotes, "
        "operators, line ends, control and right-to-left characters, HTML, SQL, templates, marks of ours …) in "
        f"{len(FIELDS)} fields and the CRM's record, {len(EMAILS)} addresses that try to leave their quotes, "
        f"{len(FAULTS)} faults with hostile answers on the way. Each of {report.searches:,} searches asked for "
        "exactly the three terms intended; subjects, notes, metadata, screen pops and answers held each text as text; "
        f"so did {report.pages:,} pages of `/ops` (*Live* to its end, every call's own with its drawing, *Needs "
        f"attention* with {report.stuck} more such calls that Zendesk refused in hostile words), in elements, "
        f"attributes and addresses of their templates alone; each of {report.log_lines:,} log lines was an event of "
        f"ours; {marks:,} customers had "
        "written our final mark into a public comment while the final update was lost, and the note was written all "
        f"the same, once. Found otherwise: {otherwise}. Connections to addresses that stood in data: {visits}."
    )


def _vendors(report: Report) -> str:
    vendors, mutants = report.vendors, report.mutants
    rows = []
    for name in ANSWERS:
        outcomes = Counter({outcome: n for (asked, outcome), n in vendors.outcomes.items() if asked == name})
        rows.append((name, ", ".join(f"{n:,} × {outcome}" for outcome, n in outcomes.most_common())))
    read = ", ".join(f"{count:,} × {outcome}" for outcome, count in mutants.outcomes.most_common())
    return (
        f"**{vendors.total:,} answers of ill will** to the product's own client: anything but an error of ours or what "
        f"was asked for, a redirect followed, a cookie returned, or more than a limit: "
        f"{zero(len(vendors.wrong), vendors.total)}; the longest took {vendors.longest_s:.1f} s, the most that was "
        f"taken off a sender were {vendors.most_bytes / 1024 / 1024:.1f} MiB with the buffers in between.\n\n"
        f"{table(['The vendor sends', 'It becomes'], rows)}\n\n"
        f"**{mutants.total:,} JSON answers of wrong shapes** read by every function that reads answers: escaped errors "
        f"and values out of bounds {zero(len(mutants.wrong), mutants.total)} ({read})."
    )
