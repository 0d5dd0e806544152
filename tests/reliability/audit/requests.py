"""Ledger against journal, request by request: every request has its row, every row its request and its answer."""

from collections import Counter
from urllib.parse import unquote

from tests.reliability.audit.finding import Excuse, Excused, Finding, Judged, Lie
from tests.reliability.audit.records import NOT_SENT, Disturbances, Records, Row, Served

KINDS = {"search_tickets": "search", "exchange_token": "token"}
"""The vendor's name for an activity's request, where it is another."""
WRITTEN_LATER = frozenset({"patch_call", "fetch_customer", "token"})
"""Kinds whose row waits for nobody: sent even when the ledger is out of reach."""
UNHEARD = frozenset({"hang", "hang_after", "drop_before", "drop_after", "delay", "huge"})
"""Faults after which the sender may have understood nothing."""
LATER_S = 1800.0
"""How long a row that is written later is tried for."""


def about_requests(records: Records, disturbed: Disturbances, timeout_s: float) -> Judged:
    """`timeout_s`: after so many seconds nobody listens for an answer any more."""
    for request_id, times in Counter(served.request_id for served in records.journal).items():
        if request_id is None:
            yield Finding(lie=Lie.UNNAMED, about="journal", text=f"{times} times")
        elif times > 1:
            yield Finding(lie=Lie.REPEATED, about=request_id, text=f"{times} times")
    for request_id, served in records.served.items():
        row = records.row_of.get(request_id)
        yield from _without_row(request_id, served, disturbed) if row is None else _compared(row, served)
    for row in records.rows:
        yield from _outcome(row, records.served.get(row.request_id), disturbed, timeout_s)


def _without_row(request_id: str, served: Served, disturbed: Disturbances) -> Judged:
    if served.kind in WRITTEN_LATER and disturbed.touch(served.at, served.at + LATER_S):
        yield Excused(excuse=Excuse.ROW_LOST, about=request_id)
    else:
        yield Finding(lie=Lie.UNLEDGERED, about=request_id, text=f"{served.method} {served.path}")


def _compared(row: Row, served: Served) -> Judged:
    path = unquote(row.path)
    wanted = (row.method, path, KINDS.get(row.activity, row.activity))
    # The CRM's address has a path of its own before ours.
    seen = (served.method, served.path[-len(path) :] if served.kind == "fetch_customer" else served.path, served.kind)
    if wanted != seen or not row.request_id.startswith(row.prefix):
        text = f"the row says {' '.join(wanted)} of {row.prefix}, the journal {' '.join(seen)}"
        yield Finding(lie=Lie.DIFFERENT, about=row.request_id, text=text)
    if row.sent_at > served.at:
        text = f"{(row.sent_at - served.at) * 1000:.1f} ms after it"
        yield Finding(lie=Lie.AFTERWARDS, about=row.request_id, text=text)


def _outcome(row: Row, served: Served | None, disturbed: Disturbances, timeout_s: float) -> Judged:
    if row.http_status is not None or row.outcome == "done":
        given = served.status if served else None
        if given is None or given != row.http_status:
            text = f"the row says {row.outcome} with {row.http_status}, the journal {given}"
            yield Finding(lie=Lie.WRONG_STATUS, about=row.request_id, text=text)
    elif row.outcome == NOT_SENT:
        if served is not None:
            text = f"the journal has it, answered {served.status}"
            yield Finding(lie=Lie.PHANTOM, about=row.request_id, text=text)
    else:
        yield _explained(row, served, disturbed, timeout_s)


def _explained(row: Row, served: Served | None, disturbed: Disturbances, timeout_s: float) -> Finding | Excused:
    """A row that knows no answer: what became of its request."""
    last = max(row.sent_at + timeout_s, (served.answered_at or served.at) if served else 0)
    shaken = disturbed.touch(row.sent_at, last)
    if served is None:
        excuse, excused = Excuse.NEVER_ARRIVED, shaken
    elif served.status is None:
        excuse, excused = Excuse.UNANSWERED, shaken or served.fault in UNHEARD
    else:
        late = (served.answered_at or served.at) - row.sent_at >= 0.9 * timeout_s
        excuse, excused = Excuse.UNHEARD, shaken or late or served.fault in UNHEARD
    if excused:
        return Excused(excuse=excuse, about=row.request_id)
    seen = "nothing of it" if served is None else f"{served.status} ({served.fault or 'no fault'})"
    return Finding(
        lie=Lie.UNEXPLAINED, about=row.request_id, text=f"the row says {row.outcome}, the journal has {seen}"
    )
