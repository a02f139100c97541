-- The inbox: what a consumer has taken, what it could not take, and how far it is.

CREATE TABLE inbox (
    consumer   text NOT NULL,
    source     text NOT NULL,
    event_id   uuid NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, source, event_id)
);

-- A record that could not be handled, with the exact bytes that arrived. `claimed` says that this letter holds the event's
-- inbox row, so that only its replay may have the effect.
CREATE TABLE dead_letters (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer       text NOT NULL,
    topic          text NOT NULL,
    partition      integer NOT NULL,
    record_offset  bigint NOT NULL,
    key            bytea,
    value          bytea,
    header_names   text[] NOT NULL,
    header_values  bytea[] NOT NULL,
    digest         bytea NOT NULL,
    source         text,
    event_id       uuid,
    event_type     text,
    claimed        boolean NOT NULL,
    reason         text NOT NULL CHECK (reason ~ '^[a-z][a-z-]{2,40}$'),
    detail         text NOT NULL DEFAULT '',
    attempts       integer NOT NULL DEFAULT 0,
    status         text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'replayed', 'discarded')),
    parked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at     timestamptz,
    settled_reason text,
    CHECK ((status = 'open') = (settled_at IS NULL)),
    CHECK (not claimed OR (source IS NOT NULL AND event_id IS NOT NULL)),
    UNIQUE (consumer, topic, partition, record_offset, digest)
);
CREATE INDEX dead_letters_open ON dead_letters (consumer, key, id) WHERE status = 'open';

-- As of `caught_up_at` (this database's clock) the consumer's effects held every record that the partition then had.
CREATE TABLE consumer_progress (
    consumer     text NOT NULL,
    topic        text NOT NULL,
    partition    integer NOT NULL,
    partitions   integer NOT NULL CHECK (partitions > 0),
    caught_up_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, topic, partition)
);

-- As of `drained_at` (the source's database clock) everything that the source had committed was on the bus by `received_at`
-- (this database's clock).
CREATE TABLE source_watermarks (
    source      text NOT NULL,
    drained_at  timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, drained_at)
);
