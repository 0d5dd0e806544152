"""Ledger against Temporal: every request was asked for by a step, and every finished step has its row."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

from tests.reliability.audit.finding import Finding, Judged, Lie
from tests.reliability.audit.records import NOT_SENT, TOKEN, Activity, Disturbances, Records, Row
from tests.reliability.audit.requests import KINDS, LATER_S, WRITTEN_LATER

VENDOR_STEPS = frozenset(
    {"search_tickets", "read_ticket", "find_by_external_id", "list_comments", "create_ticket"}
    | {"update_ticket", "patch_call", "fetch_customer"}
)
Steps = dict[tuple[str, str], list[Activity]]


def about_steps(records: Records, disturbed: Disturbances) -> Judged:
    """Rows without a step, steps without a row, and token requests that were not alone."""
    steps = _steps(records)
    for row in records.rows:
        yield from _asked_for(row, steps.get(_place(row), []), arrived=row.request_id in records.served)
    written = Counter((row.call_id, row.step, row.attempt) for row in records.rows if row.outcome != NOT_SENT)
    for (call_id, step), activities in steps.items():
        wanted = Counter(each.attempt for each in activities if _leaves_a_row(each))
        for attempt, times in wanted.items():
            if attempt is not None and written[call_id, step, attempt] < times and not _lost(activities[0], disturbed):
                yield Finding(lie=Lie.UNWRITTEN, about=f"{call_id}.{step}.{attempt}", text="Temporal has completed it")
    yield from _alone(records)


def _steps(records: Records) -> Steps:
    """Activities of all runs by call and step; of the token by its account's name in the ledger."""
    found: Steps = defaultdict(list)
    for run in records.runs:
        for activity in run.activities:
            if activity.type == "exchange_token":
                found[TOKEN, "exchange"].append(activity)
            elif activity.type in VENDOR_STEPS:
                found[run.workflow_id.removeprefix("call-"), activity.step].append(activity)
    return found


def _place(row: Row) -> tuple[str, str]:
    return row.call_id, row.step


def _asked_for(row: Row, activities: Sequence[Activity], *, arrived: bool) -> Judged:
    begun = [each for each in activities if each.type == row.activity and each.scheduled_at <= row.sent_at]
    if not begun:
        yield Finding(lie=Lie.UNSCHEDULED, about=row.request_id, text=f"no history has scheduled {row.step} by then")
        return
    started = [each.attempt for each in begun]
    if all(number is not None and number < row.attempt for number in started):
        text = f"attempt {row.attempt}, and Temporal started {max(n for n in started if n is not None)} at most"
        yield Finding(lie=Lie.UNSCHEDULED, about=row.request_id, text=text)
    if arrived and all(each.closed_at is not None and each.closed_at < row.sent_at for each in begun):
        late_s = row.sent_at - max(each.closed_at for each in begun if each.closed_at is not None)
        yield Finding(lie=Lie.OVERDUE, about=row.request_id, text=f"{late_s:.3f} s after the end of {row.step}")


def _leaves_a_row(activity: Activity) -> bool:
    # An exchange may find that another has stored a token meanwhile, and sends nothing.
    return activity.end == "completed" and not activity.silent and activity.type != "exchange_token"


def _lost(first: Activity, disturbed: Disturbances) -> bool:
    """Whether the row may be missing. Its request is counted among the excused already."""
    later = KINDS.get(first.type, first.type) in WRITTEN_LATER
    return later and disturbed.touch(first.scheduled_at, first.scheduled_at + LATER_S)


def _alone(records: Records) -> Judged:
    """Token requests that came while an earlier one was being answered."""
    exchanges = sorted((each for each in records.journal if each.kind == "token"), key=lambda each: each.at)
    for before, after in pairwise(exchanges):
        if before.answered_at is not None and after.at < before.answered_at:
            text = f"{after.request_id} came {before.answered_at - after.at:.3f} s before its answer"
            yield Finding(lie=Lie.OVERLAP, about=before.request_id or "", text=text)
