"""`/ops`: the calls now, the newest first."""

from fastapi import APIRouter, Request, Response

from api.gateway import gateway_of
from api.ops.pages import render
from api.ops.session import reader
from api.reading import Filters, LedgerUnreadable

router = APIRouter(include_in_schema=False)


@router.get("/ops")
async def live(request: Request) -> Response:
    """The latest calls the ledger knows."""
    session = reader(request)
    try:
        page = await gateway_of(request).ledger.list_calls(Filters())
    except LedgerUnreadable:
        problem = "The ledger cannot be read. Calls go on; lists cannot be shown until it is back."
        return render(request, session, "live.html", status=503, calls=[], problem=problem)
    return render(request, session, "live.html", calls=page.calls, problem=None)
