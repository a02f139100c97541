-- What every service's database holds: its aggregates and their history, what waits to be published, and how far its
-- journal has been published per log (a municipality, or an address-protected case).

CREATE TABLE aggregates (
    id         text        PRIMARY KEY,          -- the reference; it is the CloudEvents subject, so it is unique over all kinds
    kind       text        NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),  -- the number of its events: the `sequence` of the last one
    scope      text        NOT NULL,             -- whose log its events belong to; decided at its creation
    state      jsonb       NOT NULL,             -- the fold of its events
    changed_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CREATE INDEX aggregates_by_kind ON aggregates (kind, id);
COMMENT ON TABLE aggregates IS 'Present state of each aggregate: the fold of its events.';

CREATE TABLE events (
    aggregate   text        NOT NULL,
    version     bigint      NOT NULL CHECK (version > 0),
    event_id    uuid        NOT NULL,
    body        bytea       NOT NULL,            -- the CloudEvent as committed, before the relay wrote `sourcesequence`
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (aggregate, version)
);
COMMENT ON TABLE events IS 'History: replaying it gives the state. Never updated.';

CREATE TABLE outbox (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- true order per aggregate: drawn under its row lock
    event_id    uuid        NOT NULL,
    scope       text        NOT NULL,
    topic       text        NOT NULL,
    key         text        NOT NULL,
    counted     boolean     NOT NULL DEFAULT true,  -- false for a seal: it does not call for another seal
    body        bytea       NOT NULL CHECK (octet_length(body) <= 65536),  -- CloudEvents: 64 KiB; nothing blocks the relay
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE outbox ALTER COLUMN body SET STORAGE EXTERNAL;  -- passes through once: compressing it is wasted work
COMMENT ON TABLE outbox IS 'Committed and not yet published. Only the relay reads and deletes.';

CREATE TABLE relay_batch (
    one    boolean  PRIMARY KEY DEFAULT true CHECK (one),
    ids    bigint[] NOT NULL,                    -- outbox rows, in the order in which they are numbered and sent
    scopes text[]   NOT NULL,
    firsts bigint[] NOT NULL                     -- the first number given in each of `scopes`
);
COMMENT ON TABLE relay_batch IS 'The batch that is being sent, at most one: a relay that finds it sends exactly it again.';

CREATE TABLE journal_heads (
    scope    text   PRIMARY KEY,
    size     bigint NOT NULL CHECK (size >= 0),      -- published records: the last `sourcesequence`
    frontier bytea  NOT NULL,                        -- right edge of the RFC 6962 tree over them
    unsealed bigint NOT NULL CHECK (unsealed >= 0)   -- published records, seals apart, since the last seal
);
COMMENT ON TABLE journal_heads IS 'How far this service has published, per log.';

CREATE TABLE idempotency_keys (
    actor        text        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    status       smallint    NOT NULL,
    body         bytea       NOT NULL,
    version      bigint,
    location     text,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
COMMENT ON TABLE idempotency_keys IS 'The answer once given under a client''s key; purged by age.';
