"""Every endpoint against everybody: who is let in, who is sent to sign in, who is told that a role is missing.

An endpoint that is not in the table fails: whoever adds one decides who may use it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.gateway import Gateway
from api.security import COOKIE, SESSION_S, Role
from tests.integration.gateway.kit import OPS_TOKEN, OPS_TOKEN_READONLY, Served, refused


class For(Enum):
    """Whom an endpoint is for, and how it turns others away."""

    ALL = "anybody"
    READERS = "whoever may look; a problem document for others"
    OPERATORS = "whoever may act; a problem document for others"
    READERS_PAGE = "whoever may look; others are sent to the sign-in form"
    OPERATORS_PAGE = "whoever may act; strangers are sent to the sign-in form, a reader is told what is missing"
    READERS_FORM = "whoever may look, with a form from a page of the session"
    OPERATORS_FORM = "whoever may act, with a form from a page of the session; a reader is told what is missing"


TABLE = {
    ("GET", "/healthz"): For.ALL,
    ("GET", "/readyz"): For.ALL,
    ("GET", "/metrics"): For.ALL,
    ("POST", "/webhooks/calls"): For.ALL,
    ("GET", "/calls"): For.READERS,
    ("GET", "/calls/{call_id:path}"): For.READERS,
    ("POST", "/calls/search"): For.READERS,
    ("POST", "/calls/{call_id:path}/mends"): For.OPERATORS,
    ("POST", "/codec/decode"): For.OPERATORS,
    ("GET", "/ops/sign-in"): For.ALL,
    ("POST", "/ops/sign-in"): For.ALL,
    ("POST", "/ops/sign-out"): For.ALL,
    ("GET", "/ops/static/{name}"): For.ALL,
    ("GET", "/ops"): For.READERS_PAGE,
    ("GET", "/ops/live/stream"): For.READERS_PAGE,
    ("POST", "/ops/live/search"): For.READERS_FORM,
    ("GET", "/ops/calls/{call_id:path}"): For.READERS_PAGE,
    ("GET", "/ops/calls/{call_id:path}/mend"): For.READERS_PAGE,
    ("POST", "/ops/calls/{call_id:path}/mend"): For.OPERATORS_FORM,
    ("GET", "/ops/attention"): For.READERS_PAGE,
    ("GET", "/ops/attention/retry"): For.OPERATORS_PAGE,
    ("POST", "/ops/attention/retry"): For.OPERATORS_FORM,
    ("GET", "/ops/groups/{group_id}"): For.READERS_PAGE,
    ("POST", "/ops/groups/{group_id}/stop"): For.OPERATORS_FORM,
    ("GET", "/ops/pops"): For.READERS_PAGE,
    ("GET", "/ops/setup"): For.READERS_PAGE,
    ("GET", "/ops/setup/explain"): For.ALL,
    ("POST", "/ops/setup/explain"): For.READERS_FORM,
    ("POST", "/ops/setup/test-call"): For.OPERATORS_FORM,
}
# What anybody is answered here, where that is no success: unsigned, no token, and to another page.
OWN_ANSWERS = {
    ("POST", "/webhooks/calls"): 415,
    ("POST", "/ops/sign-in"): 401,
    ("POST", "/ops/sign-out"): 303,
    ("GET", "/ops/setup/explain"): 303,
}
VALUES = {"{call_id:path}": "c-1", "{name}": "ops.css", "{group_id}": "g-1"}


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Somebody. `csrf`: what their forms carry; None where no form of theirs is from a page of ours."""

    name: str
    role: Role | None
    headers: dict[str, str] = field(default_factory=dict)
    csrf: str | None = None
    by_cookie: bool = False


def askers(gateway: Gateway) -> list[Asker]:
    """Everybody."""
    now = gateway.now().timestamp()
    found = [
        Asker(name="nobody", role=None),
        Asker(name="wrong token", role=None, headers={"Authorization": "Bearer wrong"}),
        Asker(name="reader", role=Role.READER, headers={"Authorization": f"Bearer {OPS_TOKEN_READONLY}"}),
        Asker(name="operator", role=Role.OPERATOR, headers={"Authorization": f"Bearer {OPS_TOKEN}"}),
    ]
    for role in Role:
        living = gateway.doorkeeper.new_session(now, role)
        session = gateway.doorkeeper._session(living, now)
        assert session is not None
        cookie = {"Cookie": f"{COOKIE}={living}"}
        over = {"Cookie": f"{COOKIE}={gateway.doorkeeper.new_session(now - SESSION_S - 1, role)}"}
        found += [
            Asker(name=f"{role}'s session", role=role, headers=cookie, csrf=session.csrf, by_cookie=True),
            Asker(name=f"{role}'s session without form token", role=role, headers=cookie, by_cookie=True),
            Asker(name=f"{role}'s session that is over", role=None, headers=over, csrf=session.csrf, by_cookie=True),
        ]
    return found


