"""*Needs attention*: what is stuck, why, what to do, and one mend for all of a group."""

import re

import pytest
from playwright.sync_api import Page, expect

from api.security import Role
from tests.browser.places import call_page
from tests.browser.stories import Stuck, World, stuck
from tests.browser.visitor import Look, Visit, expire, sent_again
from tests.e2e.stack import OPS_TOKEN, Stack
from tests.e2e.waiting import eventually

PLAIN = Look(javascript=False)
with_and_without = pytest.mark.parametrize("look", [Look(), PLAIN], ids=["javascript", "plain"])
RETRY_ALL = "Retry all of this group"


@pytest.fixture
def three(house: Stack) -> list[Stuck]:
    """Three more calls of the group, whose cause is mended."""
    made = stuck(house, 3)
    for each in made:
        each.mend_the_cause()
    return made


def confirm(page: Page) -> None:
    """From the list to the form that says what will happen."""
    page.get_by_role("link", name=RETRY_ALL).first.click()
    expect(page.get_by_text("Nothing that was written is written again.")).to_be_visible()


def fill(page: Page) -> None:
    """The form."""
    page.get_by_label("Your name").fill("Eve")
    page.get_by_label("Reason").fill("the field is optional again")


def press(page: Page) -> None:
    """The button that begins."""
    page.get_by_role("button", name="Retry").click()


@with_and_without
def test_a_stuck_call_stands_with_its_cause_and_what_to_do(visit: Visit, world: World, look: Look) -> None:
    """Name of the cause, how many, what it means, and the mends it offers."""
    page = visit("/ops/attention", look=look)
    group = page.get_by_role("region", name="StepRefused").first
    expect(page.get_by_role("heading", level=2).first).to_contain_text("StepRefused")
    expect(page.get_by_role("heading", level=2).first).to_contain_text("calls")
    expect(page.get_by_text("Zendesk refuses the content (422)").first).to_be_visible()
    mine = group.get_by_role("row").filter(has=page.get_by_role("link", name=world.stuck, exact=True))
    for mend in ("Retry", "Use another ticket", "Skip this step", "End"):
        expect(mine.get_by_role("link", name=mend, exact=True)).to_be_visible()


