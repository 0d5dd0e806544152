"""A ledger of any size, filled by the server itself, as years of calls would leave it."""

import psycopg

_STATUS = """jsonb_build_object('call_id', 'c-' || g, 'source', 'ledger', 'state', 'completed',
    'needs_attention', false,
    'warnings', '[]'::jsonb, 'ticket_id', g / 2, 'customer', jsonb_build_object('email', 'u•••@example.com', 'phone',
    '+1555•••00'), 'agent', jsonb_build_object('id', 'a-' || g % 200, 'name', 'Agent ' || g % 200), 'steps',
    jsonb_build_array(repeat('x', 400)), 'screen_pops', jsonb_build_array(jsonb_build_object('agent_id',
    'a-' || g % 200, 'state', 'shown', 'latency_ms', 50 + g % 900)))"""

# A tenth of the calls has no email, a fiftieth no number, a hundredth is from one switchboard; the newest hundred live.
CALLS = f"""
INSERT INTO calls (call_id, generation, arrival, email_hash, phone_hash, ticket_id, excluded, pending, active,
    active_until, last_used, ended_at, state, agent_id, needs_attention, workflow_id, run_id, version, status, memory,
    first_seen_at, updated_at)
SELECT 'c-' || g, 1, nextval('arrivals'),
    CASE WHEN g % 10 <> 0 THEN sha256(('e' || g % customers)::bytea) END,
    CASE WHEN g % 50 = 0 THEN NULL WHEN g % 100 = 1 THEN sha256('switchboard')
        ELSE sha256(('p' || g % customers)::bytea) END,
    1 + g / 2, CASE WHEN g % 1000 = 0 THEN ARRAY[1 + g / 2 - 1]::bigint[] ELSE '{{}}' END,
    live AND g % 2 = 0, live, at + interval '4 hours', at + interval '3 minutes',
    CASE WHEN NOT live THEN at + interval '3 minutes' END,
    CASE WHEN live THEN (ARRAY['ringing', 'in_call'])[1 + g % 2]
        WHEN g % 6 = 0 THEN 'missed' WHEN g % 5000 = 1 THEN 'end_not_reported' ELSE 'completed' END,
    'a-' || g % 200, g % 10000 = 7, 'call-c-' || g, 'run', 5, {_STATUS},
    jsonb_build_object('told_at', at, 'steps', repeat('y', 200)), at, at
FROM (
    SELECT g, %(n)s / 5 + 1 AS customers, g > %(n)s - 100 AS live,
        now() - interval '1 year' * ((%(n)s - g)::float / %(n)s) AS at
    FROM generate_series(1, %(n)s) AS g
) AS every
"""
TICKETS = "INSERT INTO tickets (ticket_id) SELECT g FROM generate_series(1, %(n)s / 2 + 1) AS g"
ATTEMPTS = """
INSERT INTO attempts (call_id, generation, step, attempt, request_id, method, path, key, sent_at, http_status, outcome,
    finished_at)
SELECT 'c-' || g, 1, (ARRAY['search_tickets', 'create_ticket', 'fetch_customer', 'update_ticket'])[s], 1,
    'c-' || g || '.' || s || '.1.x', 'POST', '/api/v2/tickets', CASE WHEN s = 2 THEN 'talkbridge-c-' || g || '-1' END,
    now(), CASE WHEN g % 500 = 0 THEN 503 ELSE 200 END, CASE WHEN g % 500 = 0 THEN 'Unavailable' ELSE 'done' END, now()
FROM generate_series(1, %(n)s) AS g, generate_series(1, 4) AS s
"""
BIG = ("calls", "attempts", "tickets")


def fill(url: str, calls: int) -> dict[str, int]:
    """So many calls, half as many tickets, four attempts a call; how many rows each table has by then."""
    with psycopg.connect(url, autocommit=True) as connection:
        # For the filling alone; sessions of the product have their own.
        connection.execute("SET maintenance_work_mem = '256MB'")
        for statement in (CALLS, TICKETS, ATTEMPTS):
            connection.execute(statement.replace("%(n)s", str(calls)).encode())
        for table in BIG:
            connection.execute(f"VACUUM ANALYZE {table}")
        return {table: _count(connection, table) for table in BIG}


def _count(connection: psycopg.Connection[tuple[int, ...]], table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return row[0] if row else 0
