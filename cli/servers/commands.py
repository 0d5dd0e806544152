"""`talkbridge servers`: prepare the development servers, or run them for as long as the terminal stays."""

import signal
import threading
from pathlib import Path
from types import FrameType

from cyclopts import App

from cli.errors import ServerNotFound
from cli.servers import postgres_binaries, temporal_binary, time_skipping
from cli.servers.postgres import PostgresServer
from cli.servers.progress import say
from cli.servers.temporal import TemporalServer

app = App(name="servers", help="Development servers: Temporal and PostgreSQL on this machine.")


@app.command
def prepare() -> None:
    """Find, download or build what the demo and the tests need; start nothing."""
    temporal_binary.find()
    binaries = postgres_binaries.find()
    say(f"PostgreSQL: {binaries.version} {binaries.origin} ({binaries.folder})")
    try:
        time_skipping.path()
    except ServerNotFound as error:
        # The demo runs without it; the tests that need it will say the same again, and fail.
        say(f"{error}\nEverything but the tests of long waits works without it.")


@app.command
def run(*, data: Path | None = None) -> None:
    """Start both servers, print how to reach them, and stay until Ctrl-C.

    Parameters
    ----------
    data
        Folder in which to keep what they store; without it, all is gone at the end.
    """
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
    asked_to_stop = _stop_signals()
    with (
        TemporalServer(ui=True, own=True, db_filename=data / "temporal.db" if data else None) as engine,
        PostgresServer(own=True, directory=data / "postgres" if data else None) as database,
    ):
        # On stdout, so that they can be pasted or read by a script.
        print(f"export TEMPORAL_ADDRESS={engine.address}")
        print(f"export TEMPORAL_UI_URL={engine.ui_url}")
        print(f"export DATABASE_URL={database.url}", flush=True)
        say("Both run. Ctrl-C ends them.")
        asked_to_stop.wait()
        say("Stopping")


def _stop_signals() -> threading.Event:
    """Return an event that Ctrl-C and SIGTERM set, so that leaving is the ordinary way out of `with`."""
    stop = threading.Event()

    def on_signal(_signum: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop
