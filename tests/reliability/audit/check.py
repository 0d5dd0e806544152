"""The audit: everything the ledger claims, compared with Temporal and the vendor. Pure."""

from tests.reliability.audit.ends import about_ends
from tests.reliability.audit.finding import Result
from tests.reliability.audit.pops import about_pops
from tests.reliability.audit.records import Disturbances, Records
from tests.reliability.audit.requests import about_requests
from tests.reliability.audit.steps import about_steps


def check(records: Records, disturbed: Disturbances | None = None, *, timeout_s: float = 10.0) -> Result:
    """Everything that is untrue. `disturbed`: when faults were at work; without, nothing is excused by one.

    `timeout_s`: the system's `HTTP_TIMEOUT_S`.
    """
    shaken = disturbed or Disturbances()
    judged = [
        *about_requests(records, shaken, timeout_s),
        *about_steps(records, shaken),
        *about_ends(records),
        *about_pops(records, shaken),
    ]
    compared = {
        "requests in the vendor's journal": len(records.journal),
        "rows in the ledger": len(records.rows),
        "steps in Temporal's histories": sum(len(run.activities) for run in records.runs),
        "calls": len(records.latest),
        "changes of tickets": sum(len(ticket["changes"]) for ticket in records.tickets),
        "screen pops": sum(len(call["pops"]) for call in records.calls),
    }
    return Result.of(judged, compared)
