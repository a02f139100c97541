-- Durable deadlines. A row is a promise to act at `due`; it goes in the transaction that acts.

CREATE TABLE deadlines (
    kind     text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9-]{1,59}$'),
    key      text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    due      timestamptz NOT NULL,
    payload  text NOT NULL,
    set_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    retry_at timestamptz,
    parked   boolean NOT NULL DEFAULT false,
    detail   text NOT NULL DEFAULT '',
    PRIMARY KEY (kind, key)
);
CREATE INDEX deadlines_due ON deadlines (due) WHERE not parked;
