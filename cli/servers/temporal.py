"""Temporal's development server: where its binary comes from, and one running on loopback."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from temporalio.client import Client
from temporalio.service import RPCError

from cli.errors import CommandFailed, ServerDidNotStart, ServerNotFound
from cli.servers.cache import cache_dir, making
from cli.servers.child import Child, environment_without, free_port
from cli.servers.folder import Folder
from cli.servers.progress import run, say

VERSION = "1.8.2"
# The first whose server (1.29) has task priorities switched on.
OLDEST = (1, 5)
MODULE = Path(__file__).parent.parent / "temporal_server"
COMMAND = "github.com/temporalio/cli/cmd/temporal"

DOWNLOAD_LIMIT_S = 20
# With no Go to fall back on there is nothing to hurry for.
DOWNLOAD_LIMIT_WITHOUT_GO_S = 180
BUILD_EXPECTED_S = 360
BUILD_LIMIT_S = 3600
START_LIMIT_S = 30

# The SDK only downloads as part of starting a server; this one is given back at once.
DOWNLOAD = """
import asyncio, sys
from datetime import timedelta
from temporalio.testing import WorkflowEnvironment

async def main():
    environment = await WorkflowEnvironment.start_local(
        download_dest_dir=sys.argv[1],
        dev_server_download_version=sys.argv[2],
        dev_server_startup_timeout=timedelta(seconds=30),
    )
    await environment.shutdown()

