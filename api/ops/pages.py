"""How a page of `/ops` is made: templates, what all of them know, and the headers every page has."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.gateway import gateway_of
from api.ops import files, moments
from api.ops.links import Links, call_path
from api.security import Session

NAVIGATION = (
    ("Live", "/ops"),
    ("Needs attention", "/ops/attention"),
    ("Screen pops", "/ops/pops"),
    ("Set-up", "/ops/setup"),
)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# Without a referrer a browser would also hide the origin of our own forms, and we look at that.
HEADERS = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"}


class Refused(Exception):
    """Ends a request with a page that says why. `text` holds no customer data and no secret."""

    def __init__(self, status: int, text: str, session: Session | None = None) -> None:
        self.status = status
        self.text = text
        self.session = session
        super().__init__(text)


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("api.ops"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"static": files.address, "call_path": call_path, "navigation": NAVIGATION}
    made.filters |= {"readable": moments.readable, "words": moments.words}
    return made


_templates = _environment()


def fragment(name: str, request: Request, session: Session | None, **context: object) -> str:
    """A template as text. It knows `session`, `path` (of this request), `links`, and the context given."""
    known = {"session": session, "path": request.url.path, "links": Links.of(gateway_of(request))}
    return _templates.get_template(name).render(known | context)


def render(
    request: Request,
    session: Session | None,
    name: str,
    *,
    status: int = 200,
    http_headers: Mapping[str, str] | None = None,
    **context: object,
) -> HTMLResponse:
    """A page as an answer. `session` is None where nobody has signed in yet; other names are the template's."""
    return HTMLResponse(fragment(name, request, session, **context), status, {**HEADERS, **(http_headers or {})})


async def refusal(request: Request, error: Exception) -> HTMLResponse:
    """The page of a `Refused`."""
    assert isinstance(error, Refused)
    heading = HTTPStatus(error.status).phrase
    return render(request, error.session, "refused.html", status=error.status, heading=heading, text=error.text)
