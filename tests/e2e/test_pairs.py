"""Two calls of one customer at the same moment, on different workers, with a search index that knows nothing yet."""

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.e2e.stack import Json, Stack
from tests.e2e.waiting import tell

PAIRS = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """Two calls, and how each of them names the one customer."""

    calls: tuple[str, str]
    customers: tuple[Json, Json]


def pairs() -> list[Pair]:
    """Matching by email, by email with two phones, by phone only, and by phone where one call has an email too."""
    made = []
    for number in range(PAIRS):
        email, phone, other = f"pair{number}@example.com", f"+1555030{number:02d}", f"+1555040{number:02d}"
        customers: tuple[Json, Json] = (
            ({"email": email}, {"email": email.upper()}),
            ({"email": email, "phone_number": phone}, {"email": email, "phone_number": other}),
            ({"phone_number": phone}, {"phone_number": phone}),
            ({"email": email, "phone_number": phone}, {"phone_number": phone}),
        )[number % 4]
        made.append(Pair((f"p{number}-a", f"p{number}-b"), customers))
    return made


def send_at_once(stack: Stack, kind: str, calls: Sequence[tuple[str, Json]]) -> None:
    """The same event of many calls, from as many connections."""
    with ThreadPoolExecutor(len(calls)) as senders:
        list(senders.map(lambda call: stack.send(kind, call[0], customer=call[1]), calls))


async def test_twenty_pairs_of_simultaneous_calls(stack: Stack) -> None:
    """Exactly 20 tickets; the status after the call is sent by the last of each pair alone."""
    stack.sim("PATCH", "/settings", {"search_lag_s": 60})
    stack.start_gateway()
    stack.start_workers(2)
    all_pairs = pairs()
    everybody = [call for pair in all_pairs for call in zip(pair.calls, pair.customers, strict=True)]

    began = time.monotonic()
    send_at_once(stack, "started", everybody)
    tickets = {call: stack.until(call, lambda s: s["ticket_id"])["ticket_id"] for call, _ in everybody}
    took = time.monotonic() - began
    assert len(stack.books()["tickets"]) == PAIRS
    assert [pair for pair in all_pairs if len({tickets[call] for call in pair.calls}) != 1] == []
    assert len(set(tickets.values())) == PAIRS

    send_at_once(stack, "answered", everybody)
    # Half of the pairs hang up one after the other, half at the same moment.
    in_turn, at_once = all_pairs[: PAIRS // 2], all_pairs[PAIRS // 2 :]
    send_at_once(stack, "completed", [(pair.calls[0], pair.customers[0]) for pair in in_turn])
    for pair in in_turn:
        stack.ended(pair.calls[0])
        ticket = stack.ticket(tickets[pair.calls[0]])
        assert (ticket["status"], ticket["custom_status"]) == ("open", "In-Call")
    send_at_once(stack, "completed", [(pair.calls[1], pair.customers[1]) for pair in in_turn])
    send_at_once(stack, "completed", [c for p in at_once for c in zip(p.calls, p.customers, strict=True)])
    for call, _ in everybody:
        stack.ended(call)
    tell(f"{PAIRS} pairs at once: all 40 calls had their ticket after {took:.1f} s")

    assert_books(stack, all_pairs, tickets)
    finals = final_updates(stack)
    for pair in in_turn:
        first, last = (finals[call] for call in pair.calls)
        assert [carries_status(r) for r in first] == [False] * len(first)
        assert [carries_status(r) for r in last] == [True] * len(last)
    for pair in at_once:
        # Which of the two is the last is the gate's word; the vendor may see them the other way round.
        assert any(carries_status(r) for call in pair.calls for r in finals[call] if r["status"] == 200)


def final_updates(stack: Stack) -> dict[str, list[Json]]:
    """The requests of each call's final update, in order of arrival."""
    found: dict[str, list[Json]] = defaultdict(list)
    for request in stack.journal():
        call, _, rest = (request["request_id"] or "").partition(".")
        if rest.startswith("update_ticket-final."):
            found[call].append(request)
    return found


def carries_status(request: Json) -> bool:
    """Whether an update sets the ticket's status."""
    return bool({"status", "custom_status"} & set(request["body"]["ticket"]))


def assert_books(stack: Stack, all_pairs: list[Pair], tickets: dict[str, int]) -> None:
    """Still 20 tickets, none In-Call, each with one note of either call, each told by two updates that worked."""
    books = stack.books()
    assert books["counts"]["tickets"] == PAIRS
    assert {(t["status"], t["custom_status"]) for t in books["tickets"]} == {("open", None)}
    assert set(books["counts"]["notes_by_mark"].values()) == {1}
    finals = final_updates(stack)
    for pair in all_pairs:
        worked = [r for call in pair.calls for r in finals[call] if r["status"] == 200]
        assert [r["path"] for r in worked] == [f"/api/v2/tickets/{tickets[pair.calls[0]]}"] * 2
        comments = [c["body"] for c in stack.ticket(tickets[pair.calls[0]])["comments"]]
        assert sum(any(c.endswith(f"[call {call} · completed]") for c in comments) for call in pair.calls) == 2
