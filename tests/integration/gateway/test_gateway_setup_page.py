"""The page *Set-up* with real servers: what works is said to, and a test call goes the way of every call."""

import psycopg
from temporalio.api.enums.v1 import EventType

from api.ops import trial
from cli.servers.temporal import TemporalServer
from tests.integration.gateway.kit import Serve, Served
from workflows.ports import call_workflow_id

CALL_ID = "talkbridge-test-00000000000a"


async def test_what_works_is_said_to(served: Served, database_url: str) -> None:
    """Servers, schema, keys; what is missing is named with what mends it, and the token itself is never told."""
    text = (await served.ops.get("/ops/setup")).text
    for said in ("PostgreSQL", "answers", "it has what this release needs", "ENCRYPTION_KEYS reads what", "is there"):
        assert said in text
    assert "there is none yet: no worker has started" in text
    assert "python worker.py" in text
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO credentials VALUES ('acme', 7, 'k1', 'planted-token', now(), now() + interval '30 min',"
            " '{tickets:read_all}')"
        )
    assert "version 7" not in (await served.ops.get("/ops/setup")).text, "it is asked once in ten seconds"
    began = served.gateway.steady()
    served.gateway.steady = lambda: began + 11
    later = (await served.ops.get("/ops/setup")).text
    assert "version 7 lives 30 min more" in later
    assert "granted: tickets:read_all" in later
    assert "planted" not in later


async def test_an_older_schema_and_a_stray_key_are_found(
    serve: Serve, own_temporal: TemporalServer, database_url: str
) -> None:
    """Each with what mends it."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("DELETE FROM schema_version WHERE version > 1")
    served = await serve(own_temporal.address, database_url)
    text = (await served.ops.get("/ops/setup")).text
    assert "it is 1, this release needs" in text
    assert "talkbridge setup" in text


async def test_a_test_call_is_one_call_however_often_it_is_sent(served: Served) -> None:
    """Both events reach its workflow; the answer leads to its page."""
    for _ in range(2):
        answer = await served.ops.post("/ops/setup/test-call", data={"call_id": CALL_ID})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/ops/calls/{CALL_ID}")
    history = await served.temporal.get_workflow_handle(call_workflow_id(CALL_ID)).fetch_history()
    signals = [
        event for event in history.events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    ]
    assert len(signals) == len(trial.events(CALL_ID, served.gateway.now())) == 2


async def test_a_webhook_is_explained_by_what_temporal_knows(served: Served) -> None:
    """A call that is not there would begin; one that is there would be told; the question itself begins nothing."""
    body = trial.events("c-77", served.gateway.now())[0].decode()
    for _ in range(2):
        answer = await served.ops.post("/ops/setup/explain", data={"body": body})
        assert "It begins call c-77" in answer.text
    await served.sender.event("call.answered", "c-77")
    assert "Call c-77 is there" in (await served.ops.post("/ops/setup/explain", data={"body": body})).text
    await served.sender.raw(body.encode())
    assert "within the last hour" in (await served.ops.post("/ops/setup/explain", data={"body": body})).text
