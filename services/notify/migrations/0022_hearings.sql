-- Who must still answer in which hearing, and who asked.

CREATE TABLE hearings (
    consultation text        PRIMARY KEY,
    opened_by    text        NOT NULL,               -- JSON: actor, role, service, unit
    answer_by    timestamptz NOT NULL,
    waiting      text[]      NOT NULL                -- units that have not answered
);
COMMENT ON TABLE hearings IS 'Hearings that are not closed.';
