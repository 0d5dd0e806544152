"""A group of stuck calls, mended from the page: with JavaScript it follows by itself, without it by a link."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stories import Stuck, stuck
from tests.browser.visitor import Look, Visit
from tests.e2e.stack import Stack

LISTED = "/ops/attention?cause=StepRefused&step=final_update"


def begun(page: Page, calls: list[Stuck], reason: str) -> None:
    """Press the button of the group, fill in the form, send it."""
    for call in calls:
        expect(page.get_by_role("link", name=call.call_id, exact=True)).to_be_visible()
    page.get_by_role("link", name="Retry all of this group").click()
    expect(page.get_by_text(re.compile(r"Will retry \d+ calls"))).to_be_visible()
    page.get_by_label("Who are you?").fill("Eve")
    page.get_by_label("Why?").fill(reason)
    page.get_by_role("button", name=re.compile(r"Retry \d+ calls")).click()
    expect(page).to_have_url(re.compile(r"/ops/groups/[0-9a-f]{16}$"))


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_group_is_retried_from_its_list(house: Stack, visit: Visit, javascript: bool) -> None:
    """Each call sends one request more; the progress has words beside its bar and ends by itself or by Refresh."""
    calls = stuck(house, 3)
    before = [call.updates for call in calls]
    for call in calls:
        call.mend_the_cause()
    page = visit(LISTED, look=Look(javascript=javascript))
    begun(page, calls, "the field is there now")
    if not javascript:
        house.ended(calls[-1].call_id)
        page.wait_for_timeout(2000)
        page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_text(re.compile(r"Finished: (\d+) of \1 done with\."))).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_accessible_name(re.compile("Finished"))
    for call in calls:
        call.assert_told_once()
    assert [call.updates for call in calls] == [count + 1 for count in before]


def test_nothing_is_asked_for_once_it_is_finished(house: Stack, visit: Visit) -> None:
    """The page stops asking; what has the focus keeps it while the page changes around it."""
    calls = stuck(house, 2)
    page = visit(LISTED)
    begun(page, calls, "tried once more")
    page.get_by_role("link", name="Needs attention").last.focus()
    expect(page.get_by_text("Finished:")).to_be_visible()
    expect(page.get_by_role("link", name="Needs attention").last).to_be_focused()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(5000)
    assert asked == []
    for call in calls:
        call.mend_the_cause()
