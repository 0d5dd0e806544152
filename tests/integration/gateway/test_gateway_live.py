"""*Live* updates by itself: one stream a page, one look at the ledger for all of them, and no longer than it should."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx2 as httpx
import psycopg
import pytest

from api.checks import token_word
from api.ops import live
from api.reading import Filters, LedgerUnreadable, Page
from api.security import COOKIE, SESSION_S
from cli.servers.temporal import TemporalServer
from tests.integration.gateway.kit import NOWHERE, EnterCall, Serve, Served

STREAM = "/ops/live/stream"


async def messages(answer: httpx.Response) -> AsyncGenerator[tuple[str, str]]:
    """Name and text of each message, and what stands between them as `comment`."""
    name, lines = "message", list[str]()
    async for line in answer.aiter_lines():
        field, _, value = line.partition(": ")
        if line.startswith(":"):
            yield "comment", line
        elif field == "event":
            name = value
        elif field == "data" or line == "data:":
            lines.append(value)
        elif not line and (lines or name != "message"):
            yield name, "\n".join(lines)
            name, lines = "message", []


def shown(text: str) -> list[str]:
    """The calls of a page or message, in its order."""
    return re.findall(r'<tr role="row" id="call-([^"]+)"', text)


async def test_the_list_follows_the_calls(served: Served, enter_call: EnterCall) -> None:
    """A stream begins with the list as it is, and brings it again when a call was added, newest first."""
    await enter_call("c-1")
    assert shown((await served.ops.get("/ops")).text) == ["c-1"]
    async with served.ops.stream("GET", STREAM) as answer, aclosing(messages(answer)) as told:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        assert shown((await anext(told))[1]) == ["c-1"]
        await enter_call("c-2", state="in_call")
        assert shown((await asyncio.wait_for(anext(told), 3))[1]) == ["c-2", "c-1"]


async def test_a_stream_keeps_to_its_filters(served: Served, enter_call: EnterCall) -> None:
    """Each page follows its own list."""
    await enter_call("c-1", needs_attention=True, attention="refused")
    await enter_call("c-2")
    async with served.ops.stream("GET", f"{STREAM}?needs_attention=true") as answer, aclosing(messages(answer)) as told:
        assert shown((await anext(told))[1]) == ["c-1"]


async def test_a_list_tells_that_the_token_has_ended(
    served: Served, enter_call: EnterCall, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the calls, by the ledger's word; with a token that lives the stream takes it away."""
    monkeypatch.setattr(token_word, "FRESH_S", 0.0)
    await enter_call("c-1")
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO credentials (account, version, key_id, token_encrypted, obtained_at, expires_at, scopes)"
            " VALUES ('a', 1, 'k1', 'x', now() - interval '2 h', now() - interval '1 h', '{}')"
        )
        for path in ("/ops", "/ops/attention"):
            assert "There is no living Zendesk token" in (await served.ops.get(path)).text
        async with served.ops.stream("GET", STREAM) as answer, aclosing(messages(answer)) as told:
            assert "There is no living Zendesk token" in (await anext(told))[1]
            await connection.execute("UPDATE credentials SET expires_at = now() + interval '1 h'")
            text = (await asyncio.wait_for(anext(told), 6))[1]
            assert 'id="token"' not in text
            assert shown(text) == ["c-1"]


async def test_many_streams_ask_the_ledger_no_more_than_one(served: Served, enter_call: EnterCall) -> None:
    """Twenty pages with five lists: about one question a second, all of them together."""
    await enter_call("c-1")
    asked = 0
    list_calls = served.gateway.ledger.list_calls

    async def counted(filters: Filters) -> Page:
        nonlocal asked
        asked += 1
        return await list_calls(filters)

    served.gateway.ledger.list_calls = counted  # type: ignore[method-assign]

    async def watch(number: int) -> None:
        async with served.ops.stream("GET", f"{STREAM}?ticket_id={number % 5 + 1}") as answer:
            async for _ in answer.aiter_lines():
                pass

    watchers = [asyncio.create_task(watch(number)) for number in range(20)]
    await asyncio.sleep(4)
    for watcher in watchers:
        watcher.cancel()
    await asyncio.gather(*watchers, return_exceptions=True)
    assert 3 <= asked <= 5


async def test_a_gateway_has_room_for_so_many_streams(served: Served) -> None:
    """One more is told that its page does not update by itself; the place of one that left is free."""
    served.gateway.watching._most = 1
    async with served.ops.stream("GET", STREAM) as first:
        assert first.status_code == 200
        full = await served.ops.get(STREAM)
        assert (full.status_code, full.headers["hx-retarget"]) == (503, "#live-notice")
        assert "use Refresh" in full.text
    for _ in range(50):
        async with served.ops.stream("GET", STREAM) as again:
            if again.status_code == 200:
                return
        await asyncio.sleep(0.02)
    pytest.fail("the place stays taken")


