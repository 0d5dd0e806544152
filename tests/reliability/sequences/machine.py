"""The state machine: what may happen to calls, in any order; what must hold is asked meanwhile and at the end."""

import itertools
from collections import Counter
from datetime import timedelta
from typing import ClassVar, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.reliability.sequences.faults import Fault
from tests.reliability.sequences.ground import Ground
from tests.reliability.sequences.laws import broken_at_the_end, broken_meanwhile, may_be_stuck
from tests.reliability.sequences.scene import Scene
from tests.reliability.sequences.story import ANSWERED, COMPLETED, JONES, SMITH, STARTED, Story
from tests.reliability.sequences.vendor import DeskTicket
from workflows.domain.customer import Customer
from workflows.domain.events import Agent, EventType

CALLER = Customer(email="user@example.com", phone="+15550100", name="Ada Caller")
OTHERS = {
    "same email": Customer(email="user@example.com"),
    "same phone": Customer(phone="+15550100"),
    "colleague": Customer(email="colleague@example.com", phone="+15550100"),
    "withheld": Customer(),
}
REQUESTS = (
    "search_tickets",
    "read_ticket",
    "create_ticket",
    "update_ticket",
    "list_comments",
    "find_by_external_id",
    "patch_call",
    "fetch_customer",
)
PAUSES_S = (0.3, 2.0, 6.0, 15.0, 90.0, 400.0, 3700.0, 7300.0, 15000.0, 90000.0)
TO_THE_END_S = (40.0, 1300.0, 15000.0, 90000.0, 90000.0)

CALL = st.sampled_from(("a", "a", "a", "b"))
MOSTLY = st.sampled_from((True, True, True, False))
RARELY = st.sampled_from((False, False, False, True))
WHO = st.sampled_from((SMITH, JONES))
KIND = st.sampled_from(((STARTED, None), (ANSWERED, SMITH), (ANSWERED, JONES), (COMPLETED, None)))

MOST_APART = timedelta(days=1)
"""A call does not begin later: the platform would long have ended it."""
LETS_GO_S = 1.0
Kinds: TypeAlias = list[tuple[EventType, Agent | None]]

_numbers = itertools.count(1)


class Broken(AssertionError):
    """A law does not hold."""


