-- Every statement of the product, by name. A block begins with its name between dashes and a sentence or two on what
-- it does. `{{name}}` takes in another block. Rows are locked in one order: calls, then tickets.


-- matching --
-- When two calls are of one customer: the same email; the same phone where at least one has no email; or both lost the
-- same ticket, and so need one follow-up. A call without email and phone matches nobody by identity. No call that began
-- more than a week ago still runs or waits: leaving those out keeps the number of a busy switchboard quick.
o.first_seen_at > now() - interval '7 days'
AND (
    o.email_hash = me.email_hash
    OR (o.phone_hash = me.phone_hash AND (o.email_hash IS NULL OR me.email_hash IS NULL))
    OR (o.excluded <> '{}' AND o.excluded && me.excluded)
)

-- usable_ticket --
-- The ticket, of all matching calls `others`, that call `me` may join: in use, or last used within the window.
SELECT o.ticket_id
FROM others o, me
WHERE o.ticket_id IS NOT NULL
    AND o.ticket_id <> ALL (me.excluded)
    AND NOT EXISTS (SELECT FROM tickets t WHERE t.ticket_id = o.ticket_id AND t.dropped_at IS NOT NULL)
    AND (
        (o.active AND o.active_until > now())
        OR o.last_used > now() - make_interval(secs => %(window_s)s)
    )
ORDER BY o.last_used DESC NULLS LAST, o.id DESC
LIMIT 1

-- identity_of_call --
-- What the latest generation of a call matches by now: to be locked together with what it will match by.
SELECT email_hash, phone_hash, excluded
FROM calls
WHERE call_id = %(call_id)s
ORDER BY generation DESC
LIMIT 1

-- lock_names --
-- Hold every name until the end of the transaction. In sorted order, so that two who share several cannot deadlock.
SELECT pg_advisory_xact_lock(sorted.key)
FROM (
    SELECT DISTINCT hashtextextended(name, 0) AS key
    FROM unnest(%(names)s::text[]) AS name
    ORDER BY key
) sorted

-- open_call --
-- Take over the latest generation of the call, or enter a new one: the first, or the next when the last had ended more
-- than a day before this event. `arrival` is drawn here, under the locks: of two matching calls the later sees the earlier.
-- `create_unknown`: a create of the call may have brought a ticket that no later attempt with its key brought back.
WITH latest AS (
    SELECT * FROM calls WHERE call_id = %(call_id)s ORDER BY generation DESC LIMIT 1
), taken AS (
    UPDATE calls c
    SET run_id = %(run_id)s,
        arrival = CASE
            WHEN c.pending AND (
                c.email_hash IS DISTINCT FROM coalesce(%(email_hash)s, c.email_hash)
                OR c.phone_hash IS DISTINCT FROM coalesce(%(phone_hash)s, c.phone_hash)
            ) THEN nextval('arrivals')
            ELSE c.arrival
        END,
        email_hash = coalesce(%(email_hash)s, c.email_hash),
        phone_hash = coalesce(%(phone_hash)s, c.phone_hash),
        updated_at = now()
    FROM latest
    WHERE c.id = latest.id
        AND (latest.ended_at IS NULL OR latest.ended_at >= %(occurred_at)s::timestamptz - interval '24 hours')
    RETURNING c.generation, c.version, c.memory, c.ticket_id, NOT c.active AS ended
), entered AS (
    INSERT INTO calls (
        call_id, generation, arrival, email_hash, phone_hash, pending, active, active_until, state,
        workflow_id, run_id, status
    )
    SELECT %(call_id)s, coalesce((SELECT generation FROM latest), 0) + 1, nextval('arrivals'),
        %(email_hash)s, %(phone_hash)s, true, true, now() + make_interval(secs => %(max_duration_s)s), %(state)s,
        %(workflow_id)s, %(run_id)s, %(status)s
    WHERE NOT EXISTS (SELECT FROM taken)
    RETURNING generation, version, memory
)
SELECT t.generation, t.version, t.memory, t.ticket_id, t.ended,
    EXISTS (
        SELECT FROM attempts a
        WHERE a.call_id = %(call_id)s AND a.generation = t.generation
            AND a.key IS NOT NULL AND (NOT a.known OR a.http_status BETWEEN 300 AND 399)
            AND NOT EXISTS (SELECT FROM attempts w WHERE w.key = a.key AND w.id > a.id AND w.outcome = 'done')
    ) AS create_unknown
