"""SQL of the figures: what happened to concerns and measures, by unit and moment, and what was published of each term."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.cases.domain.figures import NO_UNIT, FirstHelp, Published, Told
from services.cases.domain.state import CaseState
from shared.clock import oslo_day
from shared.contracts import cases as events
from shared.contracts.base import EventData
from shared.contracts.codes import Service
from shared.contracts.safekeeping import AddressProtectionSet
from shared.db import Connection
from shared.refs import CaseRef, LogScope
from shared.terms import Period


async def follow_figures(
    conn: Connection, case: CaseRef, state: CaseState, happened: Sequence[EventData], now: datetime
) -> None:
    """Note what `happened`, in the transaction in which it does. Of an address-protected case nothing is noted."""
    for event in happened:
        match event:
            case AddressProtectionSet():
                for table in ("figure_concerns", "figure_measures", "figure_evaluations"):
                    await conn.execute(f"UPDATE {table} SET unit = NULL WHERE case_ref = $1", case)  # noqa: S608
            case _ if state.address_protected:
                continue
            case events.ConcernRegistered() | events.ConcernJoined():
                await conn.execute(
                    "INSERT INTO figure_concerns (concern, case_ref, municipality, unit, for_whom, registered_at)"
                    " SELECT $1, $2, municipality, $3, $4, $5 FROM case_index WHERE case_ref = $2"
                    " ON CONFLICT DO NOTHING",
                    event.concern,
                    case,
                    event.registered_by.unit,
                    event.for_whom,
                    now,
                )
            case events.ConcernResolvedLocally() | events.ConcernEscalated():
                await conn.execute(
                    "UPDATE figure_concerns SET acted_at = coalesce(acted_at, $2) WHERE concern = $1",
                    event.concern,
                    now,
                )
            case events.MeasurePlanned():
                holder = state.holder
                unit = event.owner_unit or (holder.unit if holder is not None else None)
                await conn.execute(
                    "INSERT INTO figure_measures (measure, case_ref, municipality, unit, owner, level, planned_at,"
                    " evaluate_by) SELECT $1, $2, municipality, $3, $4, $5, $6, $7 FROM case_index WHERE case_ref = $2"
                    " ON CONFLICT DO NOTHING",
                    event.measure,
                    case,
                    unit,
                    event.owner,
                    event.level,
                    now,
                    event.evaluate_by,
                )
            case events.MeasureChanged():
                await conn.execute(
                    "UPDATE figure_measures SET evaluate_by = $2 WHERE measure = $1", event.measure, event.evaluate_by
                )
            case events.MeasureEvaluated():
                await conn.execute(
                    "INSERT INTO figure_evaluations (case_ref, municipality, unit, evaluated_at, in_time, effect)"
                    " SELECT case_ref, municipality, unit, $2, $2 <= evaluate_by, $3 FROM figure_measures WHERE measure = $1",
                    event.measure,
                    now,
                    event.effect,
                )
                await conn.execute(
                    "UPDATE figure_measures SET evaluate_by = coalesce($2, evaluate_by) WHERE measure = $1",
                    event.measure,
                    event.evaluate_by,
                )
            case _:
                continue


async def told_of(conn: Connection, municipality: LogScope, period: Period) -> Told:
    """Return what happened in the municipality in the term, by unit."""
    told = Told()
    asked = (municipality, period.begins, period.ends)
    for row in await conn.fetch(
        "SELECT unit, for_whom FROM figure_concerns WHERE municipality = $1 AND registered_at >= $2 AND registered_at < $3",
        *asked,
    ):
        told.for_whom[row["unit"] or NO_UNIT, row["for_whom"]] += 1
    for row in await conn.fetch(
        "SELECT unit, extract(epoch FROM acted_at - registered_at)::float8 / 86400 AS days FROM figure_concerns"
        " WHERE municipality = $1 AND acted_at >= $2 AND acted_at < $3",
        *asked,
    ):
        told.days_to_action.setdefault(row["unit"] or NO_UNIT, []).append(row["days"])
    for row in await conn.fetch(
        "SELECT unit, level, owner FROM figure_measures WHERE municipality = $1 AND planned_at >= $2 AND planned_at < $3",
        *asked,
    ):
        told.planned[row["unit"] or NO_UNIT, f"level-{row['level']}"] += 1
        told.owners[row["unit"] or NO_UNIT, "ppt" if row["owner"] == Service.PPT else "others"] += 1
    for row in await conn.fetch(
        "SELECT unit, in_time, effect FROM figure_evaluations"
        " WHERE municipality = $1 AND evaluated_at >= $2 AND evaluated_at < $3",
        *asked,
    ):
        told.in_time[row["unit"] or NO_UNIT, "in-time" if row["in_time"] else "late"] += 1
        told.effects[row["unit"] or NO_UNIT, row["effect"]] += 1
    return told


async def first_helped(conn: Connection, municipality: LogScope, period: Period) -> list[FirstHelp]:
    """Return the cases in which a measure was put in for the first time in the term (seed rule 131)."""
    rows = await conn.fetch(
        "SELECT DISTINCT ON (case_ref) case_ref, unit, level, planned_at FROM figure_measures AS first"
        " WHERE municipality = $1 AND planned_at >= $2 AND planned_at < $3 AND NOT EXISTS (SELECT FROM figure_measures AS before"
        " WHERE before.case_ref = first.case_ref AND before.planned_at < $2) ORDER BY case_ref, planned_at, level, measure",
        municipality,
        period.begins,
        period.ends,
    )
    return [
        FirstHelp(case=CaseRef(row["case_ref"]), unit=row["unit"], level=row["level"], day=oslo_day(row["planned_at"]))
        for row in rows
    ]


async def published_of(conn: Connection, municipality: LogScope, period: Period) -> Published | None:
    """Return what was published of the term; None before anybody has asked."""
    figures = await conn.fetchval(
        "SELECT figures FROM published_figures WHERE municipality = $1 AND period = $2", municipality, period.code
    )
    return None if figures is None else Published.model_validate_json(figures)


async def publish(conn: Connection, municipality: LogScope, period: Period, figures: Published) -> Published:
    """Publish what is told of the term, and return what stands: what somebody published in the meantime is not changed."""
    await conn.execute(
        "INSERT INTO published_figures (municipality, period, figures) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        municipality,
        period.code,
        figures.model_dump_json(),
    )
    return await published_of(conn, municipality, period) or figures
