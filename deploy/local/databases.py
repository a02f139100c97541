"""One database and one role per service on a PostgreSQL server: no service can read another's state."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from deploy.local.errors import LocalError, plain_errors
from deploy.local.keys import keep_secret

SERVICES: Final = ("cases", "meetings", "notify", "audit")
AUDIT_ROLES: Final = ("lagspill_audit_writer", "lagspill_audit_reader")
"""What the audit service works as: the one adds to the log, the other reads it, neither changes what stands there."""


async def make_databases(admin: str, passwords: Path) -> Mapping[str, str]:
    """Make what is missing and return each service's address of its own database.

    Args:
        admin: the address of a role that may create databases and roles.
        passwords: the folder that keeps each role's password, made by the first run.

    Raises:
        LocalError: the server cannot be reached, or refuses.
    """
    known = _passwords(passwords)
    try:
        connection = await asyncpg.connect(admin, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        raise LocalError(f"PostgreSQL at {_place(admin)} cannot be used ({error}): check DATABASE_URL.") from error
    try:
        for service, password in known.items():
            await _make_one(connection, f"lagspill_{service}", password)
        for role in AUDIT_ROLES:
            if not await connection.fetchval("select 1 from pg_roles where rolname = $1", role):
                await connection.execute(f"create role {role} nologin")
            await connection.execute(f"grant {role} to lagspill_audit")
    except asyncpg.PostgresError as error:
        raise LocalError(f"PostgreSQL at {_place(admin)} refused to make a database for a service: {error}.") from error
    finally:
        await connection.close()
    return {service: _address(admin, f"lagspill_{service}", password) for service, password in known.items()}


def _passwords(folder: Path) -> dict[str, str]:
    known = {}
    with plain_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for service in SERVICES:
            file = folder / f"database-{service}"
            keep_secret(file, secrets.token_urlsafe(24))
            known[service] = file.read_text().strip()
    return known


async def _make_one(connection: asyncpg.Connection[asyncpg.Record], name: str, password: str) -> None:
    exists = await connection.fetchval("select 1 from pg_roles where rolname = $1", name)
    # A role's password cannot be a parameter; ours is letters, digits, - and _ only.
    await connection.execute(f"{'alter' if exists else 'create'} role {name} login password '{password}'")
    if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
        await connection.execute(f"grant {name} to current_user")  # a managed server's administrator is no superuser
        await connection.execute(f"create database {name} owner {name}")
        await connection.execute(f"revoke all on database {name} from public")


def _address(admin: str, role: str, password: str) -> str:
    parts = urlsplit(admin)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password)}@{host}", path=f"/{role}"))


def _place(admin: str) -> str:
    """Return the host and port alone: an error never shows a password."""
    return urlsplit(admin).netloc.rpartition("@")[2]