FROM taken t
UNION ALL
SELECT generation, version, memory, NULL, false, false FROM entered

-- look_for_ticket --
-- The ticket a call may join, and the pending matching calls before it, which it otherwise waits for. `unsettled`: the
-- call's own row does not say yet who is calling, or that it looks again without the excluded tickets; then `look_again`
-- comes first.
WITH me AS (
    SELECT id, arrival, email_hash, phone_hash, excluded || %(excluded)s::bigint[] AS excluded,
        email_hash IS DISTINCT FROM coalesce(%(email_hash)s, email_hash)
            OR phone_hash IS DISTINCT FROM coalesce(%(phone_hash)s, phone_hash)
            OR NOT excluded @> %(excluded)s::bigint[]
            OR (NOT pending AND (ticket_id IS NULL OR ticket_id = ANY (%(excluded)s::bigint[]))) AS unsettled
    FROM calls
    WHERE call_id = %(call_id)s AND generation = %(generation)s
), others AS (
    SELECT o.* FROM me JOIN calls o ON o.id <> me.id AND {{matching}}
), ticket AS (
    {{usable_ticket}}
), earlier AS (
    SELECT o.id, o.call_id, o.generation, o.workflow_id, o.needs_attention,
        EXISTS (
            SELECT FROM attempts a
            WHERE a.call_id = o.call_id AND a.generation = o.generation AND a.key IS NOT NULL AND NOT a.known
        ) AS create_unknown
    FROM others o, me
    WHERE o.pending AND o.arrival < me.arrival
    ORDER BY o.arrival
    LIMIT 100
)
SELECT me.unsettled, (SELECT ticket_id FROM ticket) AS ticket_id,
    coalesce((SELECT jsonb_agg(to_jsonb(earlier)) FROM earlier), '[]') AS earlier
FROM me

-- look_again --
-- The call looks for a ticket again: without the excluded ones, or as somebody. It gets a new arrival number: whoever lost
-- the same ticket, or called, earlier cannot have seen it.
UPDATE calls c
SET email_hash = coalesce(%(email_hash)s, c.email_hash),
    phone_hash = coalesce(%(phone_hash)s, c.phone_hash),
    excluded = ARRAY (SELECT DISTINCT unnest(c.excluded || %(excluded)s::bigint[])),
    ticket_id = CASE WHEN c.ticket_id = ANY (%(excluded)s::bigint[]) THEN NULL ELSE c.ticket_id END,
    pending = c.ticket_id IS NULL OR c.ticket_id = ANY (%(excluded)s::bigint[]),
    arrival = nextval('arrivals'),
    updated_at = now()
WHERE c.call_id = %(call_id)s AND c.generation = %(generation)s
    AND (
        c.email_hash IS DISTINCT FROM coalesce(%(email_hash)s, c.email_hash)
        OR c.phone_hash IS DISTINCT FROM coalesce(%(phone_hash)s, c.phone_hash)
        OR NOT c.excluded @> %(excluded)s::bigint[]
        OR (NOT c.pending AND (c.ticket_id IS NULL OR c.ticket_id = ANY (%(excluded)s::bigint[])))
    )

-- drop_tickets --
-- These tickets are gone or closed: nobody may join them any more, and nobody's status depends on them.
INSERT INTO tickets (ticket_id, dropped_at)
SELECT DISTINCT ticket_id, now() FROM unnest(%(excluded)s::bigint[]) AS ticket_id ORDER BY ticket_id
ON CONFLICT (ticket_id) DO UPDATE SET holders = '{}', dropped_at = coalesce(tickets.dropped_at, now())

-- may_ask --
-- Whether the call may ask Temporal about those it waits for: at most twice a minute, whichever worker it is on.
UPDATE calls
SET asked_at = now()
WHERE call_id = %(call_id)s AND generation = %(generation)s
    AND (asked_at IS NULL OR asked_at <= now() - interval '30 seconds')
RETURNING id

-- gave_way --
-- The workflows of these calls are closed: nobody waits for them any more.
UPDATE calls SET pending = false, updated_at = now() WHERE id = ANY (%(ids)s::bigint[]) AND pending

