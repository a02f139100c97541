"""SQL of visits to public pages: a number for each municipality, page and month, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from services.meetings.domain.visiting import PublicPage, Visited
from shared.db import Connection, Pool
from shared.refs import LogScope


async def add(pool: Pool, visits: Mapping[Visited, int]) -> None:
    """Add these visits, all of them or none; of nought, say that the month is counted."""
    # In one order, so that two instances do not wait for each other.
    rows = sorted(visits.items(), key=lambda each: (each[0].municipality, each[0].page, each[0].month))
    await pool.execute(
        "INSERT INTO page_visits (municipality, page, month, visits)"
        " SELECT * FROM unnest($1::text[], $2::text[], $3::date[], $4::bigint[])"
        " ON CONFLICT (municipality, page, month) DO UPDATE SET visits = page_visits.visits + excluded.visits",
        [visited.municipality for visited, _ in rows],
        [visited.page.value for visited, _ in rows],
        [visited.month for visited, _ in rows],
        [number for _, number in rows],
    )


async def begin(pool: Pool, municipalities: Iterable[LogScope], page: PublicPage, month: date) -> None:
    """Say that visits are counted in that month: what was before the first such month is not known, and not nought."""
    await add(pool, {Visited(municipality, page, month): 0 for municipality in municipalities})


async def by_month(conn: Connection, municipality: LogScope, page: PublicPage) -> dict[date, int]:
    """Return the municipality's visits by month; a month that is not there has none, if one before it is."""
    rows = await conn.fetch(
        "SELECT month, visits FROM page_visits WHERE municipality = $1 AND page = $2 ORDER BY month",
        municipality,
        page.value,
    )
    return {row["month"]: row["visits"] for row in rows}
