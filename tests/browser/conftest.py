"""Chromium before the whole of Talkbridge: one house a session, a browser a file, a window of its own a visit."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page

from api.security import Role
from tests.browser.chromium import MISSING, chromium, chromium_path
from tests.browser.stories import World, play_world
from tests.browser.visitor import READONLY_TOKEN, Look, Visit, window
from tests.e2e.kills import SETTINGS
from tests.e2e.stack import Stack

TICKET_URL = "https://tickets.example.net/{ticket_id}"
TEMPORAL_UI_URL = "http://temporal-ui.example.net:8233"
LOOK = Look()


def address_of(stack: Stack) -> str:
    """Where its gateway answers."""
    return f"http://127.0.0.1:{stack.gateway_port}"


@pytest.fixture(scope="session")
def chromium_at() -> str:
    """Chromium's path; without one the tests are skipped before anything starts."""
    return chromium_path() or pytest.skip(MISSING)


@pytest.fixture(scope="session")
def house(chromium_at: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole of Talkbridge, with one worker. Tests keep apart by their own calls."""
    links = {"TICKET_URL": TICKET_URL, "TEMPORAL_UI_URL": TEMPORAL_UI_URL}
    settings = {**SETTINGS, **links, "OPS_TOKEN_READONLY": READONLY_TOKEN}
    with Stack(folder=tmp_path_factory.mktemp("house"), settings=settings) as stack:
        asyncio.run(stack.set_up())
        stack.start_gateway()
        stack.start_workers(1)
        yield stack


@pytest.fixture(scope="session")
def world(house: Stack) -> World:
    """A call of each kind, which no test changes."""
    return play_world(house)


@pytest.fixture(scope="module")
def browser(chromium_at: str) -> Iterator[Browser]:
    """A browser. Only a file's: while it runs, tests that are coroutines cannot."""
    with chromium(chromium_at) as running:
        yield running


@pytest.fixture
def visit(house: Stack, browser: Browser) -> Iterator[Visit]:
    """Opens addresses of the house. What a page did that none may do is told when the test ends."""
    here = address_of(house)
    with ExitStack() as open_windows:

        def opened(
            address: str = "/ops", *, role: Role | None = Role.OPERATOR, look: Look = LOOK, base: str | None = None
        ) -> Page:
            page = open_windows.enter_context(window(browser, base or here, role, look)).new_page()
            page.goto(address)
            return page

        yield opened
