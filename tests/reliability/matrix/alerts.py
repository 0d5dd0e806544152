"""What an administrator was told while cells were played, beside what had to be told."""

from collections import Counter
from collections.abc import Sequence

from tests.e2e.webhooks import Json
from tests.reliability.matrix.judge import Outcome


def due(outcome: Outcome) -> tuple[set[str], set[str]]:
    """The kinds of alert that a cell must raise, and those that it may besides."""
    cell, expected = outcome.cell, outcome.cell.expected
    if cell.scene.kind == "token":
        # The token in use is refused while no other can be had.
        return ({"client_refused"} if cell.fault.status in (400, 401) else set()), {"token_ending"}
    if cell.scene.kind == "fetch_customer":
        return set(), set()
    must = {
        "misconfigured": expected.says.startswith("Misconfigured"),
        "screen_pop_refused": expected.pop == "refused",
        # A status that was refused is no step that is: the note went through.
        "call_needs_attention": expected.attention and expected.state == "refused",
    }
    may = {
        # The first 403 leads to a new token, one that is refused in spite of it to the alert.
        "forbidden": cell.fault.status == 403,
        "token_ending": cell.fault.status == 401,
        "call_needs_attention": expected.attention,
    }
    return {kind for kind, is_so in must.items() if is_so}, {kind for kind, is_so in may.items() if is_so}


def mismatches(outcomes: Sequence[Outcome], posted: Sequence[Json]) -> list[str]:
    """Alerts that are missing, that nobody had to hear of, or that came twice within the hour."""
    told = Counter(alert["kind"] for alert in posted)
    must = set().union(*(due(outcome)[0] for outcome in outcomes))
    may = must.union(*(due(outcome)[1] for outcome in outcomes))
    return [
        *(f"no alert {kind}" for kind in sorted(must - set(told))),
        *(f"an alert {kind} that nothing called for" for kind in sorted(set(told) - may)),
        *(f"{count} alerts {kind} within the hour" for kind, count in told.items() if count > 1),
        *(f"an alert about the CRM: {alert['text']}" for alert in posted if "fetch_customer" in alert["text"]),
    ]
