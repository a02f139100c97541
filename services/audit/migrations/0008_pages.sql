-- Who is signed in to the auditors' pages. Not part of any log: rows end, and are deleted.

CREATE TABLE page_sessions (
    id         bytea       PRIMARY KEY CHECK (octet_length(id) = 32),            -- SHA-256 of what the cookie holds
    sign_in    bytea       NOT NULL UNIQUE CHECK (octet_length(sign_in) = 32),   -- of the sign-in's `state`: each gives one session
    sealed     bytea,                                                            -- who it is; null once signed out
    expires_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL
);
COMMENT ON TABLE page_sessions IS 'Sessions of the auditors'' pages. Opened only by the cookie and the service''s key together: a copy of this table signs nobody in, and a row put in by hand is nobody.';
CREATE INDEX page_sessions_by_end ON page_sessions (expires_at);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_reader') THEN
        REVOKE SELECT ON page_sessions FROM lagspill_audit_reader;
    END IF;
    -- Spelled out, so that it holds whatever the default privileges are.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON page_sessions TO lagspill_audit_writer;
    END IF;
END
$$;
