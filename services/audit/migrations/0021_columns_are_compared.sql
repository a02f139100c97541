-- What an entry is found by is compared with its leaf, again and again: the tree is over the leaves alone.

CREATE TABLE column_checks (
    log       text        PRIMARY KEY,
    position  bigint      NOT NULL CHECK (position >= 0),  -- the first entry that was not compared this time
    begun_at  timestamptz NOT NULL,                        -- when this time began
    whole     boolean     NOT NULL,                        -- whether it has reached the end once
    looked_at timestamptz NOT NULL                         -- whose turn it is: the log's that was longest not looked at
);
COMMENT ON TABLE column_checks IS 'Up to where the entries'' columns are what their leaves say, or it was found. It begins again every day.';

ALTER TABLE findings DROP CONSTRAINT findings_kind_check;
ALTER TABLE findings ADD CONSTRAINT findings_kind_check CHECK (kind IN (
    'gap', 'seal-contradicted', 'number-reused', 'id-reused', 'subject-gap', 'subject-reused', 'lane-gap', 'unnumbered',
    'foreign-source', 'tree-damaged', 'index-damaged'));
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        REVOKE DELETE ON column_checks FROM lagspill_audit_writer;
    END IF;
END
$$;
