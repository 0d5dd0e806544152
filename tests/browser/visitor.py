"""Somebody before a browser: who they are, how they look at a page, and what no page may do meanwhile."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import unquote

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebError, expect

from api.security import COOKIE, SESSION_S, Doorkeeper, Role
from tests.e2e.stack import OPS_TOKEN

READONLY_TOKEN = "readonly-token"
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)
CUSTOMER_DATA = ("@example.com", "15501", "somebody")
"""What stands in the email, number or name of every caller the tests know."""
_REFUSED = "Failed to load resource: the server responded with a status of"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A browser's window, and its person's wishes. `policy`: whether the page's rules hold; axe-core needs them off."""

    javascript: bool = True
    width: int = 1280
    height: int = 800
    scheme: Literal["light", "dark"] = "light"
    calm: bool = False
    policy: bool = True


class Visit(Protocol):
    """Opens an address in a browser of its own. `role` None: nobody is signed in."""

    def __call__(
        self, address: str = "/ops", *, role: Role | None = Role.OPERATOR, look: Look = ..., base: str | None = None
    ) -> Page: ...


@dataclass
class Conduct:
    """What pages did that none may do, as sentences."""

    base: str
    complaints: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        """Look at everything the context's pages ask for and say."""
        context.on("request", self._asked)
        context.on("console", self._said)
        context.on("weberror", self._failed)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.base}/", "data:")):
            self.complaints.append(f"asked elsewhere: {request.url}")
        if any(each in unquote(request.url).lower() for each in CUSTOMER_DATA):
            self.complaints.append(f"customer data in an address: {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        # A page that was refused on purpose is an error to the browser.
        if message.type in ("error", "warning") and not message.text.startswith(_REFUSED):
            self.complaints.append(f"{message.type}: {message.text}")

    def _failed(self, error: WebError) -> None:
        self.complaints.append(f"failed: {error.error.message}")


@contextmanager
def window(browser: Browser, base: str, role: Role | None, look: Look) -> Iterator[BrowserContext]:
    """A browser of somebody's own, signed in by cookie. Raises `AssertionError` at its end for any bad conduct."""
    context = browser.new_context(
        base_url=base,
        java_script_enabled=look.javascript,
        viewport={"width": look.width, "height": look.height},
        color_scheme=look.scheme,
        reduced_motion="reduce" if look.calm else "no-preference",
        bypass_csp=not look.policy,
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(PATIENCE_MS)
    if role is not None:
        context.add_cookies([{"name": COOKIE, "value": session_of(role), "url": base, "httpOnly": True}])
    conduct = Conduct(base)
    conduct.watch(context)
    try:
        yield context
    finally:
        context.close()
    assert conduct.complaints == []


def session_of(role: Role, *, ended: bool = False) -> str:
    """The value of a cookie that a gateway of the tests hands out; with `ended`, one whose time has just run out."""
    began = time.time() - (SESSION_S + 1 if ended else 0)
    return Doorkeeper(OPS_TOKEN, READONLY_TOKEN).new_session(began, role)


def expire(page: Page) -> None:
    """End the session under the page: the browser goes on to send its cookie."""
    (cookie,) = (each for each in page.context.cookies() if each["name"] == COOKIE)
    base = page.url.split("/ops")[0]
    role = Role.OPERATOR
    page.context.add_cookies([{"name": cookie["name"], "value": session_of(role, ended=True), "url": base}])


def sent_again(page: Page, form: Request) -> str:
    """Send a form that was sent once more, as an impatient browser does; where its answer leads."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return page.request.post(form.url, data=form.post_data or "", headers=kind).url
