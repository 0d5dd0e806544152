"""Who may look at the pages and who may act, and that no other site can act for them."""

import re
from dataclasses import dataclass
from typing import cast

import httpx2 as httpx
import pytest
from fastapi import Request

from api.security import COOKIE, SESSION_S, Doorkeeper, Role, Session
from tests.unit.api.ops_kit import OPERATOR, READER, page

SEARCH = "/ops/live/search"
SAME = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True)
class Asking:
    """As much of a request as the doorkeeper looks at."""

    headers: dict[str, str]

    @property
    def scope(self) -> dict[str, object]:
        """The headers as bytes."""
        return {"headers": [(name.encode(), value.encode()) for name, value in self.headers.items()]}


def admitted(doorkeeper: Doorkeeper, cookie: str, now: float) -> Session | None:
    """Who somebody with this cookie is."""
    return doorkeeper.admit(cast("Request", Asking({"cookie": f"{COOKIE}={cookie}"})), now)


async def sign_in(browser: httpx.AsyncClient, token: str, **fields: str) -> httpx.Response:
    """Send the form."""
    return await browser.post("/ops/sign-in", data={"token": token, **fields})


def test_a_session_has_the_role_of_its_token() -> None:
    """And lasts twelve hours."""
    doorkeeper = Doorkeeper("one", "two")
    for role in Role:
        cookie = doorkeeper.new_session(1000, role)
        session = admitted(doorkeeper, cookie, 1000)
        assert session is not None
        assert (session.role, session.may_act, session.ends_at) == (role, role is Role.OPERATOR, 1000 + SESSION_S)
        assert admitted(doorkeeper, cookie, 1000 + SESSION_S) is None


def test_another_token_ends_the_sessions_of_its_role() -> None:
    """Those of the other role go on; a token that changes its role takes no session along."""
    before = Doorkeeper("one", "two")
    operator, reader = before.new_session(1000, Role.OPERATOR), before.new_session(1000, Role.READER)
    after = Doorkeeper("three", "two")
    assert (admitted(after, operator, 1000), admitted(after, reader, 1000) is None) == (None, False)
    swapped = Doorkeeper("two", "one")
    assert (admitted(swapped, operator, 1000), admitted(swapped, reader, 1000)) == (None, None)
    assert admitted(Doorkeeper("one"), reader, 1000) is None


def test_a_session_that_was_changed_is_none() -> None:
    """Its end, its signature, and the token of its forms in its place."""
    doorkeeper = Doorkeeper("one")
    cookie = doorkeeper.new_session(1000)
    session = admitted(doorkeeper, cookie, 1000)
    assert session is not None
    content, _, signature = cookie.rpartition(".")
    changed = [f"9{cookie}", f"{content}.{session.csrf}", f"{content}.", f".{signature}", "", ".", "é.ü"]
    assert [admitted(doorkeeper, each, 1000) for each in changed] == [None] * len(changed)


def test_each_session_has_form_tokens_of_its_own() -> None:
    """Also of two people who sign in in the same second."""
    doorkeeper = Doorkeeper("one")
    first, second = (admitted(doorkeeper, doorkeeper.new_session(1000), 1000) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.csrf != second.csrf
    assert first.has_form_token(first.csrf or "")
    assert not any(first.has_form_token(offered) for offered in ("", second.csrf or "", "é"))


async def test_signing_in_leads_to_the_page_that_was_asked_for() -> None:
    """By either token; the form is told where to go, and the page who is there."""
    async with page() as (browser, _):
        sent = await browser.get("/ops?state=in_call")
        assert (sent.status_code, sent.headers["location"]) == (303, "/ops/sign-in?next=%2Fops%3Fstate%3Din_call")
        form = (await browser.get(sent.headers["location"])).text
        (goal,) = re.findall(r'name="next" value="([^"]+)"', form)
        for token, told in ((READER, "Signed in to look only"), (OPERATOR, "Signed in as operator")):
            answer = await sign_in(browser, token, next=goal)
            assert (answer.status_code, answer.headers["location"]) == (303, "/ops?state=in_call")
            assert told in (await browser.get("/ops")).text


@pytest.mark.parametrize(
    "goal",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "/ops\\x", "/opsx", "/ops/sign-in", "/calls"),
        *("/ops/\r\nSet-Cookie: x=1", "/ops/é", "", "/ops/" + "x" * 2000),
    ],
)
async def test_signing_in_leads_nowhere_else(goal: str) -> None:
    """A link to the form cannot lead to another site."""
    async with page() as (browser, _):
        assert (await sign_in(browser, OPERATOR, next=goal)).headers["location"] == "/ops"


