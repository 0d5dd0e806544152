-- Lists by state: calls that ring or talk are few among many that are over, and `completed` is found without an index.

CREATE INDEX calls_by_state ON calls (state, id) WHERE state <> 'completed';
