"""Many watch, one looks."""

import asyncio
from collections.abc import Callable

import pytest

from api.watching import Stopped, TooMany, Watching

SOON = 0.02


async def until(what: Callable[[], bool]) -> None:
    """Wait for something that has to come. Raises `TimeoutError`."""
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110 - a watcher is told nothing of looks
            await asyncio.sleep(0.005)


class Seen:
    """Something that changes, and how often it was looked at."""

    def __init__(self, text: str = "first") -> None:
        self.text = text
        self.looks = 0

    async def look(self) -> str:
        self.looks += 1
        return self.text


async def test_all_who_watch_share_one_look() -> None:
    """Ten watchers of one list cost what one costs, and all are told."""
    watching, seen = Watching(every_s=0.01), Seen()
    watchers = [watching.enter("list", seen.look) for _ in range(10)]
    assert [await watcher.next(1) for watcher in watchers] == ["first"] * 10
    looks = seen.looks
    assert looks <= 2
    seen.text = "second"
    assert [await watcher.next(1) for watcher in watchers] == ["second"] * 10
    await watching.close()


async def test_different_lists_are_looked_at_in_turn() -> None:
    """However many lists are watched, the looks of all together keep the pace."""
    watching, lists = Watching(every_s=0.05), [Seen() for _ in range(4)]
    began = asyncio.get_running_loop().time()
    for number, seen in enumerate(lists):
        watching.enter(number, seen.look)
    await until(lambda: sum(seen.looks for seen in lists) >= 9)
    took = asyncio.get_running_loop().time() - began
    await watching.close()
    looks = [seen.looks for seen in lists]
    assert max(looks) - min(looks) <= 1
    # The first is at once.
    assert sum(looks) <= took / 0.05 + 2


async def test_what_did_not_change_is_not_told_again() -> None:
    """A watcher that has seen it waits in vain."""
    watching, seen = Watching(every_s=0.005), Seen()
    watcher = watching.enter("list", seen.look)
    assert await watcher.next(1) == "first"
    while seen.looks < 3:
        assert await watcher.next(SOON) is None
    await watching.close()


async def test_nobody_watching_means_nobody_looks() -> None:
    """The last one out turns off the light; the next one in turns it on."""
    watching, seen = Watching(every_s=0.01), Seen()
    watcher = watching.enter("list", seen.look)
    await watcher.next(1)
    watcher.leave()
    await asyncio.sleep(SOON)
    looks = seen.looks
    await asyncio.sleep(SOON)
    assert seen.looks == looks
    assert await watching.enter("list", seen.look).next(1) == "first"
    await watching.close()


async def test_a_gateway_has_room_for_so_many() -> None:
    """One more is turned away, until somebody leaves."""
    watching, seen = Watching(most=2), Seen()
    first = watching.enter("list", seen.look)
    watching.enter("other", seen.look)
    with pytest.raises(TooMany):
        watching.enter("list", seen.look)
    first.leave()
    watching.enter("list", seen.look)
    await watching.close()


async def test_stopping_sends_everybody_away_at_once() -> None:
    """Whoever waits is told, and nobody new is let in."""
    watching, seen = Watching(every_s=60), Seen()
    watcher = watching.enter("list", seen.look)
    await watcher.next(1)
    waiting = asyncio.create_task(watcher.next(60))
    await asyncio.sleep(0)
    watching.stop()
    with pytest.raises(Stopped):
        await asyncio.wait_for(waiting, 1)
    with pytest.raises(Stopped):
        watching.enter("list", seen.look)
    await watching.close()


async def test_a_fault_in_one_list_does_not_blind_the_others() -> None:
    """It is logged, and tried again."""

    async def broken() -> str:
        raise KeyError("planted")

    watching, seen = Watching(every_s=0.01), Seen()
    watching.enter("broken", broken)
    assert await watching.enter("list", seen.look).next(1) == "first"
    await until(lambda: seen.looks > 1)
    await watching.close()
