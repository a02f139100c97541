-- A deadline at a birthday is the birthday, in the clear. Only this is left of it: up to which day each child's age was looked at.

CREATE TABLE age_looks (
    case_ref  text PRIMARY KEY REFERENCES aggregates (id),
    looked_on date NOT NULL                            -- the same day for almost all: it says nothing of the child
);
COMMENT ON TABLE age_looks IS 'Whose age is looked at every day, until the child is of age; the birth date stays in the vault.';

-- What was due and had not been done yet is caught up with; of what is to come nothing is kept.
INSERT INTO age_looks (case_ref, looked_on)
SELECT i.case_ref, least((now() AT TIME ZONE 'Europe/Oslo')::date, (min(d.due) AT TIME ZONE 'Europe/Oslo')::date - 1)
FROM case_index i
JOIN deadlines d ON i.case_ref = split_part(d.key, ':', 1)
WHERE d.kind IN ('child-age', 'adulthood', 'adulthood-approaching')
GROUP BY i.case_ref;
DELETE FROM deadlines WHERE kind IN ('child-age', 'adulthood', 'adulthood-approaching');

-- The one for all; it promises itself anew each day. A fixed moment of the past: the rules' clock may be another than the machine's.
INSERT INTO deadlines (kind, key, due, payload) VALUES ('child-ages', 'every-day', '2026-01-01 00:00:00+01', '{}');
