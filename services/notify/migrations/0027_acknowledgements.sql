-- What subscriptions acknowledge: of each consent that ends, wholly or in part, that whoever subscribes has acted on it.

ALTER TABLE subscriptions ADD COLUMN acknowledges boolean NOT NULL DEFAULT false;

CREATE TABLE acknowledgements (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receipt         text        NOT NULL,               -- the aggregate: of one subscription and one consent
    subscription    text        NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    consent         text        NOT NULL,
    consent_version integer     NOT NULL,
    due             timestamptz NOT NULL,
    standing        text        NOT NULL DEFAULT 'awaited' CHECK (standing IN ('awaited', 'missing', 'received', 'released')),
    received_at     timestamptz,                        -- by the rules' clock
    items_removed   integer,
    UNIQUE (subscription, consent, consent_version)
);
CREATE INDEX acknowledgements_by_subscription ON acknowledgements (subscription, id DESC);
CREATE INDEX acknowledgements_outstanding ON acknowledgements (subscription) WHERE standing IN ('awaited', 'missing');
COMMENT ON TABLE acknowledgements IS 'What each subscription is to acknowledge, or has. What is decided, is decided on the aggregates.';
