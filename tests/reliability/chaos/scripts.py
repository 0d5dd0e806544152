"""What callers and the telephony platform do: seeded scripts of calls, the same for every system under test."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.reliability.chaos.script import AGENTS, GONE, KINDS, Event, Script, Send

__all__ = ["AGENTS", "GONE", "KINDS", "STORIES", "Event", "Load", "Script", "Send", "replayed", "scripts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How calls arrive: `rate` calls begin each second; `window_s` is the system's recent window.

    `patience_s`: how long after its beginning a call may still get events the first time.
    """

    n: int
    seed: int
    rate: float = 4.0
    window_s: float = 60.0
    patience_s: float = 12.0
    prefix: str = "c"

    @property
    def lasts_s(self) -> float:
        """When the last delivery is due."""
        return self.n / self.rate + 3


def scripts(load: Load) -> list[Script]:
    """`load.n` calls in order of their beginning. The same load gives the same scripts."""
    rng = random.Random(f"{load.seed} {load.n} {load.prefix}")
    made: list[Script] = []
    customers = 0
    while len(made) < load.n:
        customers += 1
        story = rng.choices(list(STORIES), weights=[weight for weight, _ in STORIES.values()])[0]
        caller = _Caller(rng, load, customers, begins_s=len(made) / load.rate)
        made += [replace(script, story=story) for script in STORIES[story][1](caller)]
    numbered = sorted(made[: load.n], key=lambda script: script.begins_s)
    return [_renamed(script, f"{load.prefix}-{number}") for number, script in enumerate(numbered, start=1)]


def _renamed(script: Script, call_id: str) -> Script:
    # Event ids are unique to the sender, not to the call.
    def own(event: Event) -> Event:
        return replace(event, event_id=f"{call_id}:{event.event_id}") if event.event_id else event

    sends = tuple(replace(send, event=own(send.event)) for send in script.sends)
    return replace(script, call_id=call_id, events=tuple(own(event) for event in script.events), sends=sends)


class _Caller:
    """One customer, whom nobody else is, and the calls they make."""

    def __init__(self, rng: random.Random, load: Load, number: int, *, begins_s: float) -> None:
        self.rng, self.load = rng, load
        self.begins_s = begins_s + rng.uniform(0, 1 / load.rate)
        self.customer = f"{load.prefix}{number}"
        self.email: str | None = f"{load.prefix}.caller{number}@example.com"
        self.phone: str | None = f"+1555{load.seed % 100:02d}{number:06d}"

    def call(self, *, later_s: float = 0, talks: int = 1, **facts: str | bool | None) -> Script:
        """A call of this customer's; `talks` agents answer one after the other, none when it is missed."""
        begins_s = self.begins_s + later_s
        events = tuple(self._events(begins_s, talks))
        known: dict[str, str | bool | None] = {"customer": self.customer, "email": self.email, "phone": self.phone}
        return Script(
            call_id="",
            story="",
            events=events,
            sends=tuple(self._sends(begins_s, events)),
            **(known | facts),  # type: ignore[arg-type]
        )

    def _events(self, begins_s: float, talks: int) -> Iterator[Event]:
        rng, at_s = self.rng, begins_s
        agents = rng.sample(list(AGENTS), talks) if rng.random() > 0.12 else []
        # A call whose end is never reported has to end by itself before the run does.
        unreported = rng.random() < 0.06 and begins_s < self.load.n / self.load.rate / 2
        kinds = [("started", None), *(("answered", agent) for agent in agents)]
        kinds += [] if unreported else [("completed", None)]
        ids = rng.random() < 0.5
        silent = rng.random() < 0.05 and len(kinds) > 1
        for number, (kind, agent) in enumerate(kinds):
            event_id = f"e{number}" if ids else None
            if not (silent and kind == "started"):
                yield Event(kind=kind, happened_s=round(at_s, 3), agent=agent, event_id=event_id)
            at_s += rng.uniform(0.3, 3.0)

    def _sends(self, begins_s: float, events: Sequence[Event]) -> Iterator[Send]:
        rng = self.rng
        moments = [event.happened_s for event in events]
        if rng.random() < 0.35:
            rng.shuffle(moments)
        if rng.random() < 0.1:
            moments = [begins_s] * len(moments)
        for event, at_s in zip(events, moments, strict=True):
            late_s = rng.uniform(1, self.load.patience_s) if rng.random() < 0.08 else 0.0
            yield self._send(at_s + late_s, event)
            if rng.random() < 0.25:
                for _ in range(rng.randint(1, 3)):
                    pause_s = rng.choice((0.0, 0.05, 1.0, self.load.patience_s))
                    yield self._send(at_s + late_s + pause_s, event, again=True)

    def _send(self, at_s: float, event: Event, *, again: bool = False) -> Send:
        # The load ends at one moment for all: from there on, time to an empty backlog can be taken.
        return Send(at_s=round(min(at_s, self.load.lasts_s), 3), event=event, again=again)


