-- Figures of a span of time: `first_seen_at` never changes and only grows, so a new call adds to the index's end.

CREATE INDEX calls_by_time ON calls (first_seen_at);