async def test_a_stream_ends_with_its_session(served: Served) -> None:
    """The page is told, with a way to sign in again; then nothing more comes."""
    now = served.gateway.now().timestamp()
    cookie = served.gateway.doorkeeper.new_session(now - SESSION_S + 2)
    async with served.http.stream("GET", STREAM, headers={"Cookie": f"{COOKIE}={cookie}"}) as answer:
        told = [each async for each in messages(answer)]
    (name, text), (last, _) = told[-2:]
    assert (name, last) == ("message", "session-over")
    assert 'id="live-notice"' in text
    assert "Sign in again" in text


async def test_a_stream_says_now_and_then_that_it_lives(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy or a browser need not wonder."""
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.1)
    async with served.ops.stream("GET", STREAM) as answer, aclosing(messages(answer)) as told:
        assert [(await anext(told))[0] for _ in range(3)][-1] == "comment"


async def test_without_the_ledger_page_and_stream_say_so(serve: Serve, own_temporal: TemporalServer) -> None:
    """Calls go on; the list cannot be read."""
    lost = await serve(own_temporal.address, NOWHERE)
    page = await lost.ops.get("/ops")
    assert (page.status_code, "Calls go on" in page.text) == (503, True)
    async with lost.ops.stream("GET", STREAM) as answer, aclosing(messages(answer)) as told:
        assert "Calls go on" in (await asyncio.wait_for(anext(told), 5))[1]


async def test_a_stream_keeps_what_it_showed_when_the_ledger_goes_away(served: Served, enter_call: EnterCall) -> None:
    """Under the word that it cannot be read; when it is back, the word is gone."""
    await enter_call("c-1")
    list_calls = served.gateway.ledger.list_calls

    async def away(_: Filters) -> Page:
        raise LedgerUnreadable

    async with served.ops.stream("GET", STREAM) as answer, aclosing(messages(answer)) as told:
        await anext(told)
        served.gateway.ledger.list_calls = away  # type: ignore[method-assign,assignment]
        without = (await asyncio.wait_for(anext(told), 3))[1]
        assert ("Calls go on" in without, shown(without)) == (True, ["c-1"])
        served.gateway.ledger.list_calls = list_calls  # type: ignore[method-assign]
        again = (await asyncio.wait_for(anext(told), 3))[1]
        assert ("Calls go on" in again, shown(again)) == (False, ["c-1"])


async def test_streams_do_not_hold_up_the_end(serve: Serve, own_temporal: TemporalServer, database_url: str) -> None:
    """Asked to stop, a gateway sends its watchers away and is gone at once."""
    served = await serve(own_temporal.address, database_url)
    async with served.ops.stream("GET", STREAM) as answer, aclosing(messages(answer)) as told:
        await anext(told)
        before = time.monotonic()
        served.server.should_exit = True
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(told), 2)
    assert time.monotonic() - before < 1


async def test_searching_by_email_and_by_phone(served: Served, enter_call: EnterCall) -> None:
    """Found by either, as typed by a person; another customer's calls are not."""
    await enter_call("c-1", email="planted.person@example.com", phone="+15550100")
    await enter_call("c-2", email="another@example.com")
    for who in ("Planted.Person@example.com", "+1 (555) 0100"):
        answer = await served.ops.post("/ops/live/search", data={"who": who})
        assert (answer.status_code, shown(answer.text)) == (200, ["c-1"])
    assert "knows no such call" in (await served.ops.post("/ops/live/search", data={"who": "x@example.com"})).text


async def test_five_thousand_calls_are_a_small_and_quick_page(
    served: Served, enter_call: EnterCall, fill: None
) -> None:
    """Under 200 KB and 300 ms, unfiltered and filtered."""
    for query in ("", "?state=completed", "?needs_attention=true", "?agent_id=a-9&ticket_id=123"):
        await served.ops.get(f"/ops{query}")
        before = time.monotonic()
        answer = await served.ops.get(f"/ops{query}")
        assert (answer.status_code, time.monotonic() - before < 0.3) == (200, True)
        assert len(answer.content) < 200_000


@pytest.fixture
async def fill(enter_call: EnterCall, database_url: str) -> None:
    """5,000 calls, copies of one but for their ids."""
    import psycopg

    await enter_call("c-0", needs_attention=True, attention="refused")
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO calls (call_id, generation, arrival, ticket_id, pending, active, active_until, state,"
            " agent_id, needs_attention, workflow_id, run_id, status)"
            " SELECT 'c-' || n, 1, 1, ticket_id, false, false, now(), state, agent_id, n % 10 = 0, 'call-c-' || n, 'r',"
            " jsonb_set(status, '{call_id}', to_jsonb('c-' || n)) FROM calls, generate_series(1, 4999) AS n"
        )
