"""SQL of surveys: where they are found, who may still answer, and what a round's sums are sealed for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from services.meetings.domain.survey import RoundState, Sat, SurveyState, Term
from shared.contracts.codes import Role
from shared.contracts.surveys import SurveyRoundCompleted
from shared.db import Connection
from shared.refs import LogScope, MeetingRef, SurveyRef, SurveyRoundRef, UnitId


@dataclass(frozen=True, slots=True)
class KnownRound:
    """A round, without its sums."""

    round: SurveyRoundRef
    municipality: LogScope
    form: str
    questions: tuple[str, ...]
    term: Term
    completed: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A survey in a list."""

    survey: SurveyRef
    meeting: MeetingRef
    form: str
    round: SurveyRoundRef
    closes_at: datetime


async def round_of(
    conn: Connection, municipality: LogScope, form: str, questions: Sequence[str], term: Term, new: SurveyRoundRef
) -> SurveyRoundRef | None:
    """Return the round that a survey with these questions is counted in: `new` when there is none that still counts."""
    await conn.execute(
        "INSERT INTO survey_rounds (round, municipality, form, questions, first, last) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT DO NOTHING",
        new,
        municipality,
        form,
        list(questions),
        term.first,
        term.last,
    )
    found: str | None = await conn.fetchval(
        "SELECT round FROM survey_rounds WHERE municipality = $1 AND form = $2 AND questions = $3 AND first = $4"
        " AND NOT completed",
        municipality,
        form,
        list(questions),
        term.first,
    )
    return None if found is None else SurveyRoundRef(found)


async def hold_round(conn: Connection, round_: SurveyRoundRef) -> KnownRound | None:
    """Return the round; nobody else counts in it until this transaction ends."""
    row = await conn.fetchrow("SELECT * FROM survey_rounds WHERE round = $1 FOR UPDATE", round_)
    if row is None:
        return None
    return KnownRound(
        round=SurveyRoundRef(row["round"]),
        municipality=LogScope(row["municipality"]),
        form=row["form"],
        questions=tuple(row["questions"]),
        term=Term(row["first"], row["last"]),
        completed=row["completed"],
    )


async def complete_round(conn: Connection, round_: SurveyRoundRef) -> None:
    """Note that it is completed."""
    await conn.execute("UPDATE survey_rounds SET completed = true WHERE round = $1", round_)


async def last_open(conn: Connection, round_: SurveyRoundRef) -> datetime | None:
    """Return until when the last of its surveys can be answered that is not closed; None when all are."""
    found: datetime | None = await conn.fetchval(
        "SELECT max(closes_at) FROM surveys WHERE round = $1 AND NOT closed", round_
    )
    return found


async def results(
    conn: Connection, municipality: LogScope, *, after: tuple[date, str] | None, limit: int
) -> list[SurveyRoundCompleted]:
    """Return what the municipality's completed rounds gave, by term, after that one."""
    rows = await conn.fetch(
        "SELECT a.state FROM survey_rounds r JOIN aggregates a ON a.id = r.round WHERE r.municipality = $1 AND r.completed"
        " AND ($2::date IS NULL OR (r.first, r.round) > ($2, $3)) ORDER BY r.first, r.round LIMIT $4",
        municipality,
        None if after is None else after[0],
        None if after is None else after[1],
        limit,
    )
    states = [RoundState.model_validate_json(row["state"]) for row in rows]
    return [state.completed for state in states if state.completed is not None]


async def add(
    conn: Connection,
    municipality: LogScope,
    state: SurveyState,
    seats: Collection[Sat],
    family: Sequence[bytes],
) -> None:
    """Let the survey be found and answered; `family` are the hashes of the families' tickets."""
    await conn.execute(
        "INSERT INTO surveys (survey, municipality, meeting, form, round, seats, units, closes_at, guardians)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        state.survey,
        municipality,
        state.meeting,
        state.form,
        state.round,
        sorted({each.seat for each in seats}),
        sorted(state.units),
        state.closes_at,
        len(family),
    )
    await _add_tickets(conn, state.survey, family)


async def _add_tickets(conn: Connection, survey: SurveyRef | None, family: Sequence[bytes]) -> None:
    await conn.executemany(
        "INSERT INTO survey_tickets (survey, role, hash) VALUES ($1, $2, $3)",
        [(survey, Role.GUARDIAN, hashed) for hashed in family],
    )


async def add_family(conn: Connection, survey: SurveyRef, family: Sequence[bytes]) -> None:
    """Let more of the families answer; `family` are the hashes of the tickets that are new."""
    await conn.execute("UPDATE surveys SET guardians = guardians + $2 WHERE survey = $1", survey, len(family))
    await _add_tickets(conn, survey, family)


