"""The control interface, spoken to in process: faults, journal, books, settings, seeds and the page."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest

from simulator.app import create_app

_NUMBERS = itertools.count(1)


@pytest.fixture
async def sim() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a fresh simulator."""
    transport = httpx.ASGITransport(app=create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        yield client


async def sign_in(sim: httpx.AsyncClient) -> dict[str, str]:
    """Headers of a client with a token."""
    body = {
        "grant_type": "client_credentials",
        "client_id": "talkbridge",
        "client_secret": "simulator-secret",
        "scope": "talk:read_all tickets:read_all tickets:write",
    }
    answer = await sim.post("/api/v2/oauth/token", json=body, headers=own_id())
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def own_id() -> dict[str, str]:
    """A request id never used before."""
    return {"X-Request-ID": f"test.{next(_NUMBERS)}"}


async def pop(sim: httpx.AsyncClient, token: dict[str, str], **properties: object) -> httpx.Response:
    """One screen pop."""
    body = {"call": {"custom_properties": properties or {"a": 1}}}
    return await sim.patch("/api/v2/talk/calls/c-1.json", json=body, headers={**token, **own_id()})


async def arm(sim: httpx.AsyncClient, **fault: object) -> int:
    """Puts a fault in force."""
    answer = await sim.post("/_sim/faults", json={"kind": "patch_call", **fault})
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["id"]
    return number


async def journal(sim: httpx.AsyncClient, kind: str) -> list[dict[str, Any]]:
    """The journal's entries of a kind."""
    entries: list[dict[str, Any]] = (await sim.get("/_sim/journal", params={"kind": kind})).json()["requests"]
    return entries


async def test_a_fault_meets_as_many_requests_as_it_says(sim: httpx.AsyncClient) -> None:
    """A status fault skips the first request, meets the next two with its headers, and is spent."""
    token = await sign_in(sim)
    await arm(sim, fault="status", status=429, headers={"Retry-After": "7"}, times=2, skip=1)
    answers = [await pop(sim, token) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["Retry-After"] == "7"
    assert [entry["acted"] for entry in await journal(sim, "patch_call")] == [True, False, False, True]


async def test_a_fault_may_last_until_it_is_removed(sim: httpx.AsyncClient) -> None:
    """A fault with `times` null lasts until it is deleted; deleting it again is 404."""
    token = await sign_in(sim)
    number = await arm(sim, fault="status", times=None)
    assert [(await pop(sim, token)).status_code for _ in range(3)] == [503] * 3
    assert (await sim.delete(f"/_sim/faults/{number}")).status_code == 200
    assert (await pop(sim, token)).status_code == 200
    assert (await sim.delete(f"/_sim/faults/{number}")).status_code == 404


async def test_a_fault_may_look_into_the_request(sim: httpx.AsyncClient) -> None:
    """A fault with `when` meets only requests whose path, query or body contain it."""
    token = await sign_in(sim)
    await arm(sim, kind="*", fault="status", when="Premium")
    assert (await pop(sim, token, a="Basic")).status_code == 200
    assert (await pop(sim, token, a="Premium")).status_code == 503


@pytest.mark.parametrize("fault", ["malformed", "wrong_shape", "huge"])
async def test_a_spoilt_answer_comes_after_the_act(sim: httpx.AsyncClient, fault: str) -> None:
    """Malformed, misshapen and huge answers are 200 to a request that was carried out."""
    token = await sign_in(sim)
    await arm(sim, fault=fault)
    answer = await pop(sim, token)
    assert answer.status_code == 200
    spoilt = {
        "malformed": not answer.text.endswith("}"),
        "wrong_shape": "call" not in answer.text,
        "huge": len(answer.content) > 1024 * 1024,
    }
    assert spoilt[fault]
    assert [(e["acted"], e["fault"], e["status"]) for e in await journal(sim, "patch_call")] == [(True, fault, 200)]


async def test_a_status_may_come_after_the_act(sim: httpx.AsyncClient) -> None:
    """`act` true carries the request out before the fault's own status and body are answered."""
    token = await sign_in(sim)
    await arm(sim, fault="status", status=500, body={"error": "late"}, act=True)
    answer = await pop(sim, token)
    assert (answer.status_code, answer.json()) == (500, {"error": "late"})
    assert len((await sim.get("/_sim/calls/c-1")).json()["call"]["pops"]) == 1


async def test_a_redirect_leads_elsewhere(sim: httpx.AsyncClient) -> None:
    """A redirect is a 302 with a location."""
    token = await sign_in(sim)
    await arm(sim, fault="redirect")
    answer = await pop(sim, token)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/elsewhere")


@pytest.mark.parametrize(("fault", "pops"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_drop_shows_as_a_lost_connection(sim: httpx.AsyncClient, fault: str, pops: int) -> None:
    """A dropped request has no status; only drop_after has acted."""
    token = await sign_in(sim)
    await arm(sim, fault=fault)
    with pytest.raises(ConnectionResetError):
        await pop(sim, token)
    assert [(e["status"], e["acted"]) for e in await journal(sim, "patch_call")] == [(None, pops == 1)]
    assert (await sim.get("/_sim/books")).json()["counts"]["pops"] == pops


async def test_typing_errors_are_refused(sim: httpx.AsyncClient) -> None:
    """Unknown faults, kinds, fields, settings and missing fields are 422; what is no object is not read."""
    for body in ({"kind": "pop"}, {"fault": "explode"}, {"tims": 2}, {"id": 3}):
        wrong = {"kind": "token", "fault": "status", **body}
        assert (await sim.post("/_sim/faults", json=wrong)).status_code == 422, wrong
    assert (await sim.post("/_sim/faults", json={"kind": "token"})).status_code == 422
    assert (await sim.post("/_sim/faults", json=[])).status_code == 422
    assert (await sim.post("/_sim/faults", content=b"{")).status_code == 400
    assert (await sim.post("/_sim/calls", json={"webhook_url": "http://x", "secret": "s", "x": 1})).status_code == 422
    assert (await sim.put("/_sim/customers", json={"properties": {}})).status_code == 422
    for setting in (
        {"search_lag": 1},
        {"search_lag_s": "1"},
        {"requests_per_minute": 0},
        {"latencies": {"pop": 1}},
        {"granted_scopes": 1},
        {"strict_calls": 1},
    ):
        assert (await sim.patch("/_sim/settings", json=setting)).status_code == 422, setting


async def test_settings_can_be_changed(sim: httpx.AsyncClient) -> None:
    """A change of settings is answered whole and lasts through a reset."""
    change = {"granted_scopes": "talk:read_all", "latencies": {"*": 1, "search": 2}, "requests_per_minute": 60}
    assert (await sim.patch("/_sim/settings", json=change)).status_code == 200
    await sim.post("/_sim/reset")
    settings = (await sim.get("/_sim/settings")).json()
    assert (settings["granted_scopes"], settings["latencies"]["search"]) == (["talk:read_all"], 2)


async def test_agents_change_tickets_behind_our_back(sim: httpx.AsyncClient) -> None:
    """A seeded ticket can be changed and deleted by an agent; the books show the change as the agent's."""
    seed = {"external_id": "x", "requester": {"name": "A"}, "comment": {"body": "hello", "public": True}}
    ticket = (await sim.post("/_sim/tickets", json={**seed, "age_s": 60})).json()["ticket"]
    path = f"/_sim/tickets/{ticket['id']}"
    changed = (await sim.patch(path, json={"status": "solved"})).json()["ticket"]
    assert (changed["status"], changed["changes"][0]["by"]) == ("solved", "agent")
    assert changed["updated_at"] > ticket["updated_at"]
    assert (await sim.get(path)).json()["ticket"] == changed
    assert (await sim.delete(path)).status_code == 200
    for gone in (await sim.delete(path), await sim.get(path), await sim.patch(path, json={})):
        assert gone.status_code == 404


async def test_the_books_count_what_should_be_single(sim: httpx.AsyncClient) -> None:
    """The books count tickets, external ids used twice, notes, notes by mark, requests and tokens."""
    await sign_in(sim)
    for body in ("x [call c-1 · completed]", "y [call c-1 · completed]\n", "[call c-1 · missed] not at the end"):
        note = {"body": body, "public": False}
        await sim.post("/_sim/tickets", json={"external_id": "c-1", "comment": note})
    counts = (await sim.get("/_sim/books")).json()["counts"]
    assert counts["tickets"] == counts["notes"] == 3
    assert counts["tickets_by_external_id"] == {"c-1": 3}
    assert counts["notes_by_mark"] == {"[call c-1 · completed]": 2}
    assert (counts["requests"], counts["tokens_issued"]) == ({"token": 1}, 1)


async def test_revocation_ends_a_token(sim: httpx.AsyncClient) -> None:
    """After a revocation the old token is refused and a new one works."""
    token = await sign_in(sim)
    assert (await sim.post("/_sim/tokens/revoke")).json() == {"revoked": 1}
    assert (await pop(sim, token)).status_code == 401
    assert (await pop(sim, await sign_in(sim))).status_code == 200


async def test_customers_are_known_to_the_crm(sim: httpx.AsyncClient) -> None:
    """A customer put there is found by the CRM's own request."""
    await sim.put("/_sim/customers", json={"phone": "+15550100", "properties": {"vip": True}})
    headers = {**own_id(), "Authorization": "Bearer crm-secret"}
    answer = await sim.get("/crm/customers", params={"phone": "+15550100"}, headers=headers)
    assert answer.json() == {"customer": {"vip": True}}


async def test_the_journal_tells_requests_in_order(sim: httpx.AsyncClient) -> None:
    """The journal holds each request with number, body and ids; clearing it keeps counting and keeps ids used."""
    headers = {"X-Request-ID": "only-once", "Idempotency-Key": "k"}
    await sim.post("/nowhere", params={"a": "b"}, json={"c": 1}, headers=headers)
    entry = (await journal(sim, "unknown"))[0]
    assert {name: entry[name] for name in ("n", "method", "path", "query", "body", "status")} == {
        "n": 1,
        "method": "POST",
        "path": "/nowhere",
        "query": {"a": "b"},
        "body": {"c": 1},
        "status": 404,
    }
    assert (entry["request_id"], entry["idempotency_key"]) == ("only-once", "k")
    await sim.delete("/_sim/journal")
    assert (await sim.get("/nowhere", headers=headers)).status_code == 400
    assert [entry["n"] for entry in await journal(sim, "unknown")] == [2]


async def test_the_page_escapes_everything(sim: httpx.AsyncClient) -> None:
    """Text in tickets and calls appears on the page as text."""
    await sim.post("/_sim/tickets", json={"subject": "<script>alert(1)</script>", "comment": {"body": "<b>"}})
    await pop(sim, await sign_in(sim), a="<i>")
    text = (await sim.get("/")).text
    assert "&lt;script&gt;" in text
    assert not any(tag in text for tag in ("<script", "<b>", "<i>"))