-- restore_call --
-- Enter a call the ledger has lost (a database restored from a backup), so that it can be saved.
INSERT INTO calls (
    call_id, generation, arrival, email_hash, phone_hash, pending, active, active_until, state, workflow_id, run_id, status
)
VALUES (
    %(call_id)s, %(generation)s, nextval('arrivals'), %(email_hash)s, %(phone_hash)s, %(pending)s, %(active)s,
    now() + make_interval(secs => %(max_duration_s)s), %(state)s, %(workflow_id)s, %(run_id)s, %(status)s
)
ON CONFLICT (call_id, generation) DO NOTHING

-- save_call --
-- Write the call as it stands, unless a later version is there. What the gate wrote meanwhile is kept: a ticket that was
-- created, an end. Identities change only when `locked`, that is under their locks. An active call holds its ticket.
WITH saved AS (
    UPDATE calls c
    SET email_hash = coalesce(%(email_hash)s, c.email_hash),
        phone_hash = coalesce(%(phone_hash)s, c.phone_hash),
        arrival = CASE
            WHEN c.pending AND (
                c.email_hash IS DISTINCT FROM coalesce(%(email_hash)s, c.email_hash)
                OR c.phone_hash IS DISTINCT FROM coalesce(%(phone_hash)s, c.phone_hash)
            ) THEN nextval('arrivals')
            ELSE c.arrival
        END,
        ticket_id = coalesce(
            %(ticket_id)s, CASE WHEN c.ticket_id = ANY (%(excluded)s::bigint[]) THEN NULL ELSE c.ticket_id END
        ),
        pending = %(pending)s AND %(ticket_id)s IS NULL
            AND (c.ticket_id IS NULL OR c.ticket_id = ANY (%(excluded)s::bigint[])),
        active = c.active AND %(active)s,
        ended_at = CASE WHEN %(active)s THEN c.ended_at ELSE coalesce(c.ended_at, now()) END,
        last_used = CASE
            WHEN %(ticket_id)s IS DISTINCT FROM c.ticket_id AND %(ticket_id)s IS NOT NULL THEN now()
            WHEN c.active AND NOT %(active)s THEN now()
            ELSE c.last_used
        END,
        state = %(state)s,
        agent_id = %(agent_id)s,
        needs_attention = %(needs_attention)s,
        run_id = CASE WHEN %(run_id)s = '' THEN c.run_id ELSE %(run_id)s END,
        version = %(version)s,
        status = %(status)s,
        memory = %(memory)s,
        updated_at = now()
    WHERE c.call_id = %(call_id)s AND c.generation = %(generation)s
        -- A run after a reset counts from where it was reset to.
        AND (c.version <= %(version)s OR (%(run_id)s <> '' AND c.run_id <> %(run_id)s))
        AND (
            %(locked)s
            OR (
                c.email_hash IS NOT DISTINCT FROM coalesce(%(email_hash)s, c.email_hash)
                AND c.phone_hash IS NOT DISTINCT FROM coalesce(%(phone_hash)s, c.phone_hash)
            )
        )
    RETURNING c.id, c.ticket_id, c.active, c.active_until
), held AS (
    INSERT INTO tickets AS t (ticket_id, holders)
    SELECT ticket_id, jsonb_build_object(%(label)s::text, extract(epoch FROM active_until))
    FROM saved
    WHERE active AND ticket_id IS NOT NULL
    ON CONFLICT (ticket_id) DO UPDATE SET holders = t.holders || EXCLUDED.holders
    WHERE t.dropped_at IS NULL AND NOT t.holders ? %(label)s::text
), released AS (
    UPDATE tickets t
    SET holders = t.holders - %(label)s::text
    FROM saved s
    WHERE t.holders ? %(label)s::text
        AND (
            (t.ticket_id = s.ticket_id AND NOT s.active)
            OR t.ticket_id = ANY (%(excluded)s::bigint[] || %(left)s::bigint[])
        )
)
SELECT id FROM saved

-- keep_mend --
-- What a person did to a call, once.
INSERT INTO mends (
    call_id, generation, mend_id, action, step, ticket_id, asked_by, reason, result, text, mended_at
)
VALUES (
    %(call_id)s, %(generation)s, %(mend_id)s, %(action)s, %(step)s, %(ticket_id)s, %(asked_by)s, %(reason)s, %(result)s,
    %(text)s, %(mended_at)s
)
ON CONFLICT (call_id, generation, mend_id) DO NOTHING

-- begin_attempt --
-- Write down a request that is about to be sent and needs no decision.
INSERT INTO attempts (call_id, generation, step, attempt, request_id, method, path)
VALUES (%(call_id)s, %(generation)s, %(step)s, %(attempt)s, %(request_id)s, %(method)s, %(path)s)
RETURNING id

