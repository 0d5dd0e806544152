"""The sign-in form and `/ops`: for now a plain table of the calls the ledger knows."""

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.body import read_body
from api.gateway import Gateway, gateway_of
from api.reading import Filters, LedgerUnreadable
from api.security import COOKIE, SESSION_S
from workflows.ports import call_workflow_id

SIGN_IN = "/ops/sign-in"
MAX_FORM_BYTES = 4096
_COLUMNS = ("Call", "State", "Ticket", "Agent", "Customer", "Needs attention", "Workflow")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem;max-width:70rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid #ccc;vertical-align:top}"
    "input,button{font:inherit;padding:.35rem .6rem}.problem{color:#a00000}form{margin:1rem 0}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

router = APIRouter(tags=["operations"], include_in_schema=False)
sign_in_router = APIRouter(tags=["operations"], include_in_schema=False)


@sign_in_router.get(SIGN_IN)
async def sign_in_form() -> Response:
    """The form."""
    return _page("Sign in", _form())


@sign_in_router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """A session for the ops token, and on to the page."""
    gateway = gateway_of(request)
    fields = parse_qs((await read_body(request, MAX_FORM_BYTES)).decode("utf-8", "replace"))
    offered = (fields.get("token") or [""])[0].strip()
    if not gateway.doorkeeper.is_token(offered.encode("utf-8", "replace")):
        return _page("Sign in", '<p class="problem">That is not the ops token.</p>' + _form(), status=401)
    answer = RedirectResponse("/ops", status_code=303)
    answer.set_cookie(
        COOKIE,
        gateway.doorkeeper.new_session(gateway.now().timestamp()),
        max_age=SESSION_S,
        path="/",
        secure=request.scope["scheme"] == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


@sign_in_router.post("/ops/sign-out")
async def sign_out() -> Response:
    """Forget the session."""
    answer = RedirectResponse(SIGN_IN, status_code=303)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


@router.get("/ops")
async def ops_page(request: Request) -> Response:
    """The latest calls; without a session, to the sign-in form."""
    gateway = gateway_of(request)
    if not gateway.doorkeeper.admits(request, gateway.now().timestamp()):
        return RedirectResponse(SIGN_IN, status_code=303)
    try:
        calls = (await gateway.ledger.list_calls(Filters())).calls
    except LedgerUnreadable:
        return _page(
            "Calls", '<p class="problem">The ledger cannot be read; calls go on.</p>' + _sign_out(), status=503
        )
    rows = "".join(_row(call, gateway) for call in calls) or f"<tr><td colspan={len(_COLUMNS)}>No calls yet.</td></tr>"
    heads = "".join(f"<th scope=col>{name}</th>" for name in _COLUMNS)
    note = f"<p>The latest {len(calls)} calls the ledger knows, newest first.</p>"
    return _page("Calls", f"{note}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{_sign_out()}")


def _row(call: Mapping[str, Any], gateway: Gateway) -> str:
    call_id = str(call["call_id"])
    agent, customer = call.get("agent") or {}, call.get("customer") or {}
    cells = (
        f'<a href="/calls/{escape(quote(call_id, safe=""))}">{escape(call_id)}</a>',
        _text(call["state"]),
        _text(call["ticket_id"]),
        _text(agent.get("name") or agent.get("id")),
        _text(customer.get("email") or customer.get("phone")),
        _text(call.get("attention") or "yes") if call["needs_attention"] else "",
        _workflow_link(call_id, gateway),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _workflow_link(call_id: str, gateway: Gateway) -> str:
    workflow_id, ui = call_workflow_id(call_id), gateway.settings.temporal_ui_url
    if ui is None:
        return escape(workflow_id)
    namespace = quote(gateway.temporal.namespace, safe="")
    address = f"{ui.rstrip('/')}/namespaces/{namespace}/workflows/{quote(workflow_id, safe='')}"
    return f'<a href="{escape(address)}" rel="noreferrer">{escape(workflow_id)}</a>'


def _text(value: object) -> str:
    return escape(str(value)) if value is not None else ""


def _form() -> str:
    return (
        f'<form method="post" action="{SIGN_IN}"><label for="token">Ops token</label> '
        '<input id="token" name="token" type="password" autocomplete="current-password" required autofocus> '
        "<button>Sign in</button></form>"
    )


def _sign_out() -> str:
    return '<form method="post" action="/ops/sign-out"><button>Sign out</button></form>'


def _page(title: str, content: str, *, status: int = 200) -> HTMLResponse:
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title} · Talkbridge</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1>{content}</main></body></html>"
    )
    return HTMLResponse(html, status, {"Content-Security-Policy": _POLICY})
