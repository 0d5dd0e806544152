"""Temporal's time-skipping test server, which only tests use: where its executable comes from."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from cli.errors import CommandFailed, ServerNotFound
from cli.servers.cache import cache_dir, making
from cli.servers.progress import run, say

VERSION = "1.38.0"
MODULE = Path(__file__).parent.parent / "time_skipping"

DOWNLOAD_LIMIT_S = 20
MAVEN_EXPECTED_S = 30
MAVEN_LIMIT_S = 600

# The SDK only downloads as part of starting a server; this one is given back at once.
DOWNLOAD = """
import asyncio, sys
from datetime import timedelta
from temporalio.testing import WorkflowEnvironment

async def main():
    environment = await WorkflowEnvironment.start_time_skipping(
        download_dest_dir=sys.argv[1],
        test_server_download_version=sys.argv[2],
        test_server_startup_timeout=timedelta(seconds=30),
    )
    await environment.shutdown()

asyncio.run(main())
"""

# A serial collector and the quick compiler alone: it starts in half the time, and nobody measures its speed.
LAUNCHER = """#!/bin/sh
# Starts Temporal's time-skipping test server from the jars beside this file.
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$(dirname "$0")/lib/*" io.temporal.testserver.TestServer "$@"
"""

FIXES = """There is no time-skipping test server here, and none could be made. One of these fixes it:
  - apt-get install default-jre-headless maven, or: brew install openjdk maven; then: make setup
  - a network that reaches https://temporal.download, then: make setup
  - export TEMPORAL_TEST_SERVER=/path/to/temporal-test-server (use one that is there already)"""


def path() -> Path:
    """Return its executable, for `WorkflowEnvironment.start_time_skipping(test_server_existing_path=…)`.

    Give it a start-up time-out of 30 s: the first start takes about 6 s. Looks at TEMPORAL_TEST_SERVER, our cache,
    a download, Maven Central; says which it took. Raises ServerNotFound when none of these works.
    """
    if given := os.environ.get("TEMPORAL_TEST_SERVER"):
        if not os.access(given, os.X_OK):
            raise ServerNotFound(f"TEMPORAL_TEST_SERVER is {given}, which is not an executable file.")
        say(f"Time-skipping server: {given} (TEMPORAL_TEST_SERVER)")
        return Path(given)
    if cached().exists():
        say(f"Time-skipping server: {VERSION} from the cache ({cached()})")
        return cached()
    with making(f"time-skipping-{VERSION}") as workshop:
        if not cached().exists():
            _make(workshop)
    say(f"Time-skipping server: {VERSION}, now in the cache ({cached()})")
    return cached()


def cached() -> Path:
    """Return where the executable is, or would be, kept."""
    return cache_dir() / f"time-skipping-{VERSION}" / "test-server"


def _make(workshop: Path) -> None:
    staging = Path(tempfile.mkdtemp(dir=workshop, prefix=".time-skipping-"))
    try:
        if not _download(staging):
            _fetch_with_maven(staging)
        staging.chmod(0o755)
        # In one step, so that a half-made one is never found.
        staging.rename(cached().parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _download(staging: Path) -> bool:
    try:
        run(
            [sys.executable, "-c", DOWNLOAD, str(staging), f"v{VERSION}"],
            title="Downloading the time-skipping server",
            expected_s=10,
            limit_s=DOWNLOAD_LIMIT_S,
        )
    except CommandFailed:
        say("Time-skipping server: the download did not work (no network, or not within its time)")
        return False
    binary = next((file for file in staging.iterdir() if "test-server" in file.name and file.is_file()), None)
    if binary is None:
        return False
    binary.rename(staging / "test-server").chmod(0o755)
    return True


def _fetch_with_maven(staging: Path) -> None:
    if missing := [tool for tool in ("java", "mvn") if shutil.which(tool) is None]:
        raise ServerNotFound(f"{FIXES}\nNot on PATH: {', '.join(missing)}.")
    pom = staging / "pom.xml"
    # A copy: Maven writes beside the pom, and ours may stand in a folder that is not to be written.
    shutil.copy(MODULE / "pom.xml", pom)
    what = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={staging / 'lib'}"]
    try:
        run(
            ["mvn", "-q", "-B", "-f", str(pom), *what],
            title=f"Fetching the time-skipping server {VERSION} with Maven, once",
            expected_s=MAVEN_EXPECTED_S,
            limit_s=MAVEN_LIMIT_S,
        )
    except CommandFailed as error:
        raise ServerNotFound(f"{error}\n{FIXES}") from error
    launcher = staging / "test-server"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
