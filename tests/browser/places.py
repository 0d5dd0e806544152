"""Every page there is, by name, for what has to hold on each of them."""

from collections.abc import Callable
from urllib.parse import quote

from tests.browser.stories import World

Address = Callable[[World], str]


def call_page(call_id: str) -> str:
    """The page of a call."""
    return f"/ops/calls/{quote(call_id, safe='')}"


def _at(address: str) -> Address:
    return lambda _world: address


PLACES: dict[str, Address] = {
    "sign-in": _at("/ops/sign-in"),
    "live": _at("/ops"),
    "attention": _at("/ops/attention"),
    "pops": _at("/ops/pops"),
    "set-up": _at("/ops/setup"),
    "ringing call": lambda world: call_page(world.ringing),
    "talking call": lambda world: call_page(world.talking),
    "completed call": lambda world: call_page(world.completed),
    "stuck call": lambda world: call_page(world.stuck),
    "unknown call": _at("/ops/calls/nobody-knows-it"),
}
HEADINGS = {
    "sign-in": "Sign in",
    "live": "Live calls",
    "attention": "Needs attention",
    "pops": "Screen pops",
    "set-up": "Set-up",
}
SIGNED_IN = tuple(name for name in PLACES if name != "sign-in")
