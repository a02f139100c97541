-- What asks something of a unit's or a service's leaders, or of the privacy officers, waits while nobody is known who is that: whoever
-- becomes known is told. Where the case is not protected, the log's name is the municipality, and no other service need be asked.

ALTER TABLE errands ALTER COLUMN case_ref DROP NOT NULL;
ALTER TABLE errands ADD COLUMN units text[] NOT NULL DEFAULT '{}';  -- whose leaders are to be told, and are not known

CREATE TABLE duties (
    recipient text   NOT NULL,
    scope     text   NOT NULL,              -- the municipality: a service that several share has one leader, and is told in each
    unit      text   NOT NULL DEFAULT '',   -- empty: of no unit
    service   text,
    roles     text[] NOT NULL,
    PRIMARY KEY (recipient, scope, unit)
);
CREATE INDEX duties_of_units ON duties (scope, unit);
COMMENT ON TABLE duties IS 'What each employee is where, by the token with which they last came. Who has left or is away stands in absences.';
INSERT INTO duties (recipient, scope, unit, service, roles)
SELECT id, scope, coalesce(state ->> 'unit', ''), state ->> 'service', ARRAY(SELECT jsonb_array_elements_text(state -> 'roles'))
FROM aggregates WHERE kind = 'recipient' AND NOT state -> 'roles' ?| ARRAY['guardian', 'child'];
DROP INDEX recipients_by_unit;
