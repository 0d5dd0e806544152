"""What must hold of every sequence, whatever it was; each law says what it found instead."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from tests.reliability.sequences.faults import Fault
from tests.reliability.sequences.scene import Scene
from tests.reliability.sequences.story import Story, matching
from tests.reliability.sequences.vendor import DeskTicket
from workflows.domain.status import CallStatus
from workflows.domain.ticket import IN_CALL

FINAL = ("completed", "missed", "end not reported")
_WITHOUT_FALLBACK = (
    f"create_ticket {Fault.REFUSED}",
    f"create_ticket {Fault.KEY_CONFLICT}",
    f"update_ticket {Fault.REFUSED}",
    f"list_comments {Fault.REFUSED}",
)
_WITHIN = timedelta(seconds=250)
_PATIENCE = timedelta(minutes=9)


def may_be_stuck(scene: Scene) -> bool:
    """Whether the vendor refused what has no fallback left: only that may wait for a person."""
    return any(scene.met[refusal] for refusal in _WITHOUT_FALLBACK)


def broken_meanwhile(scene: Scene, story: Story, status: CallStatus) -> Iterator[str]:
    """Laws of a call that can be asked. `status` is its answer."""
    given_up = status.state == "end_not_reported" and not story.ended
    if status.state != story.state and not given_up:
        yield f"{story.call_id} says {status.state}, its events say {story.state}"
    if status.needs_attention and not may_be_stuck(scene):
        yield f"{story.call_id} needs attention for nothing: {status.attention}"
    yield from _notes(scene, story)
    if scene.late_pops:
        yield f"a screen pop after the end was known: {scene.late_pops}"


def broken_at_the_end(scene: Scene, stories: list[Story], stuck: set[str]) -> Iterator[str]:
    """Laws of a sequence whose calls are over, those in `stuck` excepted: they wait for a person."""
    for story in stories:
        yield from _notes(scene, story)
        yield from _tickets(scene, story)
        yield from _pops(scene, story)
        if story.call_id not in stuck:
            yield from _told(scene, story)
            yield from _ledger(scene, story)
    if not stuck:
        yield from _statuses(scene)
        yield from _together(scene, stories)
    if len(stories) == 1 and not scene.met and not scene.disturbed:
        repeated = {step: times for (_, step), times in scene.asked.items() if times > 1}
        if repeated:
            yield f"nothing went wrong, and yet these were asked again: {repeated}"


def _notes(scene: Scene, story: Story) -> Iterator[str]:
    for ticket in scene.desk.tickets.values():
        for mark, times in Counter(_marks(ticket, story)).items():
            if times > 1:
                yield f"ticket {ticket.id} has {mark} {times} times"
    finals = sum(mark in FINAL for ticket in scene.desk.tickets.values() for mark in _marks(ticket, story))
    # A run that begins anew after the end may learn more before it looks than the one before had told.
    if finals > 1 + _lost(scene) + story.retold:
        yield f"{story.call_id} was told its end {finals} times"


def _tickets(scene: Scene, story: Story) -> Iterator[str]:
    own = [ticket for ticket in scene.desk.tickets.values() if ticket.external_id == story.call_id]
    living = [ticket.id for ticket in own if not ticket.lost]
    if len(living) > 1 or len(own) > 1 + _lost(scene):
        yield f"{story.call_id} has tickets {[ticket.id for ticket in own]}, {living} of them alive"


def _pops(scene: Scene, story: Story) -> Iterator[str]:
    shown = len({step for call_id, step in scene.desk.patches if call_id == story.call_id})
    most = 2 * len(story.agents) * (1 + story.restored)
    if shown > most:
        yield f"{story.call_id} popped {shown} times for {len(story.agents)} agents"


def _told(scene: Scene, story: Story) -> Iterator[str]:
    told_on = [t for t in scene.desk.tickets.values() if any(mark in FINAL for mark in _marks(t, story))]
    if not told_on:
        yield f"no ticket knows how {story.call_id} ended"
        return
    # The ticket that holds the last word; one that was lost after it was told keeps an earlier one.
    metadata = [data for ticket in told_on for data in ticket.metadata if data.id == story.call_id]
    wanted, last = story.wanted, metadata[-1]
    # Such a run finds its note and takes it for what it would write now: an answer that came in between is not told.
    compared = ("ended_at",) if story.retold else ("outcome", "agent_id", "answered_at", "ended_at")
    says = {name: getattr(last, name) for name in compared}
    wants = {name: getattr(wanted, name) for name in says}
    if says != wants and not any(ticket.lost for ticket in told_on):
        yield f"{story.call_id}: the ticket says {says} and should say {wants}"


def _ledger(scene: Scene, story: Story) -> Iterator[str]:
    row = scene.gate.rows.get(story.call_id)
    if row is None or row.saved is None:
        yield f"the ledger does not know {story.call_id}"
        return
    if row.pending or row.active:
        yield f"the ledger holds {story.call_id} for open: pending {row.pending}, active {row.active}"
    if row.saved.status.state != story.wanted.outcome:
        yield f"the ledger says {row.saved.status.state} of {story.call_id}, not {story.wanted.outcome}"
    if held := [ticket_id for ticket_id, holders in scene.gate.holders.items() if story.call_id in holders]:
        yield f"{story.call_id} is over and still holds {held}"


def _statuses(scene: Scene) -> Iterator[str]:
    reduced = scene.met[f"update_ticket {Fault.REFUSED}"]
    for ticket in scene.desk.tickets.values():
        if ticket.lost:
            continue
        if ticket.custom_status == IN_CALL and not reduced:
            yield f"ticket {ticket.id} was left In-Call"


def _together(scene: Scene, stories: list[Story]) -> Iterator[str]:
    """Two matching calls at once, neither of which was named a ticket or kept from finding one, share theirs."""
    if len(stories) < 2 or not matching(*stories) or any(s.ever_named or s.restored for s in stories) or _lost(scene):
        return
    if may_be_stuck(scene):
        return
    first, second = sorted(stories, key=lambda story: scene.first_ticket_at.get(story.call_id, scene.now))
    if first.known_at is None or second.known_at is None:
        return
    found = scene.first_ticket_at.get(first.call_id)
    told = scene.told_at.get(first.call_id)
    late = found is None or found - first.known_at > _PATIENCE
    if late or told is None or second.known_at > told + _WITHIN:
        return
    rows = [scene.gate.rows[story.call_id].ticket_id for story in stories]
    if rows[0] != rows[1]:
        yield f"two calls of one customer at once, on tickets {rows}"


def _lost(scene: Scene) -> int:
    return sum(ticket.lost for ticket in scene.desk.tickets.values())


def _marks(ticket: DeskTicket, story: Story) -> list[str]:
    begin = f"[call {story.call_id} · "
    return [mark.removeprefix(begin).rstrip("]") for mark in ticket.marks if mark.startswith(begin)]
