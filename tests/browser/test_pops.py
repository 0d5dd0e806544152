"""*Screen pops*: how fast, against the two seconds, and over time."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.stories import World
from tests.browser.visitor import Look, Visit

with_and_without = pytest.mark.parametrize("look", [Look(), Look(javascript=False)], ids=["javascript", "plain"])


@with_and_without
@pytest.mark.usefixtures("world")
def test_the_figures_are_there_in_words(visit: Visit, look: Look) -> None:
    """Percentiles, share within two seconds, and a histogram that is told to who cannot see it."""
    page = visit("/ops/pops", look=look)
    for name in ("p50", "p95", "p99", "Shown within 2 s"):
        expect(page.get_by_role("term").filter(has_text=name)).to_be_visible()
    expect(page.get_by_role("img").first).to_have_accessible_name(re.compile("."))


@with_and_without
def test_another_period_is_chosen(visit: Visit, world: World, look: Look) -> None:
    """By a form whose choice stands in the address, and stays chosen."""
    page = visit("/ops/pops", look=look)
    period = page.get_by_label("Calls that began in the")
    now = period.input_value()
    other = next(each for each in period.locator("option").evaluate_all("x => x.map(o => o.value)") if each != now)
    period.select_option(other)
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(f"**/ops/pops?period={other}")
    expect(period).to_have_value(other)
