"""SQL of the figures: the facts that reports are counted from, and what was published of each term."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.meetings.domain.figure_facts import FACT, Happened
from services.meetings.domain.figures import Figure, FigureCode
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


async def published(conn: Connection, municipality: LogScope, period: str) -> dict[FigureCode, Figure]:
    """Return the term's figures that were published."""
    rows = await conn.fetch(
        "SELECT figure FROM published_figures WHERE municipality = $1 AND period = $2 ORDER BY code",
        municipality,
        period,
    )
    figures = [Figure.model_validate_json(row["figure"]) for row in rows]
    return {figure.code: figure for figure in figures}


async def publish(
    conn: Connection, municipality: LogScope, period: str, figures: Mapping[FigureCode, Figure]
) -> dict[FigureCode, Figure]:
    """Publish the term's figures, and return them as they stand: what was published before, by whomever, is not changed."""
    codes = sorted(figures)
    # In one order: of two that publish at the same time all is the one's, and nothing the other's.
    await conn.execute(
        "INSERT INTO published_figures (municipality, period, code, figure)"
        " SELECT $1, $2, code, figure::jsonb FROM unnest($3::text[], $4::text[]) AS told (code, figure) ORDER BY code"
        " ON CONFLICT DO NOTHING",
        municipality,
        period,
        [code.value for code in codes],
        [figures[code].model_dump_json() for code in codes],
    )
    return await published(conn, municipality, period)
