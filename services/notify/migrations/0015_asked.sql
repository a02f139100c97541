-- Whom an answer to a request to contribute concerns (seed rules 82, 102): who asked, and which service was asked.

CREATE TABLE requests (
    contribution text        PRIMARY KEY,
    case_ref     text,                              -- null for an anonymous request: nothing here leads to the case
    asker        text        NOT NULL,              -- JSON: actor, role, service, unit
    service      text        NOT NULL,
    unit         text,                              -- of a barnehage or school
    due          timestamptz NOT NULL
);
COMMENT ON TABLE requests IS 'What a service was asked for and has not answered yet.';

CREATE TABLE reporters (
    report   text PRIMARY KEY,
    reporter text NOT NULL                          -- JSON: actor, role, service, unit
);
COMMENT ON TABLE reporters IS 'Who made which concern report, to be told how it goes. Nothing of what it says.';