async def test_a_form_is_only_taken_from_our_own_pages() -> None:
    """With the token of this session, and not from another site, whichever way the browser says so."""
    async with page() as (browser, ledger):
        await sign_in(browser, READER)
        (token,) = set(re.findall(r'name="csrf" value="([^"]+)"', (await browser.get("/ops")).text))
        ledger.asked.clear()
        for fields in ({}, {"csrf": ""}, {"csrf": token[:-1]}):
            answer = await browser.post(SEARCH, data={"who": "+15550100", **fields}, headers=SAME)
            assert (answer.status_code, "another session" in answer.text) == (403, True)
        foreign = [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
        ]
        for headers in foreign:
            answer = await browser.post(SEARCH, data={"who": "+15550100", "csrf": token}, headers=headers)
            assert (answer.status_code, "another site" in answer.text) == (403, True)
        assert ledger.asked == []
        ours = [
            SAME,
            {"Origin": "http://page.example"},
            {"Origin": "https://ops.example", "X-Forwarded-Host": "ops.example"},
            {},
        ]
        for headers in ours:
            answer = await browser.post(SEARCH, data={"who": "+15550100", "csrf": token}, headers=headers)
            assert answer.status_code == 200


async def test_nobody_is_signed_in_or_out_by_another_site() -> None:
    """Such a form would put somebody into a stranger's session."""
    async with page() as (browser, _):
        for path in ("/ops/sign-in", "/ops/sign-out"):
            answer = await browser.post(path, data={"token": OPERATOR}, headers={"Sec-Fetch-Site": "cross-site"})
            assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_a_form_has_a_size() -> None:
    """More is refused, as a page."""
    async with page() as (browser, _):
        await sign_in(browser, READER)
        for body in (b"who=" + b"x" * 20_000, b"&".join(b"a=1" for _ in range(2000))):
            answer = await browser.post(SEARCH, content=body)
            assert (answer.status_code, answer.headers["content-type"]) == (413, "text/html; charset=utf-8")


async def test_a_part_of_a_page_is_not_replaced_by_the_form() -> None:
    """A library follows redirects by itself, so it is told to load the form as a page."""
    async with page() as (browser, _):
        asked = {"HX-Request": "true", "Referer": "http://page.example/ops/attention?cause=x"}
        answer = await browser.get("/ops/live/stream", headers=asked)
    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["hx-redirect"] == "/ops/sign-in?next=%2Fops%2Fattention%3Fcause%3Dx"


async def test_files_are_kept_by_browsers_under_their_full_address_only() -> None:
    """Another release has other addresses; nothing but what is on the list is there."""
    async with page() as (browser, _):
        form = (await browser.get("/ops/sign-in")).text
        addresses = re.findall(r'(?:src|href)="(/ops/static/[^"]+)"', form)
        assert len(addresses) == 4
        for address in addresses:
            answer = await browser.get(address)
            assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
            assert (await browser.get(address.partition("?")[0])).headers["cache-control"] == "no-cache"
        for name in ("README.txt", "..%2Fpages.py", "nothing"):
            assert (await browser.get(f"/ops/static/{name}")).status_code == 404


async def test_pages_allow_no_script_and_no_style_but_ours() -> None:
    """The policy is strict, and no page breaks it: neither inline script, nor inline style, nor an event attribute."""
    async with page() as (browser, _):
        await sign_in(browser, OPERATOR)
        for path in ("/ops/sign-in", "/ops"):
            answer = await browser.get(path)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
            assert "unsafe" not in policy
            assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", answer.text) == []


async def test_htmx_waits_for_its_extension() -> None:
    """Run while the page is read, htmx begins at the page's end; deferred, before what comes a moment later."""
    async with page() as (browser, _):
        form = (await browser.get("/ops/sign-in")).text
    scripts = re.findall(r"<script [^>]*/(htmx|hx-sse)[^>]*>", form)
    assert scripts == ["htmx", "hx-sse"]
    assert re.findall(r"<script [^>]*/(?:htmx|hx-sse)[^>]*(?:defer|async)", form) == []


@pytest.mark.parametrize("host", ["127.0.0.1", ""])
@pytest.mark.parametrize("origin", ["http://[evil", "null", "", "http://"])
async def test_an_origin_that_is_no_address_is_another_site(host: str, origin: str) -> None:
    """Whoever sends one is turned away, in one answer and without a fault of ours."""
    async with page() as (browser, _):
        answer = await browser.post("/ops/sign-out", headers={"Host": host, "Origin": origin})
        assert (answer.status_code, "another site" in answer.text) == (403, True)


async def test_a_referrer_that_is_no_address_leads_to_the_first_page() -> None:
    """After signing in, that is."""
    async with page() as (browser, _):
        answer = await browser.post(SEARCH, headers={**SAME, "Referer": "http://[evil"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/ops/sign-in")
