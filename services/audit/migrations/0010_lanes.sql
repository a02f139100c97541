-- What the log holds of each lane: the records that one database session of a service wrote into this log, counted from 1.

CREATE TABLE lanes (
    log     text           NOT NULL,
    source  text           NOT NULL,
    lane    text           NOT NULL,
    numbers int8multirange NOT NULL,            -- the counts that the log holds
    told    bigint         NOT NULL,            -- how far a seal says that it goes; 0 where none has said it
    whole   boolean        NOT NULL GENERATED ALWAYS AS (
        numbers = int8multirange(int8range(1, greatest(coalesce(upper(numbers), 1), told + 1)))) STORED,
    PRIMARY KEY (log, source, lane)
) WITH (fillfactor = 80);                       -- a lane's next record changes its row in place
COMMENT ON TABLE lanes IS 'What the log holds of each lane: what is missing was taken out of an outbox before it was numbered.';
CREATE INDEX lanes_with_holes ON lanes (log, source, lane) WHERE NOT whole;

ALTER TABLE findings DROP CONSTRAINT findings_kind_check;
ALTER TABLE findings ADD CONSTRAINT findings_kind_check CHECK (kind IN (
    'gap', 'seal-contradicted', 'number-reused', 'id-reused',
    'subject-gap', 'subject-reused', 'lane-gap', 'unnumbered', 'foreign-source', 'tree-damaged'));
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        REVOKE DELETE ON lanes FROM lagspill_audit_writer;
    END IF;
END
$$;
