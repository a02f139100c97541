"""The year wheel, and how the meetings keep to their rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypeVar

from services.meetings import answer_store, register_store, store
from services.meetings.configuration import profile_of
from services.meetings.domain import conformity, laid_out
from services.meetings.domain.answering import own_standing
from services.meetings.domain.around_child import ConformityAround, deviations_around
from services.meetings.domain.conformity import Conformity, Deviation, KnownMeeting, View, decide_view
from services.meetings.domain.invitation import Standing
from services.meetings.domain.laid_out import Entry
from services.meetings.domain.organisation import Unit
from services.meetings.domain.profile import Profile
from services.meetings.domain.seating import asked_by
from services.meetings.domain.unit_register import (
    CompetenceLine,
    GuidanceLine,
    HoursLine,
    competence_lines,
    guidance_lines,
    hours_lines,
    units_seen,
)
from services.meetings.domain.year import SchoolYear
from services.meetings.errors import RegisterForbiddenError, ReportsForbiddenError
from services.meetings.handlers import around_children, consultations, surveys
from services.meetings.handlers.around_children import Around
from services.meetings.handlers.desk import Desk, acting, office_of
from services.meetings.views import ConsultationLine, SurveyResultView
from shared.aggregate import Context
from shared.auth import Actor
from shared.clock import oslo_day
from shared.refs import MeetingRef

K = TypeVar("K", tuple[str, str, str], tuple[str, str, str, str, str], tuple[datetime, str, str])
T = TypeVar("T")
_MANY: Final = 500
"""More hearings or survey results than a municipality has."""


@dataclass(frozen=True, slots=True)
class Year:
    """One municipality's school year."""

    profile: Profile
    school_year: SchoolYear
    entries: Sequence[Entry]
    deviations: Sequence[Deviation] | None
    """None for somebody who does not see them."""
    standings: Mapping[MeetingRef, Standing] = field(default_factory=dict)
    """How the invitations of the reader's own seat stand, of meetings that are called."""
    guidance: Sequence[GuidanceLine] = ()
    """The plan for the guidance of all parents (seed rule 108)."""
    gaps: Sequence[CompetenceLine] | None = None
    """Competence that is missing at the units whose registers the reader sees (seed rule 112); None for who sees none."""
    hearings: Sequence[ConsultationLine] = ()
    """Those of the year that the reader asked for, or is asked in (seed rule 173)."""
    results: Sequence[SurveyResultView] = ()
    """What the surveys gave in the year's terms (seed rules 152, 153); nothing for who does not see it."""
    hours: Sequence[HoursLine] = ()
    """Hours of guidance at the units whose registers the reader sees (seed rule 163)."""


async def list_conformity(
    desk: Desk, ctx: Context, begins: int | None, after: tuple[str, str, str] | None, limit: int
) -> Sequence[Conformity | ConformityAround]:
    """Return how often each arena meets, against how often it is to; by arena, unit and the first day of the term.

    Of an arena around a child only whether any child lacks a meeting, and what was told of that part of the year.

    Raises:
        ReportsForbiddenError: the actor neither leads a unit nor is the municipality's coordinator.
        ArenaRetiredError: the municipality has no profile here.
        HolidaysUnknownError: what is due in that school year is not known.
        UnavailableError: it is not known for which children there is to be a meeting now.
    """
    view = _view(ctx)
    profile, year, meetings, around = await _known(desk, ctx, begins)
    today = oslo_day(ctx.now)
    rows: list[Conformity | ConformityAround] = [
        *conformity.conformity(profile, year, meetings, today, view),
        *(await around.rows(profile, year, today, view)),
    ]
    return _part(sorted(rows, key=conformity_key), conformity_key, after, limit)


def conformity_key(row: Conformity | ConformityAround) -> tuple[str, str, str]:
    """Return by what they are ordered."""
    return row.arena_type, row.unit or "", row.first.isoformat()


async def list_deviations(
    desk: Desk, ctx: Context, begins: int | None, after: tuple[str, str, str, str, str] | None, limit: int
) -> Sequence[Deviation]:
    """Return what was not as the rules say.

    Raises:
        MeetingsError: see `list_conformity`.
    """
    view = _view(ctx)
    profile, year, meetings, around = await _known(desk, ctx, begins)
    rows = await _deviations(profile, year, meetings, around, oslo_day(ctx.now), view)
    return _part(rows, conformity.key_of, after, limit)


async def _deviations(
    profile: Profile,
    year: SchoolYear,
    meetings: Sequence[KnownMeeting],
    around: Around,
    today: date,
    view: View,
) -> list[Deviation]:
    missing = deviations_around(await around.rows(profile, year, today, view), today)
    return conformity.deviations(profile, year, meetings, today, view, missing)


