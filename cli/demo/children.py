"""Our own processes as the demo's children: what they are told, and when they serve."""

import base64
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx

from cli.demo.errors import DemoFailed
from cli.demo.ground import Ground
from cli.known_settings import ROOT, known
from cli.servers.child import Child, environment_without

START_LIMIT_S = 60
LATENCIES_MS = {"*": 100, "fetch_customer": 200}
"""How long the simulated vendors take: Zendesk for anything, the CRM for a customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Made for one demo, and known to its children alone."""

    encryption_keys: str = field(default_factory=lambda: f"demo:{base64.b64encode(secrets.token_bytes(32)).decode()}")
    webhook: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    ops_token: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    ops_token_readonly: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    crm_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))


class Children:
    """Starts simulator, gateway and workers in `folder`, where their logs are, and stops them."""

    def __init__(self, folder: Path, keys: Secrets) -> None:
        """Only remember; nothing starts yet."""
        self._folder = folder
        self._keys = keys
        self._running: dict[str, Child] = {}

    def simulator(self) -> Callable[[], str]:
        """Start it; call the answer for its address once it serves."""
        child = self._start("simulator", python("-m", "simulator", "--port", "0"), {})

        def serves() -> str:
            url = self._until(child, "simulator", self._announced)
            # Told now, not on its command line, which every user of this machine can read.
            settings = {"client_secret": self._keys.client_secret, "crm_token": self._keys.crm_token}
            answer = httpx.patch(
                f"{url}/_sim/settings", json={**settings, "latencies": LATENCIES_MS}, timeout=10, trust_env=False
            )
            answer.raise_for_status()
            return url

        return serves

    def gateway(self, place: Ground, port: int, simulator_url: str) -> Callable[[], str]:
        """Start it on that port; call the answer for its address once it reaches Temporal."""
        url = f"http://127.0.0.1:{port}"
        ours = {"API_HOST": "127.0.0.1", "API_PORT": str(port), "WEBHOOK_SECRETS": self._keys.webhook}
        ours |= {"OPS_TOKEN": self._keys.ops_token, "OPS_TOKEN_READONLY": self._keys.ops_token_readonly}
        ours |= {"TEMPORAL_UI_URL": place.ui_url or "", "TICKET_URL": f"{simulator_url}/#ticket-{{ticket_id}}"}
        child = self._start("gateway", python("-m", "api"), self._shared(place) | ours)
        return lambda: self._until(child, "gateway", lambda: url if _ready(url) else None)

    def worker(self, name: str, place: Ground, simulator_url: str) -> Callable[[], str]:
        """Start one; call the answer to wait until it takes calls."""
        ours = {
            "ZENDESK_API": "guide",
            "ZENDESK_URL": simulator_url,
            "ZENDESK_CLIENT_ID": "talkbridge",
            "ZENDESK_CLIENT_SECRET": self._keys.client_secret,
            "CRM_URL": f"{simulator_url}/crm",
            "CRM_TOKEN": self._keys.crm_token,
            # How soon another worker may repeat what a killed one left unanswered depends on it.
            "HTTP_TIMEOUT_S": "3",
        }
        child = self._start(name, python(str(ROOT / "worker.py")), self._shared(place) | ours)
        return lambda: self._until(child, name, lambda: name if "worker_started" in self._log(name) else None)

    def kill(self, name: str) -> None:
        """`kill -9`."""
        self._running.pop(name).kill()

    def ended(self) -> str | None:
        """The name of one that ended by itself, with its last words; None while all run."""
        for name, child in self._running.items():
            if not child.running:
                return f"The {name} ended by itself.{child.last_words()}"
        return None

    def stop(self) -> None:
        """End all, workers first, in order."""
        while self._running:
            _, child = self._running.popitem()
            child.stop(timeout_s=5)

    def _shared(self, place: Ground) -> dict[str, str]:
        ours = {"DATABASE_URL": place.database_url, "ENCRYPTION_KEYS": self._keys.encryption_keys}
        return {**place.temporal, **ours, "LOG_FORMAT": "json"}

    def _start(self, name: str, argv: list[str], settings: Mapping[str, str]) -> Child:
        # Nothing of the person's own installation reaches them: neither its variables nor, in this folder, its .env.
        theirs = environment_without("TEMPORAL_", "PG", *(each.name for each in known()))
        path = os.pathsep.join(filter(None, (str(ROOT), theirs.get("PYTHONPATH"))))
        env = {**theirs, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **settings}
        child = Child(argv, log=self._folder / f"{name}.log", env=env, cwd=self._folder)
        self._running[name] = child
        return child

    def _until(self, child: Child, name: str, served: Callable[[], str | None]) -> str:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if (answer := served()) is not None:
                return answer
            if not child.running:
                raise DemoFailed(f"The {name} did not start.{child.last_words()}")
            time.sleep(0.05)
        raise DemoFailed(f"The {name} does not serve after {START_LIMIT_S} s.{child.last_words()}")

    def _log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def _announced(self) -> str | None:
        for line in self._log("simulator").splitlines():
            if line.startswith('{"url"'):
                return str(json.loads(line)["url"])
        return None


def python(*arguments: str) -> list[str]:
    """A command for this very Python."""
    return [sys.executable, *arguments]


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False
