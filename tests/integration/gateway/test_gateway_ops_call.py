"""A call's page with real servers: what happened is there, and a mend's form does one thing."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx2 as httpx
import psycopg
import pytest

from api.ops.call_mend import BY_COOKIE
from cli.servers.temporal import TemporalServer
from tests.integration.gateway.kit import OPS_TOKEN, EnterCall, Serve, Served
from tests.integration.gateway.stuck_call import TRIES, Keeper, stuck_calls

READER_TOKEN = "a-token-to-look-only"


@pytest.fixture
async def keeper(served: Served, database_url: str) -> AsyncIterator[Keeper]:
    """Calls that wait for a person."""
    async with stuck_calls(served, database_url) as keeper:
        yield keeper


@pytest.fixture
async def call(served: Served, keeper: Keeper, task_queue_prefix: str, enter_call: EnterCall) -> str:
    """The address of one of them."""
    await enter_call(task_queue_prefix)
    await served.sender.event("call.started", task_queue_prefix)
    return f"/ops/calls/{task_queue_prefix}"


async def page(served: Served, address: str, **headers: str) -> str:
    """What a person sees there."""
    answer = await served.ops.get(address, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def filled(served: Served, call: str, action: str, **fields: str) -> dict[str, str]:
    """The form of a mend, filled in."""
    text = await page(
        served,
        f"{call}/mend?action={action}&step=final_update" if action == "retry" else f"{call}/mend?action={action}",
    )
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text))
    assert set(hidden) == {"csrf", "id", "action", "step", "sentence"}
    return {**hidden, "by": "Eve", "reason": "Zendesk is back", **fields}


async def press(served: Served, call: str, form: dict[str, str]) -> httpx.Response:
    """Send it."""
    return await served.ops.post(f"{call}/mend", data=form)


async def sent(database_url: str, call_id: str, requests: int) -> None:
    """So many requests in the ledger, all but the last of them rate limited."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO attempts (call_id, generation, step, attempt, request_id, method, path, sent_at, http_status,"
            " outcome, finished_at) SELECT %s, 1, 'update_ticket-final', n, %s || '.update_ticket.' || n, 'PUT',"
            " '/api/v2/tickets/123', %s::timestamptz + make_interval(secs => n * 60),"
            " CASE WHEN n = %s THEN 422 ELSE 429 END,"
            " CASE WHEN n = %s THEN 'Unprocessable' ELSE 'RateLimited' END,"
            " %s::timestamptz + make_interval(secs => n * 60 + 0.1) FROM generate_series(1, %s) n",
            [call_id, call_id, datetime.now(UTC), requests, requests, datetime.now(UTC), requests],
        )


async def test_the_page_tells_what_happened(served: Served, call: str, database_url: str) -> None:
    """Events, requests with their ids, waits, causes, what can be done, and where to look further."""
    call_id = call.rpartition("/")[2]
    await sent(database_url, call_id, 3)
    text = await page(served, call)
    for said in (
        "call.started received",
        f"{call_id}.update_ticket.2",
        "PUT /api/v2/tickets/123",
        "429 rate limited",
        "waiting for Zendesk: 429",
        "Zendesk refuses it: 422",
        TRIES,
        "u•••@example.com",
        f"workflows/call-{call_id}",
    ):
        assert said in text, said


async def test_five_hundred_requests_are_read_and_no_more(served: Served, call: str, database_url: str) -> None:
    """The page stays small, and says how many there are."""
    await sent(database_url, call.rpartition("/")[2], 730)
    text = await page(served, call)
    assert len(text.encode()) < 200_000
    assert "The latest 100 of 730 requests" in text
    assert "670 requests are neither drawn" in text