def _plain(caller: _Caller) -> Iterable[Script]:
    return [caller.call()]


def _transfer(caller: _Caller) -> Iterable[Script]:
    return [caller.call(talks=2)]


def _back_inside(caller: _Caller) -> Iterable[Script]:
    return _back(caller, caller.rng.uniform(6, caller.load.window_s / 3))


def _back_outside(caller: _Caller) -> Iterable[Script]:
    return _back(caller, caller.load.window_s + caller.rng.uniform(15, 40))


def _back(caller: _Caller, later_s: float) -> Iterable[Script]:
    """Nobody rings when the load is over."""
    in_time = caller.begins_s + later_s < caller.load.n / caller.load.rate
    return [caller.call(), caller.call(later_s=later_s)] if in_time else [caller.call()]


def _pair(caller: _Caller) -> Iterable[Script]:
    """Two calls at one moment: by email, by email with two phones, by phone, by phone where one has an email too."""
    email, phone, other = caller.email, caller.phone, f"{caller.phone}9"
    assert email is not None
    first, second, anybody = caller.rng.choice(
        (
            ((email, None), (email.upper(), None), False),
            ((email, phone), (email, other), False),
            ((None, phone), (None, phone), False),
            ((email, phone), (None, phone), True),
        )
    )
    return [caller.call(email=e, phone=p, anybody=anybody) for e, p in (first, second)]


def _family(caller: _Caller) -> Iterable[Script]:
    """Several people, each with an email, share a number: a ticket each."""
    members = [f"{name}.{caller.email}" for name in ("ann", "bob", "eve")[: caller.rng.randint(2, 3)]]
    return [caller.call(email=email, customer=f"{caller.customer} {email[:3]}") for email in members]


def _anonymous(caller: _Caller) -> Iterable[Script]:
    withheld = ("anonymous", "restricted", "", None)
    return [
        caller.call(email=None, phone=caller.rng.choice(withheld), customer=f"{caller.customer} {number}")
        for number in range(caller.rng.randint(1, 2))
    ]


def _open_ticket(caller: _Caller) -> Iterable[Script]:
    return [caller.call(seeded="open")]


def _named_ticket(caller: _Caller) -> Iterable[Script]:
    status = caller.rng.choice(("open", "pending", "closed"))
    return [caller.call(seeded=status, ticket="seeded")]


def _gone_ticket(caller: _Caller) -> Iterable[Script]:
    return [caller.call(ticket="gone")]


STORIES: dict[str, tuple[int, Callable[[_Caller], Iterable[Script]]]] = {
    "a call": (30, _plain),
    "a transfer": (8, _transfer),
    "a call back inside the window": (8, _back_inside),
    "a call back outside the window": (4, _back_outside),
    "a pair at one moment": (10, _pair),
    "a family on one number": (7, _family),
    "anonymous": (7, _anonymous),
    "an open ticket": (8, _open_ticket),
    "a ticket in the payload": (7, _named_ticket),
    "a ticket in the payload that is gone": (3, _gone_ticket),
}
"""Each kind of story with its weight."""


def replayed(chosen: Sequence[Script], prefix: str) -> list[Script]:
    """The same calls by other people, every event at once and in order: a backlog to be worked off without faults."""
    made = []
    for number, script in enumerate(chosen, start=1):
        customer = f"{prefix}{number}"
        known = replace(
            script,
            customer=customer,
            email=f"{prefix}.caller{number}@example.com" if script.email else None,
            phone=f"+1666{number:08d}" if script.phone else script.phone,
            ticket="",
            seeded=None,
            sends=tuple(Send(at_s=0, event=event) for event in script.events),
        )
        made.append(_renamed(known, f"{prefix}-{number}"))
    return made
