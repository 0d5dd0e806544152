"""Everything the demo runs on, started side by side and taken down without a trace."""

import asyncio
import shutil
import signal
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.demo.children import Children, Secrets
from cli.demo.errors import DemoFailed
from cli.demo.ground import Ground, ground
from cli.servers.child import free_port
from cli.servers.folder import Folder
from cli.setup import setup
from workflows.connection import Keyring, connect

FIRST_WORKER, SECOND_WORKER = "worker-1", "worker-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """What a person at the terminal may open."""

    gateway: str
    simulator: str
    temporal_ui: str | None

    @property
    def page(self) -> str:
        """Operations' page."""
        return f"{self.gateway}/ops"


class House:
    """The running system: a context manager."""

    def __init__(self, *, ui: bool) -> None:
        """Make its folder and its secrets; nothing starts yet."""
        self.keys = Secrets()
        self._ui = ui
        self._stack = ExitStack()
        self._folder = Folder()
        self.children = Children(self._folder.path, self.keys)
        self.addresses = Addresses(gateway="", simulator="", temporal_ui=None)
        self._ground: Ground | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, DemoFailed):
            error.logs = self.keep_logs()
        self._close()

    def keep_logs(self) -> Path:
        """Copy the logs to where they outlive the demo."""
        kept = Path(tempfile.mkdtemp(prefix="talkbridge-demo-logs-"))
        for log in self._folder.path.glob("*.log"):
            shutil.copy(log, kept)
        return kept

    def kill_first_worker(self) -> None:
        """`kill -9`."""
        self.children.kill(FIRST_WORKER)

    def start_second_worker(self) -> None:
        """Start it and wait until it takes calls."""
        assert self._ground is not None, "entered first"
        self.children.worker(SECOND_WORKER, self._ground, self.addresses.simulator)()

    def _start(self) -> None:
        simulator_serves, port = self.children.simulator(), free_port()
        keyring = Keyring.parse(self.keys.encryption_keys)
        codec_url = f"http://127.0.0.1:{port}/codec" if self._ui else None
        self._ground = place = self._stack.enter_context(ground(self._folder.path, keyring, codec_url=codec_url))
        simulator = simulator_serves()
        gateway_serves = self.children.gateway(place, port, simulator)
        asyncio.run(_set_up(place, keyring))
        worker_serves = self.children.worker(FIRST_WORKER, place, simulator)
        self.addresses = Addresses(gateway=gateway_serves(), simulator=simulator, temporal_ui=place.ui_url)
        worker_serves()

    def _close(self) -> None:
        # Whoever is impatient now would leave processes and folders behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.children.stop()
        self._stack.close()
        self._folder.remove()


async def _set_up(place: Ground, keyring: Keyring) -> None:
    client = await connect(keyring, environment=place.temporal)
    await setup(place.database_url, keyring, client)
