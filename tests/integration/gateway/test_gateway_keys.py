"""A gateway whose keys are not those of the database: it says so instead of taking calls that nobody could read."""

import asyncio
import base64
import os
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from cli.servers.temporal import TemporalServer
from tests.integration.gateway.kit import NOWHERE, EnterCall, Serve, refused
from tests.integration.gateway.one_step import a_worker


@pytest.fixture
def stray() -> str:
    """A key that the database was not set up with."""
    return "stray:" + base64.b64encode(os.urandom(32)).decode()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again at once."""
    monkeypatch.setattr("api.keys.LOOK_AGAIN_S", 0.1)


async def until(true: Callable[[], bool], limit_s: float = 20) -> None:
    """Wait for something that happens beside the test."""
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_stray_key_found_out_later_closes_the_door(
    serve: Serve, own_temporal: TemporalServer, database_url: str, stray: str, task_queue_prefix: str
) -> None:
    """Without PostgreSQL webhooks are taken; once it is there they are 503, and only the log names the setting."""
    late = urlsplit(database_url)._replace(path=f"/{task_queue_prefix}").geturl()
    served = await serve(own_temporal.address, late, encryption_keys=stray)
    first, second = f"{task_queue_prefix}-1", f"{task_queue_prefix}-2"
    assert (await served.sender.event("call.started", first)).status_code == 202
    assert (await served.http.get("/readyz")).status_code == 200
    _copy(database_url, task_queue_prefix)
    await until(lambda: served.gateway.keys.misfit is not None)
    assert "ENCRYPTION_KEYS" in str(served.gateway.keys.misfit)
    for call_id in (first, second):
        answer = await served.sender.event("call.started", call_id)
        assert refused(answer, 503, "not-ready")["detail"] == "nothing was lost: send it again"
        assert answer.headers["retry-after"] == "5"
    ready = await served.http.get("/readyz")
    assert "keys do not fit" in refused(ready, 503, "not-ready")["detail"]
    assert "ENCRYPTION_KEYS" not in ready.text


async def test_keys_that_fit_leave_the_door_open(serve: Serve, own_temporal: TemporalServer, database_url: str) -> None:
    """They are asked for until PostgreSQL has said so, and no longer."""
    served = await serve(own_temporal.address, database_url)
    await until(lambda: not _watching())
    assert served.gateway.keys.misfit is None
    assert (await served.http.get("/readyz")).status_code == 200


async def test_before_setup_the_gateway_serves_and_says_once_what_to_run(
    serve: Serve,
    own_temporal: TemporalServer,
    database_url: str,
    task_queue_prefix: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A database without an identity key refuses no webhook."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM secrets")
    served = await serve(own_temporal.address, database_url)
    await asyncio.sleep(1)
    assert (await served.sender.event("call.started", f"{task_queue_prefix}-1")).status_code == 202
    said = "".join(capsys.readouterr())
    assert said.count("database_not_set_up") == 1
    assert "talkbridge setup" in said


async def test_without_postgresql_it_is_said_once(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """And not again at every look."""
    await serve("127.0.0.1:1", NOWHERE)
    await asyncio.sleep(5)
    assert "".join(capsys.readouterr()).count("keys_not_checked_yet") == 1


async def test_a_call_that_cannot_be_decrypted_is_503_until_the_ledger_tells(
    *,
    serve: Serve,
    own_temporal: TemporalServer,
    database_url: str,
    enter_call: EnterCall,
    task_queue_prefix: str,
    stray: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The detail names the setting, for an unknown key as for another one of the same id; no traceback is logged."""
    call_id = f"{task_queue_prefix}-1"
    right = await serve(own_temporal.address, database_url)
    others = [stray, stray.replace("stray", "k1")]
    wrong = [await serve(own_temporal.address, database_url, encryption_keys=key) for key in others]
    async with a_worker(right):
        await right.sender.event("call.started", call_id, queue="end")
        await right.temporal.get_workflow_handle(f"call-{call_id}").result()
        for served in wrong:
            answer = await served.ops.get(f"/calls/{call_id}")
            assert "ENCRYPTION_KEYS" in refused(answer, 503, "call-unreadable")["detail"]
        await enter_call(call_id)
        for served in wrong:
            assert (await served.ops.get(f"/calls/{call_id}")).json()["source"] == "ledger"
    for served in wrong:
        answer = await served.ops.post("/calls/search", json={"email": "a@example.com"})
        assert "ENCRYPTION_KEYS" in refused(answer, 503, "ledger-unavailable")["detail"]
    said = "".join(capsys.readouterr())
    assert "call_undecryptable" in said
    assert "Traceback" not in said


def _copy(database_url: str, name: str) -> None:
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(urlsplit(database_url).path.removeprefix("/"))
    )
    with psycopg.connect(urlsplit(database_url)._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(create)


def _watching() -> bool:
    return any("Keys.watch" in str(task.get_coro()) for task in asyncio.all_tasks())
