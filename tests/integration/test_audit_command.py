"""`talkbridge audit`: what the ledger knows of a call, or of a span of time, in order."""

import csv
import io
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.postgres.calls import Calls, KeptMend
from activities.postgres.database import Database
from cli.audit.command import moment_of
from cli.errors import CliError
from tests.integration.ledger_kit import ANNA, Book, book_at, lazy_client, rows
from workflows.domain.status import EventStatus

ROOT = Path(__file__).parents[2]


def typed(url: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What the command printed, in a folder without `.env` and without a key."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": url}
    command = [sys.executable, "-m", "cli.main", "audit", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _first_line(url: str, folder: Path) -> tuple[int, int, str]:
    """Code of the command, lines read, and what it said, when its reader leaves after a line."""
    command = f"{sys.executable} -m cli.main audit --from 2000-01-01 | head -1; exit ${{PIPESTATUS[0]}}"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": url}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, len(done.stdout.splitlines()), done.stderr


async def told(url: str, book: Book) -> None:
    """One call with an event, a request that worked, one nobody knows the end of, and a mend."""
    event = EventStatus(type="call.started", event_id="e-1", occurred_at=_at(-2), received_at=_at(-1))
    await book.open("c-1", ANNA)
    await book.create("c-1", 123)
    await book.save("c-1", ANNA, ticket_id=123, events=[event])
    await book.may_update("c-1", 123)
    async with Database(url) as database:
        await _keep(database, reason="=1+1")


def _at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _keep(database: Database, *, reason: str) -> None:
    mend = KeptMend(
        call_id="c-1",
        generation=1,
        mend_id="m-1",
        action="retry",
        step="final_update",
        ticket_id=None,
        asked_by="Eve",
        reason=reason,
        result="done",
        text="It is tried now.",
        mended_at=datetime.now(UTC),
    )
    await Calls(database).keep_mend(mend)


async def test_a_call_is_told_in_order(database_url: str, tmp_path: Path) -> None:
    """Event, requests, mend; an outcome nobody knows is called so; the caller is masked."""
    async with book_at(database_url, await lazy_client()) as book:
        await told(database_url, book)
    done = typed(database_url, tmp_path, "c-1")
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head == "Call c-1: ringing, ticket 123, a•••@example.com, +1555•••00"
    assert [line.split()[2] for line in lines] == ["event", "request", "request", "mend"]
    assert "call.started  e-1  (occurred " in lines[0]
    assert "create_ticket         attempt 1  POST /api/v2/tickets  201 done" in lines[1]
    assert "unknown" in lines[2]
    assert "retry final_update  by Eve, because: =1+1  done: It is tried now." in lines[3]
    assert "anna" not in done.stdout
    assert done.stderr == ""


async def test_a_span_of_time_is_a_table(database_url: str, tmp_path: Path) -> None:
    """As CSV, one row an entry; what a spreadsheet would calculate is text."""
    async with book_at(database_url, await lazy_client()) as book:
        await told(database_url, book)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    done = typed(database_url, tmp_path, "--from", "2000-01-01", "--to", today, "--csv")
    assert done.returncode == 0, done.stderr
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["kind"] for row in table] == ["event", "request", "request", "mend"]
    assert [row["outcome"] for row in table] == ["", "done", "unknown", "done"]
    assert table[3]["reason"] == "'=1+1"
    assert typed(database_url, tmp_path, "--from", "2000-01-01", "--to", "2001-01-01").stdout == ""


async def test_a_long_span_is_streamed(database_url: str, tmp_path: Path) -> None:
    """Twenty thousand requests come in order of time, and a reader that has enough is no error."""
    async with book_at(database_url, await lazy_client()):
        await rows(
            database_url,
            "INSERT INTO attempts (call_id, generation, step, attempt, request_id, method, path, sent_at)"
            " SELECT 'c-' || mod(n, 100), 1, 'search', 1, 'r-' || n, 'GET', '/x', now() - n * interval '1 second'"
            " FROM generate_series(1, 20000) AS n",
        )
    done = typed(database_url, tmp_path, "--from", "2000-01-01", "--csv")
    numbers = [int(row["own_id"].removeprefix("r-")) for row in csv.DictReader(io.StringIO(done.stdout))]
    assert numbers == list(range(20_000, 0, -1))
    assert _first_line(database_url, tmp_path) == (0, 1, "")


async def test_what_is_not_there_is_one_sentence(database_url: str, tmp_path: Path) -> None:
    """An unknown call, no question, a database without a schema, and one that is out of reach."""
    assert "schema" in typed(database_url, tmp_path, "c-1").stderr
    async with book_at(database_url, await lazy_client()):
        assert typed(database_url, tmp_path, "c-9").stderr == "The ledger knows no call c-9.\n"
    assert "talkbridge audit --from" in typed(database_url, tmp_path).stderr
    nowhere = typed("postgresql://u:hidden@127.0.0.1:1/x", tmp_path, "c-1")
    assert nowhere.returncode == 1
    assert "out of reach" in nowhere.stderr
    assert "hidden" not in nowhere.stderr


def test_a_day_is_meant_whole() -> None:
    """As an end it is its last moment; a moment without a zone is UTC."""
    assert moment_of("2026-01-31", "--from") == datetime(2026, 1, 31, tzinfo=UTC)
    assert moment_of("2026-01-31", "--to", whole_day=True) == datetime(2026, 2, 1, tzinfo=UTC)
    assert moment_of("2026-01-31T09:30", "--to") == datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    assert moment_of("2026-01-31T09:30+02:00", "--to") == datetime(2026, 1, 31, 7, 30, tzinfo=UTC)
    with pytest.raises(CliError, match="--from is no date"):
        moment_of("yesterday", "--from")