-- begin_create --
-- The gate of a create. Nothing may be sent when an earlier attempt of unknown outcome has a key past its life (the vendor
-- may have forgotten it) or another key (a new run goes on with the next, and that brings no ticket back), nor when a
-- matching call has a ticket by now. A call whose own ticket is there already joins that; only a key that was sent and
-- still lives is sent again, as it brings the ticket back itself.
WITH me AS (
    SELECT id, email_hash, phone_hash, excluded || %(excluded)s::bigint[] AS excluded, ticket_id
    FROM calls
    WHERE call_id = %(call_id)s AND generation = %(generation)s
), unknown AS (
    SELECT max(a.id) AS until
    FROM attempts a
    WHERE a.call_id = %(call_id)s AND a.generation = %(generation)s
        AND a.key IS NOT NULL AND (NOT a.known OR a.http_status BETWEEN 300 AND 399) AND a.id > %(looked_until)s
        AND (
            a.key <> %(key)s
            OR EXISTS (
                SELECT FROM attempts f
                WHERE f.key = a.key AND f.outcome IS DISTINCT FROM 'not_sent'
                    AND f.sent_at < now() - interval '100 minutes'
            )
        )
        AND NOT EXISTS (SELECT FROM attempts w WHERE w.key = a.key AND w.id > a.id AND w.outcome = 'done')
), others AS (
    SELECT o.* FROM me JOIN calls o ON o.id <> me.id AND {{matching}}
), own AS (
    SELECT me.ticket_id
    FROM me
    WHERE me.ticket_id <> ALL (me.excluded)
        AND NOT EXISTS (
            SELECT FROM attempts f
            WHERE f.key = %(key)s AND f.outcome IS DISTINCT FROM 'not_sent'
            HAVING min(f.sent_at) >= now() - interval '100 minutes'
        )
), found AS (
    {{usable_ticket}}
), joined AS (
    SELECT coalesce((SELECT ticket_id FROM own), (SELECT ticket_id FROM found)) AS ticket_id
    FROM unknown
    WHERE unknown.until IS NULL
), inserted AS (
    INSERT INTO attempts (call_id, generation, step, attempt, request_id, method, path, key)
    SELECT %(call_id)s, %(generation)s, %(step)s, %(attempt)s, %(request_id)s, %(method)s, %(path)s, %(key)s
    FROM joined
    WHERE joined.ticket_id IS NULL
    RETURNING id
)
SELECT (SELECT id FROM inserted) AS attempt_id, (SELECT ticket_id FROM joined) AS joined_ticket_id,
    coalesce(unknown.until, 0) AS unknown_until
FROM unknown

