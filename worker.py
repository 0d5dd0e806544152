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
from activities.adapters import HELP_DESK_SLOTS, adapters
from activities.meters import Metering
from activities.postgres.database import Database
from activities.postgres.errors import LedgerUnavailable, StoreError
from activities.postgres.identity import IdentityKey
from activities.settings import SettingsError, WorkerSettings, temporal_environment
from workflows.call import CallWorkflow
from workflows.connection import Keyring, UnknownKeyError, connect, leave
from workflows.group_mend import GroupMendWorkflow
from workflows.ports import CALLS_QUEUE, CRM_QUEUE, HELP_DESK_QUEUE, TOKEN_QUEUE, EnsureToken
from workflows.serving import Served, runtime
from workflows.starting import CannotStart, await_search_attributes, ensure_token, reach
from workflows.token import TokenWorkflow
from workflows.tracing import Tracing, TracingUnusable, begun

log = logging.getLogger("worker")


async def run(settings: WorkerSettings, stop: asyncio.Event, tracing: Tracing | None = None) -> None:
    """Serve the four queues until asked to stop. Raises `CannotStart`."""
    keyring = Keyring.parse(settings.encryption_keys.get_secret_value())
    try:
        telemetry = runtime(settings.metrics_port)
    except ValueError as error:
        raise CannotStart(f"METRICS_PORT {settings.metrics_port} cannot be used: {error}") from None
    around = [tracing.interceptor] if tracing else []
    at = temporal_environment(os.environ)
    dial = partial(connect, keyring, environment=at, runtime=telemetry, interceptors=around)
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
        # Last entered, first left: the workers drain before their adapters close.
        ours = await stack.enter_async_context(adapters(settings, database, client, keyring))
        metering = Metering(telemetry.metric_meter, requested=tracing.vendor_request if tracing else None)
        served = await stack.enter_async_context(Served(client, [metering]))
        served.serve(TOKEN_QUEUE, ours.credentials, workflows=[TokenWorkflow])
        # One of its own: a worker with another secret must not answer for this one's.
        own = f"{TOKEN_QUEUE}-{uuid4()}"
        served.serve(own, ours.credentials)
        scopes = list(settings.zendesk_scopes)
        wanted = EnsureToken(scopes=scopes, margin_s=settings.token_refresh_margin_s, queue=own)
        await served.during(ensure_token(client, settings.account, wanted), stop)
        if stop.is_set():
            return
        await served.leave(own)
        served.serve(CALLS_QUEUE, ours.ledger, ours.mender, workflows=[CallWorkflow, GroupMendWorkflow])
        rate = settings.zendesk_requests_per_minute
        served.serve(HELP_DESK_QUEUE, ours.help_desk, slots=HELP_DESK_SLOTS, per_minute=rate)
        served.serve(CRM_QUEUE, ours.crm)
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
