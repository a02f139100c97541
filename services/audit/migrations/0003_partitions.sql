-- Entries by month of `logged_at` (UTC). Partitions are made ahead by the service through a function that can do nothing else; a
-- default partition takes what comes before one is made, so that no clock can stop the log.

-- What stands there already stays where it is, in one partition up to the end of its last month: nothing is copied, however much.
DO $$
DECLARE
    latest timestamptz;
BEGIN
    SET LOCAL timezone = 'UTC';
    SELECT max(logged_at) INTO latest FROM entries;
    ALTER TABLE entries DETACH PARTITION entries_all;
    IF latest IS NULL THEN
        DROP TABLE entries_all;
    ELSE
        ALTER TABLE entries_all RENAME TO entries_earlier;
        EXECUTE format('ALTER TABLE entries ATTACH PARTITION entries_earlier FOR VALUES FROM (MINVALUE) TO (%L)',
                       date_trunc('month', latest) + interval '1 month');
    END IF;
END
$$;
CREATE TABLE entries_default PARTITION OF entries DEFAULT;

-- Moving rows between partitions and pruning are acts of this schema's own functions, which run as its owner and say so.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('lagspill.own_act', true) = TG_RELID::text
       AND current_user = (SELECT rolname FROM pg_roles JOIN pg_class ON relowner = pg_roles.oid WHERE pg_class.oid = TG_RELID) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Nobody has a right on a partition: what is granted on `entries` is all there is.
CREATE FUNCTION close_partition(closed regclass) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    granted name;
BEGIN
    FOR granted IN
        SELECT DISTINCT rolname FROM pg_class CROSS JOIN LATERAL aclexplode(relacl) JOIN pg_roles ON pg_roles.oid = grantee
        WHERE pg_class.oid = closed AND grantee <> relowner
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %I', closed, granted);
    END LOOP;
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', closed);
    EXECUTE format('CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', closed);
END
$$;
REVOKE ALL ON FUNCTION close_partition(regclass) FROM PUBLIC;
SELECT close_partition('entries_default');
DO $$
BEGIN
    IF to_regclass('entries_earlier') IS NOT NULL THEN
        PERFORM close_partition('entries_earlier');
    END IF;
END
$$;

CREATE FUNCTION make_entries_partition(moment timestamptz) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '1s' AS $$
DECLARE
    opens  CONSTANT timestamptz := date_trunc('month', moment);
    closes CONSTANT timestamptz := opens + interval '1 month';
    name   CONSTANT text := 'entries_' || to_char(opens, 'YYYY_MM');
    unused integer := 0;
    other  regclass;
    used   boolean;
BEGIN
    IF opens IS NULL OR opens < '2020-01-01' OR opens >= '2200-01-01' THEN
        RAISE EXCEPTION 'no month that a log is kept in' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('lagspill entries partitions', 0));
    IF to_regclass(name) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('entries_earlier'))
       AND opens < (SELECT substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''(.*)''\)')::timestamptz
                    FROM pg_class WHERE oid = to_regclass('entries_earlier')) THEN
        RETURN NULL;
    END IF;
    -- Whoever may call this may not fill the catalogue: at most so many months stand empty after the last that is used. Those
    -- before it that retention has emptied do not count.
    FOR other IN
        SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'entries'::regclass AND relname ~ '^entries_[0-9]{4}_[0-9]{2}$' ORDER BY relname DESC
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', other) INTO used;
        EXIT WHEN used;
        unused := unused + 1;
    END LOOP;
    IF unused >= 36 THEN
        RAISE EXCEPTION '% months stand empty; no more are made', unused USING ERRCODE = 'program_limit_exceeded';
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE entries INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', name);
    -- What a clock that jumped has put into the default partition moves to where it belongs, with nobody in between.
    LOCK TABLE entries_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('INSERT INTO %I SELECT * FROM entries_default WHERE logged_at >= %L AND logged_at < %L', name, opens, closes);
    PERFORM set_config('lagspill.own_act', 'entries_default'::regclass::oid::text, true);
    DELETE FROM entries_default WHERE logged_at >= opens AND logged_at < closes;
    PERFORM set_config('lagspill.own_act', '', true);
    EXECUTE format('ALTER TABLE entries ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, opens, closes);
    PERFORM close_partition(name::regclass);
    RETURN name;
END
$$;
COMMENT ON FUNCTION make_entries_partition IS 'Makes the partition of a month if it is not there, and returns its name. Nothing else.';
CREATE FUNCTION count_stray_entries() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS 'SELECT count(*) FROM entries_default';
COMMENT ON FUNCTION count_stray_entries IS 'How many entries stand in the default partition: none, but after a clock has jumped.';
REVOKE ALL ON FUNCTION make_entries_partition(timestamptz), count_stray_entries() FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lagspill_audit_writer') THEN
        GRANT EXECUTE ON FUNCTION make_entries_partition(timestamptz), count_stray_entries() TO lagspill_audit_writer;
    END IF;
END
$$;
