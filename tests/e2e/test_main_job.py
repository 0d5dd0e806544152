"""The example of the integration guide on real servers: every request it costs, and what each one says."""

import json
from datetime import UTC, datetime

from temporalio.client import Client

from tests.e2e.stack import RECORD, Json, Stack
from tests.e2e.waiting import tell

RANG_AT = 1678901234567
EXAMPLE = """
{"event":"call.started","timestamp":1678901234567,
 "data":{"id":"c-1234567890","status":"ringing",
         "customer":{"email":"user@example.com","phone_number":"+15550100"},
         "ticket_id":null,"agent":{"id":"a-9876543210","name":"Agent Smith"}}}
"""
STATUS = {"started": "ringing", "answered": "answered", "completed": "completed"}
SECONDS = {"started": 0, "answered": 8, "completed": 68}


def event(kind: str, call_id: str = "c-1234567890") -> Json:
    """The example's payload, or what the same call sends later."""
    body: Json = json.loads(EXAMPLE)
    body["event"], body["timestamp"] = f"call.{kind}", RANG_AT + 1000 * SECONDS[kind]
    body["data"] |= {"id": call_id, "status": STATUS[kind]}
    return body


def at(kind: str) -> str:
    """When an event happened, as tickets are told."""
    moment = datetime.fromtimestamp((RANG_AT + 1000 * SECONDS[kind]) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whole_call(stack: Stack, call_id: str) -> Json:
    """The call's status once all three events had their effect."""
    assert stack.post(event("started", call_id)).status_code == 202
    stack.until(call_id, lambda s: s["ticket_id"])
    assert stack.post(event("answered", call_id)).status_code == 202
    stack.until(call_id, lambda s: s["screen_pops"][0]["state"] == "shown")
    assert stack.post(event("completed", call_id)).status_code == 202
    return stack.ended(call_id)


async def test_the_example_of_the_guide(stack: Stack) -> None:
    """A new caller costs six requests, a call-back four without search and create, a repeated webhook none."""
    stack.sim("PATCH", "/settings", {"search_lag_s": 60})
    stack.start_gateway()
    stack.start_worker()

    first = whole_call(stack, "c-1234567890")
    assert stack.counts() == {
        "token": 1,
        "search": 1,
        "create_ticket": 1,
        "fetch_customer": 1,
        "patch_call": 1,
        "update_ticket": 1,
    }
    assert_says_what_the_contract_says(stack, first["ticket_id"])
    assert (first["state"], first["ticket_origin"], first["source"]) == ("completed", "created", "workflow")

    again = whole_call(stack, "c-2")
    assert (again["ticket_id"], again["ticket_origin"]) == (first["ticket_id"], "recent")
    assert stack.counts("c-2") == {"fetch_customer": 1, "patch_call": 1, "update_ticket": 2}
    in_call, told = (r["body"]["ticket"] for r in stack.journal("c-2", "update_ticket"))
    assert (in_call["status"], in_call["custom_status"], "comment" in in_call) == ("open", "In-Call", False)
    assert (told["status"], told["custom_status"]) == ("open", None)

    assert_repetitions_change_nothing(stack)
    assert stack.counts()["token"] == 1
    assert [t["external_id"] for t in stack.books()["tickets"]] == ["c-1234567890", "c-other"]
    pops = [stack.call(call_id)["screen_pops"][0]["latency_ms"] for call_id in ("c-1234567890", "c-2")]
    # Not the first call a worker ever had, whose beginning costs a workflow task more.
    events, size = await history_of(stack, "call-c-other")
    tell(f"screen pops after {pops[0]} and {pops[1]} ms; history of a new caller's call: {events} events, {size} bytes")
    assert events <= 55


def assert_says_what_the_contract_says(stack: Stack, ticket_id: int) -> None:
    """Each request's body and address, to the letter."""
    sent = {request["kind"]: request for request in stack.journal()}
    assert sent["token"]["body"] == {
        "grant_type": "client_credentials",
        "client_id": "talkbridge",
        "client_secret": "simulator-secret",
        "scope": "talk:read_all tickets:read_all tickets:write",
    }
    assert sent["search"]["query"] == {"query": 'type:ticket status:open customer_email:"user@example.com"'}
    assert sent["fetch_customer"]["query"] == {"email": "user@example.com", "phone": "+15550100"}
    assert sent["create_ticket"]["idempotency_key"] == "talkbridge-c-1234567890-1"
    assert sent["create_ticket"]["body"] == {
        "ticket": {
            "subject": "Call from +15550100",
            "comment": {"body": "Phone call from +15550100.\n[call c-1234567890 · started]", "public": False},
            "requester": {"name": "+15550100", "email": "user@example.com", "phone": "+15550100"},
            "external_id": "c-1234567890",
            "status": "open",
            "custom_status": "In-Call",
            "tags": ["talkbridge"],
        }
    }
    assert sent["patch_call"]["path"] == "/api/v2/talk/calls/c-1234567890.json"
    assert sent["patch_call"]["body"] == {"call": {"custom_properties": {"ticket_id": ticket_id, **RECORD}}}
    assert sent["update_ticket"]["path"] == f"/api/v2/tickets/{ticket_id}"
    update = dict(sent["update_ticket"]["body"]["ticket"])
    assert update.pop("updated_stamp") == stack.ticket(ticket_id)["created_at"]
    assert update == {
        "status": "open",
        "custom_status": None,
        "safe_update": True,
        "metadata": {
            "call": {
                "id": "c-1234567890",
                "direction": "inbound",
                "from": "+15550100",
                "started_at": at("started"),
                "answered_at": at("answered"),
                "ended_at": at("completed"),
                "duration_s": 60,
                "agent_id": "a-9876543210",
                "agent_name": "Agent Smith",
                "outcome": "completed",
            }
        },
        "comment": {"body": note(), "public": False},
    }
    steps = {request["request_id"].rsplit(".", 1)[0] for request in sent.values()}
    assert steps == {"token.exchange.1"} | {
        f"c-1234567890.{step}.1"
        for step in ("search_tickets", "create_ticket", "fetch_customer", "patch_call", "update_ticket-final")
    }


def note() -> str:
    """What the agent reads on the ticket afterwards."""
    return "\n".join(
        [
            "Call completed.",
            "Direction: inbound",
            "From: +15550100",
            f"Started: {at('started')}",
            f"Answered: {at('answered')}",
            f"Ended: {at('completed')}",
            "Duration: 60 s",
            "Agent: Agent Smith (a-9876543210)",
            "[call c-1234567890 · completed]",
        ]
    )


def assert_repetitions_change_nothing(stack: Stack) -> None:
    """Every webhook again: known to this gateway, and to the call when another gateway takes it."""
    before = {request["request_id"] for request in stack.journal()}
    known = {call_id: stack.call(call_id) for call_id in ("c-1234567890", "c-2")}
    repetitions = [event(kind, call_id) for call_id in known for kind in SECONDS]
    for body in repetitions:
        answer = stack.post(body)
        assert (answer.status_code, answer.json()["status"]) == (200, "already_processed")
    stack.gateways[0].stop()
    stack.start_gateway()
    for body in repetitions:
        assert stack.post(body).status_code == 202
    # A whole call of somebody else's comes after them, so whatever they led to has been sent by now.
    stack.run_call("c-other", customer={"email": "other@example.com"})
    after = [r["request_id"] for r in stack.journal() if not r["request_id"].startswith("c-other.")]
    assert set(after) == before
    assert {call_id: stack.call(call_id) for call_id in known} == known


async def history_of(stack: Stack, workflow_id: str) -> tuple[int, int]:
    """Events and bytes of a workflow's history, as Temporal keeps it."""
    client = await Client.connect(stack.temporal.address)
    events = [event async for event in client.get_workflow_handle(workflow_id).fetch_history_events()]
    return len(events), sum(len(event.SerializeToString()) for event in events)
