"""`talkbridge calls` against a gateway: lists, filters, pages, and a list that is watched."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.gateway.kit import OPS_TOKEN, EnterCall, Served

ROOT = Path(__file__).parents[3]


def _command(served: Served, *words: str) -> list[str]:
    return [sys.executable, "-m", "cli.main", "calls", "--url", str(served.http.base_url), *words]


def _environment(ops_token: str = OPS_TOKEN) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OPS_TOKEN": ops_token}


async def typed(
    served: Served, folder: Path, *words: str, ops_token: str = OPS_TOKEN
) -> subprocess.CompletedProcess[str]:
    """What the command printed, in a folder without `.env`."""
    process = await asyncio.create_subprocess_exec(
        *_command(served, *words),
        cwd=folder,
        env=_environment(ops_token),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    return subprocess.CompletedProcess(words, process.returncode or 0, out.decode(), err.decode())


def ids(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The calls of a plain list."""
    assert done.returncode == 0, done.stderr
    return [row.split("\t")[1] for row in done.stdout.splitlines()]


@pytest.fixture
async def listed(served: Served, enter_call: EnterCall) -> Served:
    """Four calls."""
    await enter_call("c-1", state="completed")
    await enter_call("c-2", state="missed", ticket_id=7, agent=None)
    await enter_call("c-3", state="in_call", needs_attention=True, attention="update_ticket was refused")
    await enter_call("c-4", state="completed", agent={"id": "a-7", "name": "Eve"})
    return served


async def test_a_pipe_gets_a_line_a_call(listed: Served, tmp_path: Path) -> None:
    """The newest first, cut by each filter and by several."""
    assert ids(await typed(listed, tmp_path)) == ["c-4", "c-3", "c-2", "c-1"]
    assert ids(await typed(listed, tmp_path, "--state", "completed")) == ["c-4", "c-1"]
    assert ids(await typed(listed, tmp_path, "--ticket", "7")) == ["c-2"]
    assert ids(await typed(listed, tmp_path, "--agent", "a-7", "--state", "completed")) == ["c-4"]
    needy = await typed(listed, tmp_path, "--needs-attention")
    assert ids(needy) == ["c-3"]
    assert needy.stdout.rstrip().endswith("a person: update_ticket was refused")
    found = [json.loads(row)["call_id"] for row in (await typed(listed, tmp_path, "--json")).stdout.splitlines()]
    assert found == ["c-4", "c-3", "c-2", "c-1"]


async def test_a_long_list_comes_in_pieces(listed: Served, enter_call: EnterCall, tmp_path: Path) -> None:
    """More than the gateway gives at once is asked for page by page; the end names where to go on."""
    first = await typed(listed, tmp_path, "--limit", "3")
    assert ids(first) == ["c-4", "c-3", "c-2"]
    cursor = first.stderr.partition("--cursor ")[2].partition(",")[0]
    rest = await typed(listed, tmp_path, "--limit", "3", "--cursor", cursor)
    assert ids(rest) == ["c-1"]
    assert rest.stderr == ""
    for number in range(210):
        await enter_call(f"more-{number}")
    assert len(ids(await typed(listed, tmp_path, "--limit", "205"))) == 205


async def test_a_watched_list_tells_what_changes(served: Served, enter_call: EnterCall, tmp_path: Path) -> None:
    """One line a change, until it is interrupted."""
    await enter_call("c-1")
    watch = await asyncio.create_subprocess_exec(
        *_command(served, "--watch", "--every-s", "0.2"), cwd=tmp_path, env=_environment(), stdout=subprocess.PIPE
    )
    assert watch.stdout is not None
    assert b"\tc-1\t" in await asyncio.wait_for(watch.stdout.readline(), 20)
    await enter_call("c-2", state="ringing")
    assert b"\tc-2\tringing\t" in await asyncio.wait_for(watch.stdout.readline(), 20)
    watch.send_signal(signal.SIGINT)
    assert await watch.wait() == 130


async def test_what_cannot_be_had_is_one_sentence(served: Served, tmp_path: Path) -> None:
    """A token that is not the gateway's; a word that does not exist has a code of its own."""
    refused = await typed(served, tmp_path, ops_token="another")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith("refused the ops token (401): OPS_TOKEN here is not the gateway's.\n")
    assert (await typed(served, tmp_path, "--state", "asleep")).returncode == 2
