-- Completeness beyond a service's numbers: each subject's own `sequence`, records without a number or on a wrong topic.

CREATE TABLE subjects (
    log     text           NOT NULL,
    source  text           NOT NULL,
    subject text           NOT NULL,
    numbers int8multirange NOT NULL,          -- the `sequence` numbers that the log holds
    whole   boolean        NOT NULL GENERATED ALWAYS AS (numbers = int8multirange(int8range(1, upper(numbers)))) STORED,
    PRIMARY KEY (log, source, subject)
) WITH (fillfactor = 80);                     -- a subject's next event changes its row in place
COMMENT ON TABLE subjects IS 'What the log holds of each subject''s events: they count from 1 without a gap.';
CREATE INDEX subjects_with_holes ON subjects (log, source, subject) WHERE NOT whole;
COMMENT ON INDEX subjects_with_holes IS 'On a column that nearly never changes, so that a subject''s next event touches no index.';

-- What the log holds already. The attributes stand before the data, so the first match is the attribute.
INSERT INTO subjects (log, source, subject, numbers)
SELECT log, source, subject, range_agg(int8range(nth, nth, '[]'))
FROM (
    SELECT log, source,
           substring(convert_from(leaf, 'UTF8') FROM '"subject":"([A-Za-z0-9._/:-]{1,120})"') AS subject,
           substring(convert_from(leaf, 'UTF8') FROM '"sequence":"0*([1-9][0-9]{0,17})"')::bigint AS nth
    FROM entries WHERE event_id IS NOT NULL AND number IS NOT NULL
) AS counted
WHERE subject IS NOT NULL AND nth IS NOT NULL
GROUP BY log, source, subject;

CREATE TABLE id_checks (
    log  text   PRIMARY KEY,
    size bigint NOT NULL CHECK (size >= 0)
);
COMMENT ON TABLE id_checks IS 'Up to which size of each log no event id was used again, or it was found.';

ALTER TABLE findings ADD COLUMN subject text;
ALTER TABLE findings DROP CONSTRAINT findings_kind_check;
ALTER TABLE findings ADD CONSTRAINT findings_kind_check CHECK (kind IN (
    'gap', 'seal-contradicted', 'number-reused', 'id-reused',
    'subject-gap', 'subject-reused', 'unnumbered', 'foreign-source', 'tree-damaged'));
DO $$
DECLARE
    standing text := (SELECT conname FROM pg_constraint WHERE conrelid = 'findings'::regclass AND contype = 'u');
BEGIN
    EXECUTE format('ALTER TABLE findings DROP CONSTRAINT %I', standing);
END
$$;
ALTER TABLE findings ADD CONSTRAINT findings_once
    UNIQUE NULLS NOT DISTINCT (log, kind, source, subject, first_number, last_number, position);
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        REVOKE DELETE ON subjects, id_checks FROM lagspill_audit_writer;
    END IF;
END
$$;
