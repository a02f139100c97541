-- The audit service's own history is added to like the log is.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        REVOKE UPDATE, DELETE ON events FROM lagspill_audit_writer;
        REVOKE DELETE ON aggregates, journal_heads FROM lagspill_audit_writer;
    END IF;
END
$$;
