"""SQL of the deviations that leaders were told of: where they are found."""

from __future__ import annotations

from shared.db import Connection
from shared.refs import DeviationRef, LogScope


async def deviation_ref(conn: Connection, municipality: LogScope, key: str, new: DeviationRef) -> DeviationRef:
    """Return the reference of what has that key: `new` when it has none yet."""
    await conn.execute(
        "INSERT INTO deviations (deviation, municipality, key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        new,
        municipality,
        key,
    )
    found = await conn.fetchval(
        "SELECT deviation FROM deviations WHERE municipality = $1 AND key = $2", municipality, key
    )
    return DeviationRef(found)
