"""The whole of Talkbridge as processes on loopback: what an operator runs, started and ended by a test."""

import base64
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2 as httpx

from cli.servers.child import free_port
from cli.servers.postgres import PostgresServer
from cli.servers.temporal import TemporalServer
from cli.setup import setup
from tests.e2e.process import Process
from tests.e2e.vendor import Vendor
from tests.e2e.waiting import eventually
from tests.e2e.webhooks import AGENT, CALLER, RECORD, SECRET, Json, payload, signed
from workflows.connection import Keyring, connect

__all__ = ["AGENT", "CALLER", "RECORD", "SECRET", "Json", "Process", "Stack", "eventually", "is_told", "payload"]

ROOT = Path(__file__).parents[2]
OPS_TOKEN = "ops-token"
ENDED = ("completed", "missed", "end_not_reported")


@dataclass(kw_only=True)
class Stack(Vendor):
    """PostgreSQL, Temporal and the simulator, and as many gateways and workers as a test asks for.

    `durable`: Temporal keeps its data in a file, so that it can be killed and started again.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    simulator_flags: Iterable[str] = ()
    durable: bool = False
    workers: list[Process] = field(default_factory=list)
    gateways: list[Process] = field(default_factory=list)
    simulator: Process | None = None

    def __post_init__(self) -> None:
        self.postgres = PostgresServer(fsync=False, own=True)
        self.temporal = TemporalServer(own=True, db_filename=self.temporal_file if self.durable else None)
        self._servers = ExitStack()

    @property
    def temporal_file(self) -> Path:
        """Where a durable Temporal keeps its data."""
        return self.folder / "temporal.db"

    def __enter__(self) -> Self:
        try:
            return self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def _start(self) -> Self:
        self.key = "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()
        self._servers.enter_context(self.postgres)
        self._servers.enter_context(self.temporal)
        self.gateway_port = free_port()
        self._start_simulator()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in [*self.workers, *self.gateways, self.simulator]:
            if process is not None:
                process.kill()
        self.http.close()
        self._servers.close()

    @property
    def environment(self) -> dict[str, str]:
        """What gateway and workers are told."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "TEMPORAL_ADDRESS": self.temporal.address,
            "DATABASE_URL": self.postgres.url,
            "ENCRYPTION_KEYS": self.key,
            "API_PORT": str(self.gateway_port),
            "WEBHOOK_SECRETS": SECRET,
            "OPS_TOKEN": OPS_TOKEN,
            "ZENDESK_API": "guide",
            "ZENDESK_URL": self.simulator_url,
            "ZENDESK_CLIENT_ID": "talkbridge",
            "ZENDESK_CLIENT_SECRET": "simulator-secret",
            "CRM_URL": f"{self.simulator_url}/crm",
            "CRM_TOKEN": "crm-secret",
            "CALL_GRACE_S": "1",
            **self.settings,
        }

    async def set_up(self) -> None:
        """What `talkbridge setup` does."""
        keyring = Keyring.parse(self.key)
        client = await connect(keyring, environment={"TEMPORAL_ADDRESS": self.temporal.address})
        await setup(self.postgres.url, keyring, client)

    def start_worker(self, **settings: str) -> Process:
        """Another worker; its log is `worker-N.log`."""
        worker = self._process(f"worker-{len(self.workers) + 1}", [str(ROOT / "worker.py")], settings)
        self.workers.append(worker)
        return worker

    def start_workers(self, count: int) -> None:
        """So many workers, once they serve their queues."""
        names = [f"worker-{len(self.workers) + number}" for number in range(1, count + 1)]
        for _ in names:
            self.start_worker()
        for name in names:
            self.until_log(name, "worker serves")

    def start_gateway(self, **settings: str) -> Process:
        """A gateway, once it answers; one beside another needs an `API_PORT` of its own."""
        name = f"gateway-{len(self.gateways) + 1}"
        self.gateways.append(gateway := self._process(name, ["-m", "api"], settings))
        port = int(settings.get("API_PORT", self.gateway_port))
        eventually(lambda: gateway.failed or self._gateway_answers(port), lambda: self.log(name)[-2000:])
        assert gateway.running, self.log(name)
        return gateway

    def log(self, name: str) -> str:
        """What a process printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def until_log(self, name: str, text: str, limit_s: float = 30) -> str:
        """A process' log once it holds the text; fails at once when a process of ours has died."""

        def look() -> bool:
            self.check_alive()
            return text in self.log(name)

        eventually(look, lambda: self.log(name)[-3000:], limit_s)
        return self.log(name)

    # --- the gateway -------------------------------------------------------------------------------------------

    def post(self, body: Json, port: int | None = None) -> httpx.Response:
        """One signed webhook."""
        raw = json.dumps(body).encode()
        url = f"http://127.0.0.1:{port or self.gateway_port}/webhooks/calls"
        return self.http.post(url, content=raw, headers=signed(raw))

    def send(self, kind: str, call_id: str, **data: object) -> None:
        """One signed webhook that has to be taken; a 503 is sent again, as every sender does."""
        body = payload(kind, call_id, **data)
        answer = eventually(lambda: answered if (answered := self.post(body)).status_code != 503 else None)
        assert answer is not None
        assert answer.status_code in (200, 202), answer.text

    def call(self, call_id: str) -> Json:
        """`GET /calls/{call_id}`; an empty object when there is no answer yet."""
        answer = self.http.get(
            f"http://127.0.0.1:{self.gateway_port}/calls/{call_id}", headers={"Authorization": f"Bearer {OPS_TOKEN}"}
        )
        found: Json = answer.json() if answer.status_code == 200 else {}
        return found

    def until(self, call_id: str, what: Callable[[Json], Any], limit_s: float = 30) -> Json:
        """The call's status once it is as wanted; fails at once when a process of ours has died."""
        status: Json = {}

        def look() -> bool:
            nonlocal status
            self.check_alive()
            status = self.call(call_id)
            return bool(status) and bool(what(status))

        eventually(look, lambda: json.dumps(status, indent=1), limit_s)
        return status

    def ended(self, call_id: str, limit_s: float = 30) -> Json:
        """The call's status once its ticket was told how it ended."""
        return self.until(call_id, lambda s: is_told(s) and self._is_noted(s), limit_s)

    def run_call(self, call_id: str, **data: object) -> Json:
        """A whole call, each event once the one before had its effect; its status at the end."""
        self.send("started", call_id, **data)
        self.until(call_id, lambda s: s["ticket_id"])
        self.send("answered", call_id, **data)
        self.until(call_id, lambda s: s["screen_pops"] and s["screen_pops"][0]["state"] != "pending")
        self.send("completed", call_id, **data)
        return self.ended(call_id)

    def check_alive(self) -> None:
        """Fail with the log of a worker or gateway that ended on its own account."""
        for process in [*self.workers, *self.gateways]:
            assert not process.failed, f"a process ended with {process.exit_code}.{process.last_words()}"

    # --- private -----------------------------------------------------------------------------------------------

    def _start_simulator(self) -> None:
        self.simulator = self._process(
            "simulator", ["-m", "simulator", "--port", "0", *self.simulator_flags], {}, bare=True
        )
        line = eventually(
            lambda: next((x for x in self.log("simulator").splitlines() if x.startswith('{"url"')), None),
            lambda: self.log("simulator"),
        )
        assert line is not None
        self.simulator_url = json.loads(line)["url"]
        self.sim("PUT", "/customers", {"email": CALLER["email"], "properties": RECORD})

    def _process(self, name: str, argv: list[str], settings: dict[str, str], *, bare: bool = False) -> Process:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} if bare else self.environment
        log = self.folder / f"{name}.log"
        # The folder is empty of `.env`, so that a developer's own settings stay out of the test.
        return Process([sys.executable, *argv], log=log, env={**environment, **settings}, cwd=self.folder)

    def _is_noted(self, status: Json) -> bool:
        mark = f"[call {status['call_id']} · {status['state'].replace('_', ' ')}]"
        return any(comment["body"].endswith(mark) for comment in self.ticket(status["ticket_id"])["comments"])

    def _gateway_answers(self, port: int) -> bool:
        try:
            return self.http.get(f"http://127.0.0.1:{port}/healthz").is_success
        except httpx.HTTPError:
            return False


def is_told(status: Json) -> bool:
    """Whether the call is over and no update of its ticket is under way."""
    updates = [step["state"] for step in status["steps"] if step["name"] == "update_ticket"]
    return status["state"] in ENDED and "done" in updates and not {"running", "retrying", "waiting"} & set(updates)
