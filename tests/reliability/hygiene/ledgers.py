"""Two ledgers of one PostgreSQL: one of any size, one empty; and how each statement fares in both."""

import asyncio
from dataclasses import dataclass

import psycopg

from cli.servers.postgres import PostgresServer
from cli.setup import setup
from tests.integration.ledger_kit import KEYRING
from tests.reliability.hygiene.filling import fill
from tests.reliability.hygiene.plans import Plan, study
from tests.reliability.report import progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    """Rows by table, and a plan for each statement."""

    rows: dict[str, int]
    plans: list[Plan]

    @property
    def bad(self) -> list[Plan]:
        """Those that read a big table from end to end, or too much of it."""
        return [plan for plan in self.plans if plan.bad]


def compare(*, calls: int, seed: int, times: int = 25, only: str = "", without_index: str = "") -> Studied:
    """Fill, analyse, ask. `without_index`: dropped before, for the self-check."""
    with PostgresServer(own=True, fsync=False) as server:
        empty = server.url.rsplit("/", 1)[0] + "/empty"
        _run(server.url, "CREATE DATABASE empty")
        for url in (server.url, empty):
            asyncio.run(setup(url, KEYRING, None))
        progress(f"{calls:,} calls into the ledger")
        rows = fill(server.url, calls)
        if without_index:
            _run(server.url, f"DROP INDEX {without_index}")
        progress("asking")
        return Studied(rows=rows, plans=study(server.url, empty, calls=calls, seed=seed, times=times, only=only))


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
