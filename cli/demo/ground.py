"""What the demo stands on: Temporal and PostgreSQL, of our own, or a corner of our own on somebody else's."""

import asyncio
import os
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest
from temporalio.service import RPCError

from activities.postgres.address import require_address
from cli.demo.errors import DemoFailed
from cli.servers.postgres import PostgresServer
from cli.servers.progress import say
from cli.servers.temporal import TemporalServer
from workflows.connection import Keyring, connect


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where the servers are; `temporal` is what `TEMPORAL_*` says in every process."""

    database_url: str
    temporal: Mapping[str, str]
    ui_url: str | None


@contextmanager
def ground(folder: Path, keyring: Keyring, *, codec_url: str | None) -> Iterator[Ground]:
    """Both servers, in memory or in temporary folders; with a `codec_url`, Temporal's web page too, which asks there.

    Servers named by TEMPORAL_ADDRESS and DATABASE_URL are used, but not what is in them: the demo has a namespace and
    a database of its own there, gone at its end.
    """
    ui = codec_url is not None
    engine = TemporalServer(ui=ui, extra_args=["--ui-codec-endpoint", codec_url] if codec_url else [])
    database = PostgresServer(fsync=False)
    with _running(engine, database), ExitStack() as stack:
        if engine.external:
            temporal: Mapping[str, str] = stack.enter_context(_own_namespace(keyring))
        else:
            # A person's profile for another cluster must not reach this one.
            profile = folder / "temporal.toml"
            profile.touch()
            temporal = {"TEMPORAL_ADDRESS": engine.address, "TEMPORAL_CONFIG_FILE": str(profile)}
        url = stack.enter_context(_own_database(database.url)) if database.external else database.url
        yield Ground(database_url=url, temporal=temporal, ui_url=engine.ui_url)


@contextmanager
def _running(*servers: TemporalServer | PostgresServer) -> Iterator[None]:
    """Start them side by side, and stop them so, those too that came up while another did not."""
    with ThreadPoolExecutor(len(servers)) as pool:
        starting: list[tuple[TemporalServer | PostgresServer, Future[object]]] = [
            (server, pool.submit(server.__enter__)) for server in servers
        ]
        try:
            for _, each in starting:
                each.result()
            yield
        finally:
            stopping = [pool.submit(_stop, server, each) for server, each in starting]
            for stopped in stopping:
                stopped.result()


def _stop(server: TemporalServer | PostgresServer, start: Future[object]) -> None:
    # A start that failed has cleaned up after itself; one under way is waited for.
    if start.exception() is None:
        server.__exit__(None, None, None)


@contextmanager
def _own_database(server_url: str) -> Iterator[str]:
    name = sql.Identifier(f"talkbridge_demo_{secrets.token_hex(4)}")
    try:
        require_address(server_url)
        with psycopg.connect(server_url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    except (psycopg.Error, ValueError) as error:
        raise DemoFailed(
            f"The demo cannot make a database of its own on the server that DATABASE_URL names ({error}): "
            "unset DATABASE_URL, and it starts a server."
        ) from error
    try:
        yield urlsplit(server_url)._replace(path=f"/{name.as_string()}".replace('"', "")).geturl()
    finally:
        with psycopg.connect(server_url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


@contextmanager
def _own_namespace(keyring: Keyring) -> Iterator[dict[str, str]]:
    name = f"talkbridge-demo-{secrets.token_hex(4)}"
    given = {key: value for key, value in os.environ.items() if key.startswith("TEMPORAL_") and value}
    environment = {**given, "TEMPORAL_NAMESPACE": name}
    try:
        yield environment
    finally:
        try:
            asyncio.run(_delete_namespace(keyring, environment, name))
        except (RPCError, RuntimeError) as error:
            say(f"The namespace {name} is left on that Temporal server: {error}")


async def _delete_namespace(keyring: Keyring, environment: Mapping[str, str], name: str) -> None:
    client = await connect(keyring, environment=environment)
    await client.operator_service.delete_namespace(DeleteNamespaceRequest(namespace=name))
