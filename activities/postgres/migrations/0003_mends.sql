-- What people did to calls: who, when and why.

CREATE TABLE mends (
    call_id text NOT NULL,
    generation integer NOT NULL,
    -- The wish's own name: the same one again is the same wish.
    mend_id text NOT NULL,
    action text NOT NULL,
    step text,
    ticket_id bigint,
    asked_by text NOT NULL,
    reason text NOT NULL,
    result text NOT NULL,
    text text NOT NULL,
    mended_at timestamptz NOT NULL,
    PRIMARY KEY (call_id, generation, mend_id)
);
