"""The token endpoint is down for an hour: calls while the token lives, after its end, and afterwards; time is skipped.

Real workflows on the time-skipping server, over the twins of the adapters; a request with a token that has ended is
refused as the adapters refuse it.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.testing import WorkflowEnvironment

from activities.failures import credential_delay_s, failure
from cli.servers import time_skipping
from tests.e2e.webhooks import Json
from tests.reliability.credentials import laws
from tests.reliability.credentials.laws import Distance, Verdict, doubling
from tests.reliability.credentials.scenes import ZENDESK
from tests.reliability.credentials.stage import Account
from tests.twins.calls import ANSWERED, COMPLETED, STARTED, Stage, event
from tests.twins.tokens import TokenStage
from tests.twins.workers import KEYS, register_search_attributes, workers
from tests.twins.world import TwinTicket, World
from workflows.connection import Keyring, data_converter
from workflows.domain.customer import Customer
from workflows.domain.errors import AlertKind, Failure
from workflows.domain.token import ExchangeResult

NAME = "hour"
TITLE = "the token endpoint is down for an hour (time skipped)"
MINUTE = timedelta(minutes=1)
DOWN_AFTER, ENDS_AFTER, DOWN_FOR = 50 * MINUTE, 60 * MINUTE, 61 * MINUTE
STEP = timedelta(seconds=3)
SETTLED_STEPS = 100
MORE_TRIES_THAN_AN_HOUR = 1000
_SENT_BY_TWINS = {*ZENDESK, "search_tickets"}


class Vendor:
    """Refuses requests whose token has ended, and gives no token while it is `down`."""

    def __init__(self, world: World) -> None:
        self.down = False
        self.worked_while_down = 0
        self._world = world
        world.before = self._meet

    def set_down(self, *, down: bool) -> None:
        """Whether the token endpoint gives none."""
        self.down = down
        self._world.answers["exchange_token"] = (
            [str(ExchangeResult.UNAVAILABLE)] * MORE_TRIES_THAN_AN_HOUR if down else []
        )

    def _meet(self, name: str) -> None:
        if name not in _SENT_BY_TWINS:
            return
        info, token = activity.info(), self._world.token
        if token is None or token.expires_at is None or info.current_attempt_scheduled_time >= token.expires_at:
            text = "there is no token that is accepted; waiting for the next"
            raise failure(Failure.CREDENTIAL_REFUSED, text, delay_s=credential_delay_s(info.attempt))
        self.worked_while_down += self.down


async def play(n: int) -> Account:
    """`n` calls, half of them while the old token lives and half after its end; the account."""
    world = World()
    world.shape(grace_s=1)
    vendor = Vendor(world)
    async with _skipping() as environment, workers(environment.client, world):
        token, stage = TokenStage(environment.client, NAME), Stage(environment.client, world)
        await token.start()
        early, late = [[f"{part}-{number}" for number in range(n // 2)] for part in ("early", "late")]
        await _pass(environment, DOWN_AFTER)
        vendor.set_down(down=True)
        began = (await environment.get_current_time()).timestamp()
        await _calls(environment, stage, early)
        await _settle(environment, world, early)
        await _pass(environment, ENDS_AFTER - DOWN_AFTER)
        await _calls(environment, stage, late)
        await _pass(environment, DOWN_AFTER + DOWN_FOR - ENDS_AFTER)
        vendor.set_down(down=False)
        ended = (await environment.get_current_time()).timestamp()
        waited = len(set(late) - _with_ticket(world))
        await environment.sleep(2 * MINUTE)
        await _settle(environment, world, [*early, *late])
    seen = [
        f"{vendor.worked_while_down} requests with the old token meanwhile",
        f"{waited} of {len(late)} calls waited for the next",
    ]
    return _account(world, [*early, *late], Distance(began=began, ended=ended, at_least=doubling), seen)


@asynccontextmanager
async def _skipping() -> AsyncIterator[WorkflowEnvironment]:
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(time_skipping.path()),
        test_server_startup_timeout=timedelta(seconds=30),
        data_converter=data_converter(Keyring.parse(KEYS)),
    )
    async with environment:
        await register_search_attributes(environment.client)
        yield environment


async def _pass(environment: WorkflowEnvironment, span: timedelta) -> None:
    """A minute a request: what an hour brings with it may take longer than one request to this server may."""
    for _ in range(span // MINUTE):
        await environment.sleep(MINUTE)


async def _calls(environment: WorkflowEnvironment, stage: Stage, call_ids: list[str]) -> None:
    """One thing after the other: this server fails tasks that race."""
    for call_id in call_ids:
        for kind in (STARTED, ANSWERED, COMPLETED):
            now = await environment.get_current_time()
            await stage.send(call_id, event(kind, now, customer=Customer(email=f"{call_id}@example.com")))
            await environment.sleep(STEP)


async def _settle(environment: WorkflowEnvironment, world: World, call_ids: list[str]) -> None:
    for _ in range(SETTLED_STEPS):
        if not laws.lost(call_ids, _books(world)):
            return
        await environment.sleep(STEP)


def _with_ticket(world: World) -> set[str | None]:
    return {ticket.external_id for ticket in world.tickets.values()}


def _account(world: World, call_ids: list[str], distance: Distance, seen: list[str]) -> Account:
    books, most = _books(world), world.most_at_once["exchange_token"]
    tokens = [{"at": at.timestamp(), "answered_at": at.timestamp()} for at in world.exchanged_at]
    together = [f"{most} token requests in flight at once"] if most > 1 else []
    alerts = [alert.kind for alert in world.alerts]
    return Account(
        title=TITLE,
        calls=len(call_ids),
        tokens=len(tokens),
        most_at_once=most,
        closest_s=min(laws.apart(tokens)),
        refused=0,
        pops=len({call_id for call_id, _ in world.pops}),
        alerts=alerts,
        seen=seen,
        verdict=Verdict(
            lost=laws.lost(call_ids, books),
            twice=laws.twice(books),
            exchanges=together + laws.exchanges(tokens, [distance]),
            alerts=laws.alerts(alerts, [AlertKind.TOKEN_ENDING]),
        ),
    )


def _books(world: World) -> Json:
    """The twins' tickets in the form of the simulator's books."""
    tickets = list(world.tickets.values())
    ids = Counter(ticket.external_id for ticket in tickets)
    return {
        "tickets": [_ticket(ticket) for ticket in tickets],
        "counts": {
            "tickets_by_external_id": {external_id: count for external_id, count in ids.items() if count > 1},
            "notes_by_mark": Counter(mark for ticket in tickets for mark in ticket.marks),
        },
    }


def _ticket(ticket: TwinTicket) -> Json:
    told = ticket.metadata[-1] if ticket.metadata else None
    return {
        "external_id": ticket.external_id,
        "status": ticket.status,
        "custom_status": ticket.custom_status,
        "comments": [{"body": comment} for comment in ticket.comments],
        "metadata": {"call": {"id": getattr(told, "id", None), "outcome": getattr(told, "outcome", None)}},
    }
