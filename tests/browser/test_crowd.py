"""Five thousand calls in the ledger: every page stays light, quick, and fit for a telephone."""

import asyncio
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import httpx2 as httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import address_of
from tests.browser.crowd import BUSIEST, CALLS, crowd
from tests.browser.places import call_page
from tests.browser.stories import GROUP
from tests.browser.visitor import Look, Visit
from tests.e2e.stack import OPS_TOKEN, Stack
from tests.e2e.waiting import tell

MOST_BYTES = 200_000
TIMES = 7
PLACES = {
    "live": "/ops",
    "live, by state": "/ops?state=ringing",
    "live, in need": "/ops?needs_attention=true",
    "attention": "/ops/attention",
    "attention, one group": f"/ops/attention?{urlencode(GROUP)}",
    "pops": "/ops/pops",
    "set-up": "/ops/setup",
    "call": call_page(BUSIEST),
    "call, all requests": f"{call_page(BUSIEST)}?requests=all",
}


@pytest.fixture(scope="module")
def packed(chromium_at: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A gateway before a full ledger. No worker: nothing changes."""
    with Stack(folder=tmp_path_factory.mktemp("packed")) as stack:
        # In a thread of its own: this one may have a browser's loop by now.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, stack.set_up()).result()
        crowd(stack.postgres.url)
        stack.start_gateway()
        yield stack


@pytest.fixture(scope="module")
def here(packed: Stack) -> str:
    """Its address."""
    return address_of(packed)


def test_pages_stay_light(packed: Stack, here: str) -> None:
    """Each document is under 200 kB. How long the server took is told, not tested: it is the machine's."""
    sizes = {}
    with httpx.Client(base_url=here, headers={"Authorization": f"Bearer {OPS_TOKEN}"}, timeout=30) as operator:
        for name, address in PLACES.items():
            sizes[name] = len(operator.get(address).raise_for_status().content)
            took = [_asked(operator, address) for _ in range(TIMES)]
            tell(
                f"{CALLS} calls: {name:<22} {sizes[name] / 1000:6.1f} kB, "
                f"{statistics.median(took):4.0f} ms (median), {max(took):4.0f} ms (most)"
            )
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}


def _asked(operator: httpx.Client, address: str) -> float:
    """In milliseconds."""
    began = time.perf_counter()
    operator.get(address).raise_for_status()
    return (time.perf_counter() - began) * 1000


@pytest.mark.parametrize("name", PLACES)
def test_pages_fit_a_telephone(visit: Visit, here: str, name: str) -> None:
    """However long the names and texts, nothing has to be scrolled sideways but what scrolls by itself."""
    page = visit(PLACES[name], base=here, look=Look(width=360, height=740))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("look", [Look(), Look(javascript=False)], ids=["javascript", "plain"])
def test_older_calls_are_a_page_away(visit: Visit, here: str, look: Look) -> None:
    """From page to page no call is shown twice, and back to the newest is one link."""
    page = visit("/ops", base=here, look=look)
    seen: list[str] = []
    for _ in range(3):
        shown = page.locator("main tbody a.id").all_inner_texts()
        assert shown
        seen += shown
        older = page.get_by_role("link", name="Older")
        address = older.get_attribute("href")
        older.click()
        page.wait_for_url(f"**{address}")
    assert len(seen) == len(set(seen))
    page.get_by_role("link", name="Newest").first.click()
    expect(page.locator("main tbody a.id").first).to_have_text(seen[0])
