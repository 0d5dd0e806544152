"""Every order of arrival, every event three times: one ticket with the same words on it, and nothing sent twice."""

import json
import time
from collections import Counter
from itertools import permutations

from cli.servers.child import free_port
from tests.e2e.stack import AGENT, RECORD, Json, Stack, eventually
from tests.e2e.webhooks import payload

KINDS = ("started", "answered", "completed")
ORDERS = list(permutations(KINDS))
PACES = ("at once", "one by one")
CALLS = {
    f"c-{number}{pace[0]}": (number, order, pace) for number, order in enumerate(ORDERS, start=1) for pace in PACES
}
BEGAN = int(time.time() * 1000) - 90_000
MOMENTS = {"started": BEGAN, "answered": BEGAN + 10_000, "completed": BEGAN + 73_000}


def customer(call_id: str) -> Json:
    """One caller a call, whom no other call knows."""
    return {"email": f"{call_id}@example.com", "phone_number": f"+155502{list(CALLS).index(call_id):02d}"}


def event(kind: str, call_id: str) -> Json:
    """The same event whenever it is sent."""
    body = payload(kind, call_id, customer=customer(call_id), queue="sales", from_line="+15550100", agent=AGENT)
    return body | {"timestamp": MOMENTS[kind]}


def deliver(stack: Stack, kind: str, call_id: str, other_port: int) -> None:
    """Three deliveries: to two gateways, who know nothing of each other, and again to the first, who remembers."""
    body = event(kind, call_id)
    answers = [stack.post(body, port).status_code for port in (None, other_port, None)]
    assert answers == [202, 202, 200]


def await_effect(stack: Stack, call_id: str, events: int) -> None:
    """Until the call has seen so many events and nothing is under way for it."""
    stack.until(
        call_id, lambda s: len(s["events"]) == events and all(step["state"] != "running" for step in s["steps"])
    )


async def test_all_orders_three_times_each(stack: Stack) -> None:
    """Six orders at two paces: one ticket each, the same state, metadata and notes, no step's request twice."""
    # Long enough for the last straggler of every order, so that what happens does not hang on the machine's speed.
    stack.settings["CALL_GRACE_S"] = "20"
    stack.start_gateway()
    other_port = free_port()
    stack.start_gateway(API_PORT=str(other_port))
    stack.start_worker()
    for call_id, (_, order, pace) in CALLS.items():
        stack.sim("PUT", "/customers", {"email": customer(call_id)["email"], "properties": RECORD})
        for sent, kind in enumerate(order, start=1):
            deliver(stack, kind, call_id, other_port)
            if pace == "one by one":
                await_effect(stack, call_id, sent)
    ended = {call_id: stack.ended(call_id) for call_id in CALLS}

    books = stack.books()
    assert sorted(t["external_id"] for t in books["tickets"]) == sorted(CALLS)
    tickets = {t["external_id"]: t for t in books["tickets"]}
    said = {call_id: words_of(tickets[call_id], call_id) for call_id in CALLS}
    reference = said["c-1a"]
    assert {call_id: text for call_id, text in said.items() if text != reference} == {}
    for call_id, status in ended.items():
        assert tickets[call_id]["id"] == status["ticket_id"]
        assert_no_step_twice(stack, call_id)
        assert (status["state"], len(status["events"]), status["warnings"]) == ("completed", 3, [])
    assert_pops(stack)


def words_of(ticket: Json, call_id: str) -> str:
    """What stands on a ticket, less what tells one caller from another."""
    kept = {name: ticket[name] for name in ("status", "custom_status", "tags", "metadata", "subject", "requester")}
    comments = [(comment["body"], comment["public"]) for comment in ticket["comments"]]
    text = json.dumps([kept, comments], sort_keys=True, ensure_ascii=False, indent=1)
    return text.replace(customer(call_id)["phone_number"], "PHONE").replace(call_id, "CALL")


def assert_no_step_twice(stack: Stack, call_id: str) -> None:
    """At most one request a kind; those that always help exactly once."""
    requests = stack.journal(call_id)
    assert max(Counter((r["kind"], r["request_id"].split(".")[1]) for r in requests).values()) == 1
    kinds = Counter(r["kind"] for r in requests)
    assert {kind: kinds[kind] for kind in ("search", "create_ticket", "update_ticket")} == {
        "search": 1,
        "create_ticket": 1,
        "update_ticket": 1,
    }
    assert kinds["fetch_customer"] <= 1
    # What was ready when the agent answered, and once more when the rest of it was: never the same again.
    pops = [r["body"]["call"]["custom_properties"] for r in stack.journal(call_id, "patch_call")]
    assert len(pops) < 2 or (len(pops) == 2 and set(pops[0]) < set(pops[1]))
    assert all(r["status"] in (200, 201) for r in requests)


def assert_pops(stack: Stack) -> None:
    """The pop of a call whose agent had time to look was shown; none was when the call was over by then."""
    shown = {c for c in CALLS if stack.counts(c)["patch_call"]}
    slow = {c for c, (_, order, pace) in CALLS.items() if pace == "one by one" and order.index("completed") == 2}
    assert slow <= shown
    assert not {c for c, (_, order, _) in CALLS.items() if order.index("completed") < order.index("answered")} & shown
    eventually(lambda: all(pop["state"] != "pending" for c in CALLS for pop in stack.call(c)["screen_pops"]))
