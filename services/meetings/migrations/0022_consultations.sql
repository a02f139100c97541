-- Hearings: which there are, for whom. What was asked and answered is in the vault, under the hearing.

CREATE TABLE consultations (
    consultation text        NOT NULL PRIMARY KEY,
    municipality text        NOT NULL,
    opener       text        NOT NULL,
    opener_unit  text,
    units        text[]      NOT NULL,               -- that are heard
    answer_by    timestamptz NOT NULL
);
CREATE INDEX consultations_by_time ON consultations (municipality, answer_by, consultation);
COMMENT ON TABLE consultations IS 'Finds hearings; written with the aggregate.';
