-- An event that comes after a later one of its case changes nothing of what that one said.

ALTER TABLE holders ADD COLUMN sequence bigint NOT NULL DEFAULT 0;          -- of the event that said who has the baton

CREATE TABLE decided (
    case_ref text   PRIMARY KEY,
    sequence bigint NOT NULL
);
COMMENT ON TABLE decided IS 'The last event of each case after which nobody waits for a decision on what to do, by its number in the case.';
