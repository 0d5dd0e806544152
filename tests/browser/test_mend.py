"""Mending a call that is stuck, from its page: each action, twice, by two people, late, and without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from api.security import Role
from tests.browser.places import call_page
from tests.browser.slow import slow_line
from tests.browser.stories import Stuck, stuck
from tests.browser.visitor import Look, Visit, expire, sent_again
from tests.e2e.kills import Caller
from tests.e2e.stack import OPS_TOKEN, Stack

PLAIN = Look(javascript=False)
with_and_without = pytest.mark.parametrize("look", [Look(), PLAIN], ids=["javascript", "plain"])
CASES = 18
"""As many stuck calls as the tests of this file need; made together, they cost little more than one."""

Take = Callable[[], Stuck]


@pytest.fixture(scope="module")
def take(house: Stack) -> Take:
    """Another stuck call each time."""
    made = stuck(house, CASES)
    return made.pop


def begin(page: Page, label: str) -> None:
    """Choose what to do; what it will do is said before it does."""
    page.get_by_role("link", name=label).first.click()
    expect(page.get_by_text("What this does:")).to_be_visible()


def fill(page: Page, **more: str) -> None:
    """The form."""
    for name, value in {"Reason": "Zendesk takes it again", "Your name": "Eve", **more}.items():
        page.get_by_label(name, exact=True).fill(value)


def press(page: Page, label: str) -> None:
    """The button that does it."""
    page.get_by_role("button", name=label).click()


def came_of(page: Page, text: str) -> None:
    """The call's page tells what came of it."""
    expect(page.locator("#came-of")).to_contain_text(text)


@with_and_without
def test_retry_now(visit: Visit, take: Take, look: Look) -> None:
    """One request more, one note, and the call needs nobody any more."""
    call = take()
    before = call.updates
    page = visit(call_page(call.call_id), look=look)
    expect(page.get_by_text("Will not create another.").first).to_be_visible()
    call.mend_the_cause()
    begin(page, "Retry now")
    fill(page)
    press(page, "Retry now")
    came_of(page, "")
    call.assert_told_once()
    assert call.updates == before + 1
    page.reload()
    expect(page.locator("main .state").filter(has_text="needs attention")).to_have_count(0)
    expect(page.get_by_role("cell", name="Zendesk takes it again")).to_be_visible()


@with_and_without
def test_another_ticket(visit: Visit, house: Stack, take: Take, look: Look) -> None:
    """The note of the end stands on the ticket that was named, and on no other."""
    call = take()
    call.mend_the_cause()
    other = house.sim("POST", "/tickets", {"subject": "other", "requester": {"name": "Else"}})["ticket"]["id"]
    page = visit(call_page(call.call_id), look=look)
    begin(page, "Use another ticket")
    fill(page, Ticket=f"#{other}")
    press(page, "Use another ticket")
    came_of(page, "")
    call.assert_told_once()
    assert house.call(call.call_id)["ticket_id"] == other


@with_and_without
def test_skip_this_step(visit: Visit, house: Stack, take: Take, look: Look) -> None:
    """Nothing is sent, and the call needs nobody any more."""
    call = take()
    before = call.updates
    page = visit(call_page(call.call_id), look=look)
    begin(page, "Skip this step")
    fill(page)
    press(page, "Skip this step")
    came_of(page, "")
    house.until(call.call_id, lambda s: not s["needs_attention"])
    assert call.updates == before


@with_and_without
def test_end_this_call(visit: Visit, house: Stack, take: Take, look: Look) -> None:
    """What was left to do is given up, and nothing is sent."""
    call = take()
    before = call.updates
    page = visit(call_page(call.call_id), look=look)
    begin(page, "End this call")
    fill(page)
    press(page, "End this call")
    came_of(page, "")
    house.until(call.call_id, lambda s: not s["needs_attention"])
    assert call.updates == before


@with_and_without
def test_end_a_call_that_is_still_talking(visit: Visit, house: Stack, look: Look) -> None:
    """Its ticket is told that the end was not reported, once."""
    caller = Caller(house)
    caller.starts()
    caller.is_shown()
    page = visit(call_page(caller.call_id), look=look)
    begin(page, "End this call")
    fill(page, Reason="the platform lost its end")
    press(page, "End this call")
    came_of(page, "")
    told = house.ended(caller.call_id)
    assert (told["state"], told["needs_attention"]) == ("end_not_reported", False)
    assert caller.marks()[f"[call {caller.call_id} · end not reported]"] == 1
    page.reload()
    expect(page.locator("main .state").filter(has_text="end not reported").first).to_be_visible()


def test_a_form_that_lacks_something_says_what(visit: Visit, take: Take) -> None:
    """What was filled in stands there still; nothing was done."""
    call = take()
    before = call.updates
    page = visit(call_page(call.call_id), look=PLAIN)
    begin(page, "Use another ticket")
    fill(page, Ticket="none of that")
    press(page, "Use another ticket")
    expect(page.get_by_role("alert")).to_contain_text("ticket's number")
    expect(page.get_by_label("Reason")).to_have_value("Zendesk takes it again")
    assert call.updates == before


