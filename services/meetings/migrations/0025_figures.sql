-- What reports are counted from: one fact of one event, as codes, units and moments. No text, nothing of who somebody is.

CREATE TABLE figure_facts (
    subject      text        NOT NULL,              -- the case or the meeting; a report never names it
    sequence     bigint      NOT NULL,              -- of the event, in its subject
    municipality text        NOT NULL,
    happened_at  timestamptz NOT NULL,
    fact         jsonb       NOT NULL,
    PRIMARY KEY (subject, sequence)
);
CREATE INDEX figure_facts_by_time ON figure_facts (municipality, happened_at);
COMMENT ON TABLE figure_facts IS 'Projection of the cases and meetings services: what is counted. It only grows.';
