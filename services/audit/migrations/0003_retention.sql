-- Retention. Content goes when the policy in force lets it; the tree, the positions and the leaf hashes stay for ever. Whole bundles
-- of 256 entries go at a time, because that is what C2SP tlog-tiles serves or does not serve.

CREATE TABLE retention_policies (
    number       integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- the highest is in force
    policy       text        NOT NULL UNIQUE CHECK (policy ~ '^[0-9a-f]{64}$'),  -- SHA-256 of its canonical JSON
    body         text        NOT NULL,
    simulated    boolean     NOT NULL,  -- trying out: time is what the log says, not what this server says
    installed_at timestamptz NOT NULL
);
CREATE TABLE retention_rules (
    policy      text     NOT NULL REFERENCES retention_policies (policy),
    ordinal     smallint NOT NULL,          -- the first rule that fits an entry governs it
    rule        text     NOT NULL,
    logs        text[],                     -- each NULL: whatever it is
    kinds       text[],
    types       text[],                     -- patterns of LIKE
    bases       text[],
    about_case  boolean,
    keep_months integer CHECK (keep_months > 0),  -- NULL: for ever
    after_case  boolean  NOT NULL,          -- counted from the last entry of the case, once it has ended; else from logged_at
    PRIMARY KEY (policy, ordinal),
    UNIQUE (policy, rule)
);
COMMENT ON TABLE retention_policies IS 'What the controller has decided; only the owner of the database installs one (lagspill audit retention).';

CREATE TABLE legal_holds (
    hold      text        PRIMARY KEY CHECK (hold ~ '^[a-z0-9][a-z0-9-]{2,59}$'),
    log       text        NOT NULL,
    case_ref  text,                         -- NULL: everything in the log
    placed_at timestamptz NOT NULL
);
CREATE TABLE legal_hold_releases (
    hold        text        PRIMARY KEY REFERENCES legal_holds (hold),
    released_at timestamptz NOT NULL
);
COMMENT ON TABLE legal_holds IS 'What must not be pruned, whatever the policy says, until it is released.';

