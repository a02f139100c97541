#!/bin/sh
# One database and one owning role per service: no service can read another's state.
set -eu
for service in cases meetings notify audit; do
  psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set=role="lagspill_$service" --set=password="$POSTGRES_PASSWORD" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"role" OWNER :"role";
REVOKE ALL ON DATABASE :"role" FROM PUBLIC;
SQL
done
# The log's database is owned by a role that only migrates. The service logs in as one that may add and read, and the pruner, which
# removes what the retention policy lets go, as another.
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres --set=password="$POSTGRES_PASSWORD" <<'SQL'
CREATE ROLE lagspill_audit_writer NOLOGIN;
CREATE ROLE lagspill_audit_reader NOLOGIN;
CREATE ROLE lagspill_audit_service LOGIN PASSWORD :'password' IN ROLE lagspill_audit_writer, lagspill_audit_reader;
CREATE ROLE lagspill_audit_pruner LOGIN PASSWORD :'password';
GRANT CONNECT ON DATABASE lagspill_audit TO lagspill_audit_service, lagspill_audit_pruner;
-- The next municipality's audit service, for trying out: its login owns its database.
CREATE ROLE lagspill_neighbour LOGIN PASSWORD :'password' IN ROLE lagspill_audit_writer, lagspill_audit_reader;
CREATE DATABASE lagspill_neighbour OWNER lagspill_neighbour;
REVOKE ALL ON DATABASE lagspill_neighbour FROM PUBLIC;
SQL
