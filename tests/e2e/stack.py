"""The whole of Talkbridge as processes on loopback: what an operator runs, started and ended by a test."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2 as httpx

from cli.servers.child import Child
from cli.servers.postgres import PostgresServer
from cli.servers.temporal import TemporalServer
from cli.setup import setup
from workflows.connection import Keyring, connect

T = TypeVar("T")
Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
SECRET = "webhook-secret"
OPS_TOKEN = "ops-token"
CALLER = {"email": "user@example.com", "phone_number": "+15550100"}
AGENT = {"id": "a-9876543210", "name": "Agent Smith"}
RECORD = {
    "crm_customer_id": "CUST_999888",
    "account_status": "Premium",
    "last_ticket_date": "2023-10-01T14:30:00Z",
}


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def signed(body: bytes, secret: str = SECRET, at: str | None = None) -> dict[str, str]:
    """The headers of a signed webhook."""
    moment = at or datetime.now(UTC).isoformat(timespec="seconds")
    digest = hmac.new(secret.encode(), moment.encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "X-Zendesk-Webhook-Signature": base64.b64encode(digest).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": moment,
    }


def payload(kind: str, call_id: str, **data: object) -> Json:
    """A webhook's body; `data` replaces or adds fields of `data`."""
    agent = {"agent": AGENT} if kind == "answered" else {}
    known = {"id": call_id, "status": "ringing", "customer": CALLER, "ticket_id": None, **agent, **data}
    return {"event": f"call.{kind}", "timestamp": int(time.time() * 1000), "data": known}


def eventually(what: Callable[[], T], describe: Callable[[], object] | None = None, limit_s: float = 30) -> T:
    """The first truthy value of `what`; fails with `describe` when there is none within the limit."""
    deadline = time.monotonic() + limit_s
    while True:
        if value := what():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s:g} s; last seen: {describe() if describe else value!r}")
        time.sleep(0.05)


@dataclass(kw_only=True)
class Stack:
    """PostgreSQL, Temporal and the simulator, and as many gateways and workers as a test asks for."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    simulator_flags: Iterable[str] = ()
    workers: list[Child] = field(default_factory=list)
    gateway: Child | None = None
    simulator: Child | None = None

    def __post_init__(self) -> None:
        self.postgres = PostgresServer(fsync=False, own=True)
        self.temporal = TemporalServer(own=True)
        self.http = httpx.Client(timeout=10)
        self._servers = ExitStack()

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
        for child in [*self.workers, self.gateway, self.simulator]:
            if child is not None:
                child.kill()
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

    def start_worker(self, **settings: str) -> Child:
        """Another worker; its log is `worker-N.log`."""
        worker = self._child(f"worker-{len(self.workers) + 1}", [str(ROOT / "worker.py")], settings)
        self.workers.append(worker)
        return worker

    def start_gateway(self, **settings: str) -> Child:
        """The gateway, once it answers."""
        self.gateway = self._child("gateway", ["-m", "api"], settings)
        eventually(self._gateway_answers, lambda: self.log("gateway")[-2000:])
        return self.gateway

    def log(self, name: str) -> str:
        """What a process printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    # --- the gateway -------------------------------------------------------------------------------------------

    def post(self, body: Json) -> httpx.Response:
        """One signed webhook."""
        raw = json.dumps(body).encode()
        return self.http.post(f"http://127.0.0.1:{self.gateway_port}/webhooks/calls", content=raw, headers=signed(raw))

    def send(self, kind: str, call_id: str, **data: object) -> None:
        """One signed webhook that has to be taken."""
        answer = self.post(payload(kind, call_id, **data))
        assert answer.status_code in (200, 202), answer.text

    def call(self, call_id: str) -> Json:
        """`GET /calls/{call_id}`; an empty object when there is no answer yet."""
        answer = self.http.get(
            f"http://127.0.0.1:{self.gateway_port}/calls/{call_id}", headers={"Authorization": f"Bearer {OPS_TOKEN}"}
        )
        found: Json = answer.json() if answer.status_code == 200 else {}
        return found

    def until(self, call_id: str, what: Callable[[Json], Any], limit_s: float = 30) -> Json:
        """The call's status once it is as wanted."""
        status: Json = {}

        def look() -> bool:
            nonlocal status
            status = self.call(call_id)
            return bool(status) and bool(what(status))

        eventually(look, lambda: json.dumps(status, indent=1), limit_s)
        return status

    def ended(self, call_id: str, limit_s: float = 30) -> Json:
        """The call's status once its ticket was told how it ended."""
        return self.until(call_id, is_told, limit_s)

    # --- the simulator -----------------------------------------------------------------------------------------

    def sim(self, method: str, path: str, body: Json | None = None) -> Json:
        """A control request to the simulator."""
        answer = self.http.request(method, f"{self.simulator_url}/_sim{path}", json=body)
        assert answer.is_success, answer.text
        found: Json = answer.json() if answer.content else {}
        return found

    def journal(self, call_id: str | None = None) -> list[Json]:
        """Every request served, or those of one call by their request id."""
        requests: list[Json] = self.sim("GET", "/journal")["requests"]
        return [r for r in requests if call_id is None or (r["request_id"] or "").startswith(f"{call_id}.")]

    def counts(self, call_id: str | None = None) -> Counter[str]:
        """Requests by kind."""
        return Counter(request["kind"] for request in self.journal(call_id))

    def books(self) -> Json:
        """Tickets, calls and counts."""
        return self.sim("GET", "/books")

    # --- private -----------------------------------------------------------------------------------------------

    def _start_simulator(self) -> None:
        self.simulator = self._child(
            "simulator", ["-m", "simulator", "--port", "0", *self.simulator_flags], {}, bare=True
        )
        line = eventually(
            lambda: next((x for x in self.log("simulator").splitlines() if x.startswith('{"url"')), None),
            lambda: self.log("simulator"),
        )
        assert line is not None
        self.simulator_url: str = json.loads(line)["url"]
        self.sim("PUT", "/customers", {"email": CALLER["email"], "properties": RECORD})

    def _child(self, name: str, argv: list[str], settings: dict[str, str], *, bare: bool = False) -> Child:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} if bare else self.environment
        log = self.folder / f"{name}.log"
        # The folder is empty of `.env`, so that a developer's own settings stay out of the test.
        return Child([sys.executable, *argv], log=log, env={**environment, **settings}, cwd=self.folder)

    def _gateway_answers(self) -> bool:
        try:
            return self.http.get(f"http://127.0.0.1:{self.gateway_port}/healthz").is_success
        except httpx.HTTPError:
            return False


def is_told(status: Json) -> bool:
    """Whether the final update went through."""
    return any(s["name"] == "update_ticket" and s["state"] == "done" for s in status["steps"]) and status["state"] in (
        "completed",
        "missed",
        "end_not_reported",
    )
