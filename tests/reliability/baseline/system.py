"""The conventional integration under the harness: one process, the simulator, and the links that both systems have."""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import httpx2 as httpx

from cli.servers.child import free_port
from tests.e2e.process import Process
from tests.e2e.stack import ROOT
from tests.e2e.vendor import Vendor
from tests.e2e.waiting import eventually
from tests.e2e.webhooks import SECRET, Json
from tests.reliability.chaos.deliveries import Heard
from tests.reliability.chaos.proxy import Proxy
from tests.reliability.chaos.system import SETTINGS, System

GATEWAY, SIMULATOR = "gateway-1", "simulator"


class Baseline(System):
    """Gateway, queue and workers in one process: what strikes Temporal, PostgreSQL or a worker passes it by."""

    name = "baseline"

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        """Nothing runs yet; `settings` add to SETTINGS."""
        self.folder = folder
        self.vendor = Vendor()
        self._settings = {**SETTINGS, **settings}
        self._ports = {GATEWAY: free_port(), SIMULATOR: free_port()}
        self.vendor.simulator_url = f"http://127.0.0.1:{self._ports[SIMULATOR]}"
        self.links = {name: Proxy(self._target(part)) for name, part in _LINKS.items()}
        self._running: dict[str, Process] = {}
        self._past: list[tuple[str, Process]] = []
        self._logs = itertools.count(1)

    @property
    def parts(self) -> Collection[str]:
        """Its one process, and the vendor."""
        return tuple(self._ports)

    async def start(self) -> None:
        """Simulator, links, gateway."""
        for link in self.links.values():
            await link.start()
        self.webhook_urls = [f"http://{self.links['sender-gateway'].address}/webhooks/calls"]
        for part in self._ports:
            self.revive(part)
        await asyncio.to_thread(eventually, self._ready)

    async def stop(self) -> None:
        """Everything down."""
        for process in self._running.values():
            process.kill()
        for link in self.links.values():
            await link.stop()
        self.vendor.http.close()

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
        argv, environment = self._gateway() if part == GATEWAY else self._simulator()
        log = self.folder / f"{part}.{next(self._logs)}.log"
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
        self._running[part] = Process([sys.executable, *argv], log=log, env=env, cwd=self.folder)

    def untold(self, calls: Collection[Heard]) -> list[str]:
        """By its own word it is done with what is in no queue: what it lost it does not know of."""
        stats = self._stats()
        promised = [call.script.call_id for call in calls if call.promised]
        return promised if stats is None else [call_id for call_id in promised if call_id in set(stats["under_way"])]

    def unfinished(self) -> int:
        """Calls in its store whose end was not told; one while it cannot be asked."""
        stats = self._stats()
        return 1 if stats is None else int(stats["unfinished"]) + len(stats["under_way"])

    def ended_badly(self) -> list[str]:
        """Exit codes above zero."""
        processes = [*self._past, *self._running.items()]
        return [f"{part} ended with {process.exit_code}" for part, process in processes if process.failed]

    # --- private -----------------------------------------------------------------------------------------------

    def _target(self, part: str) -> Callable[[], tuple[str, int]]:
        return lambda: ("127.0.0.1", self._ports[part])

    def _simulator(self) -> tuple[list[str], dict[str, str]]:
        port, state = str(self._ports[SIMULATOR]), str(self.folder / "simulator.state")
        return ["-m", "simulator", "--port", port, "--state", state, "--search-lag-s", "2"], {}

    def _gateway(self) -> tuple[list[str], dict[str, str]]:
        vendor = f"http://{self.links['vendor'].address}"
        environment = {
            "API_PORT": str(self._ports[GATEWAY]),
            "WEBHOOK_SECRETS": SECRET,
            "ZENDESK_URL": vendor,
            "ZENDESK_CLIENT_ID": "talkbridge",
            "ZENDESK_CLIENT_SECRET": "simulator-secret",
            "CRM_URL": f"{vendor}/crm",
            "CRM_TOKEN": "crm-secret",
            "BASELINE_STORE": str(self.folder / "store.db"),
            **self._settings,
        }
        return ["-m", "tests.reliability.baseline"], environment

    def _ready(self) -> bool:
        for part in self._ports:
            assert self.pids(part), f"{part} ended. {self._running[part].last_words()}"
        return self._asked("/healthz") is not None and self._vendor_answers()

    def _vendor_answers(self) -> bool:
        try:
            return self.vendor.http.get(f"{self.vendor.simulator_url}/_sim/counts").is_success
        except httpx.HTTPError:
            return False

    def _stats(self) -> Json | None:
        return self._asked("/stats")

    def _asked(self, path: str) -> Json | None:
        try:
            answer = self.vendor.http.get(f"http://127.0.0.1:{self._ports[GATEWAY]}{path}", timeout=3)
            found: Json = json.loads(answer.content)
        except (httpx.HTTPError, ValueError):
            return None
        return found


_LINKS = {"sender-gateway": GATEWAY, "vendor": SIMULATOR}
