"""*Live* under somebody's eyes: rows come and change by themselves, and whoever reads or types is left in peace."""

import time

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from api.security import COOKIE, SESSION_S, Doorkeeper, Role
from tests.browser.conftest import TICKET_URL
from tests.browser.slow import slow_line
from tests.browser.stories import World
from tests.browser.visitor import Look, Visit
from tests.e2e.kills import Caller
from tests.e2e.stack import OPS_TOKEN, Stack

PLAIN = Look(javascript=False)
with_and_without = pytest.mark.parametrize("look", [Look(), PLAIN], ids=["javascript", "plain"])


def row(page: Page, call_id: str) -> Locator:
    """The call's."""
    return page.locator(f'[id="call-{call_id}"]')


@with_and_without
def test_each_kind_of_call_is_told_apart_by_words(visit: Visit, house: Stack, world: World, look: Look) -> None:
    """State, masked customer, agent, ticket, latency and what it waits for stand in its row."""
    page = visit("/ops", look=look)
    expect(row(page, world.ringing)).to_contain_text("ringing")
    talking = row(page, world.talking)
    for text in ("in call", "c•••@example.com", "Agent Smith", " ms", "the end of the call"):
        expect(talking).to_contain_text(text)
    ticket = house.call(world.talking)["ticket_id"]
    expect(talking.get_by_role("link", name=f"#{ticket}")).to_have_attribute(
        "href", TICKET_URL.format(ticket_id=ticket)
    )
    expect(row(page, world.missed)).to_contain_text("missed")
    expect(row(page, world.stuck)).to_contain_text("needs attention")


def test_rows_come_and_change_by_themselves(visit: Visit, house: Stack) -> None:
    """From the first ring to the end, without a key pressed."""
    page = visit("/ops")
    caller = Caller(house)
    expect(row(page, caller.call_id)).to_have_count(0)
    caller.starts()
    expect(row(page, caller.call_id)).to_contain_text("ringing")
    expect(row(page, caller.call_id)).to_contain_text("#")
    caller.is_answered()
    expect(row(page, caller.call_id)).to_contain_text("in call")
    expect(row(page, caller.call_id)).to_contain_text("shown")
    caller.ends()
    expect(row(page, caller.call_id)).to_contain_text("completed")


def test_who_types_and_reads_is_left_in_peace(visit: Visit, house: Stack, world: World) -> None:
    """A new row moves neither the window nor the cursor, and takes nothing of what was typed."""
    page = visit("/ops", look=Look(width=1000, height=300))
    page.get_by_text("Filter and search").click()
    field = page.get_by_label("Agent (id)")
    field.press_sequentially("a-98")
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    before = page.evaluate("[document.activeElement.id, document.activeElement.selectionStart]")
    seen = row(page, world.ringing).bounding_box()
    caller = Caller(house)
    caller.starts()
    row(page, caller.call_id).wait_for(state="attached")
    assert page.evaluate("[document.activeElement.id, document.activeElement.selectionStart]") == before
    expect(field).to_have_value("a-98")
    expect(field).to_be_visible()
    assert seen is not None
    assert row(page, world.ringing).bounding_box() is not None
    page.keyboard.type("7")
    expect(field).to_have_value("a-987")


def test_the_focus_stays_on_its_call(visit: Visit, house: Stack, world: World) -> None:
    """Rows that come above do not lead Enter to another call."""
    page = visit("/ops")
    link = row(page, world.completed).get_by_role("link", name=world.completed)
    link.focus()
    caller = Caller(house)
    caller.starts()
    expect(row(page, caller.call_id)).to_contain_text("ringing")
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(world.completed)


@with_and_without
def test_a_list_is_cut_by_its_filters(visit: Visit, world: World, look: Look) -> None:
    """By state; what does not fit is not there, and the way back is a link."""
    page = visit("/ops", look=look)
    page.get_by_text("Filter and search").click()
    page.get_by_label("State").select_option("missed")
    page.get_by_role("button", name="Filter").click()
    expect(row(page, world.missed)).to_be_visible()
    expect(row(page, world.talking)).to_have_count(0)
    page.get_by_role("link", name="All calls").click()
    expect(row(page, world.talking)).to_be_visible()


@with_and_without
def test_a_customer_is_found_without_standing_in_an_address(visit: Visit, house: Stack, look: Look) -> None:
    """By email and by number; every visit looks whether customer data stands in any address."""
    caller = Caller(house)
    caller.starts()
    caller.has_ticket()
    for who in (caller.customer["email"], caller.customer["phone_number"]):
        page = visit("/ops", look=look)
        page.get_by_text("Filter and search").click()
        page.get_by_label("Customer's email or phone number").fill(who)
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("link", name=caller.call_id, exact=True)).to_be_visible()


def test_a_session_that_runs_out_says_so(visit: Visit) -> None:
    """The page stays as it was, says that it is old, and leads to the sign-in form and back."""
    page = visit("/ops", role=None)
    ending = Doorkeeper(OPS_TOKEN).new_session(time.time() - SESSION_S + 3, Role.OPERATOR)
    page.context.add_cookies([{"name": COOKIE, "value": ending, "url": page.url.split("/ops")[0]}])
    page.goto("/ops")
    expect(page.get_by_role("alert")).to_contain_text("Your session is over")
    expect(page.locator("#calls")).to_be_visible()
    page.get_by_role("link", name="Sign in again").click()
    page.get_by_label("Ops token").fill(OPS_TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/ops")


def test_a_script_that_comes_late_is_waited_for(visit: Visit, house: Stack) -> None:
    """However long htmx's extension takes, the list updates by itself."""

    def late(route: Route) -> None:
        time.sleep(1)
        route.continue_()

    page = visit("/ops/pops")
    page.route("**/hx-sse*", late)
    page.goto("/ops")
    caller = Caller(house)
    caller.starts()
    expect(row(page, caller.call_id)).to_contain_text("ringing")


def test_a_slow_line_brings_rows_as_well(visit: Visit, house: Stack) -> None:
    """Late, but by themselves."""
    with slow_line(house.gateway_port, 0.2) as base:
        page = visit("/ops", base=base)
        caller = Caller(house)
        caller.starts()
        expect(row(page, caller.call_id)).to_contain_text("ringing")
        page.context.close()


@with_and_without
def test_refresh_shows_what_is_new(visit: Visit, house: Stack, look: Look) -> None:
    """For who reads without JavaScript, a link."""
    page = visit("/ops", look=look)
    caller = Caller(house)
    caller.starts()
    caller.has_ticket()
    page.get_by_role("link", name="Refresh").click()
    expect(row(page, caller.call_id)).to_be_visible()
