-- What calendars show of a meeting, and the addresses at which they are read without signing in.

ALTER TABLE meetings
    ADD COLUMN minutes    smallint    NOT NULL DEFAULT 60,
    ADD COLUMN changes    integer     NOT NULL DEFAULT 0,      -- RFC 5545: SEQUENCE
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();  -- RFC 5545: DTSTAMP
UPDATE meetings SET minutes = (a.state ->> 'minutes')::smallint FROM aggregates a WHERE a.id = meetings.meeting;
ALTER TABLE meetings ALTER COLUMN minutes DROP DEFAULT;

CREATE TABLE calendars (
    calendar     text        NOT NULL PRIMARY KEY,
    actor        text        NOT NULL,
    municipality text        NOT NULL,
    token_hash   bytea       UNIQUE,                 -- SHA-256 of what stands in the address; none: there is no address now
    until        timestamptz,
    service      text,                               -- as whom its owner was signed in when the address was made
    unit         text,
    coordinator  boolean     NOT NULL DEFAULT false,
    language     text        NOT NULL DEFAULT 'nb',
    reads_since  timestamptz,                        -- the hour in which the reads are counted
    reads        integer     NOT NULL DEFAULT 0,
    UNIQUE (actor, municipality)
);
COMMENT ON TABLE calendars IS 'Finds an employee''s calendar by its owner or by its address; written with the aggregate.';
