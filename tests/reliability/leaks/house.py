"""The running system with planted secrets and planted customers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import httpx2 as httpx

from activities.postgres.credential import CredentialStore
from activities.postgres.database import Database
from activities.settings import account_of
from cli.servers.child import free_port
from tests.e2e.process import Process
from tests.e2e.stack import Stack
from tests.e2e.webhooks import Json, signed
from tests.reliability.leaks.plants import Person, Plants, people, secret
from workflows.connection import Keyring

_SECRETS = ("ZENDESK_CLIENT_SECRET", "CRM_TOKEN", "OPS_TOKEN", "WEBHOOK_SECRETS", "ALERT_WEBHOOK_URL")


@dataclass(kw_only=True)
class House(Stack):
    """A stack whose every secret is planted. `codec` False: payloads are not encrypted (the self-check)."""

    random: Random
    customers: int
    codec: bool = True
    people: list[Person] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    metrics_ports: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.people = people(self.random, self.customers)
        for name in _SECRETS:
            self.secrets[name] = secret(self.random, name.lower().replace("_", "-"))

    @property
    def webhook_secret(self) -> str:
        """What signs webhooks."""
        return self.secrets["WEBHOOK_SECRETS"]

    async def furnish(self) -> None:
        """Set up, tell the simulator the secrets, and tell the processes."""
        await self.set_up()
        given = {name: self.secrets[name] for name in ("ZENDESK_CLIENT_SECRET", "CRM_TOKEN", "OPS_TOKEN")}
        # Nobody listens there: posting fails, and tells so.
        alerts = f"http://127.0.0.1:{free_port()}/{self.secrets['ALERT_WEBHOOK_URL']}"
        self.settings |= given | {"WEBHOOK_SECRETS": self.webhook_secret, "ALERT_WEBHOOK_URL": alerts}
        self.settings |= {"LOG_LEVEL": "DEBUG", "HTTP_TIMEOUT_S": "2", "PHONE_REGION": "US"}
        self.sim(
            "PATCH", "/settings", {"client_secret": given["ZENDESK_CLIENT_SECRET"], "crm_token": given["CRM_TOKEN"]}
        )
        for person in self.people:
            record = {"crm_customer_id": person.name, "account_status": person.phone}
            self.sim("PUT", "/customers", {"email": person.email, "properties": record})

    def man(self, workers: int = 2) -> None:
        """A gateway and so many workers, the first logging as JSON."""
        self.start_gateway(LOG_FORMAT="json")
        for number in range(1, workers + 1):
            port = free_port()
            self.metrics_ports.append(port)
            self.start_worker(METRICS_PORT=str(port), LOG_FORMAT="json" if number == 1 else "console")
        for number in range(1, workers + 1):
            self.until_log(f"worker-{number}", "worker serves")

    def post(self, body: Json, port: int | None = None) -> httpx.Response:
        """One webhook, signed with the planted secret."""
        return self.post_raw(json.dumps(body).encode())

    def post_raw(self, raw: bytes) -> httpx.Response:
        """One webhook of any bytes, well signed."""
        url = f"http://127.0.0.1:{self.gateway_port}/webhooks/calls"
        return self.http.post(url, content=raw, headers=signed(raw, self.webhook_secret))

    def launch(self, name: str, argv: list[str], settings: dict[str, str]) -> Process:
        """A process that may fail to start; its log is `<name>.log`."""
        return self._process(name, argv, settings)

    def ask(self, method: str, path: str, json: object = None) -> httpx.Response:
        """A request of operations'."""
        headers = {"Authorization": f"Bearer {self.secrets['OPS_TOKEN']}"}
        return self.http.request(method, f"http://127.0.0.1:{self.gateway_port}{path}", headers=headers, json=json)

    def call(self, call_id: str) -> Json:
        """`GET /calls/{call_id}`; an empty object when there is no answer yet."""
        answer = self.ask("GET", f"/calls/{call_id}")
        found: Json = answer.json() if answer.status_code == 200 else {}
        return found

    async def token(self) -> str:
        """The present access token, as only a worker can read it."""
        keyring = Keyring.parse(self.settings.get("ENCRYPTION_KEYS", self.key))
        async with Database(self.postgres.url, size=1) as database:
            store = CredentialStore(database, encrypt=keyring.encrypt, decrypt=keyring.decrypt)
            stored = await store.read(account_of(self.simulator_url))
        assert stored is not None
        self.secrets[f"access token {stored.version}"] = stored.token
        return stored.token

    def plants(self) -> Plants:
        """Everything that must be found nowhere."""
        password = urlsplit(self.postgres.url).password or ""
        keys = {f"key {entry.partition(':')[0]}": entry.partition(":")[2] for entry in self.key.split(",")}
        return Plants.of(self.people, {**self.secrets, **keys, "database password": password})

    @property
    def metrics(self) -> list[str]:
        """Where the metrics of gateway and workers are."""
        return [f"http://127.0.0.1:{port}/metrics" for port in (self.gateway_port, *self.metrics_ports)]

    def _process(self, name: str, argv: list[str], settings: dict[str, str], *, bare: bool = False) -> Process:
        if not self.codec and not bare:
            which = "gateway" if argv[0] == "-m" else "worker"
            argv = ["-m", "tests.reliability.leaks.plain", which]
        return super()._process(name, argv, settings, bare=bare)


@contextmanager
def house(folder: Path, *, seed: int, customers: int, codec: bool = True) -> Iterator[House]:
    """Servers up, nothing of ours yet."""
    folder.mkdir(parents=True, exist_ok=True)
    with House(folder=folder, durable=True, random=Random(seed), customers=customers, codec=codec) as made:
        yield made
