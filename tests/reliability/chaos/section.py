"""What a run tells: the findings one by one, and the section of the page."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tests.reliability.chaos.run import Outcome
from tests.reliability.chaos.verdict import Kind
from tests.reliability.report import table, zero

SHOWN = 20
"""So many findings are told at length."""


def summary(outcome: Outcome) -> str:
    """The section's text: what was done, what came of it."""
    load = outcome.plan.load
    found = [[kind, "–" if count is None else zero(count, outcome.promised)] for kind, count in _counts(outcome)]
    more = len(outcome.calls) - len(outcome.plan.scripts)
    return f"""
{len(outcome.plan.scripts):,} calls under faults ({load.rate:g} a second, seed {load.seed}) and {more:,} without.
{_deliveries(outcome)} Of {outcome.promised:,} calls something was acknowledged.

{sum(outcome.faults.values())} faults: {_faults(outcome.faults)}. Processes that ended by themselves and were started
again: {outcome.restarts}.

{table(["what was looked for", "found"], found)}

{_recovery(outcome)}
"""


def _deliveries(outcome: Outcome) -> str:
    deliveries = [delivery for call in outcome.calls.values() for delivery in call.deliveries]
    told = Counter("no answer" if d.status is None else str(d.status) for d in deliveries)
    answers = ", ".join(f"{count:,} × {status}" for status, count in sorted(told.items()))
    return f"{len(deliveries):,} deliveries were answered {answers}."


def _counts(outcome: Outcome) -> Iterator[tuple[str, int | None]]:
    """Calls by what is wrong with them; None for what a system without a ledger does not claim."""
    calls = {kind: {f.call_id for f in outcome.findings if f.kind == kind} for kind in Kind}
    for kind in Kind:
        yield str(kind), len(calls[kind]) if outcome.keeps_account or kind != Kind.MISSING_AUDIT else None
    yield "untrue ledger rows", len(outcome.untrue) if outcome.keeps_account else None


def _faults(done: Counter[tuple[str, str]]) -> str:
    return ", ".join(
        f"{what} {where}{f' × {count}' if count > 1 else ''}" for (what, where), count in done.most_common()
    )


def _recovery(outcome: Outcome) -> str:
    if not outcome.backlog:
        return "When the last fault ended, every call begun was told."
    if outcome.untold:
        return f"The backlog never became empty: {len(outcome.untold)} calls stayed untold."
    return (
        f"When the last fault ended, {outcome.backlog} calls were begun and not told; {outcome.recovery_s:.1f} s later "
        f"all were. As many calls of the same kinds, sent as fast as they were taken and without any fault, were told "
        f"{outcome.drain_s:.1f} s after their first webhook: {outcome.multiple:.1f} times."
    )


def told_at_length(outcome: Outcome) -> Iterator[str]:
    """Each finding with its call's script, deliveries, and what the vendor was asked."""
    for finding in outcome.findings[:SHOWN]:
        yield "\n".join([f"== {finding.kind}: {finding.call_id}: {finding.text}", *_about(outcome, finding.call_id)])
    if len(outcome.findings) > SHOWN:
        yield f"… and {len(outcome.findings) - SHOWN} more findings"
    for call_id in outcome.untold[:SHOWN]:
        yield "\n".join([f"== untold: {call_id}", *_about(outcome, call_id)])
    yield from (f"untrue: {text}" for text in outcome.untrue[:SHOWN])
    yield from (f"note: {text}" for text in outcome.ended_badly[:SHOWN])


def _about(outcome: Outcome, concerned: str) -> Iterable[str]:
    customer = outcome.calls[concerned].script.customer
    for call_id, call in outcome.calls.items():
        if call.script.customer != customer:
            continue
        script = call.script
        yield f"  {call_id} ({script.story}) {script.email} {script.phone} ticket={script.ticket} had={script.seeded}"
        for event in script.events:
            yield f"    event {event.key}: {event.kind} at {event.happened_s:.1f} s, agent {event.agent}"
        for delivery in sorted(call.deliveries, key=lambda d: d.sent_at):
            took_s = delivery.answered_at - delivery.sent_at
            yield (
                f"    {_clock(delivery.sent_at)} delivery {delivery.attempt} of {delivery.key}: "
                f"{delivery.status} after {took_s:.2f} s {delivery.answer}"
            )
        yield from (f"    {line}" for line in _requests(outcome, call_id))


def _requests(outcome: Outcome, call_id: str) -> Iterator[str]:
    for entry in outcome.journal:
        if (entry["request_id"] or "").startswith(f"{call_id}."):
            yield (
                f"{_clock(entry['at'])} {entry['request_id']} {entry['method']} {entry['path']} → {entry['status']}"
                f"{' acted' if entry['acted'] else ''}{' ' + entry['fault'] if entry['fault'] else ''}"
            )


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S.%f")[:-3]
