"""`/ops/setup`: what works and what mends the rest, where webhooks go, a test call, and a webhook explained."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.checks.finding import State, count
from api.checks.gateway import Place
from api.gateway import Gateway, gateway_of
from api.ops import trial
from api.ops.address import webhook_address
from api.ops.explain import Pasted, explain
from api.ops.inside import Answered
from api.ops.links import call_path
from api.ops.own_checks import own_sections
from api.ops.pages import HEADERS, fragment, render
from api.ops.session import Form, Session, operator, reader, reader_form
from api.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from api.webhooks import MAX_BODY_BYTES

HOME = "/ops/setup"
MAX_PASTE_BYTES = 3 * MAX_BODY_BYTES + 8192
"""In a form a byte may take three."""
_HEADERS = ("Content-Type: application/json", f"{SIGNATURE_HEADER}: …", f"{TIMESTAMP_HEADER}: 2026-01-31T12:00:00Z")

router = APIRouter(include_in_schema=False)


@router.get(HOME)
async def setup(request: Request) -> Response:
    """Everything on one page; the checks run when it is asked for."""
    return await _page(request, reader(request), trial.new_call_id())


@router.post(f"{HOME}/test-call")
async def test_call(request: Request) -> Response:
    """A test call through the real endpoint, and on to its page. Sent twice, it is one call."""
    form, gateway = await operator(request), gateway_of(request)
    call_id = form.get("call_id") if trial.is_call_id(form.get("call_id")) else trial.new_call_id()
    refusal = await trial.send(request.app, call_id, gateway.settings.secrets[0], gateway.now())
    if refusal is not None:
        return await _page(request, form.session, call_id, refusal=refusal)
    return RedirectResponse(call_path(call_id), status_code=303)


@router.get(f"{HOME}/explain")
async def explain_form() -> Response:
    """The address of an answer; the form is on the page."""
    return RedirectResponse(f"{HOME}#paste", status_code=303)


@router.post(f"{HOME}/explain")
async def explain_webhook(request: Request) -> Response:
    """What a webhook would lead to. It stands in no address, no log line and no answer."""
    form = await reader_form(request, MAX_PASTE_BYTES)
    explained = await explain(_pasted(form), gateway_of(request))
    if request.headers.get("hx-request") == "true":
        return Response(
            fragment("setup_explained.html", request, form.session, explained=explained, level=3),
            media_type="text/html",
            headers=HEADERS,
        )
    return render(request, form.session, "setup_explained_page.html", explained=explained, level=2)


def _pasted(form: Form) -> Pasted:
    def header(name: str) -> bytes | None:
        return form.get(name).encode("utf-8", "replace") or None

    # As it came: blanks around it are part of what was signed.
    body = next(iter(form.all("body")), "")
    return Pasted(
        body=body.encode("utf-8", "surrogatepass"), signature=header("signature"), timestamp=header("timestamp")
    )


async def _page(request: Request, session: Session, call_id: str, *, refusal: Answered | None = None) -> Response:
    gateway = gateway_of(request)
    sections = [*own_sections(gateway), *await gateway.checkup.look(_place(gateway), gateway.steady())]
    return render(
        request,
        session,
        "setup.html",
        status=200 if refusal is None else 502,
        sections=sections,
        failed=count(sections, State.FAILS),
        checks=sum(len(section.findings) for section in sections),
        address=webhook_address(request),
        wanted=_HEADERS,
        secrets=len(gateway.settings.secrets),
        tolerance_s=gateway.settings.webhook_tolerance_s,
        caller=trial.CALLER,
        call_id=call_id,
        refusal=refusal,
    )


def _place(gateway: Gateway) -> Place:
    settings = gateway.settings
    return Place(
        database_url=settings.database_url.get_secret_value(),
        keyring=settings.keyring,
        temporal=gateway.temporal,
        now=gateway.now,
    )
