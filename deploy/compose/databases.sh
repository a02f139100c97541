#!/bin/sh
# One database and one owning role per service: no service can read another's state.
set -eu
for service in cases meetings notify audit; do
  # The log's migration makes roles of its own, a writer that may only add and a reader; nobody else's may.
  if [ "$service" = audit ]; then makes_roles=CREATEROLE; else makes_roles=NOCREATEROLE; fi
  psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set=role="lagspill_$service" --set=password="$POSTGRES_PASSWORD" \
    --set=makes_roles="$makes_roles" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password' :makes_roles;
CREATE DATABASE :"role" OWNER :"role";
REVOKE ALL ON DATABASE :"role" FROM PUBLIC;
SQL
done
