"""The command: start everything, play the stories, compare the books, and stay up where somebody watches."""

import asyncio
import os
import signal
import sys
import webbrowser
from types import FrameType
from typing import Annotated

from cyclopts import Parameter

from cli.demo.children import LATENCIES_MS
from cli.demo.errors import DemoFailed
from cli.demo.house import House
from cli.demo.staying import stay_up
from cli.demo.stories import STORIES, Stage
from cli.demo.telling import Telling
from cli.demo.verdict import refusals, rows
from cli.demo.world import World


def demo(
    *,
    stay: Annotated[
        bool | None, Parameter(help="Stay up after the stories, with calls that go on; as it does on a terminal.")
    ] = None,
    open_page: Annotated[
        bool, Parameter(name="--open", negative="", help="Open operations' page in your browser.")
    ] = False,
) -> None:
    """Start everything on this machine, play six stories of calls, and compare what came of them with what should.

    On a terminal it then stays up until Ctrl-C, for calls of your own; elsewhere, or with DEMO_ONCE=1, it ends:
    0 when all is as it should be, else 1.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    telling = Telling()
    stays = stay if stay is not None else telling.on_terminal and os.environ.get("DEMO_ONCE", "") in ("", "0")
    right: bool | None = None
    telling.line("Starting Temporal, PostgreSQL, a simulated Zendesk with CRM and telephony, gateway and worker …")
    try:
        with House(ui=stays) as house:
            _tell_of_the_page(house, telling, open_page=open_page)
            right = asyncio.run(_play(house, telling))
            if not right:
                telling.line(f"The logs of its processes are kept in {house.keep_logs()}")
            if stays:
                asyncio.run(stay_up(house, telling))
    except KeyboardInterrupt:
        telling.line("Stopped; no process and no temporary file is left.")
        # After the verdict it is the ordinary way out.
        sys.exit(130 if right is None else not right)
    sys.exit(not right)


def _tell_of_the_page(house: House, telling: Telling, *, open_page: bool) -> None:
    slow = f"{LATENCIES_MS['*']} ms, the CRM in {LATENCIES_MS['fetch_customer']} ms"
    telling.line(f"All up after {telling.since_start_s():.1f} s. Zendesk answers in {slow}.")
    telling.line(f"Watch it at {house.addresses.page} and sign in with the token {house.keys.ops_token}")
    # A token has no place in an address: a browser would keep it in its history.
    if open_page and not (_has_screen() and webbrowser.open(house.addresses.page)):
        telling.line("There is no browser to open it in.")


async def _play(house: House, telling: Telling) -> bool:
    """Play all; whether everything was as it should be."""
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


def _has_screen() -> bool:
    """Without one a text browser would take the terminal."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