async def list_wheel(
    desk: Desk, ctx: Context, begins: int | None, after: tuple[datetime, str, str] | None, limit: int
) -> Sequence[Entry]:
    """Return the municipality's meetings of a school year, called or proposed, by time.

    Raises:
        ReportsForbiddenError: the actor does not work for the municipality.
        ArenaRetiredError, HolidaysUnknownError: see `list_conformity`.
    """
    return _part((await show_year(desk, ctx, begins, judged=False)).entries, laid_out.key_of, after, limit)


async def show_year(desk: Desk, ctx: Context, begins: int | None, *, judged: bool = True) -> Year:
    """Return the municipality's school year, with its deviations for whom they are, unless it is not to be `judged`.

    Raises:
        MeetingsError: see `list_wheel`.
        UnavailableError: for whom deviations are: see `list_conformity`.
    """
    actor = acting(ctx)
    if not actor.staff:
        raise ReportsForbiddenError
    profile = profile_of(desk.profiles, actor.municipality)
    today = oslo_day(ctx.now)
    year = _school_year(profile, ctx, begins)
    together = laid_out.sharing(desk.profiles, profile.scope)
    view = _view_or_none(ctx) if judged else None
    async with desk.pool.acquire() as conn:
        known = await store.known_meetings(conn, [each.scope for each in together], year.first, year.last)
        asked = await answer_store.asked(conn, profile.scope, year.first, year.last)
        around = Around((), {}) if view is None else await around_children.known(conn, profile, year)
    office = office_of(actor)
    standings = {
        meeting: standing
        for meeting, each in asked.items()
        if (rules := profile.arena(each.arena_type)) is not None
        and (standing := own_standing(rules, asked_by(profile, each.invited, each.units, each.answers), office))
        is not None
    }
    # A large municipality's plan takes longer than others should wait for.
    entries = await asyncio.to_thread(
        laid_out.laid_out, together, year.first.year, known, profile.scope, today, desk.first_plans
    )
    async with desk.pool.acquire() as conn:
        recorded = await register_store.registers(conn, profile.scope)
    guidance = guidance_lines(profile, recorded, year, min(max(today, year.first), year.last))
    units = _units_seen(profile, actor, today)
    return Year(
        profile=profile,
        school_year=year,
        entries=entries,
        deviations=None
        if view is None
        else await _deviations(profile, year, known[profile.scope], around, today, view),
        standings=standings,
        guidance=guidance,
        gaps=None
        if units is None
        else [line for line in competence_lines(profile, units, recorded, today) if line.gap],
        hearings=await _hearings(desk, ctx, year),
        results=() if view is None else await _results(desk, ctx, year),
        hours=() if units is None else hours_lines(profile, units, recorded, year, today),
    )


async def _hearings(desk: Desk, ctx: Context, year: SchoolYear) -> Sequence[ConsultationLine]:
    found = await consultations.list_consultations(desk, ctx, None, _MANY)
    return [each for each in found if year.holds(oslo_day(each.answer_by))]


async def _results(desk: Desk, ctx: Context, year: SchoolYear) -> Sequence[SurveyResultView]:
    found = await surveys.list_results(desk, ctx, None, _MANY)
    return [each for each in found if year.holds(each.last)]


def _units_seen(profile: Profile, actor: Actor, today: date) -> Sequence[Unit] | None:
    """Return the units whose registers the actor reads; None for who reads none."""
    try:
        return units_seen(profile, actor, today)
    except RegisterForbiddenError:
        return None


def _view_or_none(ctx: Context) -> View | None:
    """Return what the actor sees of how the rules are kept to; None for who sees nothing of it."""
    try:
        return _view(ctx)
    except ReportsForbiddenError:
        return None


def _view(ctx: Context) -> View:
    actor = acting(ctx)
    return decide_view(staff=actor.staff, roles=actor.roles, service=actor.service, unit=actor.unit)


async def _known(
    desk: Desk, ctx: Context, begins: int | None
) -> tuple[Profile, SchoolYear, list[KnownMeeting], Around]:
    profile = profile_of(desk.profiles, acting(ctx).municipality)
    year = _school_year(profile, ctx, begins)
    async with desk.pool.acquire() as conn:
        known = await store.known_meetings(conn, [profile.scope], year.first, year.last)
        around = await around_children.known(conn, profile, year)
    return profile, year, known[profile.scope], around


def _school_year(profile: Profile, ctx: Context, begins: int | None) -> SchoolYear:
    calendar = profile.calendar
    return calendar.school_year_of(oslo_day(ctx.now)) if begins is None else calendar.school_year(begins)


def _part(rows: Sequence[T], key: Callable[[T], K], after: K | None, limit: int) -> Sequence[T]:
    """Return `limit` rows after the one with that key."""
    return [row for row in rows if after is None or key(row) > after][:limit]
