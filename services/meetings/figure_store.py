"""SQL of the figures: the facts that reports are counted from."""

from __future__ import annotations

from datetime import datetime

from services.meetings.domain.figure_facts import FACT, Happened
from shared.arrivals import Tx
from shared.db import Connection
from shared.refs import LogScope


def keep(tx: Tx, municipality: LogScope, happened: Happened) -> None:
    """Keep a fact, once."""
    tx.write(
        "INSERT INTO figure_facts (subject, sequence, municipality, happened_at, fact) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING",
        happened.subject,
        happened.sequence,
        municipality,
        happened.at,
        FACT.dump_json(happened.fact).decode(),
    )


async def facts(conn: Connection, municipality: LogScope, before: datetime) -> list[Happened]:
    """Return everything that is counted of the municipality and happened before that moment."""
    rows = await conn.fetch(
        "SELECT subject, sequence, happened_at, fact FROM figure_facts WHERE municipality = $1 AND happened_at < $2",
        municipality,
        before,
    )
    return [
        Happened(row["subject"], row["sequence"], row["happened_at"], FACT.validate_json(row["fact"])) for row in rows
    ]
