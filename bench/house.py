"""What is measured: the processes an operator runs, on development servers of their own, before simulated vendors."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2 as httpx

from cli.demo.children import Children, Secrets
from cli.demo.ground import Ground
from cli.servers.child import Child, free_port
from cli.servers.folder import Folder
from cli.servers.postgres import PostgresServer
from cli.servers.temporal import TemporalServer
from cli.setup import setup
from workflows.connection import Keyring, connect

LATENCIES_MS = {"*": 150, "fetch_customer": 300}
"""The vendors' time for a request: Zendesk 150 ms, the CRM 300 ms."""
# As in production: the demo has a shorter one, so that its killed worker is soon made up for.
_WORKER_SETTINGS = {"HTTP_TIMEOUT_S": "10"}


class Processes(Children):
    """The demo's children with production's settings, and their process ids."""

    def __init__(self, folder: Path, keys: Secrets, settings: Mapping[str, str]) -> None:
        """Only remember; nothing starts yet."""
        super().__init__(folder, keys)
        self._settings = {**_WORKER_SETTINGS, **settings}
        self.pids: dict[str, int] = {}

    def _start(self, name: str, argv: list[str], settings: Mapping[str, str]) -> Child:
        ours = self._settings if name.startswith("worker") else {}
        child = super()._start(name, argv, {**settings, **ours})
        self.pids[name] = child.pid
        return child


class House:
    """The running system, a context manager: `workers` of them, with `settings` beyond the defaults."""

    def __init__(self, *, workers: int = 1, settings: Mapping[str, str] | None = None) -> None:
        """Make its folder and its secrets; nothing starts yet."""
        self.keys = Secrets()
        self.workers = [f"worker-{number}" for number in range(1, workers + 1)]
        self._stack = ExitStack()
        self._folder = Folder()
        self._processes = Processes(self._folder.path, self.keys, settings or {})
        self._http = httpx.Client(timeout=30, trust_env=False)
        self.temporal = TemporalServer(own=True)
        self.postgres = PostgresServer(own=True)
        self.gateway_url = self.simulator_url = ""

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name: `worker-1` …, `gateway`, `simulator`, `temporal`, `postgresql`."""
        return {**self._processes.pids, "temporal": self.temporal.pid, "postgresql": self.postgres.pid}

    @property
    def environment(self) -> dict[str, str]:
        """What `connect` has to be told."""
        profile = self._folder.path / "temporal.toml"
        profile.touch()
        # A person's profile for another cluster must not reach this one.
        return {"TEMPORAL_ADDRESS": self.temporal.address, "TEMPORAL_CONFIG_FILE": str(profile)}

    @property
    def keyring(self) -> Keyring:
        """The keys that payloads are encrypted with."""
        return Keyring.parse(self.keys.encryption_keys)

    def sim(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - the simulator's JSON
        """A control request to the simulator."""
        answer = self._http.request(method, f"{self.simulator_url}/_sim{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def know(self, customers: Sequence[Mapping[str, Any]]) -> None:
        """Enter customers in the CRM."""
        for customer in customers:
            self.sim("PUT", "/customers", customer)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._processes.stop()
        self._stack.close()
        self._http.close()
        self._folder.remove()

    def _start(self) -> None:
        simulator_serves = self._processes.simulator()
        self._stack.enter_context(self.postgres)
        self._stack.enter_context(self.temporal)
        place = Ground(database_url=self.postgres.url, temporal=self.environment, ui_url=None)
        self.simulator_url = simulator_serves()
        gateway_serves = self._processes.gateway(place, free_port(), self.simulator_url)
        asyncio.run(self._set_up())
        self.sim("PATCH", "/settings", {"latencies": LATENCIES_MS})
        serving = [self._processes.worker(name, place, self.simulator_url) for name in self.workers]
        self.gateway_url = gateway_serves()
        for serves in serving:
            serves()

    async def _set_up(self) -> None:
        client = await connect(self.keyring, environment=self.environment)
        await setup(self.postgres.url, self.keyring, client)