-- begin_update --
-- The gate of an update. A note is not sent while an earlier attempt may have written it (a redirect does not say), nor
-- when one has: an attempt whose worker died before it could tell Temporal, and a run after a reset, know nothing of that. A final
-- update ends the call (with the state `outcome`) and its hold on the ticket, any other takes it while the end is unknown. Whether this was the last
-- active call is read from the ticket's row under its lock: a look at `calls` would be as old as the statement.
WITH unknown AS (
    SELECT max(id) AS until
    FROM attempts
    WHERE call_id = %(call_id)s AND generation = %(generation)s AND step = %(step)s
        AND (NOT known OR outcome = 'done' OR http_status BETWEEN 300 AND 399) AND id > %(looked_until)s AND %(note)s
), inserted AS (
    INSERT INTO attempts (call_id, generation, step, attempt, request_id, method, path)
    SELECT %(call_id)s, %(generation)s, %(step)s, %(attempt)s, %(request_id)s, %(method)s, %(path)s
    FROM unknown
    WHERE until IS NULL
    RETURNING id
), me AS (
    UPDATE calls c
    SET active = c.active AND NOT %(final)s,
        state = coalesce(%(outcome)s, c.state),
        status = CASE
            WHEN %(outcome)s::text IS NULL THEN c.status
            ELSE jsonb_set(c.status, '{state}', to_jsonb(%(outcome)s::text))
        END,
        ended_at = CASE WHEN %(final)s THEN coalesce(c.ended_at, now()) ELSE c.ended_at END,
        ticket_id = %(ticket_id)s,
        pending = false,
        last_used = now(),
        updated_at = now()
    FROM inserted
    WHERE c.call_id = %(call_id)s AND c.generation = %(generation)s
    RETURNING c.active, c.active_until
), held AS (
    INSERT INTO tickets AS t (ticket_id, holders)
    SELECT %(ticket_id)s,
        CASE
            WHEN %(final)s OR NOT coalesce(me.active, true) THEN '{}'
            ELSE jsonb_build_object(
                %(label)s::text,
                extract(epoch FROM coalesce(me.active_until, now() + make_interval(secs => %(max_duration_s)s)))
            )
        END
    FROM inserted LEFT JOIN me ON true
    ON CONFLICT (ticket_id) DO UPDATE SET holders = (t.holders - %(label)s::text) || EXCLUDED.holders
    RETURNING t.holders
)
SELECT (SELECT id FROM inserted) AS attempt_id, coalesce(unknown.until, 0) AS unknown_until,
    unknown.until IS NULL AND (NOT %(final)s OR NOT EXISTS (
        SELECT FROM held, jsonb_each(held.holders) AS holder
        WHERE holder.key <> %(label)s::text
            AND (holder.value #>> '{}')::numeric > extract(epoch FROM clock_timestamp())
    )) AS send_status
FROM unknown

-- end_attempt --
-- What became of a request.
UPDATE attempts
SET http_status = %(http_status)s, outcome = %(outcome)s, finished_at = now()
WHERE id = %(attempt_id)s

-- end_create --
-- A create worked: the call has its ticket, and holds it while its end is unknown.
WITH ended AS (
    UPDATE attempts
    SET http_status = %(http_status)s, outcome = 'done', finished_at = now()
    WHERE id = %(attempt_id)s
    RETURNING call_id, generation
), me AS (
    UPDATE calls c
    SET ticket_id = %(ticket_id)s, pending = false, last_used = now(), updated_at = now()
    FROM ended
    WHERE c.call_id = ended.call_id AND c.generation = ended.generation
    RETURNING c.active
)
INSERT INTO tickets AS t (ticket_id, holders)
SELECT %(ticket_id)s,
    CASE
        WHEN coalesce(me.active, true) THEN jsonb_build_object(
            CASE WHEN ended.generation = 1 THEN ended.call_id ELSE ended.call_id || '#' || ended.generation END,
            extract(epoch FROM now() + make_interval(secs => %(max_duration_s)s))
        )
        ELSE '{}'
    END
FROM ended LEFT JOIN me ON true
ON CONFLICT (ticket_id) DO UPDATE SET holders = t.holders || EXCLUDED.holders

-- record_attempt --
-- Write down a request that was sent without waiting for the ledger.
INSERT INTO attempts (
    call_id, generation, step, attempt, request_id, method, path, sent_at, http_status, outcome, finished_at
)
VALUES (
    %(call_id)s, %(generation)s, %(step)s, %(attempt)s, %(request_id)s, %(method)s, %(path)s, %(sent_at)s,
    %(http_status)s, %(outcome)s, now()
)
ON CONFLICT (request_id) DO NOTHING

-- read_credential --
-- The token of an account, encrypted, and the time now by the clock that wrote its times.
SELECT version, key_id, token_encrypted, obtained_at, expires_at, now() AS read_at, scopes
FROM credentials
WHERE account = %(account)s

-- credentials_kept --
-- What is kept of the newest tokens, one an account, and the time now by the clock that wrote their times. No token.
SELECT account, version, obtained_at, expires_at, now() AS read_at, scopes
FROM credentials
ORDER BY obtained_at DESC
LIMIT 10

-- store_credential --
-- Store a token that is `age_s` old as the version after `known_version`, unless a later one is there. An older one
-- there (a database restored from a backup) gives way, so that versions only grow.
INSERT INTO credentials AS c (account, version, key_id, token_encrypted, obtained_at, expires_at, scopes)
VALUES (
    %(account)s, %(known_version)s + 1, %(key_id)s, %(token_encrypted)s, now() - make_interval(secs => %(age_s)s),
    now() - make_interval(secs => %(age_s)s) + make_interval(secs => %(life_s)s), %(scopes)s
)
ON CONFLICT (account) DO UPDATE
SET version = EXCLUDED.version,
    key_id = EXCLUDED.key_id,
    token_encrypted = EXCLUDED.token_encrypted,
    obtained_at = EXCLUDED.obtained_at,
    expires_at = EXCLUDED.expires_at,
    scopes = EXCLUDED.scopes
WHERE c.version < EXCLUDED.version
RETURNING version

-- raise_alert --
-- Count an alert; `claimed` when it is ours to post: none of its kind went out within the hour, and nobody is at it.
INSERT INTO alerts AS a (kind, text, count, claimed_at)
VALUES (%(kind)s, %(text)s, 1, now())
ON CONFLICT (kind) DO UPDATE
SET text = EXCLUDED.text,
    count = a.count + 1,
    claimed_at = CASE
        WHEN a.last_posted_at > now() - interval '1 hour' OR a.claimed_at > now() - interval '15 seconds'
            THEN a.claimed_at
        ELSE now()
    END
RETURNING coalesce(claimed_at = now(), false) AS claimed,
    coalesce(last_posted_at > now() - interval '1 hour', false) AS posted_lately

-- alert_posted --
-- The alert went out.
UPDATE alerts SET last_posted_at = now(), claimed_at = NULL WHERE kind = %(kind)s

-- release_alert --
-- The alert did not go out: the next try may.
UPDATE alerts SET claimed_at = NULL WHERE kind = %(kind)s

-- read_secret --
-- A secret of our own, encrypted.
SELECT key_id, value_encrypted FROM secrets WHERE name = %(name)s

-- make_secret --
-- Keep a secret, unless there is one of that name.
INSERT INTO secrets (name, key_id, value_encrypted)
VALUES (%(name)s, %(key_id)s, %(value_encrypted)s)
ON CONFLICT (name) DO NOTHING
RETURNING name

-- schema_version --
-- The newest migration that was applied.
SELECT coalesce(max(version), 0) AS version FROM schema_version

-- time_now --
-- The time by the database's clock.
SELECT clock_timestamp() AS now

-- call_status --
-- What the ledger tells of a call: its latest generation.
SELECT status FROM calls WHERE call_id = %(call_id)s ORDER BY generation DESC LIMIT 1

-- list_calls --
-- A page of calls, the newest first; absent filters are null.
SELECT id, status
FROM calls
WHERE (%(before)s::bigint IS NULL OR id < %(before)s)
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(ticket_id)s::bigint IS NULL OR ticket_id = %(ticket_id)s)
    AND (%(agent_id)s::text IS NULL OR agent_id = %(agent_id)s)
    AND (%(needs_attention)s::boolean IS NULL OR needs_attention = %(needs_attention)s)
