"""What tests of the ledger share: a database set up, short ways to say things, activities run as Temporal would."""

import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import psycopg
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.ledger import PostgresLedger
from activities.postgres.attempts import Attempt, Attempts
from activities.postgres.database import Database
from cli.setup import setup
from workflows.connection import Keyring
from workflows.domain.call import CallPolicy
from workflows.domain.customer import Customer, masked
from workflows.domain.status import CallStatus, CustomerStatus
from workflows.domain.ticket import Ticket, TicketOrigin
from workflows.ports import CallOpened, FindTicket, Memory, OpenCall, SaveCall, TicketOfOthers, call_workflow_id

T = TypeVar("T")
WINDOW_S = 300
POLICY = CallPolicy(screen_pop_properties=["crm_customer_id"])
KEYRING = Keyring({"k1": os.urandom(32)})
ANNA = Customer(email="anna@example.com", phone="+15550100")


@asynccontextmanager
async def database_at(url: str) -> AsyncIterator[Database]:
    """The database, set up, as a worker sees it."""
    await setup(url, KEYRING, None)
    async with Database(url) as database:
        yield database


async def rows(url: str, statement: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """What stands in the database, or a change made behind the product's back."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(statement.encode(), params)
        return await cursor.fetchall() if cursor.description else []


async def perform(
    step: Callable[..., Awaitable[T]],
    *args: object,
    attempt: int = 1,
    waited: timedelta = timedelta(),
    local: bool = False,
) -> T:
    """Run an activity in the context Temporal gives it; raises what it raises."""
    environment = ActivityEnvironment()
    started = datetime.now(UTC)
    environment.info = replace(
        environment.info, attempt=attempt, scheduled_time=started - waited, started_time=started, is_local=local
    )
    return await environment.run(step, *args)


@dataclass
class Book:
    """The port, with short names. `lazy_client()` is enough for whatever does not ask Temporal."""

    ledger: PostgresLedger
    attempts: Attempts

    async def open(
        self, call_id: str, customer: Customer, *, occurred_at: datetime | None = None, run_id: str = "run-1"
    ) -> CallOpened:
        """Enter a call."""
        command = OpenCall(
            call_id=call_id,
            run_id=run_id,
            customer=customer,
            occurred_at=occurred_at or datetime.now(UTC),
            status=status(call_id, customer, run_id=run_id),
        )
        return await perform(self.ledger.open_call, command)

    async def find(
        self, call_id: str, *, customer: Customer | None = None, excluded: Sequence[int] = (), generation: int = 1
    ) -> TicketOfOthers:
        """Look for a ticket."""
        command = find(call_id, customer=customer, excluded=excluded, generation=generation)
        return await perform(self.ledger.find_ticket, command)

    async def save(
        self,
        call_id: str,
        customer: Customer,
        *,
        version: int = 1,
        ticket_id: int | None = None,
        pending: bool | None = None,
        active: bool = True,
        excluded: Sequence[int] = (),
        run_id: str = "run-1",
        generation: int = 1,
        **shown: Any,  # noqa: ANN401 - fields of the status
    ) -> None:
        """Write the call as it stands."""
        ticket = None if ticket_id is None else Ticket(id=ticket_id, origin=TicketOrigin.CREATED)
        command = SaveCall(
            call_id=call_id,
            generation=generation,
            version=version,
            status=replace(status(call_id, customer, run_id=run_id), ticket_id=ticket_id, **shown),
            memory=Memory(ticket=ticket, excluded=list(excluded), told_at=datetime.now(UTC)),
            customer=customer,
            pending=ticket_id is None if pending is None else pending,
            active=active,
            max_duration_s=POLICY.max_duration_s,
        )
        await perform(self.ledger.save_call, command)

    async def may_create(self, call_id: str, **changed: Any) -> Any:  # noqa: ANN401 - fields of the call
        """Ask the gate of a create."""
        given = {"key": f"key-{call_id}", "excluded": [], "window_s": WINDOW_S, "looked_until": 0}
        return await self.attempts.begin_create(attempt(call_id, "create_ticket"), **{**given, **changed})

    async def may_update(self, call_id: str, ticket_id: int, **changed: Any) -> Any:  # noqa: ANN401 - as above
        """Ask the gate of an update."""
        given = {"final": False, "note": False, "looked_until": 0, "max_duration_s": POLICY.max_duration_s}
        step = changed.pop("step", "update_ticket")
        return await self.attempts.begin_update(attempt(call_id, step), ticket_id=ticket_id, **{**given, **changed})

    async def create(self, call_id: str, ticket_id: int) -> None:
        """Create a ticket, as the adapter does."""
        permit = await self.may_create(call_id)
        assert permit.attempt_id is not None
        await self.attempts.end_create(
            permit.attempt_id, http_status=201, ticket_id=ticket_id, max_duration_s=POLICY.max_duration_s
        )


@asynccontextmanager
async def book_at(url: str, client: Client) -> AsyncIterator[Book]:
    """The ledger on a database of its own."""
    async with database_at(url) as database:
        yield book_on(database, client)


def book_on(database: Database, client: Client) -> Book:
    """The ledger on a database that is set up."""
    ledger = PostgresLedger(database, decrypt=KEYRING.decrypt, policy=POLICY, client=client)
    return Book(ledger=ledger, attempts=Attempts(database))


async def lazy_client() -> Client:
    """A client that never connects."""
    return await Client.connect("127.0.0.1:1", lazy=True)


def status(call_id: str, customer: Customer, *, run_id: str = "run-1") -> CallStatus:
    """What is shown of a call that has just begun."""
    shown = masked(customer)
    return CallStatus(
        call_id=call_id,
        state="ringing",
        customer=CustomerStatus(email=shown.email, phone=shown.phone),
        workflow_id=call_workflow_id(call_id),
        run_id=run_id,
    )


def find(
    call_id: str, *, customer: Customer | None = None, excluded: Sequence[int] = (), generation: int = 1
) -> FindTicket:
    """The command."""
    return FindTicket(
        call_id=call_id,
        generation=generation,
        customer=customer or Customer(),
        excluded=list(excluded),
        window_s=WINDOW_S,
    )


_numbers = itertools.count(1)


def attempt(call_id: str, step: str, *, generation: int = 1) -> Attempt:
    """A request about to be sent, with a request id of its own."""
    return Attempt(
        call_id=call_id,
        generation=generation,
        step=step,
        attempt=1,
        request_id=f"{call_id}.{step}.1.{next(_numbers):08x}",
        method="POST",
        path="/api/v2/tickets",
    )
