"""Every page there is, by name, for what has to hold on each of them."""

import json
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

from playwright.sync_api import Page, expect

from tests.browser.stories import GROUP, World
from tests.e2e.webhooks import payload

Address = Callable[[World], str]
Way = Callable[[Page, World], None]


def call_page(call_id: str) -> str:
    """The page of a call."""
    return f"/ops/calls/{quote(call_id, safe='')}"


def _at(address: str) -> Address:
    return lambda _world: address


def _search(page: Page, world: World) -> None:
    page.get_by_text("Filter and search").click()
    page.get_by_label("Customer's email or phone number").fill(world.customer)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A customer's calls")


def _explain(page: Page, world: World) -> None:
    agent_unusable = payload("started", "explained-0", customer={"email": world.customer}, agent=7)
    page.get_by_label("Body").fill(json.dumps(agent_unusable))
    page.get_by_role("button", name="Explain it").click()
    expect(page.get_by_text("It begins call explained-0")).to_be_visible()


PLACES: dict[str, Address] = {
    "sign-in": _at("/ops/sign-in"),
    "live": _at("/ops"),
    "attention": _at("/ops/attention"),
    "group confirm": _at(f"/ops/attention/retry?{urlencode(GROUP)}"),
    "group progress": lambda world: f"/ops/groups/{world.group}",
    "pops": _at("/ops/pops"),
    "set-up": _at("/ops/setup"),
    "ringing call": lambda world: call_page(world.ringing),
    "talking call": lambda world: call_page(world.talking),
    "completed call": lambda world: call_page(world.completed),
    "stuck call": lambda world: call_page(world.stuck),
    "mend form": lambda world: f"{call_page(world.stuck)}/mend?action=use_ticket",
    "unknown call": _at("/ops/calls/nobody-knows-it"),
    "search result": _at("/ops"),
    "explained webhook": _at("/ops/setup"),
}
"""Where each is, or where the way to it begins."""
WAYS: Mapping[str, Way] = {"search result": _search, "explained webhook": _explain}
"""To pages that are answers to a form: they have no address, for customer data stands in none."""
HEADINGS = {
    "sign-in": "Sign in",
    "live": "Live calls",
    "attention": "Needs attention",
    "group confirm": "Retry all of this group",
    "group progress": "Retry of a group",
    "pops": "Screen pops",
    "set-up": "Set-up",
    "search result": "A customer's calls",
    "explained webhook": "A webhook explained",
}
SIGNED_IN = tuple(name for name in PLACES if name != "sign-in")
ADDRESSED = tuple(name for name in SIGNED_IN if name not in WAYS)
WITHIN = ("explained webhook",)
"""Shown by JavaScript on the page of their form, without it as a page of their own."""


def go_on(page: Page, name: str, world: World) -> None:
    """From the address of a page to the page."""
    if way := WAYS.get(name):
        way(page, world)
