"""`python -m simulator`: one process, its address as one line of JSON on standard output."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import sys
from dataclasses import fields
from pathlib import Path

from simulator.server import listen, make_server
from simulator.settings import Settings, changed
from simulator.state import State


def main() -> int:
    """Serves until told to stop."""
    parser = _parser()
    options = parser.parse_args()
    try:
        settings = _settings(options)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    try:
        bound, url = listen(options.host, options.port)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {options.host}:{options.port}: {error.strerror}\n")
        return 1
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    with bound, contextlib.ExitStack() as state, contextlib.suppress(KeyboardInterrupt):
        kept = state.enter_context(contextlib.closing(State(options.state))) if options.state else None
        server, _ = make_server(settings, lambda: _announce(url), kept)
        server.run(sockets=[bound])
    return 0


def _announce(url: str) -> None:
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free port")
    parser.add_argument("--client-id", default=default.client_id, help="%(default)s unless given")
    parser.add_argument("--client-secret", default=default.client_secret, help="%(default)s unless given")
    parser.add_argument("--crm-token", default=default.crm_token, help="%(default)s unless given")
    parser.add_argument("--granted-scopes", default=" ".join(default.granted_scopes), help="separated by spaces")
    parser.add_argument("--token-lifetime-s", type=float, default=default.token_lifetime_s)
    parser.add_argument("--search-lag-s", type=float, default=default.search_lag_s)
    parser.add_argument("--requests-per-minute", type=int, default=None, help="no limit unless given")
    parser.add_argument("--idempotency-ttl-s", type=float, default=default.idempotency_ttl_s)
    parser.add_argument("--state", type=Path, metavar="FILE", help="survives kill -9: goes on from what is in the file")
    parser.add_argument("--strict-calls", action="store_true", help="refuse calls that telephony did not place")
    parser.add_argument(
        "--latency",
        action="append",
        default=[],
        type=_latency,
        metavar="KIND=MS",
        help="how long a kind of request takes; * for all",
    )
    return parser


def _latency(text: str) -> tuple[str, float]:
    kind, _, milliseconds = text.partition("=")
    return kind, float(milliseconds)


def _settings(options: argparse.Namespace) -> Settings:
    given = vars(options)
    names = (each.name for each in fields(Settings) if each.name in given)
    return changed(Settings(), {name: given[name] for name in names} | {"latencies": dict(options.latency)})


if __name__ == "__main__":
    sys.exit(main())
