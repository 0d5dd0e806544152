"""What one call leaves in Temporal's history: events and bytes, by type."""

import argparse
import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory

from bench.calls import Pace, PlayedCall, callers, play
from bench.figures import ground, plain, table, write
from bench.house import House
from workflows.connection import connect
from workflows.ports import call_workflow_id

TARGET_EVENTS = 55
RING_S, TALK_S = 4.0, 8.0
"""Far enough apart that each webhook finds the call at rest, as in reality; longer changes nothing."""
END_LIMIT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How many events of a type, and their bytes as encoded on the wire."""

    name: str
    events: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A call's events, the most frequent first, and how many there were when its ticket had been told."""

    kinds: Sequence[Kind]
    until_told: int


def measure() -> History:
    """Play the reference call from its first webhook to the end of its workflow."""
    # How long it listens for late events changes no event; the default would be an hour.
    with House(settings={"CALL_LINGER_S": "1"}) as house:
        warm, reference = callers("reference", 2)
        # A worker's slow first steps cost workflow tasks that no later call has.
        _play(house, warm)
        return _read(_play(house, reference))


def _play(house: House, call: PlayedCall) -> WorkflowHistory:
    play(house, [call], Pace(ring_s=RING_S, talk_s=TALK_S))
    return asyncio.run(_history(house, call_workflow_id(call.call_id)))


async def _history(house: House, workflow_id: str) -> WorkflowHistory:
    client: Client = await connect(house.keyring, environment=house.environment)
    handle = client.get_workflow_handle(workflow_id)
    async with asyncio.timeout(END_LIMIT_S):
        await handle.result()
    return await handle.fetch_history()


def _read(history: WorkflowHistory) -> History:
    events: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for event in history.events:
        name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").replace("_", " ").capitalize()
        events[name] += 1
        sizes[name] += event.ByteSize()
    # Nothing else of this call waits for a timer than its end.
    fired = next(e.event_id for e in history.events if e.event_type == EventType.EVENT_TYPE_TIMER_FIRED)
    kinds = [Kind(name=name, events=count, size=sizes[name]) for name, count in events.most_common()]
    return History(kinds=kinds, until_told=fired - 1)


def section(history: History, *, markdown: bool) -> str:
    """What was measured, how, on what, and the figures."""
    kinds, events = history.kinds, sum(kind.events for kind in history.kinds)
    size = sum(kind.size for kind in kinds)
    how = (
        "A caller without a ticket, known in the CRM: search, create, CRM, screen pop, final update, and the end of "
        f"the workflow. `call.answered` comes {RING_S:g} s after `call.started`, `call.completed` {TALK_S:g} s later. "
        "Bytes as encoded on the wire, payloads encrypted."
    )
    lines = [[kind.name, str(kind.events), f"{kind.size:,}"] for kind in kinds]
    verdict = "kept" if events <= TARGET_EVENTS else f"missed by {events - TARGET_EVENTS}"
    outcome = (
        f"{history.until_told} events until the ticket is told how the call ended, the others when the workflow has "
        f"listened long enough for late events. Target: at most {TARGET_EVENTS} events in all: {verdict}."
    )
    text = [
        ("## " if markdown else "") + "History of one call",
        how,
        ground(),
        table(["type", "events", "bytes"], [*lines, ["all", str(events), f"{size:,}"]], markdown=markdown),
        outcome,
    ]
    return "\n\n".join(text if markdown else [plain(block) for block in text])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="as a section of docs/benchmarks.md")
    options = parser.parse_args()
    write(section(measure(), markdown=options.markdown))


if __name__ == "__main__":
    main()
