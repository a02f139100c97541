-- What goes with a message: the entry for the recipient's calendar, and that somebody in the family needs an interpreter (seed rule 146).

CREATE TABLE appointments (
    meeting     text PRIMARY KEY,
    appointment text NOT NULL                           -- JSON: when, how long, how often changed
);
COMMENT ON TABLE appointments IS 'The meetings that people are invited to, as their calendars know them. Nothing of what they are about.';

CREATE TABLE interpreters (
    case_ref text    NOT NULL,
    person   text    NOT NULL,
    ordinal  integer NOT NULL,
    PRIMARY KEY (case_ref, person, ordinal)
);
COMMENT ON TABLE interpreters IS 'Who in a case''s family is spoken with through an interpreter, by number; never in which language.';

ALTER TABLE messages ADD COLUMN appointment text;       -- JSON, as it was when the message was written
ALTER TABLE messages ADD COLUMN note text;              -- the template of what stands below the text
ALTER TABLE messages ADD COLUMN note_version integer;