async def open_after(conn: Connection, meeting: MeetingRef, now: datetime) -> list[SurveyRef]:
    """Return the surveys after the meeting that can still be answered, in order."""
    rows = await conn.fetch(
        "SELECT survey FROM surveys WHERE meeting = $1 AND NOT closed AND closes_at > $2 ORDER BY survey", meeting, now
    )
    return [SurveyRef(row["survey"]) for row in rows]


async def take_ticket(conn: Connection, survey: SurveyRef, hashed: bytes) -> bool:
    """Take a family's ticket; return whether it was there."""
    taken = await conn.fetchval(
        "DELETE FROM survey_tickets WHERE survey = $1 AND hash = $2 RETURNING true", survey, hashed
    )
    return bool(taken)


async def mark(conn: Connection, survey: SurveyRef, mark: bytes) -> bool:
    """Note that somebody has answered, or that a ticket was used; return whether that was not so before."""
    new = await conn.fetchval(
        "INSERT INTO survey_marks (survey, mark) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true", survey, mark
    )
    return bool(new)


async def marked(conn: Connection, survey: SurveyRef, mark: bytes) -> bool:
    """Return whether whose mark this is has answered."""
    return bool(await conn.fetchval("SELECT true FROM survey_marks WHERE survey = $1 AND mark = $2", survey, mark))


async def keep_no_time(
    conn: Connection, survey: SurveyRef, round_: SurveyRoundRef, key: str | None, day: datetime
) -> None:
    """Let nothing say when in the day an answer was given: neither the survey, nor the sums, nor the repeated command's row."""
    await conn.execute("UPDATE aggregates SET changed_at = $2 WHERE id = $1", survey, day)
    await conn.execute("UPDATE vault_records SET written_at = $2 WHERE owner = $1", round_, day)
    await conn.execute("UPDATE idempotency_keys SET created_at = $2 WHERE key = $1", key, day)


@dataclass(frozen=True, slots=True)
class KnownSurvey:
    """Who may answer a survey."""

    municipality: LogScope
    meeting: MeetingRef
    round: SurveyRoundRef
    seats: frozenset[str]
    """That were taken, answered or not."""
    units: frozenset[UnitId]
    family: int
    """How many of the families' were there, and so how many tickets they have, used or not."""


async def known(conn: Connection, survey: SurveyRef) -> KnownSurvey | None:
    """Return the survey; None when there is none such."""
    row = await conn.fetchrow("SELECT * FROM surveys WHERE survey = $1", survey)
    if row is None:
        return None
    return KnownSurvey(
        municipality=LogScope(row["municipality"]),
        meeting=MeetingRef(row["meeting"]),
        round=SurveyRoundRef(row["round"]),
        seats=frozenset(row["seats"]),
        units=frozenset(UnitId(unit) for unit in row["units"]),
        family=row["guardians"],
    )


async def close(conn: Connection, survey: SurveyRef) -> None:
    """Keep nothing of who may answer, and of who has."""
    await conn.execute("UPDATE surveys SET closed = true WHERE survey = $1", survey)
    await conn.execute("DELETE FROM survey_tickets WHERE survey = $1", survey)
    await conn.execute("DELETE FROM survey_marks WHERE survey = $1", survey)


async def open_for(
    conn: Connection,
    municipality: LogScope,
    seats: Collection[Sat],
    unit: UnitId | None,
    *,
    of_unit: bool,
    now: datetime,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Listed]:
    """Return the surveys after meetings at which one of these seats, of that unit, was taken, that can still be answered."""
    rows = await conn.fetch(
        "SELECT survey, meeting, form, round, closes_at FROM surveys WHERE municipality = $1 AND NOT closed"
        " AND closes_at > $2 AND seats && $3::text[] AND (NOT $4 OR units = '{}' OR units @> ARRAY[$5::text])"
        " AND ($6::timestamptz IS NULL OR (closes_at, survey) > ($6, $7)) ORDER BY closes_at, survey LIMIT $8",
        municipality,
        now,
        [each.seat for each in seats],
        of_unit,
        unit,
        None if after is None else after[0],
        None if after is None else after[1],
        limit,
    )
    return [_listed(row) for row in rows]


def _listed(row: asyncpg.Record) -> Listed:
    return Listed(
        survey=SurveyRef(row["survey"]),
        meeting=MeetingRef(row["meeting"]),
        form=row["form"],
        round=SurveyRoundRef(row["round"]),
        closes_at=row["closes_at"],
    )
