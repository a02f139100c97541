-- Which keys signed each log, and when: what a verifier may ask for, and what keeps a replaced key from signing again.
CREATE TABLE signing_keys (
    log            text        NOT NULL,
    number         smallint    NOT NULL CHECK (number > 0),
    vkey           text        NOT NULL,
    since          timestamptz NOT NULL,
    previous_until timestamptz CHECK ((number = 1) = (previous_until IS NULL)),  -- when the key before it ends
    PRIMARY KEY (log, number),
    UNIQUE (log, vkey)
);
COMMENT ON TABLE signing_keys IS 'The public keys of each log, in order. Each but the first is published as an event too.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON signing_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        REVOKE UPDATE, DELETE ON signing_keys FROM lagspill_audit_writer;
    END IF;
END
$$;
