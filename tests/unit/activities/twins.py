"""In-memory twins of the ledger's gate and of the token's keeper, and a bench that runs activities over them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from temporalio.common import MetricMeter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.crm import CrmAccount, HttpCrm
from activities.help_desk import ZendeskHelpDesk
from activities.postgres.attempts import Attempt, Attempts, CreatePermit, UpdatePermit
from activities.postgres.errors import LedgerUnavailable
from activities.tokens import Bearer
from activities.zendesk.client import Account, ZendeskClient
from simulator.faults import Fault
from simulator.journal import Entry
from simulator.server import Running
from workflows.domain.call import CallPolicy
from workflows.domain.errors import Failure
from workflows.ports import CallRef

C = TypeVar("C")
R = TypeVar("R")

SCOPES = ("talk:read_all", "tickets:read_all", "tickets:write")


@dataclass(slots=True)
class Row:
    """One attempt as the ledger has it."""

    attempt: Attempt
    http_status: int | None = None
    outcome: str | None = None
    ticket_id: int | None = None
    key: str | None = None


class TwinAttempts(Attempts):
    """Rows in a list. `down` makes every method fail; the permits say what the gate answers next."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.down = False
        self.slow_s = 0.0
        self.create_permit: CreatePermit | None = None
        self.update_permit: UpdatePermit | None = None
        self.send_status = True

    async def begin(self, attempt: Attempt) -> int:
        return await self._enter(Row(attempt))

    async def begin_create(
        self, attempt: Attempt, *, key: str, excluded: Sequence[int], window_s: int, looked_until: int
    ) -> CreatePermit:
        assert window_s > 0
        assert looked_until >= 0
        return self.create_permit or CreatePermit(attempt_id=await self._enter(Row(attempt, key=key)))

    async def begin_update(
        self,
        attempt: Attempt,
        *,
        ticket_id: int,
        final: bool,
        note: bool,
        looked_until: int,
        max_duration_s: int,
        outcome: str | None = None,
    ) -> UpdatePermit:
        assert max_duration_s > 0
        if self.update_permit is not None:
            return self.update_permit
        return UpdatePermit(attempt_id=await self._enter(Row(attempt)), send_status=self.send_status)

    async def end(self, attempt_id: int, *, http_status: int | None, outcome: str) -> None:
        self._check()
        row = self.rows[attempt_id - 1]
        row.http_status, row.outcome = http_status, outcome

    async def end_create(self, attempt_id: int, *, http_status: int, ticket_id: int, max_duration_s: int) -> None:
        await self.end(attempt_id, http_status=http_status, outcome="done")
        self.rows[attempt_id - 1].ticket_id = ticket_id

    async def record(
        self, attempt: Attempt, *, sent_at: datetime, http_status: int | None, outcome: str | None
    ) -> None:
        assert sent_at.tzinfo is not None
        self._check()
        self.rows.append(Row(attempt, http_status, outcome))

    async def _enter(self, row: Row) -> int:
        self._check()
        self.rows.append(row)
        await asyncio.sleep(self.slow_s)
        return len(self.rows)

    def _check(self) -> None:
        if self.down:
            raise LedgerUnavailable("PostgreSQL is out of reach or too slow (Test)")


class TwinTokens:
    """Tokens of a simulator; `told` is what was reported, in order."""

    def __init__(self, client: ZendeskClient) -> None:
        self._client = client
        self._bearer: Bearer | None = None
        self._requests = 0
        self.told: list[tuple[str, int | str]] = []
        self.deaf = False

    async def renew(self) -> Bearer:
        """A new token, one version up."""
        self._requests += 1
        answer = await self._client.exchange(SCOPES, f"token.exchange.{self._requests}.{id(self):x}")
        version = self._bearer.version + 1 if self._bearer else 1
        self._bearer = Bearer(version=version, token=answer.access_token, scopes=frozenset(answer.scopes))
        return self._bearer

    async def bearer(self) -> Bearer:
        if self._bearer is None:
            raise ApplicationError("no token yet", type=Failure.CREDENTIAL_REFUSED)
        return self._bearer

    async def refused(self, version: int) -> None:
        self._tell("refused", version)

    async def forbidden(self, version: int) -> None:
        self._tell("forbidden", version)

    async def confirmed(self, version: int) -> None:
        self._tell("confirmed", version)

    async def alert(self, kind: str, text: str) -> None:
        self._tell(f"alert {kind}", text)

    def _tell(self, what: str, detail: int | str) -> None:
        if self.deaf:
            raise ConnectionError("Temporal is out of reach")
        self.told.append((what, detail))


@dataclass
class Bench:
    """The adapters over a simulator and the twins, and a way to run their activities."""

    simulator: Running
    client: ZendeskClient
    attempts: TwinAttempts
    tokens: TwinTokens
    help_desk: ZendeskHelpDesk
    crm: HttpCrm
    meter: MetricMeter = field(default=MetricMeter.noop)
    ref: CallRef = field(default_factory=lambda: CallRef(call_id="c-1", generation=1, step="step"))

    async def run(
        self,
        method: Callable[[C], Awaitable[R]],
        command: C,
        *,
        attempt: int = 1,
        limit_s: float = 15,
        late_s: float = 0,
    ) -> R:
        """Run an activity as the worker would, for its `attempt`, `late_s` after the server handed it out."""
        environment = ActivityEnvironment()
        environment.metric_meter = self.meter
        environment.info = replace(
            environment.info,
            activity_type=method.__name__,
            attempt=attempt,
            started_time=datetime.now(UTC) - timedelta(seconds=late_s),
            start_to_close_timeout=timedelta(seconds=limit_s),
        )
        return await environment.run(method, command)

    async def fails(self, method: Callable[[C], Awaitable[object]], command: C, **how: float) -> ApplicationError:
        """The failure an activity ends with."""
        with pytest.raises(ApplicationError) as caught:
            await self.run(method, command, **how)  # type: ignore[arg-type]
        assert caught.value.__cause__ is None
        return caught.value

    def sent(self, kind: str) -> list[Entry]:
        """What arrived at the vendor."""
        return self.simulator.world.journal.of_kind(kind)

    def break_(self, kind: str, fault: str, **how: object) -> None:
        """Let the vendor do something else with its next request of a kind."""
        self.simulator.world.faults.add(Fault(kind=kind, fault=fault, **how))  # type: ignore[arg-type]


@asynccontextmanager
async def bench(simulator: Running, *, timeout_s: float = 5.0) -> AsyncIterator[Bench]:
    """A bench with a fresh token."""
    account = Account(url=simulator.url, client_id="talkbridge", client_secret="simulator-secret")
    client = ZendeskClient(account, timeout_s=timeout_s)
    attempts, tokens = TwinAttempts(), TwinTokens(client)
    await tokens.renew()
    help_desk = ZendeskHelpDesk(client, tokens, attempts, CallPolicy(screen_pop_properties=["account_status"]))
    crm = HttpCrm(CrmAccount(url=simulator.crm_url, token="crm-secret"), attempts, timeout_s=timeout_s)
    yield Bench(simulator, client, attempts, tokens, help_desk, crm)
    await help_desk.close()
    await crm.close()
    await client.close()
