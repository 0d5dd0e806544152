"""`python -m api` as its users meet it: started, stopped, and refused."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2 as httpx
import pytest

from cli.servers.child import environment_without, free_port
from tests.integration.gateway.kit import NOWHERE, OPS_TOKEN, SECRET

ROOT = Path(__file__).parents[3]


@pytest.fixture
def environment(keys: str) -> dict[str, str]:
    """Settings of a gateway whose servers are away."""
    return {
        **environment_without("TEMPORAL_", "API_"),
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": NOWHERE,
        "ENCRYPTION_KEYS": keys,
        "WEBHOOK_SECRETS": SECRET,
        "OPS_TOKEN": OPS_TOKEN,
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        "API_PORT": str(free_port()),
    }


def run(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Start a gateway that must end by itself."""
    command = [sys.executable, *(arguments or ("-m", "api"))]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=30, check=False)


def test_a_missing_setting_ends_the_start_with_one_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    """Exit code 2, and nothing but the sentence."""
    del environment["OPS_TOKEN"]
    ended = run(environment, tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith("OPS_TOKEN is missing: set it ")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("program", [("-m", "api"), (str(ROOT / "worker.py"),)])
def test_help_says_what_it_is_and_where_settings_come_from(tmp_path: Path, program: tuple[str, ...]) -> None:
    """Gateway and worker need no setting to tell of themselves; an option that there is not is a mistake."""
    bare = {**environment_without("DATABASE_", "ENCRYPTION_", "OPS_"), "PYTHONPATH": str(ROOT)}
    told = run(bare, tmp_path, *program, "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert "environment" in told.stdout
    assert "docs/settings.md" in told.stdout
    assert run(bare, tmp_path, *program, "--port=1").returncode == 2


def test_unusable_temporal_settings_end_the_start_with_one_sentence(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """A certificate that is not there is no reason to wait for Temporal."""
    ended = run({**environment, "TEMPORAL_TLS_CLIENT_CERT_PATH": str(tmp_path / "none.pem")}, tmp_path)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert "TEMPORAL_" in ended.stderr


def test_a_port_in_use_ends_the_start(environment: dict[str, str], tmp_path: Path) -> None:
    """Exit code 1, and the last line says what to set."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run({**environment, "API_PORT": str(taken.getsockname()[1])}, tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].endswith("set API_HOST and API_PORT")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("key_id", ["another", "k1"])
def test_a_stray_key_ends_the_start(
    environment: dict[str, str], database_url: str, tmp_path: Path, key_id: str
) -> None:
    """A gateway whose signals no worker could read ends in one sentence, before it takes one."""
    stray = f"{key_id}:{base64.b64encode(os.urandom(32)).decode()}"
    ended = run({**environment, "DATABASE_URL": database_url, "ENCRYPTION_KEYS": stray}, tmp_path)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("The gateway does not start: ENCRYPTION_KEYS cannot read the identity key in the database: ")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_with_nobody_there_and_ends_well(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    """Alive without Temporal and PostgreSQL; told to stop, it stops with 0; no secret in what it wrote."""
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "api"], env={**environment, "LOG_FORMAT": "json"}, cwd=tmp_path, stderr=output
        )
    try:
        _wait_until_alive(f"http://127.0.0.1:{environment['API_PORT']}", process)
        process.send_signal(number)
        assert process.wait(15) == 0
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    written = log.read_text()
    assert all(environment[name] not in written for name in ("OPS_TOKEN", "ENCRYPTION_KEYS", "WEBHOOK_SECRETS"))
    assert "Traceback" not in written


def _wait_until_alive(base: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            assert httpx.get(f"{base}/healthz").json() == {"status": "alive"}
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the gateway does not serve")
