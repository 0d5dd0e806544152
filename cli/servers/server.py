"""What the development servers have in common: ours or somebody else's, started, ended, and cleaned up after."""

import asyncio
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import ClassVar, Self

from cli.errors import ServerDidNotStart
from cli.servers.child import Child, free_port
from cli.servers.folder import Folder


class Server(ABC):
    """A server of our own, or the one at the address `external`, which is neither started nor stopped here.

    A context manager, sync and async. After `stop()` or `kill()`, `start()` serves again at the same address.
    """

    name: ClassVar[str]
    stop_limit_s: ClassVar[float] = 10
    # After a kill -9 some leave children that hold on to the data for a moment.
    pause_s: ClassVar[float] = 0

    def __init__(self, external: str | None, port: int | None = None) -> None:
        self._external = external
        self._port = port
        self._folder: Folder | None = None
        self._child: Child | None = None

    @property
    def external(self) -> bool:
        """Whether it is somebody else's."""
        return self._external is not None

    @property
    def pid(self) -> int:
        """Process id of the server. Only there while it is ours and started."""
        assert self._child is not None, "not ours, or not started"
        return self._child.pid

    @abstractmethod
    def start(self) -> Self:
        """Start it and wait until it serves. Raises ServerNotFound, ServerDidNotStart, CommandFailed."""

    @abstractmethod
    def _run(self) -> Child:
        """Start the process at `_port`."""

    @abstractmethod
    def _serves(self, child: Child) -> bool:
        """Wait until it serves; False when it has ended or takes too long."""

    def stop(self) -> None:
        """End it in order and wait until it is gone; only after that may its data be touched."""
        if self._child is not None:
            self._child.stop(self.stop_limit_s)

    def kill(self) -> None:
        """End it as `kill -9` does: the next start recovers."""
        if self._child is not None:
            self._child.kill()

    def _run_until_it_serves(self) -> Self:
        given = self._port
        for _ in range(3):
            # One that was free a moment ago may be taken by now; one that was asked for, or used before, stays.
            self._port = given or free_port()
            self._child = self._run()
            if self._serves(self._child):
                return self
            self._child.kill()
            time.sleep(self.pause_s)
        assert self._child is not None
        raise ServerDidNotStart(f"{self.name} does not serve at port {self._port}.{self._child.last_words()}")

    def _close(self) -> None:
        self.stop()
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self._close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._close)
