"""The simulator on a socket: in a thread for tests, or as a process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from simulator.app import create_app
from simulator.settings import Settings
from simulator.state import State
from simulator.world import World


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator that listens."""

    url: str
    world: World

    @property
    def crm_url(self) -> str:
        """Where the CRM is."""
        return f"{self.url}/crm"


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A bound socket and its address; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    shown = f"[{host}]" if ":" in host else host
    return bound, f"http://{shown}:{bound.getsockname()[1]}"


def make_server(
    settings: Settings | None, ready: Callable[[], None], state: State | None = None
) -> tuple[uvicorn.Server, World]:
    """A server for a fresh world, or one that goes on from its state."""
    app = create_app(settings, state)
    config = uvicorn.Config(
        app,
        # Loggers are the whole process': a level or `access_log=False` would silence the uvicorn of a test.
        log_config=None,
        timeout_keep_alive=75,
        # A test may leave requests hanging on purpose; they must not hold up the end.
        timeout_graceful_shutdown=1,
    )
    return _Server(config, ready), app.state.world


@contextmanager
def running(settings: Settings | None = None, host: str = "127.0.0.1", port: int = 0) -> Iterator[Running]:
    """A simulator in a thread of this process, for as long as the block lasts."""
    bound, url = listen(host, port)
    ready = threading.Event()
    server, world = make_server(settings, ready.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="simulator", daemon=True)
    thread.start()
    try:
        _wait_until_ready(ready, thread)
        yield Running(url, world)
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        bound.close()


def _wait_until_ready(ready: threading.Event, thread: threading.Thread) -> None:
    deadline = time.monotonic() + 30
    while not ready.wait(0.05):
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the simulator did not start")
