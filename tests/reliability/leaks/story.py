"""The calls of the planted customers, each with a vendor that fails and repeats in its errors what it was sent."""

import base64
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

from cli.servers.child import free_port
from tests.e2e.stack import ENDED
from tests.e2e.waiting import eventually
from tests.e2e.webhooks import Json, payload
from tests.reliability.leaks.house import House
from tests.reliability.leaks.plants import Person

BY_EMAIL = ("search", "create_ticket", "fetch_customer")
"""Requests that name the customer; the others name the call."""
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("status", {"status": 500}),
    ("status", {"status": 503}),
    ("status", {"status": 429, "headers": {"Retry-After": "1"}}),
    ("status", {"status": 401}),
    ("status", {"status": 409}),
    ("status", {"status": 422}),
    ("drop_before", {}),
    ("drop_after", {}),
    ("hang_after", {}),
    ("malformed", {}),
    ("wrong_shape", {}),
    ("huge", {}),
)
SLOW = (400, 403, 404, 405, 302)
"""Statuses that are tried again a minute later: enough to have been told of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the story did: calls, those that ended meanwhile, faults that were met, webhooks refused."""

    calls: int
    ended: int
    faults: int
    answers: list[str]


async def tell(house: House, random: Random) -> Told:
    """Play a call for each customer, everything that goes wrong, and what outsiders try; the answers they got."""
    await house.token()
    calls = [(f"leak-{number}", person) for number, person in enumerate(house.people)]
    for call_id, person in calls[1:]:
        _arm(house, random, call_id, person)
    answers = [answer for call_id, person in calls for answer in _play(house, random, call_id, person)]
    house.sim("POST", "/tokens/revoke")
    _leave_to_a_person(house, *calls[0])
    answers += list(outsiders(house, calls[0][1]))
    _end_some(house, calls)
    ended = eventually(lambda: _ended(house, calls), limit_s=180)
    _vendor_tells_the_secrets(house, await house.token())
    await house.token()
    answers += [json.dumps(house.call(call_id)) for call_id, _ in calls]
    answers += [house.ask("GET", "/calls?limit=200").text, house.ask("GET", "/ops").text]
    hits = sum(fault["hits"] > 0 for fault in house.sim("GET", "/faults")["faults"])
    return Told(calls=len(calls), ended=ended, faults=hits, answers=answers)


def outsiders(house: House, person: Person) -> Iterator[str]:
    """Requests that are refused, with customer data or secrets wherever one can be put; what is answered."""
    base = f"http://127.0.0.1:{house.gateway_port}"
    customer = {"email": person.email, "phone_number": person.phone, "name": person.name}
    whole = payload("started", "refused", customer=customer)
    yield house.http.post(f"{base}/webhooks/calls", json=whole).text
    raws = (
        json.dumps(whole).encode()[:-3],
        person.email.encode("utf-16"),
        b'{"event": "call.started", "data": {"id": ["%s"]}}' % person.email.encode(),
        b'{"event": "%s", "data": {"id": "x"}}' % person.email.encode(),
        b'{"event": "call.started", "data": "%s"}' % person.phone.encode(),
        b"[" * 50_000 + person.phone.encode(),
        b'"' + person.email.encode() * 4000 + b'"',
    )
    for raw in raws:
        yield house.post_raw(raw).text
    odd = {"email": f"{person.email}@twice", "phone_number": f"call {person.phone} please", "name": [person.name]}
    strange = {"ticket_id": person.phone, "duration_s": person.email, "recording_url": f"ftp://{person.email}"}
    yield house.post(payload("started", "odd", customer=odd, **strange)).text
    for path in (f"/calls/{quote(person.email)}", f"/{quote(person.phone)}", f"/calls?cursor={quote(person.email)}"):
        yield house.ask("GET", path).text
    for body in ({"email": f"{person.email}@"}, {"phone": f"{person.phone}x"}, {"email": [person.email]}, person.email):
        yield house.ask("POST", "/calls/search", json=body).text
    yield house.ask("POST", "/calls/search", json={"email": person.email}).text
    yield house.ask("POST", "/codec/decode", json={"payloads": [_payload(person.email)]}).text
    for token in (person.email, house.secrets["OPS_TOKEN"][:-1]):
        yield house.http.get(f"{base}/calls", headers={"Authorization": f"Bearer {token}"}).text
        yield house.http.post(f"{base}/ops/sign-in", data={"token": token}).text