async def test_a_mend_says_first_what_it_will_do(served: Served, keeper: Keeper, call: str) -> None:
    """Looking at the form does nothing; sending it does it, tells what came of it, and remembers who."""
    form = await filled(served, call, "retry")
    assert (form["sentence"], form["step"], keeper.done) == (TRIES, "final_update", [])
    answer = await press(served, call, form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{call}?mended={form['id']}")
    assert f"{BY_COOKIE}=Eve" in answer.headers["set-cookie"]
    text = await page(served, answer.headers["location"])
    assert re.search(rf'id="came-of">.*{re.escape(TRIES)}', text)
    for said in ("Eve", "Zendesk is back", "retry"):
        assert said in text
    again = await press(served, call, {**form, "by": "Eve A."})
    assert f"{BY_COOKIE}=Eve%20A." in again.headers["set-cookie"]
    assert 'value="Eve A."' in await page(served, f"{call}/mend?action=end")


async def test_pressed_often_it_is_done_once(served: Served, keeper: Keeper, call: str) -> None:
    """Twice at the same moment, and again later: one mend, and each press is led to what came of it."""
    form = await filled(served, call, "retry")
    answers = await asyncio.gather(*(press(served, call, form) for _ in range(5)))
    answers.append(await press(served, call, form))
    assert {answer.headers.get("location") for answer in answers} == {f"{call}?mended={form['id']}"}
    assert keeper.done == [form["id"]]


async def test_who_comes_second_learns_that_nothing_was_left(served: Served, keeper: Keeper, call: str) -> None:
    """Two people have the form open; the second one's wish finds the call told."""
    first, second = await filled(served, call, "retry"), await filled(served, call, "retry")
    assert first["id"] != second["id"]
    await press(served, call, first)
    answer = await press(served, call, second)
    assert "Nothing was done." in await page(served, answer.headers["location"])


async def test_a_call_that_changed_is_asked_about_again(served: Served, keeper: Keeper, call: str) -> None:
    """What was agreed to is another thing by now: nothing is done, the new sentence is shown, the reason is kept."""
    form = await filled(served, call, "retry")
    await served.sender.event("call.answered", call.rpartition("/")[2], queue="124")
    assert "ticket 124" in await page(served, call)
    answer = await press(served, call, form)
    assert answer.status_code == 409
    assert "Will update ticket 124" in answer.text
    assert 'value="Zendesk is back"' in answer.text
    assert form["id"] not in answer.text
    assert keeper.done == []


@pytest.mark.parametrize(
    ("action", "fields", "refusal"),
    [
        ("use_ticket", {"ticket_id": "the other"}, (422, "in digits")),
        ("use_ticket", {"ticket_id": ""}, (422, "in digits")),
        ("use_ticket", {"ticket_id": "#99"}, (409, "99 is the call&#39;s ticket")),
        ("retry", {"by": " "}, (422, "who you are")),
        ("retry", {"reason": ""}, (422, "a reason")),
        ("end", {"reason": "x" * 501}, (422, "a reason")),
    ],
)
async def test_what_cannot_be_done_is_said_beside_the_form(
    served: Served, call: str, action: str, fields: dict[str, str], refusal: tuple[int, str]
) -> None:
    """With what was put in."""
    form = await filled(served, call, action, **{"ticket_id": "5"} | fields)
    answer = await press(served, call, form)
    assert answer.status_code == refusal[0], answer.text
    assert refusal[1] in answer.text
    assert f'name="by" maxlength="128" autocomplete="name" required value="{form["by"].strip()}"' in answer.text


async def test_a_closed_call_takes_no_mend(served: Served, keeper: Keeper, call: str) -> None:
    """It says so; the page of the closed call asks for itself no more."""
    late = await filled(served, call, "use_ticket", ticket_id="5")
    assert (await press(served, call, await filled(served, call, "end"))).status_code == 303
    await served.temporal.get_workflow_handle(f"call-{call.rpartition('/')[2]}").result()
    answer = await press(served, call, late)
    assert answer.status_code == 409
    assert "is over and takes no mend" in answer.text
    assert 'value="5"' in answer.text
    assert "hx-get" not in await page(served, call)


async def test_a_silent_workflow_is_said_to_be_one(
    served: Served, task_queue_prefix: str, enter_call: EnterCall
) -> None:
    """Without a worker the ledger's word is shown, and no form that could do nothing."""
    call_id = f"{task_queue_prefix}/a?b"
    await served.sender.event("call.started", call_id)
    await enter_call(call_id)
    address = f"/ops/calls/{task_queue_prefix}%2Fa%3Fb"
    assert "It does not answer: this is what the ledger knew last." in await page(served, address)
    text = await page(served, f"{address}/mend?action=end")
    assert "does not answer" in text
    assert "<button>" not in text.partition("<main")[2]


async def test_htmx_gets_the_part_that_changes(served: Served, call: str) -> None:
    """And, when nobody can tell of the call, a line above what it has."""
    part = await page(served, call, **{"HX-Request": "true"})
    assert "<html" not in part
    assert part.lstrip().startswith('<div id="account" hx-get=')
    lost = await served.ops.get("/ops/calls/nobody-called", headers={"HX-Request": "true"})
    assert (lost.status_code, lost.headers["hx-retarget"]) == (200, "#stale")
    assert (await served.ops.get("/ops/calls/nobody-called")).status_code == 404


async def test_a_reader_looks_and_does_nothing(
    serve: Serve, own_temporal: TemporalServer, database_url: str, task_queue_prefix: str, enter_call: EnterCall
) -> None:
    """Sentences instead of buttons; the form and its sending are refused, and so is anything without a session."""
    served = await serve(own_temporal.address, database_url, ops_token_readonly=READER_TOKEN)
    call = f"/ops/calls/{task_queue_prefix}"
    async with stuck_calls(served, database_url) as keeper:
        await enter_call(task_queue_prefix)
        await served.sender.event("call.started", task_queue_prefix)
        form = await filled(served, call, "retry")
        bearer = {"Authorization": f"Bearer {READER_TOKEN}"}
        text = (await served.http.get(call, headers=bearer)).text
        assert TRIES in text
        assert "/mend?" not in text
        shown = await served.http.get(f"{call}/mend?action=retry", headers=bearer)
        assert TRIES in shown.text
        assert "<button>" not in shown.text.partition("<main")[2]
        assert (await served.http.post(f"{call}/mend", data=form, headers=bearer)).status_code == 403
        for answer in (await served.http.get(call), await served.http.post(f"{call}/mend", data=form)):
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/ops/sign-in")
        assert keeper.done == []


async def test_a_form_of_another_session_is_refused(served: Served, keeper: Keeper, call: str) -> None:
    """A signed-in browser has to send the form's own token; the content of the form does not count without it."""
    await served.http.post("/ops/sign-in", data={"token": OPS_TOKEN})
    text = (await served.http.get(f"{call}/mend?action=retry")).text
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text)) | {"by": "Eve", "reason": "why"}
    assert form["csrf"]
    refused = await served.http.post(f"{call}/mend", data={**form, "csrf": "x" * len(form["csrf"])})
    assert (refused.status_code, keeper.done) == (403, [])
    assert (await served.http.post(f"{call}/mend", data=form)).status_code == 303
    assert keeper.done == [form["id"]]


async def test_a_call_whose_id_ends_like_the_form_has_its_page(
    served: Served, keeper: Keeper, task_queue_prefix: str, enter_call: EnterCall
) -> None:
    """In its address the slash is escaped; its form has one more."""
    assert keeper.done == []
    call_id = f"{task_queue_prefix}/mend"
    await enter_call(call_id)
    await served.sender.event("call.started", call_id)
    address = f"/ops/calls/{task_queue_prefix}%2Fmend"
    assert "What it waits for" in await page(served, address)
    assert TRIES in await page(served, f"{address}/mend?action=retry")
    answer = await press(served, address, await filled(served, address, "retry"))
    assert answer.headers["location"].startswith(f"{address}?mended=")
