"""What goes on while the demo stays up: calls that come and go, and now and then one that needs a person."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from cli.demo.stories import caller
from cli.demo.world import World

EVERY_S = 4.0
RING_S, TALK_S = 3.0, 20.0
CALLERS = ("Finn Gale", "Gus Hale", "Hana Iyer", "Ida Jung", "Jan Kerr", "Kim Lund", "Lea Moss", "Max Nash")
AGENTS = ("Agent Smith", "Agent Jones", "Agent Brown")
SCRIPTS = ("normal", "normal", "transfer", "normal", "missed", "normal", "duplicates", "normal")
STUCK_EVERY = 7
"""Shares no factor with the number of scripts: every kind of call meets every fate in the end."""
REFUSALS = 2
"""The whole update, and the plainest one: after that a person is needed, whose retry works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A call to come."""

    call_id: str
    script: str
    customer: dict[str, str]
    agent: dict[str, str]
    stuck: bool


def planned() -> Iterator[Planned]:
    """Calls without end, the same ones each time. Nobody calls again while they talk."""
    for number in itertools.count():
        first, last = CALLERS[number % len(CALLERS)].split()
        script = SCRIPTS[number % len(SCRIPTS)]
        agent = number % len(AGENTS)
        yield Planned(
            call_id=f"c-7{number:09}",
            script=script,
            customer=caller(first, last, 20 + number % len(CALLERS)),
            agent={"id": f"a-{agent + 1}", "name": AGENTS[agent]},
            stuck=number % STUCK_EVERY == 0,
        )


async def traffic(world: World, every_s: float = EVERY_S) -> None:
    """Place one call after another until cancelled."""
    for call in planned():
        await place(world, call)
        await asyncio.sleep(every_s)


async def place(world: World, call: Planned) -> None:
    """Let it ring; what is refused, if anything, is what its ticket should be told at the end."""
    record = {"crm_customer_id": f"CUST_{call.customer['phone_number'][-2:]}", "account_status": "Premium"}
    await world.know_customer(call.customer, record)
    if call.stuck:
        await world.refuse("update_ticket", when=f"[call {call.call_id} ", times=REFUSALS)
    await world.play(call.script, call.call_id, call.customer, agent=call.agent, ring_s=RING_S, talk_s=TALK_S)
