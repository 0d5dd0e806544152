"""How every page is used: with the keyboard alone, and by a stranger."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.places import ADDRESSED, PLACES, SIGNED_IN, WITHIN, go_on
from tests.browser.stories import World
from tests.browser.visitor import Look, Visit
from tests.e2e.stack import OPS_TOKEN

# On the sign-in form the focus begins in its only field; tests/browser/test_sign_in.py goes on from there.
every_page_inside = pytest.mark.parametrize("name", SIGNED_IN)
every_address_inside = pytest.mark.parametrize("name", ADDRESSED)
# By position in the document, for what is drawn and can be acted on.
FOCUSABLE = """() => [
        ...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')
    ].filter(each => each.checkVisibility({visibilityProperty: true}) && !each.disabled)"""
NUMBER = "each => [...document.querySelectorAll('*')].indexOf(each)"
# Where the focus is, and whether it is seen.
FOCUSED = f"""() => {{
    const focused = document.activeElement, style = getComputedStyle(focused);
    return [focused === document.body ? -1 : ({NUMBER})(focused),
        style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]
}}"""


@pytest.fixture
def page(visit: Visit, world: World, name: str) -> Page:
    """The page, as fresh as its address makes it."""
    # Where JavaScript put it into another, the focus would begin in the midst of that.
    opened = visit(PLACES[name](world), look=Look(javascript=name not in WITHIN))
    go_on(opened, name, world)
    return opened


@every_page_inside
def test_it_can_be_walked_through_with_the_keyboard(page: Page) -> None:
    """The first stop skips the navigation; then comes all that can be acted on, in reading order, visibly."""
    due = page.evaluate(f"({FOCUSABLE})().map({NUMBER})")
    outside = page.evaluate(f"({NUMBER})(document.body)")
    walked: list[int] = []
    while not walked or walked[-1] not in (due[-1], outside):
        page.keyboard.press("Tab")
        stop, seen = page.evaluate(FOCUSED)
        walked.append(stop)
        assert len(walked) < 1000, "the focus goes round in a circle"
        assert seen, page.evaluate("document.activeElement.outerHTML")
    assert [stop for stop in walked if stop in set(due)] == due
    assert walked == sorted(walked)


@every_page_inside
def test_the_navigation_can_be_skipped(page: Page) -> None:
    """The skip link leads to the content, from where the next stop is in it."""
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.matches('main')")


@every_address_inside
def test_a_stranger_is_led_to_the_form(visit: Visit, world: World, name: str) -> None:
    """And from there, with a token, to the page they asked for."""
    page = visit(PLACES[name](world), role=None)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("Ops token").fill(OPS_TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{PLACES[name](world)}")