ORDER BY id DESC
LIMIT %(limit)s

-- calls_in_need --
-- Calls that need a person, by cause and step: of each group so many, those that have waited longest first, with what is
-- known of the whole group. `looked_at`: so many of the newest were looked at, 5,000 at most. A step's number (of a
-- repetition, of an idempotency key) tells no groups apart. `action`: only calls that offer that mend; absent filters are null.
WITH stuck AS (
    SELECT c.id, told.causes, told.mends
    FROM (SELECT id, status FROM calls WHERE needs_attention ORDER BY id DESC LIMIT 5000) AS c
    -- The whole of it at once: each look into a long document unpacks it anew.
    CROSS JOIN LATERAL jsonb_to_record(c.status) AS told (causes jsonb, mends jsonb)
), caused AS (
    SELECT stuck.id, coalesce(each.cause, '') AS cause, each.step AS own_step,
        regexp_replace(coalesce(each.step, ''), '([ -][0-9]+)+$', '') AS step, coalesce(each.text, '') AS text,
        each.since, coalesce(stuck.mends ? 'retry', false) AS may_retry
    FROM stuck
    LEFT JOIN LATERAL jsonb_to_recordset(stuck.causes) AS each (cause text, step text, text text, since text) ON true
    WHERE %(action)s::text IS NULL OR stuck.mends ? %(action)s
), ranked AS (
    SELECT *, count(*) OVER alike AS size, count(*) FILTER (WHERE may_retry) OVER alike AS retriable,
        min(since) OVER alike AS oldest,
        row_number() OVER (PARTITION BY cause, step ORDER BY since, id) AS place
    FROM caused
    WHERE (%(cause)s::text IS NULL OR cause = %(cause)s)
        AND (%(step)s::text IS NULL OR step = %(step)s)
    WINDOW alike AS (PARTITION BY cause, step)
), shown AS (
    SELECT * FROM ranked WHERE place <= %(each)s ORDER BY place, size DESC, cause, step LIMIT %(limit)s
)
SELECT s.cause, s.step, s.size, s.retriable, s.oldest, s.own_step, s.text, s.since, c.call_id,
    coalesce(c.status -> 'mends', '{}') AS mends, c.status -> 'state' AS state,
    c.status -> 'ticket_id' AS ticket_id, c.status -> 'agent' AS agent,
    c.status -> 'customer' AS customer, (SELECT count(*) FROM stuck) AS looked_at
