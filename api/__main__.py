"""`python -m api`: the gateway as a process."""

import argparse
import asyncio
import os
import signal
import sys
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from api import log
from api.app import create_app
from api.intake import Intake
from api.ledger import PostgresLedger
from api.reading import KeysMisfit, LedgerUnreadable, Reading
from api.server import Server
from api.settings import GatewaySettings, SettingsError, temporal_environment
from api.tracing import Traced, tracing_environment
from workflows.connection import connect, leave
from workflows.tracing import Tracing, TracingUnusable, begin

GRACE_S = 10
USAGE = (
    "The gateway: takes telephony webhooks, hands them to Temporal, and tells what became of each call. "
    "It has no options: settings come from the environment and from .env; docs/settings.md explains each of them."
)


def main() -> int:
    """Serves until told to stop. 2 with one sentence for a setting, 1 with one for what else keeps it from starting."""
    argparse.ArgumentParser(prog="python -m api", description=USAGE).parse_args()
    try:
        settings = GatewaySettings.read()
        tracing = begin(tracing_environment(os.environ), "talkbridge-gateway")
    except (SettingsError, TracingUnusable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    log.configure(settings.log_format, settings.log_level)
    # uvicorn ends in order and then raises the signal again: to end well is no failure.
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    with asyncio.Runner(loop_factory=_config(settings).get_loop_factory()) as runner:
        return runner.run(_serve(settings, tracing))


async def _serve(settings: GatewaySettings, tracing: Tracing | None) -> int:
    environment, interceptors = temporal_environment(os.environ), [tracing.interceptor] if tracing else []
    try:
        temporal = await connect(settings.keyring, environment=environment, lazy=True, interceptors=interceptors)
    except (OSError, ValueError, RuntimeError) as error:
        sys.stderr.write(f"the TEMPORAL_ settings cannot be used: {error}\n")
        return 2
    try:
        bound = _config(settings).bind_socket()
    except SystemExit:
        # uvicorn has logged why; say what to change.
        sys.stderr.write(f"cannot listen on {settings.api_host}:{settings.api_port}: set API_HOST and API_PORT\n")
        return 1
    ledger = PostgresLedger(settings.database_url.get_secret_value(), settings.keyring)
    await ledger.open()
    try:
        if (misfit := await _misfit(ledger)) is not None:
            sys.stderr.write(f"The gateway does not start: {misfit}\n")
            return 1
        app = create_app(settings, temporal, ledger)
        traced: ASGIApp = Traced(app, tracing) if tracing else app
        await Server(_config(settings, traced), app.state.gateway.watching).serve(sockets=[bound])
    finally:
        await ledger.close()
    return 0


async def _misfit(ledger: Reading) -> str | None:
    try:
        await ledger.check_keys()
    except KeysMisfit as error:
        return str(error)
    except LedgerUnreadable:
        # Webhooks do not wait for PostgreSQL. The application asks again, and says what it waits for.
        return None
    return None


def _config(settings: GatewaySettings, app: object = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # None where only the loop is asked for
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop",
        http=Intake,
        # Nobody speaks anything else with us, whatever is installed.
        ws="none",
        log_config=None,
        # Addresses hold call ids at most, but whatever a stranger asks for would be logged as well.
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


def _end(_signal: int, _frame: FrameType | None) -> None:
    leave(0)


if __name__ == "__main__":
    leave(main())