asyncio.run(main())
"""

FIXES = f"""There is no Temporal server here, and none could be made. One of these fixes it:
  - brew install temporal, or the archive from https://temporal.download/cli/v{VERSION} put on PATH
  - Go from https://go.dev/dl, then: make setup (builds it once, about 6 minutes)
  - export TEMPORAL_ADDRESS=host:7233 (use a server that is running already)"""


def find() -> Path:
    """Return the `temporal` binary: from PATH, our cache, a download, or a build with Go; says which it took.

    Raises ServerNotFound when none of these works.
    """
    if found := _on_path():
        return found
    if cached().exists():
        say(f"Temporal: {VERSION} from the cache ({cached()})")
        return cached()
    with making(f"temporal-{VERSION}") as workshop:
        if not cached().exists():
            _make(workshop)
    say(f"Temporal: {VERSION}, now in the cache ({cached()})")
    return cached()


def cached() -> Path:
    """Return where the binary is, or would be, kept."""
    return cache_dir() / f"temporal-{VERSION}"


def _on_path() -> Path | None:
    found = shutil.which("temporal")
    if found is None:
        return None
    try:
        answer = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        say(f"Temporal: {found} does not run; looking elsewhere")
        return None
    version = re.search(r"(\d+)\.(\d+)\.\d+", answer)
    # A build without a version calls itself 0.0.0: whoever put it on PATH knows why.
    if version and (0, 0) < (int(version[1]), int(version[2])) < OLDEST:
        say(f"Temporal: {found} is {version[0]}, older than {OLDEST[0]}.{OLDEST[1]}; looking elsewhere")
        return None
    say(f"Temporal: {version[0] if version else 'some version'} from PATH ({found})")
    return Path(found)


def _make(workshop: Path) -> None:
    with tempfile.TemporaryDirectory(dir=workshop, prefix=".temporal-") as staging:
        binary = _download(Path(staging)) or _build(Path(staging))
        binary.chmod(0o755)
        # In one step, so that a half-made binary is never found.
        binary.rename(cached())


def _download(staging: Path) -> Path | None:
    limit = DOWNLOAD_LIMIT_S if shutil.which("go") else DOWNLOAD_LIMIT_WITHOUT_GO_S
    try:
        run(
            [sys.executable, "-c", DOWNLOAD, str(staging), f"v{VERSION}"],
            title="Downloading the Temporal server",
            expected_s=10,
            limit_s=limit,
        )
    except CommandFailed:
        say("Temporal: the download did not work (no network, or not within its time)")
        return None
    return next((path for path in staging.iterdir() if path.name.startswith("temporal") and path.is_file()), None)


def _build(staging: Path) -> Path:
    if shutil.which("go") is None:
        raise ServerNotFound(FIXES)
    binary = staging / "built"
    # Stripped: half the size. The version is what `temporal --version` answers.
    flags = f"-s -w -X github.com/temporalio/cli/internal/temporalcli.Version={VERSION}"
    try:
        run(
            ["go", "build", f"-ldflags={flags}", "-o", str(binary), COMMAND],
            title=f"Building the Temporal server {VERSION} with Go, once",
            expected_s=BUILD_EXPECTED_S,
            limit_s=BUILD_LIMIT_S,
            cwd=MODULE,
            env={**os.environ, "CGO_ENABLED": "0"},
        )
    except CommandFailed as error:
        raise ServerNotFound(f"{error}\n{FIXES}") from error
    return binary


class TemporalServer:
    """A Temporal development server of our own, or the one that TEMPORAL_ADDRESS names.

    Has the namespace `default`, one partition a task queue (so that a rate holds), and no search attributes of ours:
    `talkbridge setup` registers those. In memory unless `db_filename` is given. `own=True` never takes the one
    that TEMPORAL_ADDRESS names: for whoever wants to stop or kill it.

    A context manager, sync and async. After `stop()` or `kill()`, `start()` serves again at the same address, and with
    a database file, with what was in it.
    """

    def __init__(
        self,
        *,
        db_filename: Path | None = None,
        ui: bool = False,
        port: int | None = None,
        own: bool = False,
        extra_args: Sequence[str] = (),
    ) -> None:
        """Only remember what is wanted; `start()` does the work."""
        self._db_filename = db_filename
        self._port = port
        self._ui_port: int | None = None
        self._ui = ui
        self._extra_args = extra_args
        self._external = None if own else os.environ.get("TEMPORAL_ADDRESS")
        self._child: Child | None = None
        self._folder: Folder | None = None

    @property
    def external(self) -> bool:
        """Whether it is somebody else's: then it is neither started nor stopped here."""
        return self._external is not None

    @property
    def address(self) -> str:
        """`host:port` for clients. Only there once started."""
        if self._external is not None:
            return self._external
        assert self._port is not None, "start() comes first"
        return f"127.0.0.1:{self._port}"

    @property
    def ui_url(self) -> str | None:
        """Address of its web page; None when it has none, or is somebody else's."""
        return f"http://127.0.0.1:{self._ui_port}" if self._ui_port else None

    @property
    def pid(self) -> int:
        """Process id of the server. Only there while it is ours and started."""
        assert self._child is not None, "not ours, or not started"
        return self._child.pid

    def start(self) -> Self:
        """Start it and wait until it serves. Raises ServerNotFound, ServerDidNotStart."""
        if self._external is not None:
            say(f"Temporal: the server at {self._external} (TEMPORAL_ADDRESS)")
            return self
        binary = find()
        if self._folder is None:
            self._folder = Folder()
        given = self._port
        for _ in range(3):
            # One that was free a moment ago may be taken by now; one that was asked for, or used before, stays.
            self._port = given or free_port()
            self._ui_port = (self._ui_port or free_port()) if self._ui else None
            self._child = self._run(binary, self._folder.path)
            if _in_thread(self.address, self._child):
                return self
            self._child.kill()
        assert self._child is not None
        raise ServerDidNotStart(f"Temporal does not serve at {self.address}.{self._child.last_words()}")

    def stop(self) -> None:
        """End it in order and wait until it is gone; only after that may its database file be touched."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._child is not None:
            self._child.kill()

    def _run(self, binary: Path, folder: Path) -> Child:
        return Child(
            [str(binary), *self._arguments()],
            log=folder / "temporal.log",
            env=environment_without("TEMPORAL_"),
            cwd=folder,
        )

    def _arguments(self) -> list[str]:
        arguments = ["server", "start-dev", "--ip", "127.0.0.1", "--port", str(self._port), "--namespace", "default"]
        arguments += ["--log-level", "error"]
        arguments += ["--ui-port", str(self._ui_port)] if self._ui_port else ["--headless"]
        # The rate of a task queue is divided among its partitions; with four of them, a low rate is not reached.
        for kind in ("Read", "Write"):
            arguments += ["--dynamic-config-value", f"matching.numTaskqueue{kind}Partitions=1"]
        if self._db_filename is not None:
            arguments += ["--db-filename", str(self._db_filename.absolute())]
        return [*arguments, *self._extra_args]

    def _close(self) -> None:
        self.stop()
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self._close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._close)


def _in_thread(address: str, child: Child) -> bool:
    """Ask with the SDK's client, which needs a loop of its own: the caller may be inside one."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, _serves(address, child)).result()


async def _serves(address: str, child: Child) -> bool:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and child.running:
        try:
            client = await Client.connect(address)
            # The namespace is the last thing that becomes usable.
            await client.count_workflows(rpc_timeout=timedelta(seconds=2))
        except (RuntimeError, RPCError):
            await asyncio.sleep(0.05)
        else:
            # Another server may have taken the port: then ours has ended.
            return child.running
    return False
