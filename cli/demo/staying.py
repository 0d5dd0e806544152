"""The demo after its verdict: what there is to look at, with calls that go on until Ctrl-C."""

import asyncio
import shlex
import shutil
import sys
from pathlib import Path

from cli.demo.errors import DemoFailed
from cli.demo.house import House
from cli.demo.telling import Telling
from cli.demo.traffic import EVERY_S, traffic
from cli.demo.world import World

LOOK_S = 0.5


async def stay_up(house: House, telling: Telling) -> None:
    """Say what there is, and place calls until interrupted. Raises `DemoFailed` when a process ends by itself."""
    _tell(house, telling)
    async with World(house) as world:
        placing = asyncio.create_task(traffic(world))
        try:
            while (ended := house.children.ended()) is None and not placing.done():
                await asyncio.wait({placing}, timeout=LOOK_S)
        finally:
            placing.cancel()
    raise DemoFailed(ended or str(placing.exception()))


def _tell(house: House, telling: Telling) -> None:
    places, keys, me = house.addresses, house.keys, _me()
    secret, token = shlex.quote(keys.webhook), shlex.quote(keys.ops_token)
    telling.line(f"\nIt stays up, with a call every {EVERY_S:.0f} s; now and then one needs a person. To look at:")
    telling.line(f"  operations, sign in  {places.page}   with the token {keys.ops_token}")
    telling.line(f"                       to look only: {keys.ops_token_readonly}")
    telling.line(f"  Temporal UI          {places.temporal_ui or 'that of the server TEMPORAL_ADDRESS names'}")
    telling.line(f"  API docs             {places.gateway}/docs")
    telling.line(f"  tickets and calls    {places.simulator}/")
    telling.line("\nAnother call, and what came of it:")
    telling.line(f"  WEBHOOK_SECRETS={secret} {me} send call --url {places.gateway} --email you@example.com --phone ''")
    telling.line(f"  OPS_TOKEN={token} {me} call show ID --url {places.gateway}")
    telling.line("\nCtrl-C ends it and leaves nothing behind.", "bold")


def _me() -> str:
    """How the person at the terminal called us."""
    if shutil.which("talkbridge"):
        return "talkbridge"
    program = Path(sys.argv[0]).absolute()
    here = Path.cwd()
    return shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))