def test_sent_twice_it_is_done_once(visit: Visit, take: Take) -> None:
    """A browser sends the very form again: the same answer, no request more. Who goes back finds nothing left to do."""
    call = take()
    before = call.updates
    call.mend_the_cause()
    page = visit(call_page(call.call_id))
    begin(page, "Retry now")
    fill(page)
    with page.expect_request(lambda request: request.method == "POST") as sent:
        press(page, "Retry now")
    came_of(page, "")
    call.assert_told_once()
    assert sent_again(page, sent.value) == page.url
    page.goto(f"{call_page(call.call_id)}/mend?action=retry")
    expect(page.get_by_role("alert")).to_contain_text("nothing to do here any more")
    expect(page.get_by_role("button", name="Retry now")).to_have_count(0)
    assert call.updates == before + 1


def test_of_two_people_one_does_it(visit: Visit, take: Take) -> None:
    """Both have the form before them; the second is told that it was not needed any more."""
    call = take()
    before = call.updates
    call.mend_the_cause()
    first, second = visit(call_page(call.call_id)), visit(call_page(call.call_id), look=PLAIN)
    for page in (first, second):
        begin(page, "Retry now")
        fill(page)
    press(first, "Retry now")
    came_of(first, "")
    call.assert_told_once()
    press(second, "Retry now")
    expect(second.get_by_text("Nothing").or_(second.locator("#came-of")).first).to_be_visible()
    call.assert_told_once()
    assert call.updates == before + 1


@with_and_without
def test_a_session_that_ran_out_in_the_middle_does_nothing(visit: Visit, house: Stack, take: Take, look: Look) -> None:
    """The form leads to the sign-in form and from there back to where it was; then it is sent."""
    call = take()
    before = call.updates
    call.mend_the_cause()
    page = visit(call_page(call.call_id), look=look)
    begin(page, "Retry now")
    form = page.url
    fill(page)
    expire(page)
    press(page, "Retry now")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert (call.updates, house.call(call.call_id)["needs_attention"]) == (before, True)
    page.get_by_label("Ops token").fill(OPS_TOKEN)
    press(page, "Sign in")
    page.wait_for_url(form)
    fill(page)
    press(page, "Retry now")
    came_of(page, "")
    call.assert_told_once()


def test_who_may_only_look_is_told_so(visit: Visit, take: Take) -> None:
    """No button, and a form that says whose token it takes."""
    call = take()
    page = visit(call_page(call.call_id), role=Role.READER)
    expect(page.get_by_text("Will not create another.").first).to_be_visible()
    expect(page.get_by_role("link", name="Retry now")).to_have_count(0)
    page.goto(f"{call_page(call.call_id)}/mend?action=retry")
    expect(page.get_by_role("alert")).to_contain_text("OPS_TOKEN")
    expect(page.get_by_role("button", name="Retry now")).to_have_count(0)


def test_with_the_keyboard_alone(visit: Visit, take: Take) -> None:
    """From the page to the form to what came of it, without a mouse."""
    call = take()
    call.mend_the_cause()
    page = visit(call_page(call.call_id))
    page.get_by_role("link", name="Retry now").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("What this does:")).to_be_visible()
    page.get_by_label("Your name").focus()
    page.keyboard.type("Eve")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("mended")
    page.keyboard.press("Enter")
    came_of(page, "")
    call.assert_told_once()


def test_pressed_again_and_again_on_a_slow_line_it_is_done_once(visit: Visit, house: Stack, take: Take) -> None:
    """The first answer is still under way when somebody presses a second and a third time."""
    call = take()
    before = call.updates
    call.mend_the_cause()
    with slow_line(house.gateway_port, 0.3) as base:
        page = visit(call_page(call.call_id), base=base)
        begin(page, "Retry now")
        fill(page)
        place = page.get_by_role("button", name="Retry now").bounding_box()
        assert place is not None
        for _ in range(3):
            page.mouse.click(place["x"] + 5, place["y"] + 5)
        came_of(page, "")
        call.assert_told_once()
        page.context.close()
    assert call.updates == before + 1


def test_a_call_that_healed_meanwhile_is_left_alone(visit: Visit, house: Stack, take: Take) -> None:
    """The form was open while the call came right by another hand: it says so, and no request is sent."""
    call = take()
    page = visit(f"{call_page(call.call_id)}/mend?action=skip")
    fill(page)
    call.mend_the_cause()
    other = visit(f"{call_page(call.call_id)}/mend?action=retry")
    fill(other)
    press(other, "Retry now")
    call.assert_told_once()
    before = call.updates
    press(page, "Skip this step")
    expect(page.get_by_text("not needed").or_(page.get_by_text("Nothing")).first).to_be_visible()
    assert call.updates == before