def endpoints(routes: Iterable[object]) -> set[tuple[str, str]]:
    """Method and path of everything a gateway serves."""
    found: set[tuple[str, str]] = set()
    for route in routes:
        if isinstance(route, APIRoute):
            found |= {(method, route.path) for method in route.methods or ()}
        elif (included := getattr(route, "original_router", None)) is not None:
            found |= endpoints(included.routes)
    return found


async def ask(http: httpx.AsyncClient, method: str, path: str, asker: Asker) -> httpx.Response:
    """Their question; of an answer that goes on, the beginning."""
    for name, value in VALUES.items():
        path = path.replace(name, value)
    body = f"csrf={asker.csrf}&who=nobody" if path.startswith("/ops") and asker.csrf else "{}"
    content = body if method == "POST" else None
    async with http.stream(method, path, headers=asker.headers, content=content) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            await answer.aread()
    return answer


def judge(whom: For, asker: Asker, answer: httpx.Response) -> str | None:
    """What is wrong with the answer; None when it is as it should be."""
    page = whom not in (For.ALL, For.READERS, For.OPERATORS)
    form = whom in (For.READERS_FORM, For.OPERATORS_FORM)
    for_operators = whom in (For.OPERATORS, For.OPERATORS_PAGE, For.OPERATORS_FORM)
    to_the_form = answer.status_code == 303 and answer.headers["location"].startswith("/ops/sign-in")
    if whom is not For.ALL and asker.role is None:
        return None if (to_the_form if page else answer.status_code == 401) else "a stranger was let in"
    if for_operators and asker.role is Role.READER:
        return None if answer.status_code == 403 else "a reader may act"
    if form and asker.by_cookie and asker.csrf is None:
        return None if answer.status_code == 403 else "a form of nowhere was taken"
    return "somebody was turned away" if answer.status_code in (401, 403, 500) or to_the_form else None


async def holes(app: FastAPI, http: httpx.AsyncClient) -> list[str]:
    """Every answer that is not as the table says."""
    found = []
    for (method, path), whom in TABLE.items():
        for asker in askers(app.state.gateway):
            answer = await ask(http, method, path, asker)
            if (own := OWN_ANSWERS.get((method, path))) is not None:
                wrong = None if answer.status_code == own else "another answer than everybody's"
            else:
                wrong = judge(whom, asker, answer)
            if wrong:
                found.append(f"{method} {path}, {asker.name}: {answer.status_code}, {wrong}")
    return found


async def test_every_endpoint_is_in_the_table(served: Served) -> None:
    """And the table names no other."""
    assert endpoints(served.app.routes) == set(TABLE)


async def test_nobody_gets_where_they_may_not(served: Served) -> None:
    """The whole matrix, role by endpoint, has no hole."""
    assert await holes(served.app, served.http) == []


@pytest.mark.parametrize("token", [OPS_TOKEN, OPS_TOKEN_READONLY])
async def test_what_is_missing_is_said(served: Served, token: str) -> None:
    """A reader who would act is told which token may; on a page, and as a problem document."""
    headers = {"Authorization": f"Bearer {token}"}
    document = await served.http.post("/codec/decode", headers=headers, content=b"{}")
    page = await served.http.post("/ops/calls/c-1/mend", headers=headers)
    if token == OPS_TOKEN:
        assert (document.status_code, page.status_code == 403) == (200, False)
        return
    assert "OPS_TOKEN is needed" in refused(document, 403, "read-only")["detail"]
    assert (page.status_code, "OPS_TOKEN" in page.text) == (403, True)


async def test_a_session_changes_nothing_from_another_site(served: Served) -> None:
    """A cookie is sent by the browser whoever wrote the page; a bearer token is not."""
    gateway = served.gateway
    cookie = {"Cookie": f"{COOKIE}={gateway.doorkeeper.new_session(gateway.now().timestamp())}"}
    for foreign in ({"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example.com"}):
        answer = await served.http.post("/calls/c-1/mends", headers=cookie | foreign, content=b"{}")
        refused(answer, 403, "another-site")
        refused(await served.ops.post("/calls/c-1/mends", headers=foreign, content=b"{}"), 422, "invalid-request")
