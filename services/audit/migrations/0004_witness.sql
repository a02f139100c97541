-- Witnesses (C2SP tlog-witness): what this deployment has cosigned for other logs, and what others have cosigned for its own.

-- As a witness: the last checkpoint cosigned of each log that it watches.
CREATE TABLE witnessed_logs (
    origin      text        PRIMARY KEY,
    size        bigint      NOT NULL CHECK (size >= 0),
    root        bytea       NOT NULL CHECK (octet_length(root) = 32),
    note        text,                              -- the log's signatures that were verified, and our cosignature
    cosigned_at timestamptz,
    CHECK ((note IS NULL) = (cosigned_at IS NULL))
);
COMMENT ON TABLE witnessed_logs IS 'The last checkpoint cosigned of each other log: locked while the next one is decided on. It never goes back.';

-- A witness that forgets could be led to cosign two pasts. So not even the code can make it forget.
CREATE FUNCTION refuse_going_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.origin <> OLD.origin OR NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root) THEN
        RAISE EXCEPTION 'what was cosigned of a log never goes back' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER never_back BEFORE UPDATE ON witnessed_logs FOR EACH ROW EXECUTE FUNCTION refuse_going_back();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON witnessed_logs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE witnessed_forks (
    origin   text        NOT NULL,
    size     bigint      NOT NULL,
    root     bytea       NOT NULL CHECK (octet_length(root) = 32),
    cosigned text        NOT NULL,                 -- the note that was cosigned for this size
    refused  text        NOT NULL,                 -- the note, signed by the log as well, that says otherwise
    seen_at  timestamptz NOT NULL,
    PRIMARY KEY (origin, size, root)
);
COMMENT ON TABLE witnessed_forks IS 'Two checkpoints of one size and two roots, both signed by the log: whoever has both has the proof.';

-- As a log: what its witnesses have said.
CREATE TABLE cosignatures (
    log         text        NOT NULL,
    size        bigint      NOT NULL,
    vkey        text        NOT NULL,              -- the witness's
    line        text        NOT NULL,              -- its signature line, with its end
    cosigned_at timestamptz NOT NULL,              -- the time that it states
    PRIMARY KEY (log, size, vkey)
);
COMMENT ON TABLE cosignatures IS 'Every cosignature that was got for a checkpoint of ours, verified before it was written.';

CREATE TABLE witnessed_checkpoints (
    log          text        NOT NULL,
    policy       bytea       NOT NULL CHECK (octet_length(policy) = 32),  -- SHA-256 of the rule's canonical text
    size         bigint      NOT NULL,
    witnessed_at timestamptz NOT NULL,
    PRIMARY KEY (log, policy, size)
);
COMMENT ON TABLE witnessed_checkpoints IS 'The checkpoints of ours that enough witnesses have cosigned, by the rule that was in force.';

CREATE TABLE witness_states (
    log     text        NOT NULL,
    vkey    text        NOT NULL,                  -- the witness's
    size    bigint      NOT NULL DEFAULT 0 CHECK (size >= 0),  -- the size that it has cosigned last, as far as is known
    trouble text,                                  -- why it has not cosigned the newest checkpoint; null when it has
    since   timestamptz NOT NULL,                  -- of the trouble, or of its end
    PRIMARY KEY (log, vkey)
);
COMMENT ON TABLE witness_states IS 'What each witness is known to have, and what is wrong: a memory, not evidence.';

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['witnessed_forks', 'cosignatures', 'witnessed_checkpoints'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', kept);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        REVOKE UPDATE, DELETE ON witnessed_forks, cosignatures, witnessed_checkpoints FROM lagspill_audit_writer;
        REVOKE DELETE ON witnessed_logs, witness_states FROM lagspill_audit_writer;
    END IF;
END
$$;
