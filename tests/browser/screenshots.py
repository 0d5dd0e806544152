"""`make screenshots`: the demo's stories played, and every page taken, light and dark, on a desk and on a telephone."""

import argparse
import asyncio
import itertools
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from api.security import COOKIE, Doorkeeper
from cli.demo.house import House
from cli.demo.stories import STORIES, Stage
from cli.demo.telling import Telling
from cli.demo.traffic import STUCK_EVERY, place, planned
from cli.demo.watch import eventually
from cli.demo.world import World
from tests.browser.chromium import MISSING, chromium, chromium_path
from tests.browser.places import call_page

HERE = Path("screenshots")
IMAGES = Path("docs/images")
CALLS = 2 * STUCK_EVERY + 2
EVERY_S = 1.5
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")
MOST_BYTES = 150_000
TALLEST = 680
"""Of an image for the README, in pixels."""
KILLED = "c-6000000001"
"""The call of the sixth story: a dead token, a dead worker, and one note."""
CHOSEN = {"live-desk-light", "call-desk-light", "attention-desk-dark", "mend-phone-light", "pops-desk-light"}
"""For the README, the upper part; the others are as long as the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """Ids of calls worth a look."""

    talking: str
    stuck: str


def pages(played: Played) -> Mapping[str, str]:
    """What to take, by name; what changes soonest first."""
    return {
        "live": "/ops",
        "talking": call_page(played.talking),
        "attention": "/ops/attention",
        "stuck": call_page(played.stuck),
        "mend": f"{call_page(played.stuck)}/mend?action=retry",
        "call": call_page(KILLED),
        "pops": "/ops/pops",
        "setup": "/ops/setup",
        "sign-in": "/ops/sign-in",
    }


async def play(house: House, telling: Telling) -> Played:
    """The six stories, then a busy minute in which two calls come to need a person."""
    async with World(house) as world:
        stage = Stage(house=house, world=world, telling=telling)
        for number, story in enumerate(STORIES, start=1):
            telling.story(number, story.title)
            await story.play(stage)
        calls = list(itertools.islice(planned(), CALLS))
        for call in calls:
            await place(world, call)
            await asyncio.sleep(EVERY_S)
        stuck = [call.call_id for call in calls if call.stuck][:2]
        for call_id in stuck:
            await _needs_a_person(world, call_id)
        return Played(talking=calls[-2].call_id, stuck=stuck[0])


async def _needs_a_person(world: World, call_id: str) -> None:
    async def look() -> bool | None:
        told = await world.call(call_id)
        return True if told is not None and told["needs_attention"] else None

    await eventually(f"{call_id} to need a person", look, lambda: "it does not", within_s=60)


def take(browser: Browser, house: House, played: Played, folder: Path) -> Iterator[Path]:
    """Every page in every look, written to `folder`; of those chosen the upper part."""
    session = Doorkeeper(house.keys.ops_token).new_session(time.time())
    for (name, address), scheme, (device, (width, height)) in itertools.product(
        pages(played).items(), SCHEMES, SIZES.items()
    ):
        page = _window(browser, house, scheme, width, height)
        if name != "sign-in":
            page.context.add_cookies([{"name": COOKIE, "value": session, "url": house.addresses.gateway}])
        page.goto(address)
        title = f"{name}-{device}-{scheme}"
        path = folder / f"{title}.png"
        if title in CHOSEN:
            page.screenshot(path=path, clip={"x": 0, "y": 0, "width": width, "height": TALLEST})
        else:
            page.screenshot(path=path, full_page=True)
        page.context.close()
        yield path


def _window(browser: Browser, house: House, scheme: str, width: int, height: int) -> Page:
    context = browser.new_context(
        base_url=house.addresses.gateway,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
        locale="en-GB",
    )
    return context.new_page()


def main() -> None:
    """Play, take, and copy those chosen where `--choose` is given."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--to", type=Path, default=HERE, help=f"folder for all of them ({HERE})")
    asked.add_argument("--choose", action="store_true", help=f"copy those of the README to {IMAGES}")
    given = asked.parse_args()
    path = chromium_path() or sys.exit(MISSING)
    given.to.mkdir(parents=True, exist_ok=True)
    with House(ui=True) as house:
        played = asyncio.run(play(house, Telling()))
        with chromium(path) as browser:
            taken = list(take(browser, house, played, given.to))
    sys.stdout.write(f"{len(taken)} screenshots in {given.to}\n")
    if given.choose:
        choose(taken)


def choose(taken: list[Path]) -> None:
    """Copy the README's. Ends with a sentence when one is too heavy."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for path in taken:
        if path.stem in CHOSEN:
            image = path.read_bytes()
            if len(image) > MOST_BYTES:
                sys.exit(f"{path.name} has {len(image)} bytes, more than {MOST_BYTES}: nobody waits for a README.")
            (IMAGES / path.name).write_bytes(image)


if __name__ == "__main__":
    main()
