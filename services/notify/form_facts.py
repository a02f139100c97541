"""SQL of which versions of transition forms guardians are still asked to approve (seed rule 14)."""

from __future__ import annotations

from typing import Final

from shared.db import Connection
from shared.refs import FormRef

EVERYBODY: Final = 0
"""In place of a guardian's number: nobody is asked any more."""


async def answered(conn: Connection, form: FormRef, version: int, ordinal: int) -> None:
    """Remember that a guardian has approved a version, or that `EVERYBODY` has who must."""
    await conn.execute(
        "INSERT INTO form_answers (form, version, ordinal) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        form,
        version,
        ordinal,
    )


async def written(conn: Connection, form: FormRef, version: int) -> None:
    """Remember that there is a version: nobody is asked to approve one before it."""
    await answered(conn, form, version - 1, EVERYBODY)


async def waits_for(conn: Connection, form: FormRef, version: int, ordinal: int) -> bool:
    """Return whether a guardian is still asked to approve a version."""
    return not await conn.fetchval(
        "SELECT EXISTS (SELECT FROM form_answers WHERE form = $1"
        " AND (version >= $2 AND ordinal = $4 OR version = $2 AND ordinal = $3))",
        form,
        version,
        ordinal,
        EVERYBODY,
    )
