"""The fleet's figures in `/metrics`: right, bounded, and never a reason for a scrape to fail."""

import asyncio
import re
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from api.fleet import FRESH_S, Fleet, Gauge
from cli.servers.temporal import TemporalServer
from tests.integration.gateway.kit import NOWHERE, EnterCall, Serve, Served

NO_TEMPORAL = "127.0.0.1:1"


def values(text: str, name: str) -> dict[str, float]:
    """Samples of a metric by their only label, or by nothing."""
    found = re.findall(rf'^{name}(?:\{{\w+="(\w*)"\}})? (\S+)$', text, re.MULTILINE)
    return {label: float(value) for label, value in found}


async def test_figures_are_those_of_the_ledger(served: Served, enter_call: EnterCall, database_url: str) -> None:
    """Calls by state, what waits and since when, what needs a person and why, the token's age."""
    causes = [{"step": "x", "cause": cause, "text": "t", "since": "s"} for cause in ("StepRefused", "Forbidden")]
    await enter_call("c-1", needs_attention=True, causes=causes)
    await enter_call("c-2", needs_attention=True, causes=[*causes[:1], {"cause": "ValueError"}])
    await enter_call("c-3", needs_attention=True)
    for name in ("c-4", "c-5", "c-6"):
        await enter_call(name, state="ringing" if name == "c-4" else "in_call")
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "UPDATE calls SET active = true, active_until = now() + interval '1 h' WHERE call_id IN ('c-4', 'c-5')"
        )
        await connection.execute(
            "UPDATE calls SET pending = true, first_seen_at = now() - interval '100 s' WHERE call_id = 'c-4'"
        )
        await connection.execute(
            "UPDATE calls SET ended_at = now() - interval '50 s', memory = %s WHERE call_id IN ('c-1', 'c-6')",
            [Jsonb({"told": None})],
        )
        await connection.execute(
            "UPDATE calls SET ended_at = now(), memory = %s WHERE call_id = 'c-2'",
            [Jsonb({"told": {"outcome": "missed", "agents": []}})],
        )
        await connection.execute(
            "INSERT INTO credentials"
            " VALUES ('acme', 1, 'k1', '', now() - interval '10 s', now() + interval '50 s', '{}')"
        )
    text = (await served.http.get("/metrics")).text
    assert values(text, "talkbridge_reachable") == {"postgresql": 1, "temporal": 1}
    assert values(text, "talkbridge_active_calls") == {"ringing": 1, "in_call": 1}
    assert values(text, "talkbridge_waiting_calls") == {"ticket": 1, "final_update": 1}
    oldest = values(text, "talkbridge_oldest_waiting_call_seconds")
    assert (100 <= oldest["ticket"] < 110, 50 <= oldest["final_update"] < 60) == (True, True)
    stuck = {cause: count for cause, count in values(text, "talkbridge_calls_needing_attention").items() if count}
    # One of an unknown cause, and one of a release before there were causes.
    assert stuck == {"StepRefused": 2, "Forbidden": 1, "other": 2}
    assert 10 <= values(text, "talkbridge_token_age_seconds")[""] < 20
    assert 40 < values(text, "talkbridge_token_left_seconds")[""] <= 50
    assert 'talkbridge_queue_backlog{kind="activity",queue="zendesk"}' in text


async def test_a_backlog_is_seen(served: Served, task_queue_prefix: str) -> None:
    """A call without a worker is a task that waits; Temporal counts anew every five seconds."""
    await served.sender.event("call.started", f"{task_queue_prefix}-1")
    calls, now = ("calls", "workflow"), 0.0
    async with asyncio.timeout(20):
        while True:
            now += FRESH_S
            seen = await served.gateway.fleet.look(served.temporal, served.gateway.ledger, now)
            if seen[Gauge.BACKLOG][calls] >= 1 and seen[Gauge.BACKLOG_AGE][calls] > 1:
                break
            await asyncio.sleep(0.5)
    text = (await served.http.get("/metrics")).text
    assert re.search(r'^talkbridge_queue_backlog\{kind="workflow",queue="calls"\} [1-9]', text, re.MULTILINE)


async def test_a_scrape_works_while_a_server_is_away(serve: Serve, own_temporal: TemporalServer) -> None:
    """Within a second: what was counted, which server is away, and no stale figures of it."""
    for address, away in ((own_temporal.address, "postgresql"), (NO_TEMPORAL, "temporal")):
        served = await serve(address, NOWHERE)
        began = time.monotonic()
        answer = await served.http.get("/metrics")
        assert (answer.status_code, time.monotonic() - began < 1) == (200, True)
        assert values(answer.text, "talkbridge_reachable")[away] == 0
        assert values(answer.text, "talkbridge_reachable")["postgresql"] == 0
        assert values(answer.text, "talkbridge_calls_needing_attention") == {}
        assert ("talkbridge_queue_pollers{" in answer.text) == (away == "postgresql")
        assert "talkbridge_webhooks_total" in answer.text


class Slow:
    """A ledger that does not answer, and counts who asks."""

    def __init__(self) -> None:
        self.asked = 0

    async def figures(self) -> Sequence[tuple[str, str, float]]:
        """Never."""
        self.asked += 1
        await asyncio.sleep(60)
        return []


async def test_servers_are_asked_seldom_and_never_waited_for_long() -> None:
    """Fifty scrapes at once are one look, which ends within a second; the next comes ten seconds later."""
    fleet, ledger, now = Fleet(), Slow(), 0.0
    nobody: Any = SimpleNamespace(namespace="default", workflow_service=SimpleNamespace(describe_task_queue=_hangs))
    asked: Any = ledger
    began = time.monotonic()
    seen = await asyncio.gather(*(fleet.look(nobody, asked, now) for _ in range(50)))
    assert time.monotonic() - began < 1
    assert all(each == {Gauge.REACHABLE: {("postgresql",): 0, ("temporal",): 0}} for each in seen)
    assert ledger.asked == 1
    await fleet.look(nobody, asked, now + FRESH_S - 0.1)
    assert ledger.asked == 1
    await fleet.look(nobody, asked, now + FRESH_S)
    assert ledger.asked == 2


async def _hangs(*_given: object, **_named: object) -> None:
    await asyncio.sleep(60)
