-- Whom a change in a case's measures concerns (seed rules 31, 49): services and units, never people.

CREATE TABLE team_members (
    case_ref text NOT NULL,
    service  text NOT NULL,
    PRIMARY KEY (case_ref, service)
);
COMMENT ON TABLE team_members IS 'Which services are in the team around each child, inside a consent.';

CREATE TABLE measure_owners (
    measure  text PRIMARY KEY,
    case_ref text NOT NULL,
    service  text NOT NULL,
    unit     text                                    -- null for an address-protected case, and where none was named
);
CREATE INDEX measure_owners_by_case ON measure_owners (case_ref);
COMMENT ON TABLE measure_owners IS 'Which service and unit carries out each measure that runs.';
