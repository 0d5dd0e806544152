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


def _repeated(tickets: list[Document]) -> dict[str, int]:
    """External ids that more than one ticket carries."""
    counted = Counter(ticket["external_id"] for ticket in tickets if ticket["external_id"] is not None)
    return {external_id: count for external_id, count in counted.items() if count > 1}


def _marks(tickets: list[Document]) -> dict[str, int]:
    found = (_MARK.search(comment["body"]) for ticket in tickets for comment in ticket["comments"])
    return dict(Counter(match[0].strip() for match in found if match is not None))
