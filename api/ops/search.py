"""`POST /ops/live/search`: a customer's calls, by an email or a phone number that never stands in an address."""

import base64
import json

from fastapi import APIRouter, Request, Response

from api.gateway import gateway_of
from api.ops.live import PAGE, UNREADABLE, List
from api.ops.pages import Refused, render
from api.ops.rows import rows_of
from api.ops.session import Form, reader_form
from api.reading import LedgerUnreadable, UnusableCursor
from api.values import email_address, phone_number
from workflows.connection import Keyring, UnknownKeyError

PATH = "/ops/live/search"
_NOTHING = "Give an email address, or a phone number with its country (as +15550100)."
_STALE = "That search is too old: type it again."
_MARK = "ops search 1"

router = APIRouter(include_in_schema=False)


class NotSearchable(ValueError):
    """The text is a sentence without what was typed."""


@router.post(PATH)
async def search(request: Request) -> Response:
    """A page of the customer's calls. What was typed is not shown again: it is customer data."""
    form = await reader_form(request)
    gateway = gateway_of(request)
    try:
        email, phone, cursor = _wanted(form, gateway.settings.keyring, gateway.settings.phone_region)
        page = await gateway.ledger.search_calls(email, phone, limit=PAGE, cursor=cursor)
    except NotSearchable as error:
        return _page(request, form, List(problem=str(error)), status=422)
    except UnusableCursor:
        raise Refused(422, _STALE, form.session) from None
    except LedgerUnreadable:
        return _page(request, form, List(problem=UNREADABLE), status=503)
    more = sealed(gateway.settings.keyring, email, phone, page.next_cursor) if page.next_cursor else None
    return _page(request, form, List(rows=rows_of(page.calls), next_cursor=more))


def _page(request: Request, form: Form, shown: List, status: int = 200) -> Response:
    return render(request, form.session, "search.html", status=status, shown=shown)


def _wanted(form: Form, keyring: Keyring, region: str | None) -> tuple[str | None, str | None, str | None]:
    """Email, phone and where to go on. Raises `NotSearchable`, `UnusableCursor`."""
    if more := form.get("more"):
        return opened(keyring, more)
    email, phone = normalised(form.get("who"), region)
    return email, phone, None


def normalised(who: str, region: str | None) -> tuple[str | None, str | None]:
    """An email or a phone number as the ledger knows them. Raises `NotSearchable`."""
    try:
        email, phone = (email_address(who), None) if "@" in who else (None, phone_number(who, region))
    except ValueError:
        raise NotSearchable(_NOTHING) from None
    if email is None and phone is None:
        raise NotSearchable(_NOTHING)
    return email, phone


def sealed(keyring: Keyring, email: str | None, phone: str | None, cursor: str) -> str:
    """A search and where it goes on, for a form: unreadable to whoever reads the page."""
    key_id, data = keyring.encrypt(json.dumps([_MARK, email, phone, cursor]).encode())
    return f"{base64.urlsafe_b64encode(data).decode()}.{key_id}"


def opened(keyring: Keyring, text: str) -> tuple[str | None, str | None, str | None]:
    """What was sealed. Raises `UnusableCursor`."""
    data, _, key_id = text.partition(".")
    try:
        mark, email, phone, cursor = json.loads(keyring.decrypt(key_id, base64.urlsafe_b64decode(data)))
    except (ValueError, TypeError, UnknownKeyError):
        raise UnusableCursor from None
    if mark != _MARK:
        raise UnusableCursor
    return email, phone, cursor
