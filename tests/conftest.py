"""What tests of every distance may ask for. Nothing here starts a server before a test asks for it."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from cli.servers import time_skipping
from cli.servers.postgres import PostgresServer
from cli.servers.temporal import TemporalServer


@pytest.fixture(scope="session")
def temporal_server() -> Iterator[TemporalServer]:
    """One Temporal server for the whole session: tests keep apart by their own task queues and workflow ids."""
    with TemporalServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole session: tests keep apart by their own databases."""
    with PostgresServer(fsync=False) as server:
        yield server


@pytest.fixture(scope="session")
def make_database(postgres_server: PostgresServer) -> Iterator[Callable[[], str]]:
    """Makes another empty database."""
    with ExitStack() as made:
        yield lambda: made.enter_context(_fresh_database(postgres_server))


@pytest.fixture(scope="session")
def database_template(make_database: Callable[[], str]) -> str:
    """The database that `database_url` copies, empty. A folder's conftest may have another, made and migrated once."""
    return make_database()


@pytest.fixture
def database_url(postgres_server: PostgresServer, database_template: str) -> Iterator[str]:
    """A database of the test's own, a copy of the template."""
    with _fresh_database(postgres_server, template=_name(database_template)) as url:
        yield url


@pytest.fixture
def task_queue_prefix() -> str:
    """The start of this test's task queue names and workflow ids, used by no other test."""
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def time_skipping_server_path() -> Path:
    """The executable for `WorkflowEnvironment.start_time_skipping(test_server_existing_path=…)`."""
    return time_skipping.path()


@contextmanager
def _fresh_database(server: PostgresServer, *, template: str = "template0") -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    # By force: a test that failed may have left a connection.
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    _execute(server.url, create)
    try:
        yield urlsplit(server.url)._replace(path=f"/{name}").geturl()
    finally:
        # A server of our own is thrown away with all it has; dropping there was seen to wait a minute for autovacuum.
        if server.external:
            _execute(server.url, drop)


def _execute(url: str, statement: sql.Composed) -> None:
    # Making and dropping a database cannot stand in a transaction.
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
