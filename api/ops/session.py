"""Who sits at `/ops`: the sign-in form, and the questions each page asks before it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.body import read_body
from api.gateway import gateway_of
from api.ops.pages import Refused, render
from api.problems import Problem
from api.security import COOKIE, SESSION_S, Role, Session, from_another_site

__all__ = ["Form", "Role", "Session", "operator", "reader", "reader_form"]

HOME = "/ops"
SIGN_IN = "/ops/sign-in"
MAX_SIGN_IN_BYTES = 4096
MAX_FORM_BYTES = 16 * 1024
_READ_ONLY = (
    "This changes something, and you are signed in to look only. Sign out, and sign in with the operators' token "
    "(OPS_TOKEN)."
)
_FOREIGN = "This form was sent from another site, so nothing was done. Open the page here and send it again."
_STALE = "This form is of another session, so nothing was done. Go back, load the page again and send it once more."

router = APIRouter(include_in_schema=False)


class NobodySignedIn(Exception):
    """The request shows neither a token nor a living session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What somebody sent, and who it was."""

    session: Session
    fields: Mapping[str, list[str]]

    def get(self, name: str) -> str:
        """The field's first value without space around it; empty when it is not there."""
        return (self.fields.get(name) or [""])[0].strip()

    def all(self, name: str) -> list[str]:
        """Every value of the field."""
        return self.fields.get(name, [])


def reader(request: Request) -> Session:
    """Whoever may look. Raises `NobodySignedIn`, which leads to the sign-in form."""
    gateway = gateway_of(request)
    session = gateway.doorkeeper.admit(request, gateway.now().timestamp())
    if session is None:
        raise NobodySignedIn
    return session


async def operator(request: Request, limit: int = MAX_FORM_BYTES) -> Form:
    """A form sent, from a page of ours, by somebody who may act. Raises `NobodySignedIn`, `Refused`."""
    session = reader(request)
    if not session.may_act:
        raise Refused(403, _READ_ONLY, session)
    return await _form(request, session, limit)


async def reader_form(request: Request, limit: int = MAX_FORM_BYTES) -> Form:
    """A form without effect: a question that must not stand in an address. Raises `NobodySignedIn`, `Refused`."""
    return await _form(request, reader(request), limit)


async def _form(request: Request, session: Session, limit: int) -> Form:
    """`limit` in bytes."""
    _require_own_site(request, session)
    fields = await _fields(request, limit, session)
    form = Form(session=session, fields=fields)
    if not session.has_form_token(form.get("csrf")):
        raise Refused(403, _STALE, session)
    return form


async def _fields(request: Request, limit: int, session: Session | None) -> Mapping[str, list[str]]:
    try:
        body = await read_body(request, limit)
    except Problem as problem:
        raise Refused(problem.kind.status, f"{problem.kind.title}.", session) from None
    try:
        return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise Refused(413, "The form has too many fields.", session) from None


def _require_own_site(request: Request, session: Session | None) -> None:
    if from_another_site(request):
        raise Refused(403, _FOREIGN, session)


@router.get(SIGN_IN)
async def sign_in_form(request: Request) -> Response:
    """The form."""
    return render(request, None, "sign_in.html", goal=_goal(request.query_params.get("next", "")), wrong=False)


@router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """A session of the token's role, and on to the page that was asked for."""
    gateway = gateway_of(request)
    _require_own_site(request, None)
    fields = await _fields(request, MAX_SIGN_IN_BYTES, None)
    offered = (fields.get("token") or [""])[0].strip()
    goal = _goal((fields.get("next") or [""])[0])
    role = gateway.doorkeeper.role_of(offered.encode("utf-8", "replace"))
    if role is None:
        return render(request, None, "sign_in.html", status=401, goal=goal, wrong=True)
    answer = RedirectResponse(goal, status_code=303)
    answer.set_cookie(
        COOKIE,
        gateway.doorkeeper.new_session(gateway.now().timestamp(), role),
        max_age=SESSION_S,
        path="/",
        secure=request.scope["scheme"] == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post("/ops/sign-out")
async def sign_out(request: Request) -> Response:
    """Forget the session."""
    _require_own_site(request, None)
    answer = RedirectResponse(SIGN_IN, status_code=303)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


async def to_the_form(request: Request, _error: Exception) -> Response:
    """To the sign-in form, and from there back to the page asked for."""
    address = f"{SIGN_IN}?next={quote(goal, safe='')}" if (goal := _asked(request)) != HOME else SIGN_IN
    if request.headers.get("hx-request") == "true":
        # A redirect would put the form into a part of the page.
        return Response(status_code=401, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=303)


def _asked(request: Request) -> str:
    """The page to come back to; after a form that is where it stood."""
    if request.method == "GET" and request.headers.get("hx-request") != "true":
        query = request.scope["query_string"].decode("ascii", "replace")
        return _goal(request.scope["raw_path"].decode("ascii", "replace") + (f"?{query}" if query else ""))
    try:
        parts = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return HOME
    return _goal(parts.path + (f"?{parts.query}" if parts.query else ""))


def _goal(address: str) -> str:
    """The address if it is a page of ours, else the first page: nobody is led elsewhere by a link to our form."""
    inside = address == HOME or address.startswith(("/ops/", "/ops?"))
    clean = address.isascii() and address.isprintable() and not {"\\", " "} & set(address)
    return address if inside and clean and len(address) <= 1024 and not address.startswith(SIGN_IN) else HOME
