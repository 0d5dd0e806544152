"""What requests and answers look like: examples for the OpenAPI document, and so for `/docs` and `docs/api.md`."""

from typing import Any

from pydantic import ConfigDict

EVENT: dict[str, Any] = {
    "event": "call.started",
    "timestamp": 1678901234567,
    "data": {
        "id": "c-1234567890",
        "status": "ringing",
        "customer": {"email": "user@example.com", "phone_number": "+15550100"},
        "ticket_id": None,
        "agent": {"id": "a-9876543210", "name": "Agent Smith"},
    },
}

MEND: dict[str, Any] = {
    "id": "4f1d0c9a2b7e6835",
    "action": "use_ticket",
    "ticket_id": 1002,
    "step": "final_update",
    "by": "Ann Example",
    "reason": "The ticket was deleted by mistake.",
}
MENDED: dict[str, Any] = {
    "id": "4f1d0c9a2b7e6835",
    "result": "done",
    "text": "This call goes on with ticket 1002.",
}
SEARCH: dict[str, Any] = {"email": "user@example.com", "limit": 20}

CALL: dict[str, Any] = {
    "call_id": "c-1234567890",
    "source": "workflow",
    "state": "in_call",
    "needs_attention": False,
    "attention": None,
    "causes": [],
    "mends": {"end": "Treats the call as over: ticket 1001 is told that its end was not reported."},
    "warnings": [],
    "ticket_id": 1001,
    "ticket_origin": "created",
    "customer": {"email": "u•••@example.com", "phone": "+1555•••00"},
    "agent": {"id": "a-9876543210", "name": "Agent Smith"},
    "events": [
        {
            "type": "call.started",
            "event_id": None,
            "occurred_at": "2023-03-15T17:27:14.567Z",
            "received_at": "2023-03-15T17:27:14.702Z",
        }
    ],
    "steps": [
        {
            "name": "create_ticket",
            "state": "done",
            "attempts": 1,
            "last_error": None,
            "finished_at": "2023-03-15T17:27:15.120Z",
        }
    ],
    "screen_pops": [{"agent_id": "a-9876543210", "state": "shown", "latency_ms": 138, "left_out": []}],
    "workflow_id": "call-c-1234567890",
    "run_id": "0198c7c2-6d0b-7c9a-8f43-2f1f6f1f9a10",
}
CALLS: dict[str, Any] = {"calls": [{**CALL, "source": "ledger"}], "next_cursor": "412"}

PAYLOADS: dict[str, Any] = {
    "payloads": [{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "eyJjYWxsX2lkIjogImMtMTIzNDU2Nzg5MCJ9"}]
}
ENCRYPTED: dict[str, Any] = {
    "payloads": [
        {
            "metadata": {"encoding": "YmluYXJ5L2VuY3J5cHRlZA==", "encryption-key-id": "azE="},
            "data": "Qm9yZGVyIG9mIHRoZSBub25jZSBhbmQgY2lwaGVydGV4dA==",
        }
    ]
}


def shown(example: dict[str, Any]) -> ConfigDict:
    """A model's configuration with its example."""
    return ConfigDict(json_schema_extra={"examples": [example]})
