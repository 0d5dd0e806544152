"""Talkbridge under test: two gateways, two workers, Temporal with a file, PostgreSQL, and a link between each pair."""

import asyncio
import itertools
import shutil
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from cli.servers.child import free_port
from tests.e2e.process import Process
from tests.e2e.stack import ROOT, Stack
from tests.e2e.waiting import eventually
from tests.reliability.audit.check import check
from tests.reliability.audit.finding import Result
from tests.reliability.audit.load import load
from tests.reliability.audit.records import Disturbances
from tests.reliability.chaos.deliveries import Heard
from tests.reliability.chaos.proxy import Proxy
from tests.reliability.chaos.system import LINKS, PARTS, SETTINGS, System, family

_UNTOLD = """
SELECT call_id, state, memory->'told'->>'outcome', memory->'told'->'agents'
FROM calls WHERE call_id = ANY (%s) ORDER BY generation
"""
_UNFINISHED = """
SELECT count(*) FROM calls WHERE memory->'told'->>'outcome' IS DISTINCT FROM state
"""


class Talkbridge(System):
    """The product as an operator runs it, each connection through a proxy that the harness can cut."""

    name = "talkbridge"

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        """Nothing runs yet; `settings` add to SETTINGS."""
        self.folder = folder
        (folder / "vendor").mkdir(parents=True, exist_ok=True)
        self._simulator_flags = ["--port", str(free_port()), "--state", str(folder / "vendor" / "state")]
        self._simulator_flags += ["--search-lag-s", "2"]
        self.stack = Stack(
            folder=folder, durable=True, settings={**SETTINGS, **settings}, simulator_flags=self._simulator_flags
        )
        self.vendor = self.stack
        self.links = {name: Proxy(self._target(name)) for name in LINKS}
        self._running: dict[str, Process] = {}
        self._logs = itertools.count(1)
        self._past: list[tuple[str, Process]] = []
        self._gateway_ports = {name: free_port() for name in ("gateway-1", "gateway-2")}
        self._turn = itertools.cycle(self._gateway_ports.values())
        self.compared: Result | None = None
        """What the last `audit` compared and found."""

    @property
    def parts(self) -> Collection[str]:
        """All there are."""
        return PARTS

    async def start(self) -> None:
        """Servers, links, gateways, workers; until a worker serves."""
        await asyncio.to_thread(self.stack.__enter__)
        for link in self.links.values():
            await link.start()
        self.webhook_urls = [f"http://{self.links['sender-gateway'].address}/webhooks/calls"]
        await self.stack.set_up()
        assert self.stack.simulator is not None
        self._running["simulator"] = self.stack.simulator
        for part in ("gateway-1", "gateway-2", "worker-1", "worker-2"):
            self.revive(part)
        await asyncio.to_thread(self._until_ready)

    async def stop(self) -> None:
        """Everything down."""
        for process in self._running.values():
            process.kill()
        for link in self.links.values():
            await link.stop()
        await asyncio.to_thread(self.stack.__exit__, None, None, None)

    def pids(self, part: str) -> Sequence[int]:
        """PostgreSQL's with its backends: the first process alone would not stop them."""
        if part in ("temporal", "postgres"):
            server = self.stack.temporal if part == "temporal" else self.stack.postgres
            child = server._child
            return family(child.pid) if child is not None and child.running else []
        process = self._running.get(part)
        return [process.pid] if process is not None and process.running else []

    def kill(self, part: str) -> None:
        """`kill -9`."""
        if part == "temporal":
            self.stack.temporal.kill()
        elif part == "postgres":
            self.stack.postgres.kill()
        else:
            self._running[part].kill()

    def revive(self, part: str) -> None:
        """The same again, at the same address; its log is a new file."""
        if self.pids(part):
            return
        if part == "temporal":
            self.stack.temporal.start()
        elif part == "postgres":
            self.stack.postgres.start()
        else:
            if part in self._running:
                self._past.append((part, self._running[part]))
            self._running[part] = self._started(part)

    def untold(self, calls: Collection[Heard]) -> list[str]:
        """By the ledger's rows: the outcome told is the state, and every acknowledged agent is named."""
        wanted = {call.script.call_id: call for call in calls if call.promised}
        told = {call_id: row for call_id, *row in self._rows(_UNTOLD, [list(wanted)])}
        return [call_id for call_id, call in wanted.items() if not _is_told(call, told.get(call_id))]

    def unfinished(self) -> int:
        """Calls in the ledger whose ticket was not told, promised or not; one while it cannot be asked."""
        rows = self._rows(_UNFINISHED, [])
        return int(rows[0][0]) if rows else 1

    def audited(self) -> Collection[str]:
        """The ledger's request ids."""
        return {row[0] for row in self._rows("SELECT request_id FROM attempts", [])}

    def audit(self, disturbed: Sequence[tuple[float, float]]) -> list[str]:
        """Ledger, Temporal and the vendor, compared request by request."""
        records = asyncio.run(
            load(
                database_url=self.stack.postgres.url,
                temporal_address=self.stack.temporal.address,
                keys=self.stack.key,
                vendor=self.stack,
            )
        )
        self.compared = found = check(
            records, Disturbances(spans=disturbed), timeout_s=float(SETTINGS["HTTP_TIMEOUT_S"])
        )
        return [str(finding) for finding in found.findings]

    def ended_badly(self) -> list[str]:
        """Exit codes above zero, with the last words."""
        processes = [*self._past, *self._running.items()]
        return [f"{part} ended with {process.exit_code}" for part, process in processes if process.failed]

    def keep(self, folder: Path) -> None:
        """The ledger as SQL, where there is a pg_dump. Temporal's file is in the folder already."""
        program = shutil.which("pg_dump")
        if program is not None:
            dump = subprocess.run([program, self.stack.postgres.url], capture_output=True, check=True).stdout
            (folder / "ledger.sql").write_bytes(dump)

    # --- private -----------------------------------------------------------------------------------------------

    def _target(self, link: str) -> Callable[[], tuple[str, int]]:
        def look() -> tuple[str, int]:
            if link.endswith("-temporal"):
                host, _, port = self.stack.temporal.address.rpartition(":")
                return host, int(port)
            if link == "sender-gateway":
                return "127.0.0.1", next(self._turn)
            parts = urlsplit(self.stack.postgres.url if link.endswith("-postgres") else self.stack.simulator_url)
            return str(parts.hostname), int(parts.port or 0)

        return look

    def _started(self, part: str) -> Process:
        log, kind = f"{part}.{next(self._logs)}", part.partition("-")[0]
        if kind == "simulator":
            return self.stack._process(log, ["-m", "simulator", *self._simulator_flags], {}, bare=True)
        argv = ["-m", "api"] if kind == "gateway" else [str(ROOT / "worker.py")]
        return self.stack._process(log, argv, self._environment(part))

    def _environment(self, part: str) -> dict[str, str]:
        if part in self._gateway_ports:
            return {
                "TEMPORAL_ADDRESS": self.links["gateway-temporal"].address,
                "API_PORT": str(self._gateway_ports[part]),
            }
        database = urlsplit(self.stack.postgres.url)
        behind = database.netloc.rpartition("@")[0]
        vendor = f"http://{self.links['vendor'].address}"
        return {
            "TEMPORAL_ADDRESS": self.links[f"{part}-temporal"].address,
            "DATABASE_URL": database._replace(netloc=f"{behind}@{self.links[f'{part}-postgres'].address}").geturl(),
            "ZENDESK_URL": vendor,
            "CRM_URL": f"{vendor}/crm",
        }

    def _until_ready(self) -> None:
        workers = list(self.folder.glob("worker-*.log"))
        eventually(lambda: all("worker serves" in file.read_text() for file in workers), limit_s=60)
        for port in self._gateway_ports.values():
            eventually(partial(self.stack._gateway_answers, port))

    def _rows(self, query: str, given: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            with psycopg.connect(self.stack.postgres.url, connect_timeout=2) as connection:
                return connection.execute(query, given or None).fetchall()
        except psycopg.OperationalError:
            return []


def _is_told(call: Heard, row: Sequence[Any] | None) -> bool:
    if row is None:
        return False
    state, outcome, agents = row
    return state == outcome and outcome in call.outcomes and call.agents <= set(agents or [])
