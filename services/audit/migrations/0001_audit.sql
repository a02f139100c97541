-- The confidentiality log: one RFC 6962 log per municipality. Entries, tiles and checkpoints are only ever added to.

CREATE TABLE positions (
    topic       text    NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint  NOT NULL CHECK (next_offset >= 0),
    PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE positions IS 'How far each partition has been taken. This is the truth; offsets committed to the broker are hints.';

CREATE TABLE logs (
    log      text   PRIMARY KEY CHECK (log ~ '^([0-9]{4}|prt_[a-z]{26}|unparsable)$'),
    origin   text   NOT NULL UNIQUE,             -- the log's name in its checkpoints
    size     bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
    frontier bytea  NOT NULL DEFAULT '',         -- roots of the complete subtrees, largest first
    edge     bytea  NOT NULL DEFAULT '',         -- leaf hashes of the last tile while it is not full
    heard    bigint NOT NULL DEFAULT 0           -- the size just after the last entry that another service caused
);
COMMENT ON TABLE logs IS 'The head of each log: locked while it grows, which is what keeps a log from forking.';

CREATE TABLE entries (
    log           text        NOT NULL,
    position      bigint      NOT NULL CHECK (position >= 0),
    logged_at     timestamptz NOT NULL,
    leaf          bytea       NOT NULL,          -- exactly the bytes received
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    happened_at   timestamptz NOT NULL,          -- when it was logged, for a record that does not say
    kind          text        NOT NULL,
    type          text,
    source        text,
    event_id      uuid,
    number        bigint,                        -- sourcesequence
    case_ref      text,
    actor         text,
    organisation  text,
    unit          text,
    basis         text,
    consent       text,
    meeting       text,
    permitted     boolean,
    PRIMARY KEY (log, position, logged_at)
) PARTITION BY RANGE (logged_at);
COMMENT ON TABLE entries IS 'The log: the leaf is the evidence, every other column is derived from it so that it can be found.';
CREATE TABLE entries_all PARTITION OF entries FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
CREATE INDEX entries_by_event ON entries (log, source, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX entries_by_number ON entries (log, source, number) WHERE number IS NOT NULL;
CREATE INDEX entries_by_case ON entries (log, case_ref, position) WHERE case_ref IS NOT NULL;
CREATE INDEX entries_by_actor ON entries (log, actor, position) WHERE actor IS NOT NULL;
CREATE INDEX entries_by_time ON entries USING brin (happened_at);

CREATE TABLE oversize (
    sha256 bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    body   bytea NOT NULL
);
COMMENT ON TABLE oversize IS 'Records longer than an entry may be (65,535 bytes); their entry states their size and hash.';

CREATE TABLE tiles (
    log    text     NOT NULL,
    level  smallint NOT NULL CHECK (level BETWEEN 0 AND 63),
    tile   bigint   NOT NULL CHECK (tile >= 0),
    hashes bytea    NOT NULL CHECK (octet_length(hashes) = 8192),
    root   bytea    NOT NULL CHECK (octet_length(root) = 32),
    PRIMARY KEY (log, level, tile)
);
ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;  -- hashes do not compress
COMMENT ON TABLE tiles IS 'Full tiles. A partial one is served from the roots one level below, or from the head''s edge.';

CREATE TABLE checkpoints (
    log       text        NOT NULL,
    size      bigint      NOT NULL CHECK (size >= 0),
    root      bytea       NOT NULL CHECK (octet_length(root) = 32),
    note      text        NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (log, size)
);
COMMENT ON TABLE checkpoints IS 'Every checkpoint ever signed: at most one for a size.';

CREATE TABLE journals (
    log           text           NOT NULL,
    source        text           NOT NULL,
    numbers       int8multirange NOT NULL DEFAULT '{}',  -- the sourcesequence numbers that the log holds
    checked_size  bigint         NOT NULL DEFAULT 0,     -- up to which number the records are in checked_frontier
    checked_frontier bytea       NOT NULL DEFAULT '',    -- RFC 6962 over the records 1 to checked_size, in number order
    PRIMARY KEY (log, source)
);
COMMENT ON TABLE journals IS 'What the log holds of each service''s own journal.';

CREATE TABLE seals (
    log         text   NOT NULL,
    source      text   NOT NULL,
    position    bigint NOT NULL,
    last_number bigint NOT NULL CHECK (last_number > 0),
    root        bytea  NOT NULL CHECK (octet_length(root) = 32),
    PRIMARY KEY (log, position)
);
COMMENT ON TABLE seals IS 'What each service says of its own journal.';

CREATE TABLE seal_checks (
    log        text        NOT NULL,
    position   bigint      NOT NULL,
    agrees     boolean     NOT NULL,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (log, position)
);
COMMENT ON TABLE seal_checks IS 'Whether the log has the root that the seal at this position names.';

CREATE TABLE findings (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log          text        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('gap', 'seal-contradicted', 'number-reused', 'id-reused')),
    source       text        NOT NULL,
    first_number bigint      NOT NULL,
    last_number  bigint      NOT NULL,
    position     bigint,
    found_at     timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (log, kind, source, first_number, last_number, position)
);
COMMENT ON TABLE findings IS 'What was found wrong with what the services published. Each is also published, once.';

-- Not even the owner changes the past by mistake. Who sets these aside leaves a log that does not verify.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['entries', 'oversize', 'tiles', 'checkpoints', 'seals', 'seal_checks', 'findings'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', kept);
    END LOOP;
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries_all
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The service works as lagspill_audit_writer, its read side as lagspill_audit_reader. Where the migrating role may not create
-- roles, whoever installs the database does (deploy/), before this runs.
DO $$
DECLARE
    needed text;
BEGIN
    FOREACH needed IN ARRAY ARRAY['lagspill_audit_writer', 'lagspill_audit_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = needed)
           AND (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', needed);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- roles belong to the whole cluster: another database's migration was faster
            END;
        END IF;
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = needed) THEN
            IF NOT pg_has_role(current_user, needed, 'SET') AND pg_has_role(current_user, needed, 'USAGE WITH ADMIN OPTION') THEN
                EXECUTE format('GRANT %I TO CURRENT_USER', needed);  -- who makes a role may give it away, but is not in it
            END IF;
            EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', needed);
            EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA public TO %I', needed);
            EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO %I', needed);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO lagspill_audit_writer;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT, UPDATE, DELETE ON TABLES TO lagspill_audit_writer;
        REVOKE UPDATE, DELETE ON entries, entries_all, oversize, tiles, checkpoints, seals, seal_checks, findings
            FROM lagspill_audit_writer;
        REVOKE DELETE ON positions, logs, journals FROM lagspill_audit_writer;
        REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM lagspill_audit_writer;
    END IF;
END
$$;
