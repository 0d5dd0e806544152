"""`talkbridge setup` on real servers: complete, repeatable, and safe when two start at once."""

import asyncio
import os
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from activities.postgres import migrate as migrations
from activities.postgres.database import Database
from activities.postgres.errors import IdentityKeyMissing, LedgerUnavailable, SchemaTooOld
from activities.postgres.identity import IdentityKey
from activities.postgres.migrate import MIGRATIONS, NEWEST, migrate
from cli.servers.temporal import TemporalServer
from cli.setup import SetupFailed, setup
from tests.integration.ledger_kit import KEYRING, rows
from workflows.connection import Keyring, missing_search_attributes


async def test_set_up_twice_at_once_and_again(database_url: str) -> None:
    """Each migration is applied once, one key is made, and the third time there is nothing left to do."""
    await asyncio.gather(*(setup(database_url, KEYRING, None) for _ in range(4)))
    said: list[str] = []
    await setup(database_url, KEYRING, None, said.append)
    assert said == ["the database has the schema of this release", "the key of the identity hashes is there"]
    assert await rows(database_url, "SELECT version FROM schema_version") == [(n,) for n in sorted(MIGRATIONS)]
    assert await rows(database_url, "SELECT name FROM secrets") == [("identity_hash_key",)]


def test_migrations_are_numbered_without_a_gap() -> None:
    """1, 2, 3 …: what is missing is then what is newer."""
    assert sorted(MIGRATIONS) == list(range(1, NEWEST + 1))


async def test_a_migration_that_fails_leaves_nothing_behind(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All or none: the next try starts where this one did."""
    number = NEWEST + 1
    broken = tmp_path / f"{number:04}_broken.sql"
    broken.write_text("CREATE TABLE half (); SELECT nonsense;")
    monkeypatch.setitem(migrations.MIGRATIONS, number, broken)
    with pytest.raises(psycopg.Error):
        await migrate(database_url)
    assert await rows(database_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
    broken.write_text("CREATE TABLE whole ();")
    assert await migrate(database_url) == [path.stem for _, path in sorted(migrations.MIGRATIONS.items())]
    assert await migrate(database_url) == []


async def test_an_older_schema_is_said_to_be_one(database_url: str) -> None:
    """A worker stops at it; a newer one is welcome; no database is another matter."""
    async with Database(database_url) as database:
        with pytest.raises(SchemaTooOld) as caught:
            await database.check_schema()
        assert (caught.value.found, caught.value.needed) == (0, NEWEST)
        assert "talkbridge setup" in str(caught.value)
        await setup(database_url, KEYRING, None)
        await database.check_schema()
        await rows(database_url, "INSERT INTO schema_version (version, name) VALUES (999, 'later')")
        await database.check_schema()
    async with Database("postgresql://nobody:none@127.0.0.1:1/none") as database:
        with pytest.raises(LedgerUnavailable):
            await database.check_schema()


async def test_the_identity_key_is_never_made_anew(database_url: str) -> None:
    """After a key rotation the old key still opens it; without the old key, set-up says so and changes nothing."""
    async with Database(database_url) as database:
        await migrate(database_url)
        with pytest.raises(IdentityKeyMissing):
            await IdentityKey(database, decrypt=KEYRING.decrypt).hasher()
        await setup(database_url, KEYRING, None)
        before = (await IdentityKey(database, decrypt=KEYRING.decrypt).hasher()).identity(email="a@x.org", phone=None)
        rotated = Keyring({"k2": os.urandom(32), **KEYRING.keys})
        await setup(database_url, rotated, None)
        after = (await IdentityKey(database, decrypt=rotated.decrypt).hasher()).identity(email="a@x.org", phone=None)
        assert before == after
    with pytest.raises(SetupFailed, match="k1"):
        await setup(database_url, Keyring({"k2": os.urandom(32)}), None)


async def test_a_database_out_of_reach_is_one_sentence() -> None:
    """It names the setting, and not the password."""
    with pytest.raises(SetupFailed, match="DATABASE_URL") as caught:
        await setup("postgresql://nobody:planted@127.0.0.1:1/none", KEYRING, None)
    assert "planted" not in str(caught.value)


async def _retention_days(client: Client) -> float:
    about = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    kept: Duration = about.config.workflow_execution_retention_ttl
    return kept.ToTimedelta().total_seconds() / 86400


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
async def test_namespace_and_search_attributes_are_there_afterwards(
    database_url: str, temporal_server: TemporalServer, known: bool
) -> None:
    """Made or changed, by two at once and again, with closed calls kept for seven days."""
    namespace = "default" if known else f"calls-{uuid4().hex[:8]}"
    client = await Client.connect(temporal_server.address, namespace=namespace)
    await asyncio.gather(setup(database_url, KEYRING, client), setup(database_url, KEYRING, client))
    said: list[str] = []
    await setup(database_url, KEYRING, client, said.append)
    assert said[2:] == [f"namespace {namespace} keeps closed calls for 7 days", "the search attributes are there"]
    assert await missing_search_attributes(client) == []
    assert await _retention_days(client) == 7
