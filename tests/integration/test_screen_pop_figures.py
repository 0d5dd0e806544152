"""The ledger's numbers on screen pops: of the right calls, counted once, bounded."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from activities.postgres.reading import LedgerReader
from api.ops.pop_figures import PERIODS, figures
from tests.integration.ledger_kit import database_at

HOUR, DAY, _ = PERIODS


def pop(state: str, latency_ms: int | None = None) -> dict[str, Any]:
    """A screen pop as the ledger keeps it."""
    return {"agent_id": "a-9", "state": state, "latency_ms": latency_ms, "left_out": []}


def said(text: str | None, name: str = "patch_call") -> dict[str, Any]:
    """A request that said something."""
    return {"name": name, "activity_id": name, "state": "missed", "attempts": 2, "last_error": text}


async def enter(url: str, call_id: str, at: datetime, status: dict[str, Any]) -> None:
    """A call that began then."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO calls (call_id, generation, arrival, pending, active, active_until, state, workflow_id,"
            " run_id, status, first_seen_at) VALUES (%s, 1, 1, false, false, now(), 'completed', 'w', 'r', %s, %s)",
            [call_id, Jsonb(status), at],
        )


async def test_pops_are_those_of_the_period(database_url: str) -> None:
    """By end, by latency, by slot and by reason; a call without any, and one of before, change nothing."""
    now = datetime.now(UTC)
    async with database_at(database_url) as database:
        reader = LedgerReader(database)
        entered: list[tuple[str, timedelta, dict[str, Any]]] = [
            ("c-1", timedelta(minutes=5), {"screen_pops": [pop("shown", 180), pop("shown", 2400)], "steps": []}),
            ("c-2", timedelta(minutes=6), {"screen_pops": [pop("shown", 180)], "steps": []}),
            (
                "c-3",
                timedelta(hours=3),
                {"screen_pops": [pop("missed")], "steps": [said("patch_call: answered 503: x")]},
            ),
            ("c-4", timedelta(hours=3), {"screen_pops": [pop("missed")], "steps": [said("other", "fetch_customer")]}),
            ("c-5", timedelta(hours=3), {"screen_pops": [pop("refused")], "steps": [said("a"), said("b"), said(None)]}),
            ("c-6", timedelta(hours=3), {"screen_pops": [pop("not_needed"), pop("pending")], "steps": [said("no")]}),
            ("c-7", timedelta(hours=3), {"screen_pops": [], "steps": []}),
            ("c-8", timedelta(hours=3), {"steps": []}),
            ("c-9", timedelta(hours=25), {"screen_pops": [pop("shown", 9)], "steps": []}),
        ]
        for call_id, ago, status in entered:
            await enter(database_url, call_id, now - ago, status)
        rows = await reader.screen_pops(period_s=DAY.period_s, slot_s=DAY.slot_s, limit=100, within_ms=2000)
        found = figures(rows, DAY, now)
        assert (found.calls, found.within, found.timed, found.due) == (8, 2, 3, 6)
        assert dict(found.counts) == {"shown": 3, "missed": 2, "refused": 1, "not_needed": 1, "pending": 1}
        assert found.percentiles == [("p50", 180), ("p95", 2400), ("p99", 2400)]
        assert sum(slot.due for slot in found.slots) == 6
        assert max(slot.p95_ms or 0 for slot in found.slots) == 2400
        reasons = {(each.state, each.text.partition(":")[0]): list(each.call_ids) for each in found.reasons}
        assert reasons == {
            ("missed", "answered 503"): ["c-3"],
            ("missed", "no request went out in time"): ["c-4"],
            ("refused", "b"): ["c-5"],
        }
        hour = await reader.screen_pops(period_s=HOUR.period_s, slot_s=HOUR.slot_s, limit=100, within_ms=2000)
        assert figures(hour, HOUR, now).counts["shown"] == 3
        newest = await reader.screen_pops(period_s=DAY.period_s, slot_s=DAY.slot_s, limit=1, within_ms=2000)
        assert figures(newest, DAY, now).counts["shown"] == 2


async def test_an_empty_ledger_has_no_pops(database_url: str) -> None:
    """One row, which says so; and of tokens there is none."""
    async with database_at(database_url) as database:
        reader = LedgerReader(database)
        rows = await reader.screen_pops(period_s=3600, slot_s=300, limit=100, within_ms=2000)
        assert [(row["figure"], row["pops"]) for row in rows] == [("calls", 0)]
        assert await reader.credentials() == []


async def test_no_statement_is_compiled(database_url: str) -> None:
    """PostgreSQL takes lists in JSON for long ones, and would compile for a second what it then answers in 50 ms."""
    async with database_at(database_url) as database, database.transaction() as session:
        cursor = await session._connection.execute("SHOW jit")
        assert await cursor.fetchone() == {"jit": "off"}
