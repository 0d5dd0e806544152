"""`/ops`: the calls now, the newest first; the first page of each list updates by itself."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from api.gateway import Gateway, gateway_of
from api.ops.pages import Refused, fragment, render
from api.ops.rows import Row, rows_of
from api.ops.session import reader
from api.ops.stream import HEARTBEAT, EventStream, message
from api.reading import Filters, LedgerUnreadable, UnusableCursor
from api.security import Session
from api.values import MAX_TICKET_ID
from api.watching import Stopped, TooMany, Watcher
from workflows.domain.call import CallState

PATH = "/ops"
STREAM = "/ops/live/stream"
PAGE = 50
MOST_TEXT = 256
HEARTBEAT_S = 15.0
UNREADABLE = (
    "The ledger cannot be read: PostgreSQL is out of reach or not set up. Calls go on; lists cannot be shown until it "
    "is back."
)
_FULL = "Too many pages update by themselves just now. This one does not: use Refresh."

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    """What a list shows. `problem` is None when it could be read."""

    rows: tuple[Row, ...] = ()
    next_cursor: str | None = None
    problem: str | None = None


def filters_of(query: Mapping[str, str]) -> Filters:
    """The filters of an address; what is left empty does not filter. Raises `ValueError` with a sentence."""
    state, agent_id, ticket = (query.get(name, "").strip() for name in ("state", "agent_id", "ticket_id"))
    need, cursor = query.get("needs_attention", ""), query.get("cursor", "")
    if state and state not in [str(each) for each in CallState]:
        raise ValueError("There is no such state.")
    if len(agent_id) > MOST_TEXT or not agent_id.isprintable():
        raise ValueError("That is not an agent's id.")
    if need not in ("", "true", "false"):
        raise ValueError("needs_attention is true or false.")
    return Filters(
        state=state or None,
        agent_id=agent_id or None,
        ticket_id=_ticket(ticket.removeprefix("#")),
        needs_attention=need == "true" if need else None,
        limit=PAGE,
        cursor=cursor or None,
    )


def _ticket(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 20 or not 0 < int(text) <= MAX_TICKET_ID:
        raise ValueError("A ticket's id is a number.")
    return int(text)


def address_of(filters: Filters, path: str = PATH) -> str:
    """Where a list stands."""
    given = {name: value for name, value in asdict(filters).items() if name != "limit" and value is not None}
    given = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
    return f"{path}?{urlencode(given)}" if given else path


@router.get(PATH)
async def live(request: Request) -> Response:
    """A page of calls; one that goes back in time stands still."""
    session = reader(request)
    filters = _filters(request, session)
    try:
        shown = await look(gateway_of(request), filters)
    except UnusableCursor:
        raise Refused(422, "That is not where a page ended.", session) from None
    return render(
        request,
        session,
        "live.html",
        status=503 if shown.problem else 200,
        shown=shown,
        filters=filters,
        need="" if filters.needs_attention is None else str(filters.needs_attention).lower(),
        filtered=filters != Filters(limit=PAGE, cursor=filters.cursor),
        states=[str(state) for state in CallState],
        here=address_of(filters),
        newest=address_of(replace(filters, cursor=None)),
        older=address_of(replace(filters, cursor=shown.next_cursor)) if shown.next_cursor else None,
        stream=address_of(filters, STREAM) if filters.cursor is None else None,
    )


@router.get(STREAM)
async def live_stream(request: Request) -> Response:
    """The first page of a list, again whenever it changed. One stream a page; a gateway has room for so many."""
    session, gateway = reader(request), gateway_of(request)
    filters = replace(_filters(request, session), cursor=None)

    known = List()

    async def shown() -> str:
        nonlocal known
        now = await look(gateway, filters)
        # What was there stays on the page, under a word that it is old.
        known = now if now.problem is None else replace(known, problem=now.problem)
        older = address_of(replace(filters, cursor=known.next_cursor)) if known.next_cursor else None
        return fragment("live_rows.html", request, None, shown=known, older=older)

    try:
        watcher = gateway.watching.enter(filters, shown)
    except (TooMany, Stopped):
        # htmx puts the sentence above the list and leaves the list alone.
        headers = {"HX-Retarget": "#live-notice", "HX-Reswap": "innerHTML", "Retry-After": "60"}
        return render(request, session, "live_notice.html", status=503, http_headers=headers, text=_FULL)
    return EventStream(_messages(request, session, watcher, filters), watcher.leave)


async def _messages(request: Request, session: Session, watcher: Watcher, filters: Filters) -> AsyncIterator[str]:
    """Ends with the session, or when the gateway is asked to stop."""
    gateway = gateway_of(request)
    while True:
        left = HEARTBEAT_S if session.ends_at is None else session.ends_at - gateway.now().timestamp()
        if left <= 0:
            yield message(fragment("live_over.html", request, None, here=address_of(filters)))
            yield message("", event="session-over")
            return
        try:
            text = await watcher.next(min(HEARTBEAT_S, left))
        except Stopped:
            return
        yield HEARTBEAT if text is None else message(text)


async def look(gateway: Gateway, filters: Filters) -> List:
    """One question to the ledger. Raises `UnusableCursor`."""
    try:
        page = await gateway.ledger.list_calls(filters)
    except LedgerUnreadable:
        return List(problem=UNREADABLE)
    return List(rows=rows_of(page.calls), next_cursor=page.next_cursor)


def _filters(request: Request, session: Session) -> Filters:
    try:
        return filters_of(request.query_params)
    except ValueError as error:
        raise Refused(422, str(error), session) from None
