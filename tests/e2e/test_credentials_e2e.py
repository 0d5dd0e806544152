"""The credential on real servers: what a worker needs to start, one token for the fleet, and a fresh one in time."""

import asyncio
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from tests.e2e.alerts import chat
from tests.e2e.process import Process
from tests.e2e.stack import ROOT, Json, Stack, eventually
from tests.e2e.waiting import tell

SCOPES = "talk:read_all tickets:read_all tickets:write"


def customer(call_id: str) -> Json:
    """Somebody with this one call."""
    return {"email": f"{call_id}@example.com"}


def send_all(stack: Stack, kind: str, call_ids: Iterable[str]) -> None:
    """The same event of many calls, eight at a time."""
    with ThreadPoolExecutor(8) as senders:
        list(senders.map(lambda call_id: stack.send(kind, call_id, customer=customer(call_id)), call_ids))


def sentence(log: str) -> str:
    """What the worker says last, which is why it ended."""
    return log.strip().splitlines()[-1]


async def test_a_worker_without_a_scope_does_not_start(stack: Stack) -> None:
    """It names the scope, touches no call and alerts; once the scope is granted, the waiting calls go through."""
    stack.sim("PATCH", "/settings", {"granted_scopes": "talk:read_all tickets:write"})
    stack.start_gateway()
    waiting = ["c-1", "c-2", "c-3"]
    send_all(stack, "started", waiting)
    with chat() as administrators:
        began = time.monotonic()
        worker = stack.start_worker(ALERT_WEBHOOK_URL=administrators.url)
        assert worker.wait() == 1
        took = time.monotonic() - began
    said = sentence(stack.log("worker-1"))
    assert said.startswith("The worker does not start: the Zendesk token lacks the scopes tickets:read_all: grant")
    assert stack.log("worker-1").count("The worker does not start") == 1
    assert "Traceback" not in stack.log("worker-1")
    assert stack.counts() == {"token": 1}
    assert [set(alert) for alert in administrators.posted] == [{"text", "kind", "at"}]
    assert administrators.kinds == ["scopes_missing"]
    assert "tickets:read_all" in administrators.posted[0]["text"]

    stack.sim("PATCH", "/settings", {"granted_scopes": SCOPES})
    stack.workers.clear()
    stack.start_worker()
    for call_id in waiting:
        stack.until(call_id, lambda s: s["ticket_id"])
    send_all(stack, "completed", waiting)
    for call_id in waiting:
        assert stack.ended(call_id)["state"] == "missed"
    assert stack.counts() == {"token": 2, "search": 3, "create_ticket": 3, "fetch_customer": 3, "update_ticket": 3}
    tell(f"a worker without a scope ended after {took:.1f} s: {said}")


async def test_a_refused_client_ends_the_start(stack: Stack) -> None:
    """The worker exits naming the client's two settings, and no call was touched."""
    stack.start_gateway()
    stack.send("started", "c-1")
    with chat() as administrators:
        worker = stack.start_worker(ZENDESK_CLIENT_SECRET="wrong-secret", ALERT_WEBHOOK_URL=administrators.url)
        assert worker.wait() == 1
    said = sentence(stack.log("worker-1"))
    assert said.startswith("The worker does not start: Zendesk refuses ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET")
    assert "Traceback" not in stack.log("worker-1")
    assert "wrong-secret" not in stack.log("worker-1")
    assert stack.counts() == {"token": 1}
    assert administrators.kinds == ["client_refused"]
    tell(said)


async def test_a_worker_waits_for_zendesk(stack: Stack) -> None:
    """While the token endpoint is down a worker waits and says so; when it is back, the calls go on by themselves."""
    outage = stack.fault("token", "status", status=503, times=None)
    stack.start_gateway()
    stack.send("started", "c-1")
    worker = stack.start_worker()
    said = stack.until_log("worker-1", "waiting for a Zendesk token")
    eventually(lambda: stack.counts()["token"] >= 3)
    assert worker.running
    assert set(stack.counts()) == {"token"}
    stack.end_fault(outage)
    back = time.monotonic()
    stack.until("c-1", lambda s: s["ticket_id"])
    took = time.monotonic() - back
    assert worker.running
    line = next(line for line in said.splitlines() if "waiting for a Zendesk token" in line)
    tell(f"{took:.1f} s after the token endpoint was back, the waiting call had its ticket; said: {line[-120:]}")


