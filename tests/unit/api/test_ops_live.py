"""What *Live* shows, asks the ledger, and answers."""

import re

import pytest

from api.ops.live import STREAM, address_of, filters_of
from api.reading import Filters
from tests.unit.api.ops_kit import OPERATOR, page, status_of

BEARER = {"Authorization": f"Bearer {OPERATOR}"}


async def test_the_newest_calls_with_what_operations_look_for() -> None:
    """State, customer, agent, ticket, pop and wait, each in words; ticket and call are links."""
    async with page(ticket_url="https://desk.example/tickets/{ticket_id}") as (browser, ledger):
        ledger.calls = [status_of("c-1", state="in_call", needs_attention=True, attention="subject refused")]
        answer = await browser.get("/ops", headers=BEARER)
    assert answer.status_code == 200
    for told in (
        "u•••@example.com",
        "Agent Smith",
        "180 ms",
        "in call",
        "needs attention",
        "a person: subject refused",
    ):
        assert told in answer.text
    assert 'href="https://desk.example/tickets/123"' in answer.text
    assert 'href="/ops/calls/c-1"' in answer.text
    assert '<time datetime="2026-11-22T21:15:03+00:00">2026-11-22 21:15:03 UTC</time>' in answer.text


@pytest.mark.parametrize("sign", ['"', "<", "é", "😀", "<script>\"'&"])
async def test_a_page_is_one_question_and_stays_small(sign: str) -> None:
    """5,000 calls of hostile, endless texts: fifty rows, one question, under 200 KB, nothing unescaped."""
    endless = sign * 512
    worst = {
        "agent": {"id": endless[:256], "name": endless[:256]},
        "customer": {"email": endless[:320], "phone": "+1555•••00"},
        "attention": endless,
        "needs_attention": True,
        "state": "end_not_reported",
        "ticket_id": 2**63 - 1,
        "screen_pops": [{"agent_id": "a", "state": "not_needed", "latency_ms": 9999, "left_out": []}],
    }
    async with page(ticket_url="https://desk.example/agent/tickets/{ticket_id}") as (browser, ledger):
        ledger.calls = [status_of('"' * 124 + f"{number:04}", **worst) for number in range(5000)]
        answer = await browser.get("/ops", headers=BEARER)
    assert answer.text.count('<tr role="row" id="call-') == 50
    assert len(ledger.asked) == 1
    assert len(answer.content) < 200_000
    assert "<script>" not in answer.text


async def test_older_calls_stand_on_pages_that_stand_still() -> None:
    """The first page updates by itself and leads on; the last one leads nowhere."""
    async with page() as (browser, ledger):
        ledger.calls = [status_of(f"c-{number}") for number in range(70)]
        first = (await browser.get("/ops?state=completed", headers=BEARER)).text
        assert f'hx-sse:connect="{STREAM}?state=completed"' in first
        (older,) = re.findall(r'href="([^"]+cursor=[^"]+)"', first)
        second = (await browser.get(older.replace("&amp;", "&"), headers=BEARER)).text
    assert 'id="call-c-69"' in second
    assert "hx-sse:connect" not in second
    assert "cursor=" not in second.replace(older, "")


async def test_without_the_ledger_the_page_says_so() -> None:
    """503, and that calls go on."""
    async with page() as (browser, ledger):
        ledger.away = True
        answer = await browser.get("/ops", headers=BEARER)
    assert answer.status_code == 503
    assert "Calls go on" in answer.text


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("", Filters()),
        ("state=&agent_id=&ticket_id=&needs_attention=", Filters()),
        ("state=in_call&needs_attention=true", Filters(state="in_call", needs_attention=True)),
        ("agent_id=a-9&ticket_id=%23123&needs_attention=false", None),
    ],
)
async def test_filters_are_the_apis(query: str, filters: Filters | None) -> None:
    """What is left empty does not filter; a ticket may be typed with its sign."""
    async with page() as (browser, ledger):
        assert (await browser.get(f"/ops?{query}", headers=BEARER)).status_code == 200
    assert ledger.asked == [filters or Filters(agent_id="a-9", ticket_id=123, needs_attention=False)]


@pytest.mark.parametrize(
    "query",
    [
        *(
            "state=lost",
            "ticket_id=x",
            "ticket_id=0",
            "ticket_id=99999999999999999999",
            f"ticket_id={1:020}{9:020}",
            "needs_attention=maybe",
        ),
        *("agent_id=a%00", f"agent_id={'a' * 257}"),
    ],
)
async def test_filters_that_cannot_be_used_are_refused(query: str) -> None:
    """422, and the ledger is not asked."""
    async with page() as (browser, ledger):
        for path in ("/ops", STREAM):
            answer = await browser.get(f"{path}?{query}", headers=BEARER)
            assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert ledger.asked == []


def test_an_address_leads_back_to_its_filters() -> None:
    """Filters survive the way through an address."""
    filters = Filters(state="in_call", agent_id="a&9", ticket_id=7, needs_attention=False, cursor="12")
    assert address_of(Filters()) == "/ops"
    assert address_of(filters) == "/ops?state=in_call&ticket_id=7&agent_id=a%269&needs_attention=false&cursor=12"
    given = {"state": "in_call", "agent_id": "a&9", "ticket_id": "7", "needs_attention": "false", "cursor": "12"}
    assert filters_of(given) == filters


async def test_a_search_leaves_no_trace_of_the_customer() -> None:
    """Neither address nor page holds what was typed, on this page of the answer or the next."""
    async with page() as (browser, ledger):
        ledger.calls = [status_of(f"c-{number}") for number in range(60)]
        first = await browser.post("/ops/live/search", headers=BEARER, data={"who": " Planted@Example.com "})
        (more,) = re.findall(r'name="more" value="([^"]+)"', first.text)
        second = await browser.post("/ops/live/search", headers=BEARER, data={"more": more})
    assert ledger.asked == [("planted@example.com", None, None), ("planted@example.com", None, "50")]
    assert 'id="call-c-59"' in second.text
    for answer in (first, second):
        assert (answer.status_code, "anted" in answer.text.lower(), "anted" in str(answer.url)) == (200, False, False)


@pytest.mark.parametrize("sent", [{}, {"who": "nobody"}, {"who": "@"}, {"who": "+1"}, {"who": "anonymous"}])
async def test_a_search_for_nobody_is_refused(sent: dict[str, str]) -> None:
    """422, with what can be searched for."""
    async with page() as (browser, ledger):
        answer = await browser.post("/ops/live/search", headers=BEARER, data=sent)
    assert (answer.status_code, ledger.asked) == (422, [])
    assert "Give an email address" in answer.text


@pytest.mark.parametrize("more", ["x", "AAAA.k1", "AAAA.k9", "é.k1", "."])
async def test_a_search_cannot_be_continued_with_anything_else(more: str) -> None:
    """Only what a page of ours holds goes on."""
    async with page() as (browser, ledger):
        answer = await browser.post("/ops/live/search", headers=BEARER, data={"more": more})
    assert (answer.status_code, ledger.asked) == (422, [])
