-- Calls, tickets, attempts, the credential, alerts and secrets.

CREATE SEQUENCE arrivals;

-- One row a call and generation (a call id used again by the telephony platform is a new generation).
CREATE TABLE calls (
    -- Order of first sight, for lists; never changes.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    call_id text NOT NULL,
    generation integer NOT NULL CHECK (generation >= 1),
    -- Place among matching calls that look for a ticket; taken under the locks on what the call matches by.
    arrival bigint NOT NULL,
    email_hash bytea,
    phone_hash bytea,
    ticket_id bigint,
    -- Tickets this call lost: gone, or closed.
    excluded bigint[] NOT NULL DEFAULT '{}',
    -- The search for a ticket is not finished.
    pending boolean NOT NULL,
    -- The end is not known; only ever goes from true to false.
    active boolean NOT NULL,
    active_until timestamptz NOT NULL,
    last_used timestamptz,
    ended_at timestamptz,
    -- When this call last asked Temporal about the calls it waits for.
    asked_at timestamptz,
    state text NOT NULL,
    agent_id text,
    needs_attention boolean NOT NULL DEFAULT false,
    workflow_id text NOT NULL,
    run_id text NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    -- What `GET /calls/{call_id}` shows; customer data masked.
    status jsonb NOT NULL,
    -- What a later run takes over; no customer data.
    memory jsonb,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (call_id, generation)
);

-- Columns that change with every step are in no index, so that most updates stay on their page.
CREATE INDEX calls_by_email ON calls (email_hash, first_seen_at) WHERE email_hash IS NOT NULL;
CREATE INDEX calls_by_phone ON calls (phone_hash, first_seen_at) WHERE phone_hash IS NOT NULL;
CREATE INDEX calls_by_ticket ON calls (ticket_id, id) WHERE ticket_id IS NOT NULL;
CREATE INDEX calls_by_agent ON calls (agent_id, id) WHERE agent_id IS NOT NULL;
CREATE INDEX calls_in_need ON calls (id) WHERE needs_attention;
CREATE INDEX calls_by_exclusion ON calls USING gin (excluded) WITH (fastupdate = off) WHERE excluded <> '{}';

CREATE TABLE tickets (
    ticket_id bigint PRIMARY KEY,
    -- Active calls on it: label of the call → when its hold expires, in seconds since 1970.
    holders jsonb NOT NULL DEFAULT '{}',
    -- Gone or closed: offered to nobody any more.
    dropped_at timestamptz
);

CREATE INDEX tickets_dropped ON tickets (ticket_id) WHERE dropped_at IS NOT NULL;

-- One row a request, written before it is sent.
CREATE TABLE attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    call_id text NOT NULL,
    generation integer NOT NULL,
    step text NOT NULL,
    attempt integer NOT NULL,
    request_id text NOT NULL UNIQUE,
    method text NOT NULL,
    -- Without the query, which may hold customer data.
    path text NOT NULL CHECK (path !~ '[?#]'),
    -- The Idempotency-Key; only creates have one.
    key text,
    sent_at timestamptz NOT NULL DEFAULT now(),
    http_status integer,
    outcome text,
    finished_at timestamptz,
    -- Whether we know what became of it. A 5xx, a 408, a time-out, a lost connection and a missing outcome are unknown.
    known boolean NOT NULL GENERATED ALWAYS AS (
        coalesce(outcome IN ('done', 'not_sent'), false)
        OR coalesce(http_status BETWEEN 300 AND 499 AND http_status <> 408, false)
    ) STORED
);

CREATE INDEX attempts_of_call ON attempts (call_id, generation, id);
CREATE INDEX attempts_unknown ON attempts (call_id, generation) WHERE NOT known;
CREATE INDEX attempts_by_key ON attempts (key) WHERE key IS NOT NULL;

CREATE TABLE credentials (
    account text PRIMARY KEY,
    version bigint NOT NULL,
    key_id text NOT NULL,
    token_encrypted bytea NOT NULL,
    obtained_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    scopes text[] NOT NULL
);

CREATE TABLE alerts (
    kind text PRIMARY KEY,
    text text NOT NULL,
    -- How often it was raised, posted or not.
    count bigint NOT NULL,
    last_posted_at timestamptz,
    -- Somebody is posting it; given up when it does not come back.
    claimed_at timestamptz
);

CREATE TABLE secrets (
    name text PRIMARY KEY,
    key_id text NOT NULL,
    value_encrypted bytea NOT NULL
);