def test_a_missing_setting_ends_the_start(tmp_path: Path) -> None:
    """One sentence that names it, and exit code 2, before anything is reached."""
    log = tmp_path / "worker.log"
    environment = {"PYTHONPATH": str(ROOT), "ZENDESK_API": "guide"}
    worker = Process([sys.executable, str(ROOT / "worker.py")], log=log, env=environment, cwd=tmp_path)
    assert worker.wait() == 2
    (said,) = log.read_text().splitlines()
    assert said.startswith("DATABASE_URL is missing: set it in the environment or in .env to PostgreSQL's address")
    assert "ZENDESK_URL" in said
    tell(said)


async def test_a_fleet_shares_one_token(stack: Stack) -> None:
    """Three workers and a hundred calls cost one token request; a revocation in the middle of thirty one more."""
    stack.start_gateway()
    stack.start_workers(3)
    hundred = [f"h-{number}" for number in range(100)]
    began = time.monotonic()
    for kind in ("started", "answered", "completed"):
        send_all(stack, kind, hundred)
    for call_id in hundred:
        stack.ended(call_id, limit_s=60)
    took = time.monotonic() - began
    assert stack.counts()["token"] == 1
    assert_each_told_once(stack, hundred)

    thirty = [f"r-{number}" for number in range(30)]
    send_all(stack, "started", thirty)
    eventually(lambda: stack.counts()["create_ticket"] >= 110)
    stack.sim("POST", "/tokens/revoke")
    send_all(stack, "answered", thirty)
    revoked = time.monotonic()
    for call_id in thirty:
        stack.until(call_id, lambda s: s["ticket_id"])
    recovered = time.monotonic() - revoked
    send_all(stack, "completed", thirty)
    for call_id in thirty:
        stack.ended(call_id)
    refused = sum(request["status"] == 401 for request in stack.journal())
    assert refused > 0
    assert stack.counts()["token"] == 2
    assert_each_told_once(stack, [*hundred, *thirty])
    tell(f"three workers, a hundred calls, one token request, {took:.0f} s")
    tell(f"a revocation among thirty calls: {refused} answers 401, all had their ticket {recovered:.1f} s later")


async def test_the_token_is_renewed_before_it_ends(stack: Stack) -> None:
    """The next token is asked for at its end less the margin, by nobody's call, and no call ever meets a 401."""
    stack.sim("PATCH", "/settings", {"token_lifetime_s": 8})
    stack.settings["TOKEN_REFRESH_MARGIN_S"] = "3"
    stack.start_gateway()
    stack.start_workers(1)
    # The third token comes 10 s after the first; without renewals this would end with the calls.
    for number in range(200):
        if stack.counts()["token"] == 3:
            break
        stack.run_call(f"c-{number}", customer=customer(f"c-{number}"))
        await asyncio.sleep(0.2)
    asked = [request["at"] for request in stack.journal(kind="token")]
    apart = [later - earlier for earlier, later in pairwise(asked)]
    assert len(apart) == 2
    assert all(4.5 < seconds < 7 for seconds in apart)
    assert {request["status"] for request in stack.journal() if request["kind"] != "fetch_customer"} == {200, 201}
    tell(f"tokens of 8 s with a margin of 3 s were asked for {', '.join(f'{s:.2f}' for s in apart)} s apart")


def assert_each_told_once(stack: Stack, call_ids: list[str]) -> None:
    """One ticket a call, with its completed note once."""
    books = stack.books()
    assert sorted(ticket["external_id"] for ticket in books["tickets"]) == sorted(call_ids)
    marks = books["counts"]["notes_by_mark"]
    assert {call_id: marks.get(f"[call {call_id} · completed]") for call_id in call_ids} == dict.fromkeys(call_ids, 1)
