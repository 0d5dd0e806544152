"""One worker process: settings → clients → adapters → workers, one for each task queue."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack
from functools import partial
from uuid import uuid4

from temporalio.service import RPCError

from activities import log as logs
from activities.credentials import ZendeskCredentials
from activities.crm import CrmAccount, HttpCrm
from activities.help_desk import ZendeskHelpDesk
from activities.ledger import PostgresLedger
from activities.mending import WorkflowMender
from activities.meters import Metering
from activities.postgres.attempts import Attempts
from activities.postgres.credential import CredentialStore
from activities.postgres.database import Database
from activities.postgres.errors import LedgerUnavailable, StoreError
from activities.postgres.identity import IdentityKey
from activities.settings import SettingsError, WorkerSettings, temporal_environment
from activities.stored_tokens import StoredTokens
from activities.zendesk.client import Account, ZendeskClient
from workflows.call import CallWorkflow
from workflows.connection import Keyring, UnknownKeyError, connect, leave
from workflows.group_mend import GroupMendWorkflow
from workflows.ports import CALLS_QUEUE, CRM_QUEUE, HELP_DESK_QUEUE, TOKEN_QUEUE, EnsureToken
from workflows.serving import Served, runtime
from workflows.starting import CannotStart, await_search_attributes, ensure_token, reach
from workflows.token import TokenWorkflow
from workflows.tracing import Tracing, TracingUnusable, begun

HELP_DESK_SLOTS = 64
"""More than the eight requests in flight: those that find no room give way to screen pops within a second."""
log = logging.getLogger("worker")


async def run(settings: WorkerSettings, stop: asyncio.Event, tracing: Tracing | None = None) -> None:
    """Serve the four queues until asked to stop. Raises `CannotStart`."""
    keyring = Keyring.parse(settings.encryption_keys.get_secret_value())
    try:
        telemetry = runtime(settings.metrics_port)
    except ValueError as error:
        raise CannotStart(f"METRICS_PORT {settings.metrics_port} cannot be used: {error}") from None

    dial = partial(
        connect,
        keyring,
        environment=temporal_environment(os.environ),
        runtime=telemetry,
        interceptors=[tracing.interceptor] if tracing else [],
    )
    client = await reach("Temporal (TEMPORAL_ADDRESS)", dial, (RuntimeError, RPCError))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(settings.database_url.get_secret_value()))
        await reach("PostgreSQL (DATABASE_URL)", database.check_schema, (LedgerUnavailable,))
        # Before anything is sent to Temporal: what a stray key encrypts there holds up the workers with the right one.
        identity_key = IdentityKey(database, decrypt=keyring.decrypt)
        try:
            await reach("PostgreSQL (DATABASE_URL)", identity_key.hasher, (LedgerUnavailable,))
        except (UnknownKeyError, ValueError) as error:
            raise CannotStart(f"ENCRYPTION_KEYS cannot read the identity key in the database: {error}") from None
        await await_search_attributes(client)
        secret = settings.zendesk_client_secret.get_secret_value()
        account = Account(url=settings.zendesk_url, client_id=settings.zendesk_client_id, client_secret=secret)
        zendesk = ZendeskClient(account, timeout_s=settings.http_timeout_s)
        stack.push_async_callback(zendesk.close)
        attempts = Attempts(database)
        store = CredentialStore(database, encrypt=keyring.encrypt, decrypt=keyring.decrypt)
        alert_url = settings.alert_webhook_url.get_secret_value() if settings.alert_webhook_url else None
        credentials = ZendeskCredentials(zendesk, store, database, alert_url=alert_url)
        stack.push_async_callback(credentials.close)
        scopes, margin_s = list(settings.zendesk_scopes), settings.token_refresh_margin_s
        tokens = StoredTokens(store, client, account=settings.account, required_scopes=scopes, margin_s=margin_s)
        help_desk = ZendeskHelpDesk(zendesk, tokens, attempts, settings.policy())
        stack.push_async_callback(help_desk.close)
        crm_account = CrmAccount(url=settings.crm_url, token=settings.crm_token.get_secret_value())
        crm = HttpCrm(crm_account, attempts, timeout_s=settings.http_timeout_s)
        stack.push_async_callback(crm.close)
        ledger = PostgresLedger(database, decrypt=keyring.decrypt, policy=settings.policy(), client=client)

        metering = Metering(telemetry.metric_meter, requested=tracing.vendor_request if tracing else None)
        served = await stack.enter_async_context(Served(client, [metering]))
        served.serve(TOKEN_QUEUE, credentials, workflows=[TokenWorkflow])
        # One of its own: a worker with another secret must not answer for this one's.
        own = f"{TOKEN_QUEUE}-{uuid4()}"
        served.serve(own, credentials)
        wanted = EnsureToken(scopes=scopes, margin_s=margin_s, queue=own)
        await served.during(ensure_token(client, settings.account, wanted), stop)
        if stop.is_set():
            return
        await served.leave(own)
        served.serve(CALLS_QUEUE, ledger, WorkflowMender(client), workflows=[CallWorkflow, GroupMendWorkflow])
        served.serve(HELP_DESK_QUEUE, help_desk, slots=HELP_DESK_SLOTS, per_minute=settings.zendesk_requests_per_minute)
        served.serve(CRM_QUEUE, crm)
        log.info("worker serves %s", ", ".join(served.queues), extra={"action": "worker_started"})
        await served.until(stop)
        log.info("worker drains", extra={"action": "worker_drains"})


async def main() -> int:
    """The exit code: 0 after a drain, 1 with one sentence when it could not start, 2 for a setting."""
    try:
        settings = WorkerSettings.read()
        logs.configure(settings.log_format, settings.log_level)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with begun(temporal_environment(os.environ, "OTEL_"), "talkbridge-worker") as tracing:
            await run(settings, stop, tracing)
    except (SettingsError, TracingUnusable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (CannotStart, StoreError) as error:
        sys.stderr.write(f"The worker does not start: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    argparse.ArgumentParser(description=f"{__doc__} Settings come from the environment: docs/settings.md.").parse_args()
    leave(asyncio.run(main()))
