-- Whom the guardians turn to (seed rules 33, 34): a service and a role, never a person.

CREATE TABLE contact_persons (
    case_ref text PRIMARY KEY,
    service  text NOT NULL,
    role     text NOT NULL
);
COMMENT ON TABLE contact_persons IS 'In which service, and in which role, the contact person of each case is.';
