"""Where the binary of Temporal's development server comes from: this machine, the cache, a download, or a build."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cli.errors import CommandFailed, ServerNotFound
from cli.servers.cache import cache_dir, making
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
