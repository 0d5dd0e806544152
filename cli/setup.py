"""`talkbridge setup`: bring database and namespace to what this release needs; as often, and at once, as you like."""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.postgres.database import Database
from activities.postgres.errors import StoreError
from activities.postgres.identity import IdentityKey, make_identity_key
from activities.postgres.migrate import migrate
from activities.settings import SettingsError, SharedSettings, temporal_environment
from cli.errors import CliError
from cli.servers.progress import say
from workflows.connection import (
    RETENTION,
    SEARCH_ATTRIBUTES,
    KeyFormatError,
    Keyring,
    UnknownKeyError,
    connect,
    missing_search_attributes,
)

PROPAGATION_S = 30
"""How long a new namespace or search attribute may take to be seen everywhere."""

Report = Callable[[str], None]


class SetupFailed(CliError):
    """A step of the set-up did not work; the message says which and why."""


async def setup(database_url: str, keyring: Keyring, client: Client | None, report: Report = lambda _: None) -> None:
    """Schema and identity key, then, with a client, namespace and search attributes. Each step is reported.

    Raises `SetupFailed`.
    """
    try:
        await _set_up_database(database_url, keyring, report)
    except (psycopg.Error, StoreError) as error:
        # Of an operational error the text is safe and useful: it names host and reason.
        reason = (
            str(error).strip() if isinstance(error, psycopg.OperationalError | StoreError) else type(error).__name__
        )
        raise SetupFailed(f"PostgreSQL (DATABASE_URL): {reason}") from None
    except (UnknownKeyError, ValueError) as error:
        raise SetupFailed(f"ENCRYPTION_KEYS cannot read the identity key in the database: {error}") from None
    if client is None:
        return
    try:
        await _set_up_namespace(client, report)
        await _set_up_search_attributes(client, report)
    except RPCError as error:
        raise SetupFailed(f"Temporal (TEMPORAL_ADDRESS): {error.message}") from None


async def _set_up_database(url: str, keyring: Keyring, report: Report) -> None:
    applied = await migrate(url, report)
    if not applied:
        report("the database has the schema of this release")
    async with Database(url, size=1) as database:
        made = await make_identity_key(database, encrypt=keyring.encrypt)
        # Reading it shows that this keyring fits this database, before a worker finds out.
        await IdentityKey(database, decrypt=keyring.decrypt).hasher()
    report("made the key of the identity hashes" if made else "the key of the identity hashes is there")


async def _set_up_namespace(client: Client, report: Report) -> None:
    namespace, service = client.namespace, client.workflow_service
    retention = Duration()
    retention.FromTimedelta(RETENTION)
    try:
        about = await service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        await _register(client, retention, report)
        return
    kept = about.config.workflow_execution_retention_ttl.ToTimedelta()
    if kept == RETENTION:
        report(f"namespace {namespace} keeps closed calls for 7 days")
        return
    config = NamespaceConfig(workflow_execution_retention_ttl=retention)
    await service.update_namespace(UpdateNamespaceRequest(namespace=namespace, config=config))
    report(f"namespace {namespace} now keeps closed calls for 7 days, before {_days(kept)}")


async def _register(client: Client, retention: Duration, report: Report) -> None:
    request = RegisterNamespaceRequest(namespace=client.namespace, workflow_execution_retention_period=retention)
    try:
        await client.workflow_service.register_namespace(request)
        report(f"made namespace {client.namespace}, which keeps closed calls for 7 days")
    except RPCError as error:
        # Somebody else was faster.
        if error.status != RPCStatusCode.ALREADY_EXISTS:
            raise
        report(f"namespace {client.namespace} is there")


async def _set_up_search_attributes(client: Client, report: Report) -> None:
    missing = await _missing(client)
    for key in SEARCH_ATTRIBUTES:
        if key.name in missing:
            kinds = {key.name: IndexedValueType.ValueType(int(key.indexed_value_type))}
            request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=kinds)
            try:
                await client.operator_service.add_search_attributes(request)
            except RPCError as error:
                # Somebody else was faster.
                if error.status != RPCStatusCode.ALREADY_EXISTS:
                    raise
    deadline = time.monotonic() + PROPAGATION_S
    while await _missing(client):
        if time.monotonic() > deadline:
            raise SetupFailed("Temporal took the search attributes but does not show them; run this again")
        await asyncio.sleep(0.2)
    report(f"added the search attributes {', '.join(missing)}" if missing else "the search attributes are there")


async def _missing(client: Client) -> list[str]:
    """Patient with a namespace that was made a moment ago and is not known everywhere yet."""
    deadline = time.monotonic() + PROPAGATION_S
    while True:
        try:
            return await missing_search_attributes(client)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND or time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.2)


def _days(span: timedelta) -> str:
    return f"{span.total_seconds() / 86400:g} days"


async def setup_command() -> None:
    """Prepare database and Temporal for this release: schema, identity key, namespace, search attributes.

    Needs DATABASE_URL, ENCRYPTION_KEYS and Temporal's variables only. Run it again whenever you like.
    """
    try:
        settings = SharedSettings.read()
        keyring = Keyring.parse(settings.encryption_keys.get_secret_value())
    except (SettingsError, KeyFormatError) as error:
        raise SetupFailed(str(error)) from None
    try:
        client = await connect(keyring, environment=temporal_environment(os.environ))
    except RuntimeError as error:
        raise SetupFailed(f"Temporal (TEMPORAL_ADDRESS) is out of reach: {error}") from None
    await setup(settings.database_url.get_secret_value(), keyring, client, say)
    say("Ready.")
