"""*Screen pops* before a person: how fast, against the two seconds, and over time."""

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Look, Visit

with_and_without = pytest.mark.parametrize("look", [Look(), Look(javascript=False)], ids=["javascript", "plain"])
pytestmark = pytest.mark.usefixtures("world")


@with_and_without
def test_the_figures_are_told(visit: Visit, look: Look) -> None:
    """Share, percentiles, how each ended, and a drawing with a name."""
    page = visit("/ops/pops", look=look)
    for name in ("Shown within 2 s", "p50", "p95", "p99"):
        expect(page.get_by_role("term").filter(has_text=name)).to_be_visible()
    expect(page.get_by_role("img", name="Screen pops by latency")).to_be_visible()
    expect(page.get_by_role("rowheader", name="shown")).to_be_visible()


@with_and_without
def test_another_period_is_chosen(visit: Visit, look: Look) -> None:
    """Its choice stands in the address, and stays chosen."""
    page = visit("/ops/pops", look=look)
    page.get_by_label("Calls that began in the").select_option("week")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/ops/pops?period=week")
    expect(page.get_by_label("Calls that began in the")).to_have_value("week")


@with_and_without
def test_the_drawing_stands_in_a_table_as_well(visit: Visit, look: Look) -> None:
    """For whoever does not see it."""
    page = visit("/ops/pops", look=look)
    page.get_by_text("The same as a table").click()
    table = page.get_by_role("table", name="Screen pops by latency")
    expect(table.get_by_role("row")).to_have_count(page.locator(".histogram svg .label").count() + 1)
