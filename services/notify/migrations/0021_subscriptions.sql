-- Subscriptions by webhook: what has come from the bus, in an order that everybody sees alike, and how far each receiver has it.

CREATE TABLE feed (
    position    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid        NOT NULL,
    type        text        NOT NULL,
    scope       text        NOT NULL,
    units       text[]      NOT NULL,               -- those that the event names
    body        bytea       NOT NULL,               -- the very bytes that were published
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX feed_by_age ON feed (recorded_at);
COMMENT ON TABLE feed IS 'Events as they came from the bus, for FEED_DAYS: what subscriptions are delivered from.';

-- Positions are given in the order of the commits: who has read up to one has seen every lower one.
CREATE FUNCTION feed_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(442863213);
    RETURN NULL;
END
$$;
CREATE TRIGGER feed_in_order BEFORE INSERT ON feed FOR EACH STATEMENT EXECUTE FUNCTION feed_in_order();

CREATE TABLE feed_forgotten (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint  NOT NULL
);
INSERT INTO feed_forgotten (position) VALUES (0);
COMMENT ON TABLE feed_forgotten IS 'The last position that is kept no longer: nothing can be delivered from before it.';

CREATE TABLE subscriptions (
    subscription  text        PRIMARY KEY,
    owner         text        NOT NULL,
    client        text        NOT NULL,
    language      text        NOT NULL,              -- in which its owner is told that it was stopped
    opened_at     timestamptz NOT NULL,              -- by the rules' clock
    target        text        NOT NULL,
    active        boolean     NOT NULL DEFAULT true,
    position      bigint      NOT NULL,              -- up to here everything was delivered, or is not for it
    attempts      integer     NOT NULL DEFAULT 0,    -- those that failed since the last that did not
    failing_since timestamptz,
    retry_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    taken         uuid,                              -- by whom it is in hand; whoever changes it takes it out of their hand
    taken_until   timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX subscriptions_by_owner ON subscriptions (owner, opened_at, subscription);
COMMENT ON TABLE subscriptions IS 'Where each subscription is delivered to, and how far. Its secret is in the vault.';

CREATE TABLE deliveries (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription text        NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    position     bigint      NOT NULL,
    event_id     uuid        NOT NULL,
    tried_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome      text        NOT NULL,
    status       integer,                            -- of HTTP; null when there was no answer
    milliseconds integer     NOT NULL
);
CREATE INDEX deliveries_by_subscription ON deliveries (subscription, id DESC);
CREATE INDEX deliveries_by_age ON deliveries (tried_at);
COMMENT ON TABLE deliveries IS 'Every attempt, for FEED_DAYS. Nothing of what a receiver answered but its status.';
