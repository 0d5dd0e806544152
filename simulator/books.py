"""The account at the end of the day: every ticket and call, and the counts a test asks about."""

from __future__ import annotations

import re
from collections import Counter

from simulator.exchange import Document
from simulator.world import World

_MARK = re.compile(r"\[call [^\]]* · [^\]]*\]\s*$")


def books(world: World) -> Document:
    """All there is, with the counts."""
    tickets = [ticket.whole() for ticket in world.tickets.all()]
    return {
        "tickets": tickets,
        "calls": [call.whole() for call in world.calls.all()],
        "counts": {
            "tickets": len(tickets),
            "tickets_by_external_id": _repeated(tickets),
            "notes": sum(not comment["public"] for ticket in tickets for comment in ticket["comments"]),
            "public_comments": sum(comment["public"] for ticket in tickets for comment in ticket["comments"]),
            "notes_by_mark": _marks(tickets),
            "requests": world.journal.counts(),
            "pops": sum(len(call.pops) for call in world.calls.all()),
            "tokens_issued": world.tokens.issued,
        },
    }


def counts(world: World) -> Document:
    """What a test asks again and again while it waits: a few numbers, cheap however many calls there were.

    `marks` counts comments by the last word of their mark, `unanswered` requests that hang or were dropped.
    """
    tickets = world.tickets.all()
    entries = world.journal.entries
    return {
        "tickets": len(tickets),
        "comments": sum(len(ticket.comments) for ticket in tickets),
        "marks": dict(Counter(_word(comment["body"]) for ticket in tickets for comment in ticket.comments)),
        "requests": len(entries),
        "unanswered": sum(entry.status is None for entry in entries),
        "last_request_at": entries[-1].at if entries else None,
        "pops": sum(len(call.pops) for call in world.calls.all()),
        "tokens_issued": world.tokens.issued,
    }


def _word(body: str) -> str:
    """`completed` of `… [call c-1 · completed]`; empty where there is no mark."""
    marked, _, rest = body.rstrip().rpartition(" · ")
    return rest[:-1] if marked and rest.endswith("]") else ""


def _repeated(tickets: list[Document]) -> dict[str, int]:
    """External ids that more than one ticket carries."""
    counted = Counter(ticket["external_id"] for ticket in tickets if ticket["external_id"] is not None)
    return {external_id: count for external_id, count in counted.items() if count > 1}


def _marks(tickets: list[Document]) -> dict[str, int]:
    found = (_MARK.search(comment["body"]) for ticket in tickets for comment in ticket["comments"])
    return dict(Counter(match[0].strip() for match in found if match is not None))
