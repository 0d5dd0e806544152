"""What is wrong with a call after its kills: lost, done twice, or not as it would have been."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import psycopg

from tests.e2e.kills import Caller
from tests.e2e.stack import Json


class Harm(StrEnum):
    """Kinds of what must not be found."""

    LOST = "lost"
    TWICE = "done twice"
    WRONG = "wrong end state"
    REQUESTS = "other requests than expected"
    LEDGER = "ledger says what is not so"
    KILL = "kill not where it should be"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong."""

    harm: Harm
    text: str


def findings(caller: Caller, status: Json, *, seeded: int | None) -> list[Finding]:
    """The call's tickets, notes, pops and own account against what one such call is to leave behind."""
    return [*_tickets(caller, status, seeded), *_marks(caller, seeded), *_pops(caller, status), *_account(status)]


def unrecorded(caller: Caller, url: str) -> tuple[int, list[Finding]]:
    """How many requests of the call have no row, and rows that claim what the vendor did not see."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT request_id, outcome FROM attempts WHERE call_id = %s", [caller.call_id]
        ).fetchall()
    seen = {r["request_id"]: r for r in caller.since(0) if r["kind"] != "token"}
    wrong = [
        Finding(harm=Harm.LEDGER, text=f"{request_id} is {outcome} but the vendor answered {_status(seen, request_id)}")
        for request_id, outcome in rows
        if outcome == "done" and not 200 <= (_status(seen, request_id) or 0) < 300
    ]
    return len(set(seen) - {request_id for request_id, _ in rows}), wrong


def differing(found: Counter[str], expected: Counter[str]) -> list[Finding]:
    """Requests there are too many or too few of."""
    return [
        Finding(harm=Harm.REQUESTS, text=f"{found[kind]} × {kind}, not {expected[kind]}")
        for kind in sorted({*found, *expected})
        if found[kind] != expected[kind]
    ]


def _status(seen: dict[str, Json], request_id: str) -> int | None:
    return seen[request_id]["status"] if request_id in seen else None


def _tickets(caller: Caller, status: Json, seeded: int | None) -> list[Finding]:
    tickets = caller.tickets()
    if len(tickets) != 1:
        harm = Harm.TWICE if tickets else Harm.LOST
        return [Finding(harm=harm, text=f"{len(tickets)} tickets")]
    (ticket,) = tickets
    told = (ticket["metadata"] or {}).get("call", {})
    return _unlike(
        ("ticket", status["ticket_id"], ticket["id"]),
        ("ticket", seeded or ticket["id"], ticket["id"]),
        ("external id", ticket["external_id"], None if seeded else caller.call_id),
        ("status", (ticket["status"], ticket["custom_status"]), ("open", None)),
        ("metadata", (told.get("id"), told.get("outcome")), (caller.call_id, "completed")),
    )


def _marks(caller: Caller, seeded: int | None) -> list[Finding]:
    expected = {
        f"[call {caller.call_id} · {what}]" for what in (("completed",) if seeded else ("completed", "started"))
    }
    marks = caller.marks()
    lost = [Finding(harm=Harm.LOST, text=f"no note {mark}") for mark in sorted(expected - set(marks))]
    more = {mark: count for mark, count in marks.items() if count > 1 or mark not in expected}
    return lost + [Finding(harm=Harm.TWICE, text=f"{count} × {mark}") for mark, count in sorted(more.items())]


def _pops(caller: Caller, status: Json) -> list[Finding]:
    shown = [pop for call in caller.stack.books()["calls"] if call["id"] == caller.call_id for pop in call["pops"]]
    if not shown:
        return [Finding(harm=Harm.LOST, text=f"no screen pop: {status['screen_pops']}")]
    # The same properties once more change nothing; others would be a second pop.
    differ = [pop for pop in shown if pop["custom_properties"] != shown[0]["custom_properties"]]
    more = [Finding(harm=Harm.TWICE, text=f"{len(differ) + 1} different screen pops")] if differ else []
    return more + _unlike(("screen pops", [pop["state"] for pop in status["screen_pops"]], ["shown"]))


def _account(status: Json) -> list[Finding]:
    types = sorted(event["type"] for event in status["events"])
    return _unlike(
        ("state", status["state"], "completed"),
        ("needs attention", (status["needs_attention"], status["attention"]), (False, None)),
        ("events", types, ["call.answered", "call.completed", "call.started"]),
    )


def _unlike(*compared: tuple[str, object, object]) -> list[Finding]:
    return [
        Finding(harm=Harm.WRONG, text=f"{what} is {found!r}, not {expected!r}")
        for what, found, expected in compared
        if found != expected
    ]


def counted(all_findings: Sequence[Finding], harm: Harm) -> int:
    """How many findings are of a kind."""
    return sum(finding.harm == harm for finding in all_findings)
