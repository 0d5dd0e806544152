"""The conventional integration under the harness: as many gateways and workers as the product, and the same links."""

import asyncio
import itertools
import os
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import httpx2 as httpx

from cli.servers.child import free_port
from tests.e2e.process import Process
from tests.e2e.stack import ROOT
from tests.e2e.vendor import Vendor
from tests.e2e.waiting import eventually
from tests.e2e.webhooks import SECRET
from tests.reliability.baseline.store import Store
from tests.reliability.chaos.deliveries import Heard
from tests.reliability.chaos.proxy import Proxy
from tests.reliability.chaos.system import SETTINGS, System

GATEWAYS, WORKERS, SIMULATOR = ("gateway-1", "gateway-2"), ("worker-1", "worker-2"), "simulator"


class Baseline(System):
    """Two gateways, two workers and a store that is never struck: faults of Temporal and PostgreSQL pass it by."""

    name = "baseline"

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        """Nothing runs yet; `settings` add to SETTINGS."""
        self.folder = folder
        self.vendor = Vendor()
        self._settings = {**SETTINGS, **settings}
        self._ports = {name: free_port() for name in (*GATEWAYS, SIMULATOR)}
        self._turn = itertools.cycle(GATEWAYS)
        self._store = Store(str(folder / "store.db"))
        self.vendor.simulator_url = f"http://127.0.0.1:{self._ports[SIMULATOR]}"
        self.links = {"sender-gateway": Proxy(self._gateway_target), "vendor": Proxy(self._vendor_target)}
        self._running: dict[str, Process] = {}
        self._past: list[tuple[str, Process]] = []
        self._logs = itertools.count(1)
        # The harness asks from threads.
        self._looking = threading.Lock()

    @property
    def parts(self) -> Collection[str]:
        """All but Temporal and PostgreSQL."""
        return (*GATEWAYS, *WORKERS, SIMULATOR)

    async def start(self) -> None:
        """Links, simulator, gateways, workers."""
        for link in self.links.values():
            await link.start()
        self.webhook_urls = [f"http://{self.links['sender-gateway'].address}/webhooks/calls"]
        for part in self.parts:
            self.revive(part)
        await asyncio.to_thread(eventually, self._ready)

    async def stop(self) -> None:
        """Everything down."""
        for process in self._running.values():
            process.kill()
        for link in self.links.values():
            await link.stop()
        self.vendor.http.close()
        self._store.close()

    def pids(self, part: str) -> Sequence[int]:
        """One each."""
        process = self._running.get(part)
        return [process.pid] if process is not None and process.running else []

    def kill(self, part: str) -> None:
        """`kill -9`."""
        self._running[part].kill()

    def revive(self, part: str) -> None:
        """The same again, at the same address, with the same store; its log is a new file."""
        if self.pids(part):
            return
        if part in self._running:
            self._past.append((part, self._running[part]))
        argv, environment = self._simulator() if part == SIMULATOR else self._own(part)
        log = self.folder / f"{part}.{next(self._logs)}.log"
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
        self._running[part] = Process([sys.executable, *argv], log=log, env=env, cwd=self.folder)

    def untold(self, calls: Collection[Heard]) -> list[str]:
        """By its own word it is done with what is in no list: what it lost it does not know of."""
        under_way = self._under_way()
        return [c.script.call_id for c in calls if c.promised and c.script.call_id in under_way]

    def unfinished(self) -> int:
        """Calls in its store whose end was not told, and what is in the list."""
        with self._looking:
            return len({*self._store.unfinished(), *self._store.under_way()})

    def ended_badly(self) -> list[str]:
        """Exit codes above zero."""
        processes = [*self._past, *self._running.items()]
        return [f"{part} ended with {process.exit_code}" for part, process in processes if process.failed]

    # --- private -----------------------------------------------------------------------------------------------

    def _under_way(self) -> set[str]:
        with self._looking:
            return self._store.under_way()

    def _gateway_target(self) -> tuple[str, int]:
        return "127.0.0.1", self._ports[next(self._turn)]

    def _vendor_target(self) -> tuple[str, int]:
        return "127.0.0.1", self._ports[SIMULATOR]

    def _simulator(self) -> tuple[list[str], dict[str, str]]:
        port, state = str(self._ports[SIMULATOR]), str(self.folder / "simulator.state")
        return ["-m", "simulator", "--port", port, "--state", state, "--search-lag-s", "2"], {}

    def _own(self, part: str) -> tuple[list[str], dict[str, str]]:
        vendor = f"http://{self.links['vendor'].address}"
        environment = {
            "API_PORT": str(self._ports.get(part, 0)),
            "WEBHOOK_SECRETS": SECRET,
            "ZENDESK_URL": vendor,
            "ZENDESK_CLIENT_ID": "talkbridge",
            "ZENDESK_CLIENT_SECRET": "simulator-secret",
            "CRM_URL": f"{vendor}/crm",
            "CRM_TOKEN": "crm-secret",
            "BASELINE_STORE": str(self.folder / "store.db"),
            **self._settings,
        }
        return ["-m", "tests.reliability.baseline", part.partition("-")[0], part], environment

    def _ready(self) -> bool:
        for part in self.parts:
            assert self.pids(part), f"{part} ended. {self._running[part].last_words()}"
        paths = {SIMULATOR: "/_sim/counts", **dict.fromkeys(GATEWAYS, "/healthz")}
        return all(self._answers(f"http://127.0.0.1:{self._ports[part]}{path}") for part, path in paths.items())

    def _answers(self, url: str) -> bool:
        try:
            return self.vendor.http.get(url).is_success
        except httpx.HTTPError:
            return False
