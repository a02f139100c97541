-- Subsequent control: what the detectors remember, how far they have read, and the findings that a person has to answer for.

CREATE TABLE pattern_cursors (
    log      text        PRIMARY KEY,
    position bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),  -- the first entry that was not examined
    moment   timestamptz NOT NULL DEFAULT to_timestamp(0),          -- how far the log's own time has come
    asked    timestamptz                                            -- for which due moment an examination was published last
);
COMMENT ON TABLE pattern_cursors IS 'How far each log was examined. It moves in the transaction that stores what was found.';

CREATE TABLE pattern_states (
    log      text        NOT NULL,
    detector text        NOT NULL,
    key      text        NOT NULL,               -- a case, an actor, a service
    state    jsonb       NOT NULL,
    due      timestamptz,                        -- in the log's time: when something that waits is settled
    PRIMARY KEY (log, detector, key)
);
CREATE INDEX pattern_states_by_due ON pattern_states (log, due) WHERE due IS NOT NULL;
COMMENT ON TABLE pattern_states IS 'What the detectors remember. It follows from the entries before the cursor, and can be made again.';

CREATE TABLE pattern_findings (
    finding        text        PRIMARY KEY,
    log            text        NOT NULL,
    pattern        text        NOT NULL,
    subject        text        NOT NULL,         -- what belongs together: one open finding for each
    actor          text,
    status         text        NOT NULL CHECK (status IN ('open', 'explained', 'reported')),
    outcome        text,
    raised_at      timestamptz NOT NULL,
    first_position bigint      NOT NULL,
    last_position  bigint      NOT NULL,
    first_at       timestamptz NOT NULL,         -- when the first of its entries happened, and the last
    last_at        timestamptz NOT NULL,
    entries        integer     NOT NULL CHECK (entries > 0),
    cases          integer     NOT NULL,
    explain_by     timestamptz NOT NULL,
    judged_at      timestamptz,
    report_by      timestamptz,
    overdue        text[]      NOT NULL DEFAULT '{}',
    closed_at      timestamptz,
    CHECK ((status = 'open') = (closed_at IS NULL))
);
CREATE INDEX pattern_findings_by_log ON pattern_findings (log, raised_at, finding);
CREATE INDEX pattern_findings_by_subject ON pattern_findings (log, pattern, subject, raised_at);
COMMENT ON TABLE pattern_findings IS 'Findings about behaviour, as they stand: the aggregate with what its entries add up to.';

CREATE TABLE pattern_finding_entries (
    log      text   NOT NULL,
    pattern  text   NOT NULL,
    position bigint NOT NULL,
    finding  text   NOT NULL REFERENCES pattern_findings,
    case_ref text,
    happened_at timestamptz NOT NULL,
    PRIMARY KEY (log, pattern, position)         -- an entry is told of once, however often the log is examined
);
CREATE INDEX pattern_finding_entries_by_finding ON pattern_finding_entries (finding, position);
CREATE INDEX pattern_finding_entries_by_case ON pattern_finding_entries (case_ref, finding) WHERE case_ref IS NOT NULL;
COMMENT ON TABLE pattern_finding_entries IS 'The entries that each finding rests on.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pattern_finding_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        REVOKE UPDATE, DELETE ON pattern_finding_entries FROM lagspill_audit_writer;
        REVOKE DELETE ON pattern_cursors, pattern_findings FROM lagspill_audit_writer;
    END IF;
    -- Explanations lie in the vault of this database. The read side shows them to nobody, so it does not reach them.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_reader') THEN
        REVOKE SELECT ON data_keys, vault_records, lookups FROM lagspill_audit_reader;
    END IF;
END
$$;
