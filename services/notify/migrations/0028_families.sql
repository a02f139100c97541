-- Which children's families are invited to which meeting, and with what they are told of it (seed rules 12, 32, 73, 146).

CREATE TABLE invited_families (
    item        text    PRIMARY KEY,                    -- the item that speaks of the child by name
    meeting     text    NOT NULL,
    case_ref    text    NOT NULL,
    roles       text[]  NOT NULL,                       -- as whom: guardians, the child
    interpreter boolean NOT NULL,                       -- whether somebody of the family is spoken with through one
    accepted    boolean NOT NULL DEFAULT false          -- whether whoever calls the meeting has taken the item on
);
CREATE INDEX invited_families_by_meeting ON invited_families (meeting, case_ref);
COMMENT ON TABLE invited_families IS 'Whose family is told of a coming meeting; gone when it was held or cancelled. Never who they are.';

ALTER TABLE errands ADD COLUMN appointment text;                            -- JSON, what goes into the recipients' calendars
ALTER TABLE errands ADD COLUMN interpreter boolean NOT NULL DEFAULT false;  -- whether an interpreter is wanted in the meeting
