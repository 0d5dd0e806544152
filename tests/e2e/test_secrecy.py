"""What was planted (customer data, secrets, tokens) is found nowhere at rest, and nowhere in what processes print."""

from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2 as httpx
import psycopg
from psycopg import sql
from temporalio.client import Client

from activities.postgres.credential import CredentialStore
from activities.postgres.database import Database
from activities.settings import account_of
from cli.servers.child import free_port
from tests.e2e.stack import OPS_TOKEN, SECRET, Stack
from tests.e2e.waiting import tell
from tests.e2e.webhooks import payload
from workflows.connection import Keyring

EMAIL, PHONE = "planted.person@secrets.example", "+15557654321"
CUSTOMER = {"email": EMAIL, "phone_number": PHONE}
SECRETS = {"ZENDESK_CLIENT_SECRET": "planted-client-secret", "CRM_TOKEN": "planted-crm-token"}
RECORD = {"crm_customer_id": "planted-customer", "account_status": "planted-status"}
NEEDLES = ["planted", PHONE, PHONE[1:], PHONE[-10:], SECRET, OPS_TOKEN]
"""`planted` stands in the email, in the record and in two secrets: one hit of any of them is one too many."""
ECHO = {"error": "Refused", "description": f"{EMAIL} at {PHONE} is not welcome"}
"""A vendor that repeats in its error what it was sent."""


async def test_no_plaintext_anywhere(durable_stack: Stack) -> None:
    """Logs at DEBUG, metrics, every table, raw histories and Temporal's file hold none of it; answers are masked."""
    stack = durable_stack
    metrics_port = free_port()
    stack.settings |= {**SECRETS, "LOG_LEVEL": "DEBUG"}
    stack.sim("PATCH", "/settings", {"client_secret": SECRETS["ZENDESK_CLIENT_SECRET"]})
    stack.sim("PATCH", "/settings", {"crm_token": SECRETS["CRM_TOKEN"]})
    stack.sim("PUT", "/customers", {"email": EMAIL, "properties": RECORD})
    stack.start_gateway(LOG_FORMAT="json")
    stack.start_worker(METRICS_PORT=str(metrics_port))

    stack.run_call("c-1", customer=CUSTOMER)
    tokens = [await token(stack)]
    stack.sim("POST", "/tokens/revoke")
    for kind, status in (("fetch_customer", 500), ("create_ticket", 422), ("update_ticket", 500), ("patch_call", 500)):
        stack.fault(kind, "status", status=status, body=ECHO)
    stack.fault("search", "malformed")
    # Somebody else, or the call would join the first one's ticket and neither search nor create.
    other = {"email": EMAIL.upper().replace("PERSON", "OTHER"), "phone_number": f"{PHONE}9"}
    stack.sim("PUT", "/customers", {"email": other["email"], "properties": RECORD})
    stack.run_call("c-2", customer=other, from_line=PHONE)
    tokens.append(await token(stack))
    post_what_is_refused(stack)
    assert_masked(stack)
    assert [fault["hits"] for fault in stack.sim("GET", "/faults")["faults"]] == [1] * 5

    needles = [*NEEDLES, *tokens, stack.key.partition(":")[2], password(stack.postgres.url)]
    assert len(set(tokens)) == 2
    assert EMAIL in str(stack.journal()), "what was planted did go through"
    metrics = [httpx.get(f"http://127.0.0.1:{port}/metrics").text for port in (metrics_port, stack.gateway_port)]
    tables = dump(stack.postgres.url)
    histories = [text async for text in raw_histories(stack.temporal.address)]
    stack.temporal.stop()
    places = {
        **{path.name: path.read_text(errors="replace") for path in logs(stack.folder)},
        **{f"metrics {number}": text for number, text in enumerate(metrics)},
        **{f"table {name}": text for name, text in tables.items()},
        **{f"history {number}": text for number, text in enumerate(histories)},
        **{path.name: readable(path.read_bytes()) for path in stack.folder.glob("temporal.db*")},
    }
    # The places are the right ones: what may be there is there.
    assert "p•••@secrets.example" in places["table calls"]
    assert "call-c-1" in places["temporal.db"]
    assert "webhook_accepted" in places["gateway-1.log"]
    assert "is not welcome" in places["worker-1.log"]
    assert "talkbridge_screen_pops" in places["metrics 0"]
    assert len(histories) >= 3
    assert list(hits(places, needles)) == []
    tell(f"{len(needles)} planted texts looked for in {sum(map(len, places.values())) // 1024} KiB: nothing found")