class CallMachine(RuleBasedStateMachine):
    """Up to two calls and all that may befall them. `ground`, and `told`, a count of what happened, are the class's."""

    ground: ClassVar[Ground]
    told: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.scene: Scene | None = None
        self.stories: dict[str, Story] = {}
        self._over: set[str] = set()
        self._named: int | None = None
        self._customers: dict[str, Customer] = {}

    # --- what may happen ---------------------------------------------------------------------------------------

    @initialize(
        other=st.sampled_from(sorted(OTHERS)),
        withheld=RARELY,
        open_ticket=st.booleans(),
        record=MOSTLY,
        named=st.sampled_from((None, None, "open", "closed", "unknown")),
        cached=MOSTLY,
    )
    def begin(  # noqa: PLR0917 - a rule is called by name
        self, other: str, withheld: bool, open_ticket: bool, record: bool, named: str | None, cached: bool
    ) -> None:
        """A caller, whom the CRM may know, who may have an open ticket; the events may name a ticket."""
        scene = self.scene = self.new_scene()
        self.ground.scenes.add(scene)
        self.ground.serve(cached=cached)
        scene.record = {"crm_customer_id": "CUST_999888"} if record else None
        long_ago = self.ground.now - timedelta(days=1)
        if open_ticket:
            scene.desk.add(long_ago, requester=CALLER)
        if named in ("open", "closed"):
            self._named = scene.desk.add(long_ago, status=named).id
        elif named is not None:
            self._named = 4040
        self._begun = self.ground.now
        self._customers = {"a": Customer() if withheld else CALLER, "b": OTHERS[other]}

    @rule(call=CALL, caller=MOSTLY, named=RARELY, own_id=RARELY)
    def started(self, call: str, caller: bool, named: bool, own_id: bool) -> None:
        self._deliver(call, [(STARTED, None)], caller=caller, named=named, own_id=own_id)

    @rule(call=CALL, agent=WHO, caller=MOSTLY, named=RARELY, own_id=RARELY)
    def answered(self, call: str, agent: Agent, caller: bool, named: bool, own_id: bool) -> None:
        self._deliver(call, [(ANSWERED, agent)], caller=caller, named=named, own_id=own_id)

    @rule(call=CALL, caller=MOSTLY, named=RARELY, own_id=RARELY)
    def completed(self, call: str, caller: bool, named: bool, own_id: bool) -> None:
        self._deliver(call, [(COMPLETED, None)], caller=caller, named=named, own_id=own_id)

    @rule(call=CALL, kinds=st.lists(KIND, min_size=2, max_size=5))
    def at_once(self, call: str, kinds: Kinds) -> None:
        """Several webhooks at the same moment, on as many connections."""
        self._deliver(call, kinds)

    @rule(call=CALL, kinds=st.lists(KIND, min_size=1, max_size=4), cached=MOSTLY)
    def while_nobody_works(self, call: str, kinds: Kinds, cached: bool) -> None:
        """The worker is gone, webhooks come, and another worker, which remembers nothing, begins."""
        self.told["workers gone"] += 1
        self.ground.stop()
        for kind in kinds:
            self._deliver(call, [kind])
        self.ground.serve(cached=cached)

    @rule(cached=MOSTLY)
    def worker_replaced(self, cached: bool) -> None:
        """Another worker goes on from the histories."""
        self.told["workers gone"] += 1
        self.ground.serve(cached=cached)

    @rule(seconds=st.sampled_from(PAUSES_S))
    def time_passes(self, seconds: float) -> None:
        self._pass(seconds)

    @rule(request=st.sampled_from(REQUESTS), fault=st.sampled_from(list(Fault)), times=st.integers(1, 3))
    def request_meets(self, request: str, fault: Fault, times: int) -> None:
        self._scene.faults.setdefault(request, []).extend([fault] * times)

    @rule(request=st.sampled_from(REQUESTS))
    def next_request_hangs(self, request: str) -> None:
        """Until time passes: what comes meanwhile comes while it is under way."""
        self._scene.held.add(request)

    @rule(times=st.integers(1, 4))
    def ledger_fails(self, times: int) -> None:
        self._scene.ledger_failures += times

    @rule()
    def credentials_go(self) -> None:
        self._scene.credentials = False

    @precondition(lambda self: self.scene is not None and not self.scene.credentials)
    @rule()
    def credentials_come(self) -> None:
        self._scene.credentials = True

    @precondition(lambda self: self._ticket_of_a() is not None)
    @rule(what=st.sampled_from(("closed", "deleted", "solved", "pending")))
    def ticket_is(self, what: str) -> None:
        """Somebody at the help desk does something to the ticket of the first call."""
        ticket = self._ticket_of_a()
        assert ticket is not None
        self._scene.disturbed = True
        if what == "deleted":
            ticket.deleted = True
        else:
            self._scene.desk.written_by_agent(ticket, what)

    @precondition(lambda self: bool(self.stories))
    @rule(call=CALL)
    def run_is_lost(self, call: str) -> None:
        """Temporal was restored from a backup, or retention is over: every webhook comes again, to a new run."""
        if call not in self.stories:
            return
        story, self._scene.disturbed = self.stories[call], True
        self.told["runs lost"] += 1
        self.ground.terminate(story.call_id)
        self._begins_anew(story)
        for event in story.heard.values():
            self.ground.deliver(story.call_id, [event], again=True)

    @precondition(lambda self: bool(self.stories))
    @rule(call=CALL, share=st.sampled_from((0.0, 0.3, 0.6, 1.0)))
    def reset(self, call: str, share: float) -> None:
        """An operator sends the workflow back to that part of its history."""
        if call not in self.stories:
            return
        if not self.ground.may_reset(self.stories[call].call_id):
            return
        story, self._scene.disturbed = self.stories[call], True
        self.told["resets"] += 1
        self._begins_anew(story)
        self.ground.reset(story.call_id, share)
        self.ground.pass_(0.01)

    def teardown(self) -> None:
        """Whatever was broken works again, everything gets its time, and the laws must hold."""
        if self.scene is None:
            return
        try:
            self._finish()
        finally:
            self.ground.clear(self.scene)

    # --- how it happens ----------------------------------------------------------------------------------------

    def new_scene(self) -> Scene:
        """Where everything works but what the sequence breaks; a planted defect has another."""
        return Scene(f"q{next(_numbers)}", self.ground.now)

    @property
    def _scene(self) -> Scene:
        assert self.scene is not None
        return self.scene

    def _story(self, call: str) -> Story:
        if call not in self.stories:
            self.stories[call] = Story(
                call_id=f"{self._scene.name}-{call}",
                customer=self._customers[call],
                begun=self._begun,
                named=self._named if call == "a" else None,
            )
        return self.stories[call]

    def _deliver(
        self, call: str, kinds: Kinds, *, caller: bool = True, named: bool = False, own_id: bool = False
    ) -> None:
        if call not in self.stories and self._scene.gate.now > self._begun + MOST_APART:
            return
        story, now = self._story(call), self.ground.now
        events = [
            story.event(kind, now, agent=agent, caller=caller, named=named, own_id=own_id) for kind, agent in kinds
        ]
        for event, taken in zip(events, self.ground.deliver(story.call_id, events), strict=True):
            self.told["acknowledged" if taken else "already processed"] += 1
            if taken:
                story.hear(event, now)

    def _begins_anew(self, story: Story) -> None:
        story.restored += 1
        if story.call_id in self._scene.told_at:
            story.retold += 1
            self.told["begun anew after the end"] += 1

    def _pass(self, seconds: float) -> None:
        if seconds >= LETS_GO_S:
            self._scene.held.clear()
            self.ground.let_go()
        self.ground.pass_(seconds)
        self._scene.tick(self.ground.now)
        for story in self.stories.values():
            self._ask(story)

    def _ask(self, story: Story) -> None:
        status = self.ground.status(story.call_id)
        self.told["asked"] += 1
        if found := list(broken_meanwhile(self._scene, story, status)):
            raise Broken("; ".join(found))
        if status.state in ("completed", "missed"):
            # From the next look on: an attempt that had begun by now may still end.
            if story.call_id in self._over:
                self._scene.ended.add(story.call_id)
            self._over.add(story.call_id)

    def _finish(self) -> None:
        scene, stories = self._scene, list(self.stories.values())
        scene.heal()
        self.ground.let_go()
        open_ = stories
        for seconds in TO_THE_END_S:
            self._pass(seconds)
            open_ = [story for story in stories if self.ground.is_open(story.call_id)]
            if not open_:
                break
        stuck = set()
        for story in open_:
            status = self.ground.status(story.call_id)
            if not (status.needs_attention and may_be_stuck(scene)):
                raise Broken(f"{story.call_id} does not end: {status}")
            stuck.add(story.call_id)
        self._count(stuck)
        if found := list(broken_at_the_end(scene, stories, stuck)):
            raise Broken("; ".join(found))

    def _count(self, stuck: set[str]) -> None:
        scene = self._scene
        self.told["sequences"] += 1
        self.told["calls"] += len(self.stories)
        self.told["left to a person"] += len(stuck)
        self.told["requests"] += sum(scene.asked.values())
        self.told["faults"] += sum(scene.met.values())

    def _ticket_of_a(self) -> DeskTicket | None:
        if self.scene is None or "a" not in self.stories:
            return None
        row = self.scene.gate.rows.get(self.stories["a"].call_id)
        ticket = self.scene.desk.tickets.get(row.ticket_id or 0) if row else None
        return None if ticket is None or ticket.lost else ticket
