"""SQL of whom the guardians have chosen to turn to (seed rules 33, 34)."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from shared.contracts.codes import Role, Service
from shared.db import Connection
from shared.refs import CaseRef


@dataclass(frozen=True)
class Chosen:
    """Whom: a role in a service."""

    service: Service
    role: Role


async def choose(conn: Connection, case: CaseRef, chosen: Chosen) -> Chosen | None:
    """Remember whom, and return whom before; None when nobody."""
    before = await forget(conn, case)
    await conn.execute(
        "INSERT INTO contact_persons (case_ref, service, role) VALUES ($1, $2, $3)", case, chosen.service, chosen.role
    )
    return before


async def chosen_in(conn: Connection, case: CaseRef) -> Chosen | None:
    """Return whom; None when nobody."""
    return _chosen(await conn.fetchrow("SELECT service, role FROM contact_persons WHERE case_ref = $1", case))


async def forget(conn: Connection, case: CaseRef) -> Chosen | None:
    """Let it be nobody, and return who it was."""
    return _chosen(await conn.fetchrow("DELETE FROM contact_persons WHERE case_ref = $1 RETURNING service, role", case))


def _chosen(row: asyncpg.Record | None) -> Chosen | None:
    return None if row is None else Chosen(Service(row["service"]), Role(row["role"]))
