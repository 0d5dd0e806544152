"""What became of a call: the workflow's own word, else the ledger's, else the truth that nobody can tell."""

import asyncio
import time
from typing import Any
from urllib.parse import quote

import pytest

from cli.servers.temporal import TemporalServer
from tests.integration.gateway.kit import EnterCall, Serve, Served, refused
from tests.integration.gateway.one_step import a_worker


async def shown(served: Served, call_id: str) -> dict[str, Any]:
    """The call as the gateway shows it."""
    answer = await served.ops.get(f"/calls/{quote(call_id, safe='')}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("Unavailable", "retrying"),
        ("ScopeMissing", "waiting"),
        ("CredentialRefused", "waiting"),
        ("RateLimited", "waiting"),
    ],
)
async def test_a_failing_step_shows_attempts_and_why(
    served: Served, task_queue_prefix: str, kind: str, state: str
) -> None:
    """What Temporal knows of the activity is merged into the workflow's word, decrypted and masked."""
    call_id = f"{task_queue_prefix}-{kind}"
    async with a_worker(served):
        await served.sender.event("call.started", call_id, queue=kind)
        document = await shown(served, call_id)
        while not document["steps"] or document["steps"][0]["last_error"] is None:
            await asyncio.sleep(0.05)
            document = await shown(served, call_id)
    assert document["source"] == "workflow"
    assert document["steps"] == [
        {
            "name": "create_ticket",
            "state": state,
            "attempts": 1,
            "last_error": f"{kind}: 503 for •••@•••, •••",
            "finished_at": None,
        }
    ]
    assert document["customer"] == {"email": "u•••@example.com", "phone": None}


async def test_a_closed_call_still_tells_of_itself(served: Served, task_queue_prefix: str) -> None:
    """By query, as long as Temporal keeps it."""
    call_id = f"{task_queue_prefix}/a?b#c%20"
    async with a_worker(served):
        await served.sender.event("call.started", call_id, queue="end")
        await served.temporal.get_workflow_handle(f"call-{call_id}").result()
        assert (await shown(served, call_id))["source"] == "workflow"


async def test_without_a_worker_the_ledger_tells(served: Served, task_queue_prefix: str, enter_call: EnterCall) -> None:
    """The workflow exists and cannot be asked: within four seconds the last saved status is shown."""
    call_id = f"{task_queue_prefix}-1"
    await served.sender.event("call.started", call_id)
    began = time.monotonic()
    answer = await served.ops.get(f"/calls/{call_id}")
    assert "Does a worker run?" in refused(answer, 503, "call-unreadable")["detail"]
    assert time.monotonic() - began < 4
    await enter_call(call_id, ticket_id=77)
    document = await shown(served, call_id)
    assert (document["source"], document["ticket_id"]) == ("ledger", 77)
    assert "activity_id" not in document["steps"][0]


async def test_a_call_beyond_retention_is_told_by_the_ledger(
    served: Served, task_queue_prefix: str, enter_call: EnterCall
) -> None:
    """Temporal has forgotten it, the ledger has not; an id may be any visible characters."""
    call_id = f"{task_queue_prefix}/a?b#c%"
    await enter_call(call_id)
    assert (await shown(served, call_id))["call_id"] == call_id


@pytest.mark.parametrize("call_id", ["nobody-called", "search", "a%2Fb", "%00", "%C3%A9", "x" * 3000])
async def test_an_unknown_call_is_404(served: Served, call_id: str) -> None:
    """Neither Temporal nor the ledger knows it."""
    refused(await served.ops.get(f"/calls/{call_id}"), 404, "unknown-call")


async def test_a_ledger_out_of_reach_leaves_the_workflows_word(
    serve: Serve, own_temporal: TemporalServer, task_queue_prefix: str
) -> None:
    """A call that runs is shown; of one that Temporal does not know nobody can say that it never was."""
    served = await serve(own_temporal.address)
    call_id = f"{task_queue_prefix}-1"
    async with a_worker(served):
        await served.sender.event("call.started", call_id, queue="end")
        assert (await shown(served, call_id))["source"] == "workflow"
    refused(await served.ops.get(f"/calls/{call_id}-other"), 503, "call-unreadable")
    refused(await served.ops.get("/calls"), 503, "ledger-unavailable")
    refused(await served.ops.post("/calls/search", json={"email": "a@example.com"}), 503, "ledger-unavailable")
    assert (await served.ops.get("/ops")).status_code == 503


async def test_lists_are_filtered_and_paged(served: Served, enter_call: EnterCall) -> None:
    """Newest first, each filter by itself, and every call once over all pages."""
    for number in range(5):
        await enter_call(f"c-{number}", ticket_id=number or None, state="missed" if number else "ringing")
    await enter_call("c-5", agent={"id": "a-7", "name": None}, needs_attention=True, attention="look")

    async def ids(query: str) -> list[str]:
        return [call["call_id"] for call in (await served.ops.get(f"/calls?{query}")).json()["calls"]]

    assert await ids("") == ["c-5", "c-4", "c-3", "c-2", "c-1", "c-0"]
    assert await ids("state=ringing") == ["c-0"]
    assert await ids("ticket_id=3") == ["c-3"]
    assert await ids("agent_id=a-7") == ["c-5"]
    assert await ids("needs_attention=true") == ["c-5"]
    assert await ids("state=missed&limit=2") == ["c-4", "c-3"]
    first = (await served.ops.get("/calls?limit=4")).json()
    assert first["calls"][0]["source"] == "ledger"
    second = (await served.ops.get("/calls", params={"limit": 4, "cursor": first["next_cursor"]})).json()
    assert [call["call_id"] for call in second["calls"]] == ["c-1", "c-0"]
    assert second["next_cursor"] is None


async def test_a_customers_calls_are_found_by_hash(served: Served, enter_call: EnterCall) -> None:
    """However the email or phone is written; the body is never quoted."""
    await enter_call("c-1", email="user@example.com")
    await enter_call("c-2", phone="+15550100")

    async def found(**wanted: object) -> list[str]:
        answer = await served.ops.post("/calls/search", json=wanted)
        assert answer.status_code == 200, answer.text
        return [call["call_id"] for call in answer.json()["calls"]]

    assert await found(email=" User@EXAMPLE.com") == ["c-1"]
    assert await found(phone="+1 (555) 0100") == ["c-2"]
    assert await found(email="user@example.com", phone="+15550100") == ["c-2", "c-1"]
    assert await found(email="other@example.com") == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "state=gone", "ticket_id=-1", "needs_attention=perhaps", "cursor=%00"]
)
async def test_a_filter_that_cannot_be_used_is_422(served: Served, query: str) -> None:
    """The document says which."""
    document = refused(await served.ops.get(f"/calls?{query}"), 422, "invalid-request")
    assert query.partition("=")[0] in document["errors"][0]["field"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"email":"planted 15550199"}', b'{"phone":7}', b'{"phone":"x"}'])
async def test_a_search_that_cannot_be_made_is_422(served: Served, body: bytes) -> None:
    """And does not quote what was looked for."""
    answer = await served.ops.post("/calls/search", content=body)
    refused(answer, 422, "invalid-request")
    assert "15550199" not in answer.text