FROM shown s
JOIN calls c USING (id)
ORDER BY s.size DESC, s.cause, s.step, s.place

-- search_calls --
-- A page of the calls of an email or a phone, the newest first.
SELECT id, status
FROM calls
WHERE (email_hash = %(email_hash)s OR phone_hash = %(phone_hash)s)
    AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s

-- screen_pops --
-- How screen pops ended, of the calls that began in the last `period_s` seconds, the newest `limit` of them: each has to
-- be read whole. A row is one number. `calls`: how many were looked at, and when the oldest began. `latency`: how many
-- were shown after so many milliseconds. `slot`: how many of one end in a span of `slot_s` (days are UTC's), of those
-- shown the number within `within_ms` and the 95th percentile. `reason`: those missed and refused by the last thing that
-- a request of theirs said, with the newest calls.
WITH spanned AS (
    SELECT first_seen_at
    FROM calls
    WHERE first_seen_at > now() - make_interval(secs => %(period_s)s)
    ORDER BY first_seen_at DESC
    LIMIT %(limit)s
), newest AS NOT MATERIALIZED (
    SELECT call_id, first_seen_at, status
    FROM calls
    WHERE first_seen_at > now() - make_interval(secs => %(period_s)s)
    ORDER BY first_seen_at DESC
    LIMIT %(limit)s
), pops AS MATERIALIZED (
    SELECT c.call_id, c.first_seen_at,
        date_bin(make_interval(secs => %(slot_s)s), c.first_seen_at, TIMESTAMPTZ 'epoch') AS slot,
        pop.value ->> 'state' AS state,
        (pop.value ->> 'latency_ms')::integer AS latency_ms,
        CASE WHEN pop.value ->> 'state' IN ('missed', 'refused') THEN jsonb_path_query_array(
            c.status, '$.steps[*] ? (@.name == "patch_call" && @.last_error != null).last_error'
        ) ->> -1 END AS said
    FROM newest c
    CROSS JOIN LATERAL jsonb_array_elements(c.status -> 'screen_pops') AS pop
)
SELECT 'calls' AS figure, min(first_seen_at) AS slot, NULL AS state, NULL AS said, NULL::integer AS latency_ms,
    count(*) AS pops, NULL::bigint AS within, NULL::text[] AS call_ids
FROM spanned
UNION ALL
SELECT 'latency', NULL, state, NULL, latency_ms, count(*), NULL, NULL
FROM pops
WHERE state = 'shown' AND latency_ms IS NOT NULL
GROUP BY state, latency_ms
UNION ALL
SELECT 'slot', slot, state, NULL,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE state = 'shown'),
    count(*), count(*) FILTER (WHERE state = 'shown' AND latency_ms <= %(within_ms)s), NULL
FROM pops
GROUP BY slot, state
UNION ALL (
    SELECT 'reason', NULL, state, said, NULL, count(*), NULL, (array_agg(call_id ORDER BY first_seen_at DESC))[1:3]
    FROM pops
    WHERE state IN ('missed', 'refused')
    GROUP BY state, said
    ORDER BY count(*) DESC
    LIMIT 100
)

-- attempts_of_call --
-- Every request of a call, in order: the audit.
SELECT id, generation, step, attempt, request_id, method, path, sent_at, http_status, outcome, finished_at
FROM attempts
WHERE call_id = %(call_id)s
ORDER BY id

-- latest_generation --
-- The generation a page about a call is about.
SELECT greatest(
    (SELECT max(generation) FROM calls WHERE call_id = %(call_id)s),
    (SELECT max(generation) FROM attempts WHERE call_id = %(call_id)s)
)

-- requests_of_call --
-- The latest requests of a call's latest generation, the newest first, each with how many there are (counted to 10,000).
SELECT step, attempt, request_id, method, path, sent_at, http_status, outcome, finished_at,
    (
        SELECT count(*)
        FROM (
            SELECT FROM attempts WHERE call_id = %(call_id)s AND generation = ({{latest_generation}}) LIMIT 10000
        ) AS counted
    ) AS in_all
FROM attempts
WHERE call_id = %(call_id)s AND generation = ({{latest_generation}})
ORDER BY id DESC
LIMIT %(limit)s