def crash(house: House) -> None:
    """End every process in the ways that make it tell most: SIGABRT, with the interpreter's own dump switched on."""
    house.start_gateway(API_PORT=str(free_port()), PYTHONFAULTHANDLER="1")
    house.start_worker(PYTHONFAULTHANDLER="1")
    house.until_log(f"worker-{len(house.workers)}", "worker serves")
    for process in (*house.gateways, *house.workers):
        if process.running:
            os.kill(process.pid, signal.SIGABRT)
            process.wait()


def _arm(house: House, random: Random, call_id: str, person: Person) -> None:
    """Two or three requests of this call meet a fault that repeats customer data in one spelling or other."""
    kinds = ("search", "create_ticket", "fetch_customer", "update_ticket", "patch_call")
    for kind in random.sample(kinds, k=random.choice((2, 3))):
        fault, more = random.choice(FAULTS)
        body = {"body": echo(random, person)} if fault == "status" else {}
        when = person.email if kind in BY_EMAIL else call_id
        house.fault(kind, fault, when=when, times=random.choice((1, 2)), **more, **body)


def echo(random: Random, person: Person) -> Json:
    """A vendor's error that repeats what it was sent."""
    spelling, other = random.sample(person.spellings(), k=2)
    details = {spelling: [{"description": f"{other} is invalid"}]}
    return {"error": "Refused", "description": f"{spelling} at {other} is not welcome", "details": details}


def _play(house: House, random: Random, call_id: str, person: Person) -> Iterator[str]:
    """The three events in any order, the customer spelled as somebody's telephony would; the gateway's answers."""
    phone = random.choice([person.phone, f"({person.phone[2:5]}) {person.phone[5:8]}-{person.phone[8:]}"])
    customer = {"email": person.email, "phone_number": phone, "name": person.name}
    lines = {"from_line": person.phone, "recording_url": f"https://records.example/{quote(person.phone)}"}
    for kind in random.sample(("started", "answered", "completed"), k=3):
        yield house.post(payload(kind, call_id, customer=customer, **lines)).text


def _leave_to_a_person(house: House, call_id: str, person: Person) -> None:
    """One call whose every update is refused: it needs attention, and the alert says why."""
    house.fault("update_ticket", "status", status=422, times=None, when=call_id, body=echo(house.random, person))


def _end_some(house: House, calls: list[tuple[str, Person]]) -> None:
    """A few more calls, each of which meets what is only tried again after a minute."""
    for number, (status, (_, person)) in enumerate(zip(SLOW, calls, strict=False)):
        house.fault("search", "status", status=status, when=f"slow{person.email}", body=echo(house.random, person))
        customer = {"email": f"slow{person.email}", "phone_number": None, "name": person.name}
        house.send("started", f"slow-{number}", customer=customer)


def _vendor_tells_the_secrets(house: House, token: str) -> None:
    """Errors that repeat the bearer token, the CRM's token, the client's secret: each what it was sent."""
    _tell_back(house, "search", 503, token)
    _tell_back(house, "create_ticket", 400, quote(token))
    _tell_back(house, "fetch_customer", 400, house.secrets["CRM_TOKEN"])
    house.send("started", "secrets-told", customer={"email": "nobody@elsewhere.example", "phone_number": None})
    eventually(lambda: all(fault["hits"] for fault in house.sim("GET", "/faults")["faults"][-3:]), limit_s=90)
    # Last, as the next exchange is a minute away then.
    _tell_back(house, "token", 401, house.secrets["ZENDESK_CLIENT_SECRET"])
    house.sim("POST", "/tokens/revoke")
    house.send("started", "secret-told", customer={"email": "somebody@elsewhere.example", "phone_number": None})
    eventually(lambda: house.sim("GET", "/faults")["faults"][-1]["hits"], limit_s=90)


def _tell_back(house: House, kind: str, status: int, secret: str) -> None:
    body = {"error": "invalid", "error_description": f"cannot take Bearer {secret}", "details": {secret: []}}
    house.fault(kind, "status", status=status, body=body)


def _ended(house: House, calls: list[tuple[str, Person]]) -> int:
    """How many calls ended, once all have; the one left to a person counts as soon as it is."""
    statuses = [house.call(call_id) for call_id, _ in calls]
    over = [s for s in statuses if s and s["state"] in ENDED and (_told(s) or s["needs_attention"])]
    return len(over) if len(over) == len(calls) else 0


def _told(status: Json) -> bool:
    updates = [step["state"] for step in status["steps"] if step["name"] == "update_ticket"]
    return "done" in updates and not {"running", "retrying", "waiting"} & set(updates)


def _payload(text: str) -> Json:
    data = base64.b64encode(text.encode()).decode()
    return {"metadata": {"encoding": base64.b64encode(b"binary/encrypted").decode()}, "data": data}
