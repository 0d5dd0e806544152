"""The command: start everything, play the stories, compare the books, and stay up where somebody watches."""

import asyncio
import os
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from cli.demo.children import LATENCIES_MS
from cli.demo.errors import DemoFailed
from cli.demo.house import House
from cli.demo.stories import STORIES, Stage
from cli.demo.telling import Telling
from cli.demo.verdict import refusals, rows
from cli.demo.world import World


def demo() -> None:
    """Start everything on this machine, play six stories of calls, and compare what came of them with what should.

    On a terminal it then stays up until Ctrl-C, for calls of your own; elsewhere, or with DEMO_ONCE=1, it ends:
    0 when all is as it should be, else 1.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    telling = Telling()
    stays = telling.on_terminal and os.environ.get("DEMO_ONCE", "") in ("", "0")
    right: bool | None = None
    telling.line("Starting Temporal, PostgreSQL, a simulated Zendesk with CRM and telephony, gateway and worker …")
    try:
        with House(ui=stays) as house:
            right = asyncio.run(_play(house, telling))
            if not right:
                telling.line(f"The logs of its processes are kept in {house.keep_logs()}")
            if stays:
                _stay(house, telling)
    except KeyboardInterrupt:
        telling.line("Stopped; no process and no temporary file is left.")
        # After the verdict it is the ordinary way out.
        sys.exit(130 if right is None else not right)
    sys.exit(not right)


async def _play(house: House, telling: Telling) -> bool:
    """Play all; whether everything was as it should be."""
    slow = f"{LATENCIES_MS['*']} ms, the CRM in {LATENCIES_MS['fetch_customer']} ms"
    telling.line(f"All up after {telling.since_start_s():.1f} s. Zendesk answers in {slow}.")
    wrong = 0
    async with World(house) as world:
        stage = Stage(house=house, world=world, telling=telling)
        for number, story in enumerate(STORIES, start=1):
            telling.story(number, story.title)
            try:
                await story.play(stage)
            except DemoFailed as error:
                wrong += 1
                telling.wrong(str(error))
            if ended := house.children.ended():
                raise DemoFailed(ended)
        return await _compare(world, telling) and not wrong


async def _compare(world: World, telling: Telling) -> bool:
    books, journal = await world.books(), await world.journal()
    latencies = [latency for call in books["calls"] for latency in await _latencies(world, call["id"])]
    counted = [*rows(books, STORIES, latencies), *refusals(journal, STORIES)]
    telling.table(counted)
    right = all(row.right for row in counted)
    telling.line("As it should be." if right else "Not as it should be.", "bold green" if right else "bold red")
    return right


async def _latencies(world: World, call_id: str) -> list[int]:
    told = await world.call(call_id)
    pops = told["screen_pops"] if told is not None else []
    return [pop["latency_ms"] for pop in pops if pop["latency_ms"] is not None]


def _stay(house: House, telling: Telling) -> None:
    """Say what there is to look at, and wait for Ctrl-C."""
    places, me = house.addresses, _me()
    secret, token = shlex.quote(house.keys.webhook), shlex.quote(house.keys.ops_token)
    telling.line("\nIt stays up. To look at:")
    telling.line(f"  Temporal UI          {places.temporal_ui or 'that of the server TEMPORAL_ADDRESS names'}")
    telling.line(f"  API docs             {places.gateway}/docs")
    telling.line(f"  operations, sign in  {places.gateway}/ops   with the token {house.keys.ops_token}")
    telling.line(f"  tickets and calls    {places.simulator}/")
    telling.line("\nAnother call, and what came of it:")
    telling.line(f"  WEBHOOK_SECRETS={secret} {me} send call --url {places.gateway} --email you@example.com --phone ''")
    telling.line(f"  OPS_TOKEN={token} {me} call show ID --url {places.gateway}")
    telling.line("\nCtrl-C ends it and leaves nothing behind.", "bold")
    while not (ended := house.children.ended()):
        time.sleep(0.5)
    raise DemoFailed(ended)


def _me() -> str:
    """How the person at the terminal called us."""
    if shutil.which("talkbridge"):
        return "talkbridge"
    program = Path(sys.argv[0]).absolute()
    here = Path.cwd()
    return shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
