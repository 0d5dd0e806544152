"""`/ops/pops`: whether screen pops are shown within two seconds, and what became of those that were not."""

from fastapi import APIRouter, Request, Response

from api.gateway import gateway_of
from api.ops import pop_figures
from api.ops.histogram import WITHIN_MS, seconds
from api.ops.pages import render
from api.ops.session import reader
from api.reading import LedgerUnreadable

_UNREADABLE = "The ledger cannot be read. Screen pops go on; their figures cannot be shown until it is back."

router = APIRouter(include_in_schema=False)


@router.get("/ops/pops")
async def screen_pops(request: Request) -> Response:
    """The screen pops of a period."""
    session, gateway = reader(request), gateway_of(request)
    period = pop_figures.period_of(request.query_params.get("period", ""))
    status, found = 200, None
    try:
        rows = await gateway.ledger.screen_pops(
            period_s=period.period_s, slot_s=period.slot_s, limit=pop_figures.MOST_CALLS, within_ms=WITHIN_MS
        )
        found = pop_figures.figures(rows, period, gateway.now())
    except LedgerUnreadable:
        status = 503
    return render(
        request,
        session,
        "pops.html",
        status=status,
        period=period,
        periods=pop_figures.PERIODS,
        found=found,
        problem=None if found else _UNREADABLE,
        seconds=seconds,
    )
