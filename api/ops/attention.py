"""`/ops/attention`: calls that need a person, by cause and step, each group with what to do about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from api.gateway import gateway_of
from api.ops.causes import Advice, advice
from api.ops.links import call_path
from api.ops.pages import render
from api.ops.session import reader
from api.reading import InNeed, LedgerUnreadable

PATH = "/ops/attention"
MOST_OF_A_GROUP = 50
MOST_ROWS = 100
"""On one page: it stays under 200 KB."""
MOST_LOOKED_AT = 5000
MOST_NAME = 128
LABELS = {"retry": "Retry", "use_ticket": "Use another ticket", "skip": "Skip this step", "end": "End"}
_UNREADABLE = "The ledger cannot be read. Calls go on; this list cannot be shown until it is back."

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Calls with one cause at one step. `calls`: those shown, the longest waiting first; `size` counts them all."""

    cause: str
    step: str
    size: int
    retriable: int
    oldest: str | None
    advice: Advice
    calls: Sequence[InNeed]

    @property
    def key(self) -> str:
        """The group in an address."""
        return query_of(self.cause, self.step)


def query_of(cause: str, step: str) -> str:
    """A group as the query of an address: neither part holds customer data."""
    return urlencode({"cause": cause, "step": step})


def grouped(rows: Sequence[InNeed]) -> Iterator[Group]:
    """The rows of a group stand together, as the ledger gives them."""
    for _, alike in groupby(rows, key=lambda row: (row.cause, row.step)):
        calls = list(alike)
        first = calls[0]
        yield Group(
            cause=first.cause,
            step=first.step,
            size=first.size,
            retriable=first.retriable,
            oldest=first.oldest,
            advice=advice(first.cause),
            calls=calls,
        )


def mend_links(call: InNeed) -> list[tuple[str, str]]:
    """Label and address of each mend the call offers: what it will do is said there, before it is done."""
    place = f"{call_path(call.call_id)}/mend"
    step = {"step": call.own_step} if call.own_step else {}
    return [
        (label, f"{place}?{urlencode({'action': action, **step})}")
        for action, label in LABELS.items()
        if action in call.mends
    ]


def wanted(request: Request) -> tuple[str | None, str | None]:
    """Cause and step of the one group asked for, None for all."""
    given = (request.query_params.get("cause"), request.query_params.get("step"))
    cause, step = (value if value is not None and len(value) <= MOST_NAME else None for value in given)
    return (cause, step) if cause is not None and step is not None and "\x00" not in cause + step else (None, None)


@router.get(PATH)
async def needs_attention(request: Request) -> Response:
    """Every group, or the one asked for."""
    session, gateway = reader(request), gateway_of(request)
    cause, step = wanted(request)
    rows: Sequence[InNeed] = ()
    problem = token = None
    try:
        rows = await gateway.ledger.calls_in_need(cause=cause, step=step, each=MOST_OF_A_GROUP, limit=MOST_ROWS)
        token = await gateway.token_word.look(gateway.ledger, gateway.temporal, gateway.steady())
    except LedgerUnreadable:
        problem = _UNREADABLE
    return render(
        request,
        session,
        "attention.html",
        status=503 if problem else 200,
        groups=list(grouped(rows)),
        looked_at=rows[0].looked_at if rows else 0,
        most=MOST_LOOKED_AT,
        one=cause is not None,
        mend_links=mend_links,
        problem=problem,
        token=token,
    )
