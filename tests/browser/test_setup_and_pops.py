"""*Screen pops* and *Set-up* before a person: figures, a test call, a webhook explained."""

import json
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from api.ops.trial import signed
from api.security import Role
from api.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from tests.browser.stories import World
from tests.browser.visitor import Look, Visit, expire
from tests.e2e.stack import SECRET, Stack

with_and_without = pytest.mark.parametrize("look", [Look(), Look(javascript=False)], ids=["javascript", "plain"])


@with_and_without
def test_figures_of_a_period(visit: Visit, world: World, look: Look) -> None:
    """The pops of the calls played are there; the period chosen stays chosen."""
    page = visit("/ops/pops", look=look)
    expect(page.get_by_role("img", name="Screen pops by latency")).to_be_visible()
    expect(page.get_by_role("rowheader", name="shown")).to_be_visible()
    page.get_by_label("Calls that began in the").select_option("week")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Calls that began in the")).to_have_value("week")
    assert page.url.endswith("/ops/pops?period=week")


def test_the_same_stands_in_a_table(visit: Visit, world: World) -> None:
    """For whoever does not see the drawing."""
    page = visit("/ops/pops")
    page.get_by_text("The same as a table").click()
    table = page.get_by_role("table", name="Screen pops by latency")
    expect(table.get_by_role("row")).to_have_count(page.locator(".histogram svg .label").count() + 1)


@with_and_without
def test_a_test_call_ends_on_its_page(visit: Visit, house: Stack, look: Look) -> None:
    """One ticket of the caller whom the page named, and the call ends as missed; said before it was done."""
    page = visit("/ops/setup", look=look)
    expect(page.get_by_text("Creates one real ticket in Zendesk for the caller “Talkbridge test”")).to_be_visible()
    page.get_by_role("button", name="Send a test call and create a ticket").click()
    page.wait_for_url("**/ops/calls/talkbridge-test-*")
    call_id = page.url.rpartition("/")[2]
    status = house.until(call_id, lambda s: s["state"] == "missed" and s["ticket_id"])
    house.ended(call_id)
    assert status["screen_pops"] == []
    assert house.counts(call_id)["create_ticket"] == 1


def test_a_reader_has_no_button(visit: Visit) -> None:
    """It says why."""
    page = visit("/ops/setup", role=Role.READER)
    expect(page.get_by_text("You are signed in to look only: only operators can send one.")).to_be_visible()
    expect(page.get_by_role("button", name="Send a test call and create a ticket")).to_have_count(0)


def test_a_session_that_ended_sends_no_test_call(visit: Visit) -> None:
    """It leads to the form, and from there back."""
    page = visit("/ops/setup")
    expire(page)
    page.get_by_role("button", name="Send a test call and create a ticket").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "next=" in page.url


@with_and_without
def test_a_webhook_is_explained(visit: Visit, look: Look) -> None:
    """Which secret signed it and what it would do, also when it has lines; hostile text stays text."""
    body = json.dumps(
        {"event": "call.started", "data": {"id": "never-sent", "queue": "<img src=x onerror=alert(1)>", "agent": 7}},
        indent=1,
    )
    headers = signed(body.encode(), SECRET.encode(), datetime.now(UTC))
    page = visit("/ops/setup", look=look)
    page.get_by_label("Body").fill(body)
    page.get_by_label(f"{SIGNATURE_HEADER} (optional)", exact=True).fill(headers[SIGNATURE_HEADER])
    page.get_by_label(TIMESTAMP_HEADER).fill(headers[TIMESTAMP_HEADER])
    page.get_by_role("button", name="Explain it").click()
    expect(page.get_by_text("It would be answered 202 accepted")).to_be_visible()
    expect(page.get_by_text("It begins call never-sent")).to_be_visible()
    expect(page.get_by_text("secret 1 of 1 made it")).to_be_visible()
    expect(page.get_by_text("data.agent could not be used and was left out")).to_be_visible()
    expect(page.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    assert "never-sent" not in page.url


def test_the_checks_of_a_sound_house(visit: Visit, house: Stack) -> None:
    """Nothing fails; the token is told of by its life and scopes."""
    page = visit("/ops/setup")
    checks = page.locator(".checks")
    expect(checks.get_by_text("fails")).to_have_count(0)
    expect(checks.get_by_text("min more")).to_be_visible()
    expect(checks.get_by_text("granted: ")).to_be_visible()
