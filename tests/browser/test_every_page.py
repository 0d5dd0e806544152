"""What holds on every page: without JavaScript, without a mouse, on a telephone, in the dark, for a screen reader."""

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.browser.places import HEADINGS, PLACES, SIGNED_IN
from tests.browser.stories import World
from tests.browser.visitor import Look, Visit
from tests.e2e.waiting import tell

PHONE = Look(width=360, height=740)
MOST_BYTES = 200_000
LOOKS = {
    "light": Look(policy=False),
    "dark": Look(policy=False, scheme="dark"),
    "phone": Look(policy=False, width=360, height=740),
    "phone in the dark": Look(policy=False, width=360, height=740, scheme="dark"),
}
every_page = pytest.mark.parametrize("name", PLACES)
# On the sign-in form the focus begins in its only field; tests/browser/test_sign_in.py goes on from there.
every_page_inside = pytest.mark.parametrize("name", SIGNED_IN)
# By position in the document, for what is drawn and can be acted on.
FOCUSABLE = """() => [
        ...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')
    ].filter(each => each.checkVisibility({visibilityProperty: true}) && !each.disabled)"""
WEIGHT = """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .reduce((sum, each) => sum + each.decodedBodySize, 0)"""
NUMBER = "each => [...document.querySelectorAll('*')].indexOf(each)"


@every_page
def test_nobody_is_kept_out(visit: Visit, world: World, name: str) -> None:
    """axe-core finds nothing, in light and dark, on a desk and on a telephone."""
    found = {}
    page = visit(PLACES[name](world), look=LOOKS["light"])
    for look_name, look in LOOKS.items():
        page.set_viewport_size({"width": look.width, "height": look.height})
        page.emulate_media(color_scheme=look.scheme)
        found[look_name] = _violations(page)
    assert {look_name: each for look_name, each in found.items() if each} == {}


def _violations(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in violations for node in each["nodes"]]


@every_page
def test_it_is_whole_without_javascript(visit: Visit, world: World, name: str) -> None:
    """The same headings, links, buttons and cells are there."""
    plain = visit(PLACES[name](world), look=Look(javascript=False))
    moving = visit(PLACES[name](world))
    assert _outline(plain) == _outline(moving)
    if name in HEADINGS:
        expect(plain.get_by_role("heading", level=1)).to_have_text(HEADINGS[name])
    assert plain.title().endswith("· Talkbridge")


def _outline(page: Page) -> list[tuple[str, int]]:
    roles = ("heading", "link", "button", "columnheader", "form", "navigation", "img")
    return [(role, page.get_by_role(role).count()) for role in roles]  # type: ignore[arg-type]


@every_page
def test_it_fits_a_telephone(visit: Visit, world: World, name: str) -> None:
    """At 360 pixels nothing has to be scrolled sideways but what scrolls by itself."""
    page = visit(PLACES[name](world), look=PHONE)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360, page.evaluate(
        "[...document.querySelectorAll('main *')].filter(x => x.getBoundingClientRect().right > 360 "
        "&& !x.closest('.scroll')).map(x => x.outerHTML.slice(0, 120)).slice(0, 5)"
    )


@every_page_inside
def test_it_can_be_walked_through_with_the_keyboard(visit: Visit, world: World, name: str) -> None:
    """The first stop skips the navigation; then comes all that can be acted on, in reading order, visibly."""
    page = visit(PLACES[name](world))
    due = page.evaluate(f"({FOCUSABLE})().map({NUMBER})")
    outside = page.evaluate(f"({NUMBER})(document.body)")
    walked: list[int] = []
    while not walked or walked[-1] not in (due[-1], outside):
        page.keyboard.press("Tab")
        walked.append(
            page.evaluate(f"document.activeElement === document.body ? -1 : ({NUMBER})(document.activeElement)")
        )
        assert len(walked) < 1000, "the focus goes round in a circle"
        assert _is_outlined(page), page.evaluate("document.activeElement.outerHTML")
    assert [stop for stop in walked if stop in set(due)] == due
    assert walked == sorted(walked)


def _is_outlined(page: Page) -> bool:
    seen = "getComputedStyle(document.activeElement)"
    return bool(page.evaluate(f"{seen}.outlineStyle !== 'none' && parseFloat({seen}.outlineWidth) >= 2"))


@every_page_inside
def test_the_navigation_can_be_skipped(visit: Visit, world: World, name: str) -> None:
    """The skip link leads to the content, from where the next stop is in it."""
    page = visit(PLACES[name](world))
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.matches('main')")


@every_page
def test_nothing_moves_for_who_wishes_that(visit: Visit, world: World, name: str) -> None:
    """With reduced motion no animation runs and no transition takes time."""
    page = visit(PLACES[name](world), look=Look(calm=True))
    assert page.evaluate("document.getAnimations().length") == 0
    moving = "[...document.querySelectorAll('*')].filter(x => getComputedStyle(x).transitionDuration !== '0s'"
    assert page.evaluate(f"{moving} || getComputedStyle(x).animationName !== 'none').map(x => x.outerHTML)") == []


@every_page_inside
def test_a_stranger_is_led_to_the_form(visit: Visit, world: World, name: str) -> None:
    """And from there, with a token, to the page they asked for."""
    page = visit(PLACES[name](world), role=None)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("Ops token").fill("ops-token")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{PLACES[name](world)}")


def test_pages_are_light(visit: Visit, world: World) -> None:
    """Each is under 200 kB with all it is drawn with, nothing of it compressed."""
    sizes = {name: visit(address(world)).evaluate(WEIGHT) for name, address in PLACES.items()}
    tell(", ".join(f"{name} {size // 1000} kB" for name, size in sizes.items()))
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}
