-- What the meetings service looks things up by. No text, no name; a case stands here only beside a named item or a consent.

CREATE TABLE arenas (
    arena        text NOT NULL PRIMARY KEY,
    municipality text NOT NULL,
    arena_type   text NOT NULL,
    unit         text,
    UNIQUE NULLS NOT DISTINCT (municipality, arena_type, unit)
);
COMMENT ON TABLE arenas IS 'Which reference an arena of the profile has; the arena itself is an aggregate.';

CREATE TABLE meetings (
    meeting      text        NOT NULL PRIMARY KEY,
    municipality text        NOT NULL,
    arena        text        NOT NULL REFERENCES arenas,
    arena_type   text        NOT NULL,
    units        text[]      NOT NULL,           -- barnehager and schools that take part; none means all
    invited      text[]      NOT NULL,
    starts_at    timestamptz NOT NULL,
    status       text        NOT NULL,
    extra        boolean     NOT NULL
);
CREATE INDEX meetings_by_time ON meetings (municipality, starts_at, meeting);
CREATE INDEX meetings_by_arena ON meetings (arena, starts_at);
COMMENT ON TABLE meetings IS 'Finds meetings by time; written with the aggregate.';

CREATE TABLE named_items (
    item     text NOT NULL PRIMARY KEY,
    meeting  text NOT NULL REFERENCES meetings,
    case_ref text NOT NULL
);
CREATE INDEX named_items_by_case ON named_items (case_ref, meeting);
COMMENT ON TABLE named_items IS 'Finds the meetings that a withdrawal concerns. An anonymous item is never here.';

CREATE TABLE consents (
    consent      text  NOT NULL PRIMARY KEY,
    case_ref     text  NOT NULL,
    municipality text  NOT NULL,
    history      jsonb NOT NULL                  -- every fact read about it; it only grows
);
CREATE INDEX consents_by_case ON consents (case_ref);
COMMENT ON TABLE consents IS 'Projection of the cases service: what its consents permit, and when.';

CREATE TABLE cases (
    case_ref     text    NOT NULL PRIMARY KEY,
    municipality text    NOT NULL,
    unit         text,                           -- that holds the case; none for an address-protected one
    guardians    integer NOT NULL,               -- who must grant, as long as no consent was asked for
    open         boolean NOT NULL,
    sequence     bigint  NOT NULL                -- of the event that said so: an older one changes nothing
);
COMMENT ON TABLE cases IS 'Projection of the cases service: which unit has a case.';
