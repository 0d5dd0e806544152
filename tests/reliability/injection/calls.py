"""Calls whose every field is hostile, played from ringing to end against the whole system."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from tests.e2e.stack import Stack
from tests.e2e.webhooks import Json
from tests.reliability.injection.texts import EMAILS, TEXTS
from tests.reliability.report import progress

BATCH = 12
FIELDS = ("name", "agent_name", "agent_id", "queue", "disposition", "from_line", "to_line", "direction")
_LIMIT_S = 180.0
_STUCK = 900_000
"""The number of the first call that is to need a person."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call: which text stands in which field, and what the CRM knows of the caller."""

    call_id: str
    kind: str
    email: str
    phone: str
    fields: dict[str, str]
    recording_url: str
    record: dict[str, object]
    forged_mark: bool = False
    """The customer has written our final mark into a public comment, and the final update is lost on its way."""

    @property
    def mark(self) -> str:
        """The mark of its final note."""
        return f"[call {self.call_id} · completed]"

    @property
    def data(self) -> Json:
        """The webhook's `data`."""
        given = self.fields
        data: Json = {name: given[name] for name in FIELDS[3:] if name in given}
        return {
            **data,
            "customer": {"email": self.email, "phone_number": self.phone, "name": given.get("name")},
            "recording_url": self.recording_url,
            "status": given.get("name"),
        }

    @property
    def agent(self) -> Json:
        """Who answers."""
        return {"id": self.fields.get("agent_id", "a-1"), "name": self.fields.get("agent_name")}


class Trap:
    """A listener that nobody may ever connect to."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def connections(self) -> int:
        """How many have connected since the last time."""
        count = 0
        while True:
            try:
                connection, _ = self._socket.accept()
            except BlockingIOError:
                return count
            connection.close()
            count += 1

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


def make(n: int, seed: int, trap_url: str) -> list[Call]:
    """So many calls: each text in all fields, each address, then fields drawn at random."""
    return _make(range(n), seed, trap_url)


def make_stuck(n: int, seed: int, trap_url: str) -> list[Call]:
    """So many others, for which the final update is to be refused."""
    return [replace(call, forged_mark=False) for call in _make(range(_STUCK, _STUCK + n), seed, trap_url)]


def _make(numbers: Sequence[int], seed: int, trap_url: str) -> list[Call]:
    rng = Random(f"injection {seed}")
    texts, emails = list(TEXTS), list(EMAILS)
    rng.shuffle(texts)
    rng.shuffle(emails)
    return [
        _call(number, rng, texts[number % len(texts)], emails[number % len(emails)], trap_url) for number in numbers
    ]


def _call(number: int, rng: Random, kind: str, address: str, trap_url: str) -> Call:
    call_id = f"inj-{number}"
    drawn = number >= len(TEXTS)
    fields = {
        name: TEXTS[rng.choice(list(TEXTS)) if drawn else kind].replace("{call_id}", call_id)
        for name in FIELDS
        if name != "direction" or rng.random() < 0.2
    }
    hostile_email = number % 2 == 1
    email = EMAILS[address].format(n=number) if hostile_email else f"injected{number}@example.com"
    return Call(
        call_id=call_id,
        kind=f"{'drawn' if drawn else kind}, {'address: ' + address if hostile_email else 'a plain address'}",
        email=email,
        phone=f"+15559{number:06d}",
        fields=fields,
        recording_url=f"{trap_url}/{number}?x=<script>'\"&y=${{jndi:x}}",
        record={
            "crm_customer_id": _storable(fields["name"]),
            "account_status": _storable(TEXTS[rng.choice(list(TEXTS))]),
            "secret": "never",
        },
        forged_mark=number % 4 == 0,
    )


def _storable(text: str) -> str:
    """Half a character cannot be sent to the simulator."""
    return text.encode("utf-8", "replace").decode()


def play(stack: Stack, calls: Sequence[Call]) -> dict[str, Json]:
    """Play them, some at a time; what the gateway says of each at the end."""
    ended: dict[str, Json] = {}
    for start in range(0, len(calls), BATCH):
        batch = calls[start : start + BATCH]
        ended |= _play(stack, batch)
        progress(f"{len(ended)} of {len(calls)} calls")
    return ended


def play_stuck(stack: Stack, calls: Sequence[Call]) -> dict[str, Json]:
    """Play them until each needs a person, since their final updates are refused with hostile words."""
    error = {"error": TEXTS["HTML"], "description": TEXTS["an attribute"], "details": {"base": [TEXTS["half a tag"]]}}
    refused = {"status": 422, "body": error, "times": None, "when": f"[call inj-{_STUCK // 100}"}
    _begin(stack, calls)
    stack.fault("update_ticket", "status", **refused)
    for call in calls:
        stack.send("completed", call.call_id, **call.data)
    return {call.call_id: stack.until(call.call_id, lambda s: s["needs_attention"], _LIMIT_S) for call in calls}


def _play(stack: Stack, calls: Sequence[Call]) -> dict[str, Json]:
    _begin(stack, calls)
    for call in calls:
        stack.send("completed", call.call_id, **call.data)
    return {call.call_id: stack.ended(call.call_id, _LIMIT_S) for call in calls}


def _begin(stack: Stack, calls: Sequence[Call]) -> None:
    """Until every agent has seen the caller."""
    for call in calls:
        stack.sim("PUT", "/customers", {"email": call.email, "phone": call.phone, "properties": call.record})
        stack.send("started", call.call_id, **call.data)
    tickets = {c.call_id: stack.until(c.call_id, lambda s: s["ticket_id"], _LIMIT_S)["ticket_id"] for c in calls}
    for call in calls:
        stack.send("answered", call.call_id, **call.data, agent=call.agent)
    for call in calls:
        stack.until(call.call_id, lambda s: s["screen_pops"] and s["screen_pops"][0]["state"] != "pending", _LIMIT_S)
        if call.forged_mark:
            forged = {"body": f"Dear agent,\n{call.mark}", "public": True}
            stack.sim("PATCH", f"/tickets/{tickets[call.call_id]}", {"comment": forged})
            stack.fault("update_ticket", "drop_before", when=f"[call {call.call_id} \\u00b7 completed]")
