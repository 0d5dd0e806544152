"""A call as a row of *Live*: what the ledger tells of it, in the few words that fit."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import accumulate, takewhile
from typing import Any
from urllib.parse import quote

from api.ops.wording import step_words, vendor, waits_for

MOST_AGENT, MOST_CUSTOMER, MOST_WAIT, MOST_KEY, MOST_LINK = 1100, 240, 500, 320, 120
"""Bytes of HTML."""
_STANDS = ("retrying", "waiting")
_OVER = ("completed", "missed", "end_not_reported")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Texts are cut: fifty rows of anything stay under 200 KB. `key` is the row's own on its page.

    `agent_link` leads to the agent's calls.
    """

    key: str
    call_id: str
    received_at: str
    state: str
    needs_attention: bool
    customer: str
    agent: str
    agent_link: str | None
    ticket_id: int | None
    pop: str
    pop_state: str
    waits: str


def rows_of(calls: Iterable[Mapping[str, Any]]) -> tuple[Row, ...]:
    """The calls, in their order."""
    rows: dict[str, Row] = {}
    for call in calls:
        key = f"call-{_short(call['call_id'])}"
        if key in rows:
            # An id that the telephony platform used again.
            key = f"{key} {len(rows)}"
        rows[key] = _row(key, call)
    return tuple(rows.values())


def _row(key: str, call: Mapping[str, Any]) -> Row:
    agent: Mapping[str, Any] = call.get("agent") or {}
    events, pops = call.get("events") or [], call.get("screen_pops") or []
    pop: Mapping[str, Any] = pops[-1] if pops else {"state": "", "latency_ms": None}
    return Row(
        key=key,
        call_id=call["call_id"],
        received_at=min((event["received_at"] for event in events), default=""),
        state=call["state"],
        needs_attention=call["needs_attention"],
        customer=cut(_customer(call.get("customer") or {}), MOST_CUSTOMER),
        agent=cut(agent.get("name") or agent.get("id") or "", MOST_AGENT),
        agent_link=_agent_link(agent.get("id")),
        ticket_id=call["ticket_id"],
        pop=f"{pop['latency_ms']} ms" if pop["latency_ms"] is not None else "",
        pop_state=pop["state"],
        waits=cut(waits(call), MOST_WAIT),
    )


def waits(call: Mapping[str, Any]) -> str:
    """What the call waits for, in plain words; nothing when nothing is left to do."""
    if call["needs_attention"]:
        return f"a person: {call['attention'] or 'see the call'}"
    steps = call.get("steps") or []
    for step in steps:
        if step["state"] in _STANDS:
            return f"{waits_for(step, None).removeprefix('waiting for ')}, to {step_words(step['name'])}"
    for step in steps:
        if step["state"] == "running":
            return waits_for(step, None) if step["name"] == "await_ticket" else _under_way(step["name"])
    if call["state"] in _OVER:
        return ""
    return "an agent to answer" if call["state"] == "ringing" else "the end of the call"


def _under_way(step: str) -> str:
    return f"{vendor(step)}, to {step_words(step)}"


def _customer(customer: Mapping[str, Any]) -> str:
    return ", ".join(filter(None, (customer.get("email"), customer.get("phone")))) or "anonymous"


def _agent_link(agent_id: str | None) -> str | None:
    address = f"/ops?agent_id={quote(agent_id, safe='')}" if agent_id else ""
    return address if 0 < len(address) <= MOST_LINK else None


def _short(call_id: str) -> str:
    fits = len(escape(call_id)) <= MOST_KEY
    return call_id if fits else hashlib.sha256(call_id.encode()).hexdigest()[:24]


def cut(text: str, most: int) -> str:
    """The text in at most so many bytes of HTML; one that was cut shows it."""
    if _weight(text) <= most:
        return text
    # Of three bytes is the sign that it was cut.
    kept = takewhile(lambda so_far: so_far[1] <= most - 3, zip(text, accumulate(map(_weight, text)), strict=True))
    return "".join(sign for sign, _ in kept) + "…"


def _weight(text: str) -> int:
    return len(escape(text).encode())
