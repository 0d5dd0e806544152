"""Screen pops by all three accounts: what the agent was shown, what the ledger wrote, what the call says of itself."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from tests.reliability.audit.finding import Excuse, Excused, Finding, Judged, Lie
from tests.reliability.audit.records import Disturbances, Json, LedgerCall, Records, Row

SHOWN = "shown"


def about_pops(records: Records, disturbed: Disturbances) -> Judged:
    """Rows against the vendor's pops, their content against the call's ticket, their end against the call's word."""
    pops = {pop["request_id"]: (call["id"], pop) for call in records.calls for pop in call["pops"]}
    done: dict[str, list[Row]] = defaultdict(list)
    for row in records.rows:
        if row.activity == "patch_call" and row.outcome == "done":
            done[row.call_id].append(row)
            if pops.get(row.request_id, ("",))[0] != row.call_id:
                yield Finding(lie=Lie.POP, about=row.request_id, text="written as done, and nothing was shown")
    for request_id, (call_id, pop) in pops.items():
        yield from _shown(records, request_id, call_id, pop)
    for rows in done.values():
        yield from _once(rows, disturbed)
    heard = {call_id for request_id, (call_id, _) in pops.items() if _answered(records, request_id)}
    for call in records.latest.values():
        yield from _said(call, shown=call.call_id in heard)


def _shown(records: Records, request_id: str, call_id: str, pop: Json) -> Judged:
    served, row = records.served.get(request_id), records.row_of.get(request_id)
    if served is None or served.kind != "patch_call" or not served.acted:
        yield Finding(lie=Lie.POP, about=request_id, text="shown, and the journal has no such request")
    if row is not None and row.call_id != call_id:
        yield Finding(lie=Lie.POP, about=request_id, text=f"shown on call {call_id}")
    call = records.latest.get(call_id)
    ticket_id = pop["custom_properties"].get("ticket_id")
    if call is not None and ticket_id is not None and int(ticket_id) not in (call.ticket_id, *call.excluded):
        text = f"it showed ticket {ticket_id}, the call's is {call.ticket_id}"
        yield Finding(lie=Lie.POP, about=request_id, text=text)


def _once(rows: Sequence[Row], disturbed: Disturbances) -> Judged:
    """One step of a pop works once; a second time only when the worker could not tell of the first."""
    for (label, step), times in Counter((row.label, row.step) for row in rows).items():
        if times == 1:
            continue
        moments = [row.sent_at for row in rows if row.step == step]
        if disturbed.touch(min(moments), max(moments)):
            yield Excused(excuse=Excuse.TOLD_TWICE, about=f"{label}.{step}")
        else:
            yield Finding(lie=Lie.POP, about=f"{label}.{step}", text=f"shown {times} times")


def _said(call: LedgerCall, *, shown: bool) -> Judged:
    """What the call says it showed was answered by the vendor."""
    claims = [pop for pop in call.status.get("screen_pops", []) if pop["state"] == SHOWN]
    if claims and not shown:
        yield Finding(lie=Lie.POP, about=call.label, text="the call says it was shown, the vendor knows of none")


def _answered(records: Records, request_id: str) -> bool:
    served = records.served.get(request_id)
    return served is not None and served.status is not None and 200 <= served.status < 300
