"""`talkbridge demo` as a newcomer runs it: a process of its own, watched from outside."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.e2e.waiting import eventually

DEMO = [sys.executable, "-m", "cli.main", "demo"]
LIMIT_S = 240
COUNTS = {
    "calls played": 8,
    "webhooks delivered": 30,
    "tickets": 6,
    "customers with more than one ticket": 0,
    "calls with more than one ticket": 0,
    "tickets left In-Call": 0,
    "notes that a call started": 5,
    "notes that a call was completed": 8,
    "other notes of calls": 0,
    "notes written twice": 0,
    "calls with a screen pop": 7,
    "access tokens issued": 2,
    "requests refused for their token (401)": 1,
    "requests refused but for 401 and 409": 0,
}


def environment(folder: Path) -> dict[str, str]:
    """The demo's own servers, temporary files where they can be counted, and nobody at a terminal."""
    theirs = ("TEMPORAL_ADDRESS", "DATABASE_URL")
    kept = {name: value for name, value in os.environ.items() if name not in theirs}
    return kept | {"TMPDIR": str(folder), "DEMO_ONCE": "1", "PYTHONFAULTHANDLER": "1"}


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for temporary files."""
    return tmp_path_factory.mktemp("demo")


def test_the_demo_plays_six_stories_and_the_books_are_right(folder: Path) -> None:
    """It ends with 0, the simulator has counted what it should have, and no temporary file is left."""
    done = subprocess.run(DEMO, env=environment(folder), capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout
    assert len(re.findall(r"^\d  ", done.stdout, flags=re.MULTILINE)) == 6
    assert counts(done.stdout) == COUNTS
    assert "kill -9" in done.stdout
    assert list(folder.iterdir()) == []


def counts(printed: str) -> dict[str, int]:
    """The numbers seen, by what they count, from the table at the end."""
    rows = re.findall(r"^(\S.*?)  +(\d+) +(\d+)  ✓$", printed, flags=re.MULTILINE)
    return {what: int(seen) for what, _, seen in rows}


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Children hear SIGINT, even where the tests run in the background of a shell, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_leaves_nothing(folder: Path, number: signal.Signals) -> None:
    """Stopped in the middle of a call it ends its processes, removes its files, and says so by its code."""
    with subprocess.Popen(
        DEMO, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "ticket 1001" in line:
                break
        children = of_parent(demo.pid)
        demo.send_signal(number)
        assert demo.wait(timeout=60) == 128 + number
    assert len(children) >= 4 or sys.platform != "linux"
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("interruptible")
def test_a_demo_that_stays_has_a_page_with_calls_that_go_on(folder: Path) -> None:
    """Before the first story it tells where the page is; after the verdict calls come by themselves; Ctrl-C ends it."""
    with subprocess.Popen(
        [*DEMO, "--stay"], env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as demo:
        assert demo.stdout is not None
        told = ""
        for line in demo.stdout:
            told += line
            if line.startswith("Ctrl-C"):
                break
        before, _, after = told.partition("As it should be.")
        address, token = re.findall(r"^Watch it at (\S+/ops) and sign in with the token (\S+)$", before, re.MULTILINE)[
            0
        ]
        assert f"{address}   with the token {token}" in after
        with httpx.Client(base_url=address.removesuffix("/ops"), timeout=10) as browser:
            assert browser.post("/ops/sign-in", data={"token": token}).headers["location"] == "/ops"
            eventually(lambda: "c-7000000000" in browser.get("/ops").text)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=60) == 0
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a parent's death is not told to its children")
def test_a_demo_that_is_killed_takes_its_processes_with_it(folder: Path) -> None:
    """After `kill -9` of the demo itself, no process of it stays."""
    with subprocess.Popen(
        DEMO, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.startswith("All up"):
                break
        children = of_parent(demo.pid)
        demo.kill()
    deadline = time.monotonic() + 40
    while left := [pid for pid in children if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def of_parent(parent: int) -> list[int]:
    """The processes it has started, by /proc; none where there is no such thing."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found
