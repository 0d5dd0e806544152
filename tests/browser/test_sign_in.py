"""Signing in and out: who gets in, as whom, and where to."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.places import call_page
from tests.browser.stories import World
from tests.browser.visitor import READONLY_TOKEN, Look, Visit, expire
from tests.e2e.stack import OPS_TOKEN

with_and_without = pytest.mark.parametrize("look", [Look(), Look(javascript=False)], ids=["javascript", "plain"])


def offer(page: Page, token: str) -> None:
    """Fill in the form and send it with the keyboard alone: the field has the focus."""
    expect(page.get_by_label("Ops token")).to_be_focused()
    page.keyboard.type(token)
    page.keyboard.press("Enter")


@with_and_without
@pytest.mark.parametrize(
    ("token", "signed_in_as"), [(OPS_TOKEN, "Signed in as operator"), (READONLY_TOKEN, "Signed in to look only")]
)
def test_each_token_opens_as_what_it_is(visit: Visit, look: Look, token: str, signed_in_as: str) -> None:
    """The head of each page tells."""
    page = visit("/ops", role=None, look=look)
    offer(page, token)
    expect(page.get_by_text(signed_in_as)).to_be_visible()
    assert page.url.endswith("/ops")


@with_and_without
def test_a_wrong_token_is_told(visit: Visit, look: Look) -> None:
    """The form is there again, with what is wrong, and without what was typed; the right one then still leads on."""
    page = visit("/ops/attention", role=None, look=look)
    offer(page, "not the token")
    expect(page.get_by_role("alert")).to_contain_text("That is not an ops token.")
    expect(page.get_by_label("Ops token")).to_have_value("")
    offer(page, OPS_TOKEN)
    expect(page.get_by_role("heading", level=1)).to_have_text("Needs attention")


def test_a_cookie_out_of_reach_of_scripts_keeps_the_session(visit: Visit) -> None:
    """HttpOnly, SameSite=Strict, without the token in it."""
    page = visit("/ops", role=None)
    offer(page, OPS_TOKEN)
    page.wait_for_url("**/ops")
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert OPS_TOKEN not in cookie["value"]
    assert page.evaluate("document.cookie") == ""


@with_and_without
def test_signing_out_ends_it(visit: Visit, look: Look) -> None:
    """The next page asks who is there, and so does the one before in the browser's history."""
    page = visit("/ops", look=look)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto("/ops/pops")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@with_and_without
def test_a_session_that_ran_out_leads_to_the_form_and_back(visit: Visit, world: World, look: Look) -> None:
    """Somebody who follows a link after twelve hours comes to where it led, once they have signed in."""
    page = visit("/ops", look=look)
    expire(page)
    page.goto(call_page(world.completed))
    offer(page, OPS_TOKEN)
    expect(page.get_by_role("heading", level=1)).to_contain_text(world.completed)


@pytest.mark.parametrize("goal", ["https://elsewhere.net/ops", "//elsewhere.net", "/\\elsewhere.net", "/docs"])
def test_nobody_is_led_elsewhere(visit: Visit, goal: str) -> None:
    """A link to our form cannot be made to lead to another's page."""
    page = visit(f"/ops/sign-in?next={goal}", role=None)
    offer(page, OPS_TOKEN)
    expect(page.get_by_role("heading", level=1)).to_have_text("Live calls")