def post_what_is_refused(stack: Stack) -> None:
    """Webhooks that are refused, each with the planted data in it."""
    url = f"http://127.0.0.1:{stack.gateway_port}/webhooks/calls"
    forged = stack.http.post(url, json=payload("started", "c-3", customer=CUSTOMER))
    assert forged.status_code == 401
    unusable = stack.post({"event": "call.started", "data": {"id": ["x"], "customer": CUSTOMER, "email": EMAIL}})
    assert unusable.status_code == 422
    odd = {"email": f"{EMAIL}@twice", "phone_number": f"call {PHONE} please"}
    assert stack.post(payload("started", "c-4", customer=odd)).status_code == 202
    answers = [forged.text, unusable.text, str(stack.until("c-4", lambda s: s["ticket_id"]))]
    assert list(hits({"answers": "\n".join(answers)}, NEEDLES)) == []


def assert_masked(stack: Stack) -> None:
    """`GET /calls/{id}` and the list show whose call it was without telling."""
    shown = stack.call("c-1")
    assert shown["customer"] == {"email": "p•••@secrets.example", "phone": "+1555•••21"}
    listing = stack.http.get(
        f"http://127.0.0.1:{stack.gateway_port}/calls", headers={"Authorization": f"Bearer {OPS_TOKEN}"}
    ).text
    assert "+1555•••21" in listing
    assert list(hits({"call": str(shown), "other": str(stack.call("c-2")), "list": listing}, NEEDLES)) == []


async def token(stack: Stack) -> str:
    """The present token, as only the worker can read it."""
    keyring = Keyring.parse(stack.key)
    async with Database(stack.postgres.url, size=1) as database:
        store = CredentialStore(database, encrypt=keyring.encrypt, decrypt=keyring.decrypt)
        stored = await store.read(account_of(stack.simulator_url))
    assert stored is not None
    return stored.token


def password(database_url: str) -> str:
    """The database's."""
    found = urlsplit(database_url).password
    assert found
    return found


def logs(folder: Path) -> list[Path]:
    """What processes of ours printed."""
    return sorted([*folder.glob("worker-*.log"), *folder.glob("gateway-*.log")])


def dump(database_url: str) -> dict[str, str]:
    """Every column of every table as text; bytes as text too, where they are one."""
    with psycopg.connect(database_url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = {
            name: connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))).fetchall()
            for (name,) in names
        }
    return {name: "\n".join(row for (row,) in found) for name, found in rows.items()}


async def raw_histories(address: str) -> AsyncIterator[str]:
    """Each workflow's history as Temporal keeps it, read without the codec."""
    client = await Client.connect(address)
    async for workflow in client.list_workflows():
        handle = client.get_workflow_handle(workflow.id, run_id=workflow.run_id)
        yield "\n".join([readable(event.SerializeToString()) async for event in handle.fetch_history_events()])


def readable(data: bytes) -> str:
    """Bytes as text, so that a text within them is found."""
    return data.decode("utf-8", "replace")


def hits(places: dict[str, str], needles: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Where a needle stands, in letters of either case or in hexadecimal digits, with what stands around it."""
    for needle in needles:
        for text in (needle.lower(), needle.encode().hex()):
            for name, place in places.items():
                if (at := place.lower().find(text)) >= 0:
                    yield name, needle, place[max(0, at - 100) : at + 100]
