"""One database and one role per service on a PostgreSQL server: no service can read another's state."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from deploy.local.errors import LocalError, plain_errors
from deploy.local.keys import keep_secret

SERVICES: Final = ("cases", "meetings", "notify", "audit")
AUDIT_ROLES: Final = ("lagspill_audit_writer", "lagspill_audit_reader")
"""What the audit service works as: the one adds to the log, the other reads it, neither changes what stands there."""
AUDIT_LOGIN: Final = "lagspill_audit_service"
"""Who the running audit service logs in as: it is in those roles and owns nothing. Only migrations work as the owner."""
AUDIT_PRUNER: Final = "lagspill_audit_pruner"
"""Who removes what the retention policy lets go."""
NEIGHBOUR: Final = "lagspill_neighbour"
"""The next municipality's audit database, and its login."""


@dataclass(frozen=True, slots=True)
class Databases:
    """Addresses on one server, each with its own login and password."""

    services: Mapping[str, str]
    """Each service's, as it runs."""
    owners: Mapping[str, str]
    """Each database's owner's: for migrations."""
    pruner: str
    neighbour: str | None = None
    """The next municipality's audit database's, if it was asked for; its login owns it."""


async def make_databases(admin: str, passwords: Path, *, neighbour: bool = False) -> Databases:
    """Make what is missing and return who gets into which database with what.

    Args:
        admin: the address of a role that may create databases and roles.
        passwords: the folder that keeps each role's password, made by the first run.
        neighbour: make the next municipality's audit database too.

    Raises:
        LocalError: the server cannot be reached, or refuses.
    """
    known = _passwords(passwords)
    try:
        connection = await asyncpg.connect(admin, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        raise LocalError(f"PostgreSQL at {_place(admin)} cannot be used ({error}): check DATABASE_URL.") from error
    try:
        for service in SERVICES:
            await _make_one(connection, f"lagspill_{service}", known[f"lagspill_{service}"])
        for role in AUDIT_ROLES:
            if not await connection.fetchval("select 1 from pg_roles where rolname = $1", role):
                await connection.execute(f"create role {role} nologin")
        for login in (AUDIT_LOGIN, AUDIT_PRUNER):
            await _make_login(connection, login, known[login])
            await connection.execute(f"grant connect on database lagspill_audit to {login}")
        await connection.execute(f"grant {', '.join(AUDIT_ROLES)} to {AUDIT_LOGIN}")
        if neighbour:
            await _make_one(connection, NEIGHBOUR, known[NEIGHBOUR])
            await connection.execute(f"grant {', '.join(AUDIT_ROLES)} to {NEIGHBOUR}")
    except asyncpg.PostgresError as error:
        raise LocalError(f"PostgreSQL at {_place(admin)} refused to make a database for a service: {error}.") from error
    finally:
        await connection.close()
    owners = {name: _address(admin, f"lagspill_{name}", known[f"lagspill_{name}"], name) for name in SERVICES}
    running = _address(admin, AUDIT_LOGIN, known[AUDIT_LOGIN], "audit")
    pruner = _address(admin, AUDIT_PRUNER, known[AUDIT_PRUNER], "audit")
    beside = _address(admin, NEIGHBOUR, known[NEIGHBOUR], "neighbour") if neighbour else None
    return Databases({**owners, "audit": running}, owners, pruner, beside)


def _passwords(folder: Path) -> dict[str, str]:
    known = {}
    with plain_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for login in (*(f"lagspill_{service}" for service in SERVICES), AUDIT_LOGIN, AUDIT_PRUNER, NEIGHBOUR):
            file = folder / f"database-{login.removeprefix('lagspill_').replace('_', '-')}"
            keep_secret(file, secrets.token_urlsafe(24))
            known[login] = file.read_text().strip()
    return known


async def _make_login(connection: asyncpg.Connection[asyncpg.Record], name: str, password: str) -> None:
    exists = await connection.fetchval("select 1 from pg_roles where rolname = $1", name)
    # A role's password cannot be a parameter; ours is letters, digits, - and _ only.
    await connection.execute(f"{'alter' if exists else 'create'} role {name} login password '{password}'")


async def _make_one(connection: asyncpg.Connection[asyncpg.Record], name: str, password: str) -> None:
    await _make_login(connection, name, password)
    if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
        await connection.execute(f"grant {name} to current_user")  # a managed server's administrator is no superuser
        await connection.execute(f"create database {name} owner {name}")
        await connection.execute(f"revoke all on database {name} from public")


def _address(admin: str, role: str, password: str, service: str) -> str:
    parts = urlsplit(admin)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password)}@{host}", path=f"/lagspill_{service}"))


def _place(admin: str) -> str:
    """Return the host and port alone: an error never shows a password."""
    return urlsplit(admin).netloc.rpartition("@")[2]
