"""SQL of the work around the child: what a service was asked for and how quickly it answered, and which meetings write plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.contracts.codes import Service
from shared.contracts.meetings import OutcomeRecorded
from shared.contracts.team import ContributionRequested
from shared.db import Connection
from shared.refs import CaseRef, ContributionRef, LogScope, MeasureRef, MeetingRef, UnitId
from shared.terms import Period


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to contribute, as a list needs it. The case is for judging it, not for showing."""

    contribution: ContributionRef
    case: CaseRef
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Responses:
    """How one service answered, within a term, what it was asked for in that term."""

    service: Service
    in_time: int
    late: int
    unanswered: int
    days: tuple[float, ...]
    """From being asked to the first response, of those that were answered."""


async def contribution_asked(conn: Connection, event: ContributionRequested, unit: UnitId | None, at: datetime) -> None:
    """Make a request findable for the service that is asked."""
    await conn.execute(
        "INSERT INTO contributions (contribution, case_ref, municipality, service, unit, asked_at, respond_by, running)"
        " SELECT $1, $2, municipality, $3, $4, $5, $6, true FROM case_index WHERE case_ref = $2",
        event.contribution,
        event.case,
        event.service,
        unit,
        at,
        event.respond_by,
    )


async def contribution_answered(
    conn: Connection, contribution: ContributionRef, at: datetime, *, running: bool
) -> None:
    """Note the first response; whether it still runs."""
    await conn.execute(
        "UPDATE contributions SET first_response_at = coalesce(first_response_at, $2), running = $3 WHERE contribution = $1",
        contribution,
        at,
        running,
    )


async def contribution_ended(conn: Connection, contribution: ContributionRef) -> None:
    """Note that it runs no more."""
    await conn.execute("UPDATE contributions SET running = false WHERE contribution = $1", contribution)


async def asked_of(
    conn: Connection,
    municipality: LogScope,
    service: Service,
    unit: UnitId | None,
    *,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Asked]:
    """Return what the service is asked for and has not settled, newest first; of a barnehage or school, the unit's own."""
    rows = await conn.fetch(
        "SELECT contribution, case_ref, asked_at FROM contributions"
        " WHERE municipality = $1 AND service = $2 AND running AND (unit IS NULL OR unit = $3)"
        " AND ($4::timestamptz IS NULL OR (asked_at, contribution) < ($4, $5))"
        " ORDER BY asked_at DESC, contribution DESC LIMIT $6",
        municipality,
        service,
        unit,
        None if after is None else after[0],
        None if after is None else after[1],
        limit,
    )
    return [Asked(ContributionRef(row["contribution"]), CaseRef(row["case_ref"]), row["asked_at"]) for row in rows]


async def responses(conn: Connection, municipality: LogScope, period: Period) -> list[Responses]:
    """Return how the municipality's services answered what they were asked for in a term (seed rule 102).

    What is answered after it does not count in it: the figures of a term that is over stay as they are.
    """
    rows = await conn.fetch(
        "SELECT service, count(*) FILTER (WHERE answered_at <= respond_by) AS in_time,"
        " count(*) FILTER (WHERE answered_at > respond_by) AS late,"
        " count(*) FILTER (WHERE answered_at IS NULL) AS unanswered,"
        " array_agg((extract(epoch FROM answered_at - asked_at) / 86400)::double precision)"
        "  FILTER (WHERE answered_at IS NOT NULL) AS days"
        " FROM (SELECT service, asked_at, respond_by, CASE WHEN first_response_at < $3 THEN first_response_at END AS answered_at"
        "  FROM contributions WHERE municipality = $1 AND asked_at >= $2 AND asked_at < $3) AS asked"
        " GROUP BY service ORDER BY service",
        municipality,
        period.begins,
        period.ends,
    )
    return [
        Responses(
            service=Service(row["service"]),
            in_time=row["in_time"],
            late=row["late"],
            unanswered=row["unanswered"],
            days=tuple(row["days"] or ()),
        )
        for row in rows
    ]


async def meeting_held(conn: Connection, meeting: MeetingRef, arena_type: str) -> None:
    """Remember what kind of meeting it was."""
    await conn.execute(
        "INSERT INTO held_meetings (meeting, arena_type) VALUES ($1, $2) ON CONFLICT DO NOTHING", meeting, arena_type
    )


async def arena_type_of(conn: Connection, meeting: MeetingRef) -> str | None:
    """Return what kind of meeting it was; None when that is not known."""
    found: str | None = await conn.fetchval("SELECT arena_type FROM held_meetings WHERE meeting = $1", meeting)
    return found


async def item_decided(conn: Connection, event: OutcomeRecorded) -> None:
    """Remember that a meeting decided on a case by name."""
    await conn.execute(
        "INSERT INTO decided_items (item, meeting, case_ref, measures) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        event.item,
        event.meeting,
        event.case,
        [one.measure for one in event.measures],
    )


async def decided_in(conn: Connection, meeting: MeetingRef) -> Sequence[tuple[CaseRef, tuple[MeasureRef, ...]]]:
    """Return the cases that the meeting decided on by name, each with the measures that it decided."""
    rows = await conn.fetch(
        "SELECT case_ref, array_agg(measure ORDER BY measure) FILTER (WHERE measure IS NOT NULL) AS measures"
        " FROM decided_items LEFT JOIN LATERAL unnest(measures) AS measure ON true"
        " WHERE meeting = $1 GROUP BY case_ref ORDER BY case_ref",
        meeting,
    )
    return [(CaseRef(row["case_ref"]), tuple(MeasureRef(one) for one in row["measures"] or ())) for row in rows]
