"""What is out of reach for a while: workers, Temporal, PostgreSQL, the CRM; and a worker that is asked to go."""

import time

from tests.e2e.stack import Json, Stack, eventually
from tests.e2e.waiting import tell
from tests.e2e.webhooks import RECORD, payload

KINDS = ("started", "answered", "completed")


def customer(stack: Stack, call_id: str) -> Json:
    """A customer with this one call, whom the CRM knows."""
    email = f"{call_id}@example.com"
    stack.sim("PUT", "/customers", {"email": email, "properties": RECORD})
    return {"email": email}


def assert_each_step_once(stack: Stack, *call_ids: str) -> None:
    """One ticket a call with each note once, no request twice, whatever was out of reach meanwhile."""
    books = stack.books()
    tickets = {ticket["external_id"]: ticket for ticket in books["tickets"]}
    assert len(books["tickets"]) == len(tickets)
    for call_id in call_ids:
        steps = [request["request_id"].split(".")[1] for request in stack.journal(call_id)]
        assert sorted(set(steps)) == sorted(steps)
        marks = [comment["body"].rpartition("\n")[2] for comment in tickets[call_id]["comments"]]
        assert marks == [f"[call {call_id} · started]", f"[call {call_id} · completed]"]
        assert (tickets[call_id]["status"], tickets[call_id]["custom_status"]) == ("open", None)


async def test_the_gateway_alone(stack: Stack) -> None:
    """With no worker webhooks are taken, and the call is processed when one comes."""
    stack.start_gateway()
    them = customer(stack, "c-1")
    answers = [stack.post(payload(kind, "c-1", customer=them)) for kind in KINDS]
    assert [(a.status_code, a.json()) for a in answers] == [(202, {"status": "accepted", "call_id": "c-1"})] * 3
    assert stack.journal() == []
    began = time.monotonic()
    stack.start_worker()
    assert stack.ended("c-1")["state"] == "completed"
    tell(f"the call that waited for a worker had ended {time.monotonic() - began:.1f} s after the worker's start")
    # The call was over when the worker saw it: neither In-Call nor a pop would have helped anybody.
    assert stack.counts() == {"token": 1, "search": 1, "create_ticket": 1, "update_ticket": 1}
    assert_each_step_once(stack, "c-1")


async def test_temporal_killed(durable_stack: Stack) -> None:
    """Webhooks are answered 503 with Retry-After inside 3 s; the retry is taken once it is back; nothing is lost."""
    stack = durable_stack
    stack.start_gateway()
    stack.start_workers(1)
    them = customer(stack, "c-1")
    stack.send("started", "c-1", customer=them)
    stack.until("c-1", lambda s: s["ticket_id"])

    stack.temporal.kill()
    body = payload("answered", "c-1", customer=them)
    took = [seconds_to_refuse(stack, body) for _ in range(2)]
    assert max(took) < 3
    tell(f"Temporal killed: 503 after {took[0]:.2f} and {took[1]:.2f} s")

    stack.temporal.start()
    back = time.monotonic()
    eventually(lambda: stack.post(body).status_code == 202)
    taken = time.monotonic() - back
    stack.until("c-1", lambda s: s["screen_pops"] and s["screen_pops"][0]["state"] != "pending")
    stack.send("completed", "c-1", customer=them)
    stack.ended("c-1")
    tell(f"Temporal back: the retry was taken after {taken:.1f} s, the call told {time.monotonic() - back:.1f} s after")
    stack.run_call("c-2", customer=customer(stack, "c-2"))
    assert_each_step_once(stack, "c-1", "c-2")


def seconds_to_refuse(stack: Stack, body: Json) -> float:
    """How long a webhook takes that nobody can make durable."""
    sent = time.monotonic()
    refused = stack.post(body)
    took = time.monotonic() - sent
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert refused.headers["Content-Type"] == "application/problem+json"
    return took


