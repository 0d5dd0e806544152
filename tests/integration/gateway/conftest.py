"""What the gateway's tests share: a Temporal server of their own, a migrated database, gateways."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import psycopg
import pytest
from psycopg.types.json import Jsonb

from activities.postgres.database import Database
from activities.postgres.identity import IdentityKey, make_identity_key
from activities.postgres.migrate import migrate
from cli.servers.temporal import TemporalServer
from tests.integration.gateway.kit import NOWHERE, EnterCall, Serve, Served, serving, status_of
from workflows.connection import Keyring


@pytest.fixture(scope="session")
def own_temporal() -> Iterator[TemporalServer]:
    """A server apart: calls left open here must not reach the workers of other tests."""
    with TemporalServer(own=True) as server:
        yield server


@pytest.fixture(scope="session")
def keys() -> str:
    """The text of ENCRYPTION_KEYS."""
    return "k1:" + base64.b64encode(os.urandom(32)).decode()


@pytest.fixture(scope="session")
def database_template(make_database: Callable[[], str], keys: str) -> str:
    """The database as `talkbridge setup` leaves it, made once and copied for each test."""
    url = make_database()

    async def set_up() -> None:
        await migrate(url)
        async with Database(url) as database:
            await make_identity_key(database, encrypt=Keyring.parse(keys).encrypt)

    asyncio.run(set_up())
    return url


@pytest.fixture
async def serve(keys: str) -> AsyncIterator[Serve]:
    """Start a gateway; keyword arguments are settings and the servers' addresses."""
    async with AsyncExitStack() as stack:

        async def start(address: str, database: str = NOWHERE, **settings: object) -> Served:
            return await stack.enter_async_context(serving(address, database, keys, settings))

        yield start


@pytest.fixture
async def served(serve: Serve, own_temporal: TemporalServer, database_url: str) -> Served:
    """A gateway with everything there."""
    return await serve(own_temporal.address, database_url)


@pytest.fixture
def enter_call(database_url: str, keys: str) -> EnterCall:
    """Write a call into the ledger as a worker would."""

    async def enter(call_id: str, *, email: str | None = None, phone: str | None = None, **status: object) -> None:
        async with Database(database_url) as database:
            hasher = await IdentityKey(database, decrypt=Keyring.parse(keys).decrypt).hasher()
        identity = hasher.identity(email=email, phone=phone)
        shown = status_of(call_id, **status)
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await connection.execute(
                "INSERT INTO calls (call_id, generation, arrival, email_hash, phone_hash, ticket_id, pending, active,"
                " active_until, state, agent_id, needs_attention, workflow_id, run_id, status)"
                " VALUES (%s, 1, 1, %s, %s, %s, false, false, now(), %s, %s, %s, %s, 'r-1', %s)",
                [
                    *(call_id, identity.email_hash, identity.phone_hash, shown["ticket_id"], shown["state"]),
                    *((shown["agent"] or {}).get("id"), shown["needs_attention"], f"call-{call_id}", Jsonb(shown)),
                ],
            )

    return enter
