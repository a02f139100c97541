-- How often a meeting has changed for one family alone: it was invited, or was no longer (RFC 5546 § 2.1.4, 3.2.5).

CREATE TABLE family_changes (
    meeting  text    NOT NULL,
    case_ref text    NOT NULL,
    changes  integer NOT NULL DEFAULT 0,
    PRIMARY KEY (meeting, case_ref)
);
INSERT INTO family_changes (meeting, case_ref) SELECT DISTINCT meeting, case_ref FROM invited_families WHERE accepted;
COMMENT ON TABLE family_changes IS 'Since the family was invited first; gone when the meeting is over.';
