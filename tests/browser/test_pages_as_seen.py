"""How every page looks: to a screen reader, without JavaScript, on a telephone, in the dark, at rest. Opened once."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from api.security import Role
from tests.browser.axe import CONTRAST, violations
from tests.browser.conftest import address_of
from tests.browser.places import HEADINGS, PLACES, WITHIN, go_on
from tests.browser.stories import World
from tests.browser.visitor import Look, Visit, window
from tests.e2e.stack import Stack
from tests.e2e.waiting import tell

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
MOST_BYTES = 200_000
WEIGHT = """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .reduce((sum, each) => sum + each.decodedBodySize, 0)"""
_OVERHANGING = """[...document.querySelectorAll('main *')]
    .filter(each => each.getBoundingClientRect().right > 360 && !each.closest('.scroll'))
    .map(each => each.outerHTML.slice(0, 120)).slice(0, 5)"""
_MOVING = """[...document.querySelectorAll('*')].filter(each => getComputedStyle(each).transitionDuration !== '0s'
    || getComputedStyle(each).animationName !== 'none').map(each => each.outerHTML)"""


@pytest.fixture(scope="module", params=PLACES)
def name(request: pytest.FixtureRequest) -> str:
    """Of a page. All tests of one come after each other."""
    return str(request.param)


@pytest.fixture(scope="module")
def shown(house: Stack, browser: Browser, world: World, name: str) -> Iterator[Page]:
    """The page, which tests look at and do not change."""
    with window(browser, address_of(house), Role.OPERATOR, Look(policy=False)) as context:
        page = context.new_page()
        page.goto(PLACES[name](world))
        go_on(page, name, world)
        yield page


def test_it_is_whole_without_javascript(visit: Visit, shown: Page, world: World, name: str) -> None:
    """The same headings, links, buttons and cells are there."""
    plain = visit(PLACES[name](world), look=Look(javascript=False))
    go_on(plain, name, world)
    if name not in WITHIN:
        assert _outline(plain) == _outline(shown)
    if name in HEADINGS:
        expect(plain.get_by_role("heading", level=1)).to_have_text(HEADINGS[name])
    assert plain.title().endswith("· Talkbridge")


def _outline(page: Page) -> list[tuple[str, int]]:
    roles = ("heading", "link", "button", "columnheader", "form", "navigation", "img")
    return [(role, page.get_by_role(role).count()) for role in roles]  # type: ignore[arg-type]


def test_nobody_is_kept_out(shown: Page) -> None:
    """axe-core finds nothing on a desk and on a telephone, and no colour that the dark makes hard to read."""
    found = {}
    for place, size in (("desk", DESK), ("phone", PHONE)):
        _look(shown, size)
        found[place] = violations(shown)
        _look(shown, size, dark=True)
        found[f"{place} in the dark"] = violations(shown, only=CONTRAST)
    assert {place: each for place, each in found.items() if each} == {}


def test_it_fits_a_telephone(shown: Page) -> None:
    """At 360 pixels nothing has to be scrolled sideways but what scrolls by itself."""
    _look(shown, PHONE)
    assert shown.evaluate("document.documentElement.scrollWidth") <= 360, shown.evaluate(_OVERHANGING)


def test_nothing_moves_for_who_wishes_that(shown: Page) -> None:
    """With reduced motion no animation runs and no transition takes time."""
    shown.emulate_media(reduced_motion="reduce")
    assert shown.evaluate("document.getAnimations().length") == 0
    assert shown.evaluate(_MOVING) == []


def test_it_is_light(shown: Page, name: str) -> None:
    """Under 200 kB with all it is drawn with, nothing of it compressed."""
    size = shown.evaluate(WEIGHT)
    tell(f"{name} {size // 1000} kB")
    assert size <= MOST_BYTES


def _look(page: Page, size: dict[str, int], *, dark: bool = False) -> None:
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    page.emulate_media(color_scheme="dark" if dark else "light")