@with_and_without
def test_a_group_is_retried_and_tells_how_far_it_is(
    visit: Visit, house: Stack, world: World, three: list[Stuck], look: Look
) -> None:
    """Those whose cause is mended are told once; the others come back to the list."""
    before = [each.updates for each in three]
    page = visit("/ops/attention", look=look)
    confirm(page)
    fill(page)
    press(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Retry of a group")
    for each in three:
        each.assert_told_once()
    finished = page.get_by_text("Finished:")
    # Without JavaScript a person presses Refresh until it is.
    eventually(lambda: look.javascript or finished.count() or _refreshed(page))
    expect(finished).to_be_visible()
    house.until(world.stuck, lambda s: s["needs_attention"])
    assert [each.updates for each in three] == [count + 1 for count in before]
    page.goto("/ops/attention")
    expect(page.get_by_role("link", name=world.stuck, exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=three[0].call_id, exact=True)).to_have_count(0)


def _refreshed(page: Page) -> bool:
    """Ask once more; nothing is known yet."""
    page.get_by_role("link", name="Refresh").click()
    return False


def test_a_group_that_is_finished_asks_for_nothing_more(visit: Visit, three: list[Stuck]) -> None:
    """Its page stops to ask how far it is; what has the focus keeps it while the page changes around it."""
    page = visit("/ops/attention")
    confirm(page)
    fill(page)
    press(page)
    page.get_by_role("link", name="Needs attention").last.focus()
    expect(page.get_by_text("Finished:")).to_be_visible()
    expect(page.get_by_role("link", name="Needs attention").last).to_be_focused()
    expect(page.get_by_role("progressbar")).to_have_accessible_name(re.compile(r"Finished: (\d+) of \1 done with"))
    expect(page.locator("#progress[hx-trigger]")).to_have_count(0)
    for each in three:
        each.assert_told_once()


def test_a_group_sent_twice_is_one(visit: Visit, three: list[Stuck]) -> None:
    """A browser sends the very form again: the same group, no request more."""
    before = [each.updates for each in three]
    page = visit("/ops/attention")
    confirm(page)
    fill(page)
    with page.expect_request(lambda request: request.method == "POST") as sent:
        press(page)
    expect(page.get_by_text("Finished:")).to_be_visible()
    assert sent_again(page, sent.value) == page.url
    for each in three:
        each.assert_told_once()
    assert [each.updates for each in three] == [count + 1 for count in before]


@pytest.mark.parametrize("width", [360, 1280])
def test_each_call_is_a_card_on_a_telephone(visit: Visit, world: World, width: int) -> None:
    """What stands above a column on a desk stands beside each value; a screen reader is told of a table on both."""
    page = visit("/ops/attention", look=Look(width=width, height=740))
    cells = page.get_by_role("row").filter(has=page.get_by_role("link", name=world.stuck, exact=True)).locator("th, td")
    places = [box for each in cells.all() if (box := each.bounding_box()) is not None]
    lefts, tops = {round(place["x"]) for place in places}, {round(place["y"]) for place in places}
    assert (len(lefts) == 1, len(tops) == 1) == (width == 360, width == 1280)
    expect(page.get_by_role("columnheader", name="What happened").first).to_be_attached()
    label = cells.nth(1).evaluate("each => getComputedStyle(each, '::before').content")
    assert label == ('"State"' if width == 360 else "none")


def test_nothing_is_green_beside_what_needs_a_person(visit: Visit, world: World) -> None:
    """A completed call that is stuck is drawn plain, in each list and on its page; others as ever."""
    for address in ("/ops/attention", "/ops?needs_attention=true", call_page(world.stuck)):
        page = visit(address)
        state = page.locator("main .state").filter(has_text="completed").first
        expect(state).to_have_class("state plain")
    page = visit(call_page(world.completed))
    expect(page.locator("main .state").filter(has_text="completed").first).to_have_class("state good")


def test_a_group_is_mended_with_the_keyboard_alone(visit: Visit, three: list[Stuck]) -> None:
    """Link, two fields, Enter."""
    page = visit("/ops/attention")
    page.get_by_role("link", name=RETRY_ALL).first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Your name").focus()
    page.keyboard.type("Eve")
    page.keyboard.press("Tab")
    page.keyboard.type("mended")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Finished:")).to_be_visible()
    for each in three:
        each.assert_told_once()


def test_who_may_only_look_sees_no_button(visit: Visit, world: World) -> None:
    """And the address of the form says whose token it takes."""
    page = visit("/ops/attention", role=Role.READER)
    expect(page.get_by_role("link", name=world.stuck, exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=RETRY_ALL)).to_have_count(0)
    expect(page.get_by_role("link", name="Skip this step")).to_have_count(0)
    page.goto("/ops/attention/retry?cause=StepRefused&step=update_ticket-final")
    expect(page.get_by_role("alert")).to_contain_text("OPS_TOKEN")


# These two leave calls that are stuck, which would make every group after them longer.
def test_a_session_that_ran_out_in_the_middle_begins_nothing(visit: Visit, three: list[Stuck]) -> None:
    """The form leads to the sign-in form, and nothing was asked of anybody."""
    before = [each.updates for each in three]
    page = visit("/ops/attention")
    confirm(page)
    fill(page)
    expire(page)
    press(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("Ops token").fill(OPS_TOKEN)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(RETRY_ALL)
    assert [each.updates for each in three] == before


@with_and_without
def test_a_group_is_stopped(visit: Visit, world: World, three: list[Stuck], look: Look) -> None:
    """What was begun ends, and no further call is asked: the calls that came last stay as they were."""
    before = [each.updates for each in three]
    page = visit("/ops/attention", look=look)
    confirm(page)
    fill(page)
    page.get_by_label("Calls a second").fill("1")
    press(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    stopped = page.get_by_text("Stopped:")
    eventually(lambda: look.javascript or stopped.count() or _refreshed(page))
    expect(stopped).to_be_visible()
    expect(page.get_by_text("not begun")).to_be_visible()
    assert [each.updates for each in three][1:] == before[1:]