-- mends_of_call --
-- What people did to a call's latest generation, the newest first.
SELECT mend_id, action, step, ticket_id, asked_by, reason, result, text, mended_at
FROM mends
WHERE call_id = %(call_id)s AND generation = ({{latest_generation}})
ORDER BY mended_at DESC
LIMIT %(limit)s

-- audit_entries --
-- What happened to a call, or to all, from a moment to before another (each may be null): events, requests, mends, in
-- order of time. An event is as old as its receipt; a call whose row has not changed since then has no later one.
SELECT at, call_id, generation, kind, name, attempt, own_id, method, path, http_status, outcome, finished_at, asked_by,
    reason, note
FROM (
    SELECT a.sent_at AS at, a.call_id, a.generation, 'request' AS kind, a.step AS name, a.attempt,
        a.request_id AS own_id, a.method, a.path, a.http_status, a.outcome, a.finished_at, NULL AS asked_by,
        NULL AS reason, NULL AS note, a.id AS place
    FROM attempts a
    WHERE (%(call_id)s::text IS NULL OR a.call_id = %(call_id)s)
    UNION ALL
    SELECT m.mended_at, m.call_id, m.generation, 'mend', concat_ws(' ', m.action, m.step, m.ticket_id), NULL,
        m.mend_id, NULL, NULL, NULL, m.result, NULL, m.asked_by, m.reason, m.text, 0
    FROM mends m
    WHERE (%(call_id)s::text IS NULL OR m.call_id = %(call_id)s)
    UNION ALL
    SELECT (e.event ->> 'received_at')::timestamptz, c.call_id, c.generation, 'event', e.event ->> 'type', NULL,
        e.event ->> 'event_id', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'occurred ' || (e.event ->> 'occurred_at'),
        e.place
    FROM calls c
    CROSS JOIN LATERAL jsonb_array_elements(c.status -> 'events') WITH ORDINALITY AS e (event, place)
    WHERE (%(call_id)s::text IS NULL OR c.call_id = %(call_id)s)
        AND c.updated_at >= coalesce(%(since)s::timestamptz - interval '1 hour', '-infinity')
) AS entries
WHERE at >= coalesce(%(since)s::timestamptz, '-infinity') AND at < coalesce(%(until)s::timestamptz, 'infinity')
ORDER BY at, kind, place

-- figures --
-- The fleet as the ledger sees it, one number a row. Calls that wait for something, but not for a person, are looked for
-- among the newest 10,000 of the last week: their columns change with every step and are in no index. However much there
-- is, a scrape must not wait: those that need a person are counted up to 5,000.
WITH newest AS (
    SELECT pending, first_seen_at, ended_at, memory, needs_attention
    FROM calls
    ORDER BY id DESC
    LIMIT 10000
), waiting AS (
    SELECT
        CASE WHEN pending THEN 'ticket' ELSE 'final_update' END AS awaited,
        CASE WHEN pending THEN first_seen_at ELSE ended_at END AS since
    FROM newest
    WHERE first_seen_at > now() - interval '7 days' AND NOT needs_attention
        AND (pending OR (ended_at IS NOT NULL AND memory IS NOT NULL AND memory ->> 'told' IS NULL))
), stuck AS (
    SELECT DISTINCT c.id, cause.value ->> 'cause' AS cause
    FROM (SELECT id, status FROM calls WHERE needs_attention ORDER BY id DESC LIMIT 5000) AS c
    LEFT JOIN jsonb_array_elements(c.status -> 'causes') AS cause ON true
), token AS (
    SELECT obtained_at, expires_at FROM credentials ORDER BY obtained_at DESC LIMIT 1
)
SELECT 'active' AS figure, state AS label, count(*)::float8 AS value
FROM calls
WHERE state IN ('ringing', 'in_call') AND active AND active_until > now()
GROUP BY state
UNION ALL
SELECT 'waiting', awaited, count(*) FROM waiting GROUP BY awaited
UNION ALL
SELECT 'oldest', awaited, greatest(0, extract(epoch FROM now() - min(since))) FROM waiting GROUP BY awaited
UNION ALL
SELECT 'stuck', coalesce(cause, ''), count(*) FROM stuck GROUP BY cause
UNION ALL
SELECT 'token_age', '', extract(epoch FROM now() - obtained_at) FROM token
UNION ALL
SELECT 'token_left', '', extract(epoch FROM expires_at - now()) FROM token