async def test_postgresql_stopped(stack: Stack) -> None:
    """Webhooks are taken and pops shown without it; when it is back the calls end right."""
    stack.start_gateway()
    stack.start_workers(1)
    stack.run_call("c-0", customer=customer(stack, "c-0"))
    them = {call_id: customer(stack, call_id) for call_id in ("c-1", "c-2")}
    stack.send("started", "c-1", customer=them["c-1"])
    stack.until("c-1", lambda s: s["ticket_id"])

    stack.postgres.stop()
    stack.send("answered", "c-1", customer=them["c-1"])
    stack.send("started", "c-2", customer=them["c-2"])
    stack.send("answered", "c-2", customer=them["c-2"])
    pops = {c: shown_pop(stack, c) for c in them}
    for call_id, caller in them.items():
        stack.send("completed", call_id, customer=caller)
    tell(f"PostgreSQL stopped: pops after {pops['c-1']} ms (ticket known) and {pops['c-2']} ms (a new call)")
    assert stack.counts("c-2")["create_ticket"] == 0

    stack.postgres.start()
    back = time.monotonic()
    for call_id in them:
        stack.ended(call_id)
    tell(f"PostgreSQL back: both calls were told {time.monotonic() - back:.1f} s later")
    assert_each_step_once(stack, *them)


def shown_pop(stack: Stack, call_id: str) -> int:
    """Milliseconds until the call's pop was shown; no more than two seconds."""
    (pop,) = stack.until(call_id, lambda s: s["screen_pops"] and s["screen_pops"][0]["state"] == "shown")["screen_pops"]
    assert pop["latency_ms"] < 2000
    return int(pop["latency_ms"])


async def test_the_crm_hangs(stack: Stack) -> None:
    """What is ready, the ticket, is shown within two seconds of the webhook."""
    stack.fault("fetch_customer", "hang", times=None)
    stack.start_gateway()
    stack.start_workers(1)
    calls = [f"c-{number}" for number in range(4)]
    seconds = []
    for call_id in calls:
        stack.send("started", call_id, customer=customer(stack, call_id))
        ticket_id = stack.until(call_id, lambda s: s["ticket_id"])["ticket_id"]
        sent = time.time()
        stack.send("answered", call_id, customer=customer(stack, call_id))
        shown_pop(stack, call_id)
        (request,) = stack.journal(call_id, "patch_call")
        assert request["body"] == {"call": {"custom_properties": {"ticket_id": ticket_id}}}
        seconds.append(request["at"] - sent)
        stack.send("completed", call_id, customer=customer(stack, call_id))
        stack.ended(call_id)
    assert max(seconds) < 2
    assert_each_step_once(stack, *calls)
    tell(f"the CRM hangs: the ticket is shown {', '.join(f'{s:.2f}' for s in seconds)} s after the webhook")


async def test_a_worker_that_is_asked_to_go_drains(stack: Stack) -> None:
    """Its running request comes to its end and it exits with 0; another worker goes on, nothing lost, nothing twice."""
    stack.fault("create_ticket", "delay", delay_ms=3000)
    stack.start_gateway()
    stack.start_workers(1)
    calls = {f"c-{number}": customer(stack, f"c-{number}") for number in range(5)}
    stack.send("started", "c-0", customer=calls["c-0"])
    eventually(lambda: stack.counts("c-0")["create_ticket"])
    began = time.monotonic()
    stack.workers[0].terminate()
    for call_id, caller in calls.items():
        stack.send("started", call_id, customer=caller)
    assert stack.workers[0].wait() == 0
    drained = time.monotonic() - began
    assert "worker drains" in stack.log("worker-1")
    assert "Traceback" not in stack.log("worker-1")
    assert [create["status"] for create in stack.journal("c-0", "create_ticket")] == [201]
    assert drained > 1

    began = time.monotonic()
    stack.start_worker()
    status = stack.until("c-0", lambda s: s["ticket_id"])
    went_on = time.monotonic() - began
    assert [(s["state"], s["attempts"]) for s in status["steps"] if s["name"] == "create_ticket"] == [("done", 1)]
    for call_id, caller in calls.items():
        stack.until(call_id, lambda s: s["ticket_id"])
        stack.send("answered", call_id, customer=caller)
        shown_pop(stack, call_id)
        stack.send("completed", call_id, customer=caller)
        stack.ended(call_id)
    assert_each_step_once(stack, *calls)
    tell(f"a worker with a request of 3 s drained in {drained:.1f} s; the next went on {went_on:.1f} s after its start")
