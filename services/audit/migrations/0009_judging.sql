-- Retention believes less of what the service wrote beside an entry. An entry is no older than the first checkpoint that has it, and
-- that no older than those before it: those are signed, and witnessed, and an entry that is put in with an old date has a new position.
-- Only the cases service says that a case was closed. The log `unparsable` is no municipality's, in whose name a pruning could be
-- published: it is not pruned. And who writes the log does not let go of a hold.

CREATE OR REPLACE FUNCTION prunable_bundles(p_log text, p_from bigint, p_to bigint) RETURNS TABLE (bundle bigint, rule text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
    WITH present AS MATERIALIZED (SELECT retention_now(p_log) AS at),
    rules AS MATERIALIZED (
        SELECT r.* FROM retention_rules r
        WHERE r.policy = (SELECT p.policy FROM retention_policies p ORDER BY p.number DESC LIMIT 1)
          AND (r.logs IS NULL OR CASE WHEN p_log LIKE 'prt\_%' THEN 'protected' ELSE p_log END = ANY (r.logs))
    ),
    signed AS MATERIALIZED (
        -- Up to the first checkpoint that has every entry asked about; none is older than one that is smaller.
        SELECT c.size, max(c.signed_at) OVER (ORDER BY c.size) AS at FROM checkpoints c
        WHERE c.log = p_log AND c.size <= coalesce(
            (SELECT min(size) FROM checkpoints WHERE log = p_log AND size >= (p_to + 1) * 256), 9223372036854775807)
    ),
    held AS MATERIALIZED (
        SELECT h.case_ref FROM legal_holds h WHERE h.log = p_log AND NOT EXISTS (SELECT FROM legal_hold_releases l WHERE l.hold = h.hold)
    ),
    found AS MATERIALIZED (
        SELECT e.position / 256 AS bundle, e.position, greatest(e.logged_at, signed.at) AS logged_at, e.kind, e.type, e.basis,
               e.case_ref, e.source
        FROM entries e
        -- What no checkpoint has is not found, so that its bundle is not whole here.
        CROSS JOIN LATERAL (SELECT c.size FROM checkpoints c WHERE c.log = p_log AND c.size > e.position ORDER BY c.size LIMIT 1) covering
        JOIN signed USING (size)
        WHERE e.log = p_log AND p_log <> 'unparsable' AND e.position >= p_from * 256 AND e.position < (p_to + 1) * 256
          -- What no rule lets go yet is not looked at, so that its bundle is not whole here. (Four days: months differ in length.)
          AND e.logged_at <= (SELECT present.at + interval '4 days' FROM present)
                             - (SELECT make_interval(months => min(keep_months)) FROM rules)
    ),
    cases AS MATERIALIZED (
        SELECT c.case_ref, ends.at AS ended_at, ends.first AS first
        FROM (SELECT DISTINCT f.case_ref FROM found f WHERE f.case_ref IS NOT NULL) c
        CROSS JOIN LATERAL (
            -- Ended: the last that is known of its life is that it was closed, or nothing is known any more.
            SELECT CASE WHEN coalesce((array_agg(e.type ORDER BY e.position DESC) FILTER (
                             WHERE e.source = '/services/cases' AND e.type IN (
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
                    WHEN g.after_case AND f.case_ref IS NOT NULL
                        THEN greatest(c.ended_at, f.logged_at) + make_interval(months => g.keep_months)
                    ELSE f.logged_at + make_interval(months => g.keep_months) END AS until,
               EXISTS (SELECT FROM held h WHERE h.case_ref IS NULL OR h.case_ref = f.case_ref)
               -- That a case was closed is known until everything before it in the log has gone.
               OR coalesce(f.type = 'no.lagspill.cases.case.closed.v1' AND f.source = '/services/cases'
                           AND c.first < f.bundle * 256, false) AS waits
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

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        REVOKE INSERT ON legal_hold_releases FROM lagspill_audit_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_pruner') THEN
        GRANT INSERT ON legal_hold_releases TO lagspill_audit_pruner;
    END IF;
END
$$;
