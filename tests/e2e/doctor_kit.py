"""Typing `talkbridge doctor` beside a stack, and planting what it should find."""

import asyncio
import base64
import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from tests.e2e.stack import OPS_TOKEN, SECRET, Json, Stack

NAMESPACE_NEEDED_S = 30


@dataclass(frozen=True)
class Examined:
    """What the doctor said."""

    code: int
    checks: list[Json]

    @property
    def failures(self) -> dict[str, Json]:
        """The checks that failed, by group and name."""
        return {f"{each['group']}/{each['name']}": each for each in self.checks if each["state"] == "fails"}


def doctor(stack: Stack, *flags: str, **settings: str | None) -> Examined:
    """Its findings with these settings changed (None: gone). Never is a secret among them."""
    done = talkbridge(stack, "doctor", "--json", *flags, **settings)
    assert done.returncode in (0, 1), done.stderr
    known = {SECRET, OPS_TOKEN, "simulator-secret", "crm-secret", stack.key.partition(":")[2]}
    known |= {value for name, value in settings.items() if value and ("SECRET" in name or "TOKEN" in name)}
    assert [secret for secret in known if secret in done.stdout + done.stderr] == []
    return Examined(done.returncode, json.loads(done.stdout)["checks"])


def talkbridge(stack: Stack, *words: str, **settings: str | None) -> subprocess.CompletedProcess[str]:
    """The command line, in a folder without `.env`."""
    given = {**stack.environment, **settings}
    environment = {name: value for name, value in given.items() if value is not None}
    command = [sys.executable, "-m", "cli.main", *words]
    return subprocess.run(command, env=environment, cwd=stack.folder, capture_output=True, text=True, check=False)


def mended(stack: Stack, failure: Json, **settings: str | None) -> None:
    """Type what the doctor said."""
    words = shlex.split(failure["command"])
    assert words[0] == "talkbridge"
    done = talkbridge(stack, *words[1:], **settings)
    assert done.returncode == 0, done.stderr


def a_key(key_id: str) -> str:
    """An encryption key that nothing was encrypted with."""
    return f"{key_id}:{base64.b64encode(os.urandom(32)).decode()}"


@contextmanager
def running(stack: Stack, command: str) -> Iterator[dict[str, str | None]]:
    """A command that stays, as typed in a shell; what it tells to export."""
    # Readable for the account that PostgreSQL runs under when a test is root's.
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        typed = command.replace("talkbridge", f"exec {shlex.quote(sys.executable)} -m cli.main", 1)
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": stack.environment["PYTHONPATH"], "HOME": home}
        cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
        process = subprocess.Popen(
            ["bash", "-c", typed], env={**environment, "XDG_CACHE_HOME": cache}, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline().strip().removeprefix("export ") for _ in range(3)]
            yield {name: value for name, _, value in (line.partition("=") for line in lines)}
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
            process.stdout.close()


def another_database(stack: Stack) -> str:
    """An empty one on the same server."""
    name = f"other_{secrets.token_hex(4)}"
    execute(stack.postgres.url, f"CREATE DATABASE {name}")
    return stack.postgres.url.rpartition("/")[0] + f"/{name}"


def execute(url: str, statements: str) -> None:
    """Behind the product's back."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements.encode())


async def register(stack: Stack, name: str, *, days: int) -> None:
    """A namespace without search attributes that forgets after so many days."""
    client = await Client.connect(stack.temporal.address)
    kept = Duration()
    kept.FromTimedelta(timedelta(days=days))
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=kept)
    await client.workflow_service.register_namespace(request)
    deadline = asyncio.get_running_loop().time() + NAMESPACE_NEEDED_S
    # It takes the server a moment to know its own new namespace everywhere.
    while doctor(stack, TEMPORAL_NAMESPACE=name).failures.keys() >= {"Temporal/namespace"}:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.5)