CREATE TABLE prunings (
    log       text        NOT NULL,
    first     bigint      NOT NULL CHECK (first >= 0 AND first % 256 = 0),
    last      bigint      NOT NULL CHECK (last > first AND last % 256 = 255),
    policy    text        NOT NULL REFERENCES retention_policies (policy),
    rule      text        NOT NULL,
    pruned_at timestamptz NOT NULL,
    PRIMARY KEY (log, first)
);
CREATE TABLE pruned_entries (
    log      text   NOT NULL,
    position bigint NOT NULL,
    hash     bytea  NOT NULL CHECK (octet_length(hash) = 32),  -- RFC 6962's leaf hash
    source   text,                                             -- which number of which service it was: what completeness needs
    number   bigint,
    PRIMARY KEY (log, position)
);
CREATE INDEX pruned_entries_by_number ON pruned_entries (log, source, number) WHERE number IS NOT NULL;
COMMENT ON TABLE pruned_entries IS 'What is left of an entry whose content the policy has removed.';

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['retention_policies', 'retention_rules', 'legal_holds', 'legal_hold_releases', 'prunings',
                                'pruned_entries'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', kept);
    END LOOP;
END
$$;

-- The present for retention: never later than the log's newest checkpoint, nor, in earnest, than this server's clock. One clock that
-- runs ahead removes nothing.
CREATE FUNCTION retention_now(p_log text) RETURNS timestamptz LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN p.simulated THEN c.signed_at ELSE least(c.signed_at, now()) END
    FROM (SELECT signed_at FROM checkpoints WHERE log = p_log ORDER BY size DESC LIMIT 1) c,
         (SELECT simulated FROM retention_policies ORDER BY number DESC LIMIT 1) p
$$;

-- The whole bundles from p_from to p_to of which every entry may go, with the rule that kept each longest.
CREATE FUNCTION prunable_bundles(p_log text, p_from bigint, p_to bigint) RETURNS TABLE (bundle bigint, rule text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
    WITH present AS MATERIALIZED (SELECT retention_now(p_log) AS at),
    rules AS MATERIALIZED (
        SELECT r.* FROM retention_rules r
        WHERE r.policy = (SELECT p.policy FROM retention_policies p ORDER BY p.number DESC LIMIT 1)
          AND (r.logs IS NULL OR CASE WHEN p_log LIKE 'prt\_%' THEN 'protected' ELSE p_log END = ANY (r.logs))
    ),
    held AS MATERIALIZED (
        SELECT h.case_ref FROM legal_holds h WHERE h.log = p_log AND NOT EXISTS (SELECT FROM legal_hold_releases l WHERE l.hold = h.hold)
    ),
    found AS MATERIALIZED (
        SELECT e.position / 256 AS bundle, e.position, e.logged_at, e.kind, e.type, e.basis, e.case_ref
        FROM entries e WHERE e.log = p_log AND e.position >= p_from * 256 AND e.position < (p_to + 1) * 256
          -- What no rule lets go yet is not looked at, so that its bundle is not whole here. (Four days: months differ in length.)
          AND e.logged_at <= (SELECT present.at + interval '4 days' FROM present)
                             - (SELECT make_interval(months => min(keep_months)) FROM rules)
    ),
    cases AS MATERIALIZED (
        SELECT c.case_ref, ends.at AS ended_at, ends.first AS first
        FROM (SELECT DISTINCT f.case_ref FROM found f WHERE f.case_ref IS NOT NULL) c
        CROSS JOIN LATERAL (
            -- Ended: the last that is known of its life is that it was closed, or nothing is known any more.
            SELECT CASE WHEN coalesce((array_agg(e.type ORDER BY e.position DESC) FILTER (WHERE e.type IN (
                             'no.lagspill.cases.case.opened.v1', 'no.lagspill.cases.case.reopened.v1',
                             'no.lagspill.cases.case.closed.v1')))[1], 'no.lagspill.cases.case.closed.v1')
                             = 'no.lagspill.cases.case.closed.v1'
                        THEN max(e.logged_at) ELSE 'infinity' END AS at,
                   min(e.position) AS first
            FROM entries e WHERE e.log = p_log AND e.case_ref = c.case_ref
        ) ends
    ),
    judged AS (
        SELECT f.bundle, coalesce(g.rule, '') AS rule, coalesce(g.ordinal, 0) AS ordinal,
               CASE WHEN g.rule IS NULL OR g.keep_months IS NULL THEN 'infinity'
                    WHEN g.after_case AND f.case_ref IS NOT NULL THEN c.ended_at + make_interval(months => g.keep_months)
                    ELSE f.logged_at + make_interval(months => g.keep_months) END AS until,
               EXISTS (SELECT FROM held h WHERE h.case_ref IS NULL OR h.case_ref = f.case_ref)
               -- That a case was closed is known until everything before it in the log has gone.
               OR coalesce(f.type = 'no.lagspill.cases.case.closed.v1' AND c.first < f.bundle * 256, false) AS waits
        FROM found f
        LEFT JOIN cases c USING (case_ref)
        LEFT JOIN LATERAL (
            SELECT r.rule, r.ordinal, r.keep_months, r.after_case FROM rules r
            WHERE (r.kinds IS NULL OR f.kind = ANY (r.kinds)) AND (r.types IS NULL OR f.type LIKE ANY (r.types))
              AND (r.bases IS NULL OR f.basis = ANY (r.bases)) AND (r.about_case IS NULL OR (f.case_ref IS NOT NULL) = r.about_case)
            ORDER BY r.ordinal LIMIT 1
        ) g ON true
    )
    SELECT j.bundle, (array_agg(j.rule ORDER BY j.until DESC, j.ordinal))[1]
    FROM judged j CROSS JOIN present
    GROUP BY j.bundle HAVING count(*) = 256 AND bool_and(j.until <= present.at) AND NOT bool_or(j.waits)
    ORDER BY j.bundle
$$;
COMMENT ON FUNCTION prunable_bundles IS 'The bundles of a log whose content the policy in force lets go now.';

CREATE FUNCTION prune_entries(p_log text, p_first bigint, p_last bigint, p_policy text, p_rule text)
    RETURNS boolean  -- whether entries that told of earlier prunings were among them
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    gone bigint;
    told boolean;
BEGIN
    LOCK TABLE legal_holds, legal_hold_releases, retention_policies IN SHARE MODE;  -- nobody holds something meanwhile
    IF p_policy IS DISTINCT FROM (SELECT policy FROM retention_policies ORDER BY number DESC LIMIT 1) THEN
        RAISE EXCEPTION 'this is not the policy in force' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF p_first % 256 <> 0 OR p_last % 256 <> 255 OR p_first > p_last
       OR (SELECT count(*) FROM prunable_bundles(p_log, p_first / 256, p_last / 256) WHERE rule = p_rule)
          IS DISTINCT FROM (p_last - p_first + 1) / 256 THEN
        RAISE EXCEPTION 'the policy does not let these entries go' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO pruned_entries (log, position, hash, source, number)
        SELECT e.log, e.position, sha256('\x00'::bytea || e.leaf), e.source, e.number FROM entries e
        WHERE e.log = p_log AND e.position BETWEEN p_first AND p_last;
    -- What is not what the tree says is evidence, and is never removed.
    IF EXISTS (
        SELECT FROM generate_series(p_first / 256, p_last / 256) AS b (bundle)
        LEFT JOIN tiles t ON (t.log, t.level, t.tile) = (p_log, 0::smallint, b.bundle)
        WHERE t.hashes IS DISTINCT FROM (
            SELECT string_agg(p.hash, ''::bytea ORDER BY p.position) FROM pruned_entries p
            WHERE p.log = p_log AND p.position >= b.bundle * 256 AND p.position < (b.bundle + 1) * 256)
    ) THEN
        RAISE EXCEPTION 'an entry is not what the tree holds of it' USING ERRCODE = 'data_corrupted';
    END IF;
    told := EXISTS (SELECT FROM entries e WHERE e.log = p_log AND e.position BETWEEN p_first AND p_last
                    AND e.type = 'no.lagspill.audit.entries.pruned.v1');
    PERFORM set_config('lagspill.own_act', 'oversize'::regclass::oid::text, true);
    DELETE FROM oversize o USING (
        SELECT decode(substring(convert_from(e.leaf, 'LATIN1') FROM '^lagspill\.no/oversize@v1\nsize [0-9]+\nsha256 ([A-Za-z0-9+/]{43}=)\n$'),
                      'base64') AS sha256
        FROM entries e WHERE e.log = p_log AND e.kind = 'unparsable' AND e.position BETWEEN p_first AND p_last
    ) g WHERE o.sha256 = g.sha256 AND NOT EXISTS (
        SELECT FROM entries e WHERE e.log = p_log AND e.kind = 'unparsable' AND NOT e.position BETWEEN p_first AND p_last
        AND e.leaf = convert_to(format(E'lagspill.no/oversize@v1\nsize %s\nsha256 %s\n', octet_length(o.body),
                                       encode(o.sha256, 'base64')), 'UTF8'));
    PERFORM set_config('lagspill.own_act', 'entries'::regclass::oid::text, true);
    DELETE FROM entries e WHERE e.log = p_log AND e.position BETWEEN p_first AND p_last;
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('lagspill.own_act', '', true);
    IF gone <> p_last - p_first + 1 THEN
        RAISE EXCEPTION 'positions % to % of log % hold % entries', p_first, p_last, p_log, gone USING ERRCODE = 'data_corrupted';
    END IF;
    INSERT INTO prunings (log, first, last, policy, rule, pruned_at)
        VALUES (p_log, p_first, p_last, p_policy, p_rule, retention_now(p_log));
    RETURN told;
END
$$;
COMMENT ON FUNCTION prune_entries IS 'Removes the content of whole bundles that the policy in force lets go; checks each entry again.';
REVOKE ALL ON FUNCTION retention_now(text), prunable_bundles(text, bigint, bigint),
    prune_entries(text, bigint, bigint, text, text) FROM PUBLIC;

-- The pruner may call those two functions and publish what it did. It reads no entry, and the service that serves is not it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_pruner')
       AND (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        BEGIN
            CREATE ROLE lagspill_audit_pruner NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database's migration was faster
        END;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_pruner') THEN
        GRANT USAGE ON SCHEMA public TO lagspill_audit_pruner;
        GRANT EXECUTE ON FUNCTION prunable_bundles(text, bigint, bigint), prune_entries(text, bigint, bigint, text, text)
            TO lagspill_audit_pruner;
        GRANT SELECT ON logs, prunings, pruned_entries, retention_policies, legal_holds, legal_hold_releases TO lagspill_audit_pruner;
        GRANT SELECT, INSERT, UPDATE ON aggregates TO lagspill_audit_pruner;
        GRANT SELECT, INSERT ON events, outbox, idempotency_keys TO lagspill_audit_pruner;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        REVOKE INSERT, UPDATE, DELETE ON retention_policies, retention_rules, prunings, pruned_entries FROM lagspill_audit_writer;
        REVOKE UPDATE, DELETE ON legal_holds, legal_hold_releases FROM lagspill_audit_writer;
    END IF;
END
$$;
