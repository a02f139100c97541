-- By which names people are known is added to and never changed: nobody is made somebody else.

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        REVOKE UPDATE, DELETE ON actor_names FROM lagspill_audit_writer;
    END IF;
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON actor_names
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
