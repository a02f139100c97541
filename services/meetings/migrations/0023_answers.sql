-- What was answered to invitations: services, units, roles and codes; and which of a child's family has answered, under no name.

ALTER TABLE meetings ADD COLUMN answers jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN meetings.answers IS 'The last answer for each seat, for the calendars and lists; written with the aggregate.';

CREATE TABLE family_voices (
    meeting  text     NOT NULL REFERENCES meetings,
    case_ref text     NOT NULL,
    voice    bytea    NOT NULL,                      -- a keyed hash of who answered
    ordinal  smallint NOT NULL,
    PRIMARY KEY (meeting, case_ref, voice),
    UNIQUE (meeting, case_ref, ordinal)
);
COMMENT ON TABLE family_voices IS 'Tells one of the family from the other when an answer is changed; who they are is not here.';
