"""What the ledger tells of calls that need a person, and how large and how slow the page about them becomes."""

import re
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from activities.postgres.database import Database
from activities.postgres.reading import LedgerReader
from tests.integration.gateway.kit import EnterCall, Served

SINCE = "2026-11-22T10:00:0{}.000Z"
MENDS = {
    "retry": "Tries at once. Will update ticket 123. Will not create another.",
    "use_ticket": "Writes this call to the ticket you name, and no longer to any other.",
    "skip": "The ticket gets no note and no metadata of this call, and keeps its status.",
    "end": "Gives up what is left to do. Nothing more is sent to Zendesk for this call.",
}
# As large as a call in need is: three events, a dozen requests, its causes and mends.
MANY = """
INSERT INTO calls (call_id, generation, arrival, ticket_id, pending, active, active_until, state, needs_attention,
    workflow_id, run_id, status)
SELECT 'call-' || md5(g::text), 1, g, g, false, false, now(), 'completed', true, 'call-' || g, 'r', jsonb_build_object(
    'call_id', 'call-' || md5(g::text), 'state', 'completed', 'needs_attention', true, 'ticket_id', g,
    'customer', jsonb_build_object('email', 'u•••@example.com', 'phone', '+1555•••00'),
    'agent', jsonb_build_object('id', 'a-1', 'name', 'Agent Smith'), 'mends', %(mends)s::jsonb,
    'causes', jsonb_build_array(jsonb_build_object('step', (ARRAY['final_update', 'update_ticket-final',
        'update_ticket-final 2', 'create_ticket-1', 'search_tickets'])[1 + g %% 5], 'cause',
        (ARRAY['StepRefused', 'Unavailable', 'Forbidden'])[1 + g %% 3], 'text', repeat('what went wrong ', 10),
        'since', '2026-11-22T10:00:00.000Z')),
    'steps', (SELECT jsonb_agg(jsonb_build_object('name', 'update_ticket', 'activity_id', 'update_ticket ' || n,
        'state', 'done', 'attempts', n, 'last_error', md5(n::text), 'finished_at', '2026-11-22T10:00:00.000Z'))
        FROM generate_series(1, 12) AS n),
    'events', (SELECT jsonb_agg(jsonb_build_object('type', 'call.started', 'event_id', md5(n::text), 'occurred_at',
        '2026-11-22T10:00:00.000Z', 'received_at', '2026-11-22T10:00:00.000Z')) FROM generate_series(1, 3) AS n))
FROM generate_series(1, %(calls)s) AS g
"""


def causes(*entries: tuple[str, str, int]) -> list[dict[str, str]]:
    """Causes of a call: step, cause, second."""
    return [{"step": step, "cause": cause, "text": "x", "since": SINCE.format(at)} for step, cause, at in entries]


async def groups(database_url: str, **filters: object) -> list[tuple[str, str, int, int, Sequence[str]]]:
    """Each group as cause, step, size, how many can be retried, and its calls."""
    async with Database(database_url) as database:
        given = {"each": 50, "limit": 100, **filters}
        rows = await LedgerReader(database).calls_in_need(**given)  # type: ignore[arg-type]
    found: dict[tuple[str, str, int, int], list[str]] = {}
    for row in rows:
        found.setdefault((row["cause"], row["step"], row["size"], row["retriable"]), []).append(row["call_id"])
    return [(*group, calls) for group, calls in found.items()]


async def test_calls_are_grouped_by_cause_and_step(enter_call: EnterCall, database_url: str) -> None:
    """The largest group first, in it the longest waiting; a repetition's number tells no groups apart."""
    needs: dict[str, Any] = {"needs_attention": True, "mends": MENDS}
    await enter_call("well")
    await enter_call("late", **needs, causes=causes(("final_update", "StepRefused", 5)))
    await enter_call("early", **needs, causes=causes(("final_update", "StepRefused", 1)))
    await enter_call("skip", **needs | {"mends": {"skip": ""}}, causes=causes(("final_update", "StepRefused", 3)))
    await enter_call("two", **needs, causes=causes(("list_comments 2", "Forbidden", 1), ("create-1", "Forbidden", 2)))
    await enter_call("again", **needs, causes=causes(("list_comments 3", "Forbidden", 4)))
    await enter_call("old", needs_attention=True)
    assert await groups(database_url) == [
        ("StepRefused", "final_update", 3, 2, ["early", "skip", "late"]),
        ("Forbidden", "list_comments", 2, 2, ["two", "again"]),
        ("", "", 1, 0, ["old"]),
        ("Forbidden", "create", 1, 1, ["two"]),
    ]
    assert await groups(database_url, cause="StepRefused", step="final_update", action="retry", each=1) == [
        ("StepRefused", "final_update", 2, 2, ["early"])
    ]
    assert await groups(database_url, cause="Forbidden", step="nothing") == []
    async with Database(database_url) as database:
        rows = await LedgerReader(database).calls_in_need(each=1, limit=100)
    assert {row["looked_at"] for row in rows} == {6}


async def test_five_thousand_calls_in_need_are_one_small_quick_page(served: Served, database_url: str) -> None:
    """Under 200 KB and 300 ms, whatever there is; what is beyond five thousand is said to be there."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(MANY.encode(), {"calls": 6000, "mends": Jsonb(MENDS)})
        await connection.execute("VACUUM ANALYZE calls")
    answer = await served.ops.get("/ops/attention")
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        answer = await served.ops.get("/ops/attention")
        spent.append(time.perf_counter() - began)
        assert answer.status_code == 200
    assert "At least 5000 calls need a person" in answer.text
    assert len(answer.content) < 200_000
    assert answer.text.count("Retry all of this group") == 12
    alone = await served.ops.get("/ops/attention?cause=StepRefused&step=update_ticket-final")
    assert re.search("50 of 66[67] calls", alone.text)
    # The first had to connect; a machine that is busy otherwise is given the best of the rest.
    assert min(spent) < 0.3, spent
