"""Pages that update by themselves: however many watch, one look a second, and each page is told what changed."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

EVERY_S = 1.0
MOST_WATCHERS = 64
_NEVER = float("-inf")

Look = Callable[[], Awaitable[str]]
"""How a view looks now, as the text its watchers are sent."""

log = structlog.stdlib.get_logger("api.watching")


class TooMany(Exception):
    """As many watch as a gateway has room for."""


class Stopped(Exception):
    """The gateway is asked to stop."""


@dataclass(slots=True, eq=False)
class _View:
    """What the same watchers see. `changed` is replaced whenever it is set."""

    look: Look
    looked_at: float = _NEVER
    text: str | None = None
    watchers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Watching:
    """All who watch at this gateway. Views are looked at in turn, so the ledger is asked once a second at most."""

    def __init__(self, *, every_s: float = EVERY_S, most: int = MOST_WATCHERS) -> None:
        self._every_s = every_s
        self._most = most
        self._views: dict[Hashable, _View] = {}
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = _NEVER
        self._stopped = False

    def enter(self, name: Hashable, look: Look) -> "Watcher":
        """One more who watches the view of this name. Raises `TooMany`, `Stopped`."""
        if self._stopped:
            raise Stopped
        if sum(view.watchers for view in self._views.values()) >= self._most:
            raise TooMany
        view = self._views.setdefault(name, _View(look))
        view.watchers += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return Watcher(self, name, view)

    def leave(self, name: Hashable, view: _View) -> None:
        """One less."""
        view.watchers -= 1
        if not view.watchers and self._views.get(name) is view:
            del self._views[name]

    def stop(self) -> None:
        """Send everybody away, for good."""
        self._stopped = True
        for view in self._views.values():
            view.changed.set()

    @property
    def stopped(self) -> bool:
        """Whether everybody has been sent away."""
        return self._stopped

    async def close(self) -> None:
        """Stop, and look no more."""
        self.stop()
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(max(0.0, self._looked_at + self._every_s - loop.time()))
            if not self._views or self._stopped:
                break
            view = min(self._views.values(), key=lambda each: each.looked_at)
            view.looked_at = self._looked_at = loop.time()
            text = await self._text(view)
            if text != view.text:
                view.text = text
                view.changed.set()
                view.changed = asyncio.Event()
        self._looking = None

    async def _text(self, view: _View) -> str | None:
        try:
            return await view.look()
        except Exception as error:
            # A fault in one view must not blind the others.
            log.exception("view_failed", error_type=type(error).__name__)
            return view.text


class Watcher:
    """One who watches."""

    def __init__(self, watching: Watching, name: Hashable, view: _View) -> None:
        self._watching = watching
        self._name = name
        self._view = view
        self._seen: str | None = None

    async def next(self, patience_s: float) -> str | None:
        """The view as soon as it is another than seen last; None when `patience_s` is over. Raises `Stopped`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not self._watching.stopped and self._view.text == self._seen:
                    await self._view.changed.wait()
        if self._watching.stopped:
            raise Stopped
        if self._view.text == self._seen:
            return None
        self._seen = self._view.text
        return self._seen

    def leave(self) -> None:
        """Watch no more."""
        self._watching.leave(self._name, self._view)
