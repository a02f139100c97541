"""What units record of themselves, and what of it is missing (seed rules 108, 112-119, 163). Nothing of it is about a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from services.meetings import register_store as store
from services.meetings.configuration import profile_of
from services.meetings.domain.organisation import Unit
from services.meetings.domain.profile import Profile
from services.meetings.domain.unit_register import (
    REGISTER,
    CompetenceLine,
    CompetenceOverview,
    Counted,
    GuidanceLine,
    HoursLine,
    RegisterState,
    check_leader,
    competence_lines,
    competence_overview,
    decide_count,
    decide_give,
    decide_hours,
    decide_take_back,
    guidance_lines,
    hours_lines,
    monday,
    unit_of,
    units_seen,
)
from services.meetings.domain.year import SchoolYear
from services.meetings.errors import HolidaysUnknownError, RegisterForbiddenError
from services.meetings.handlers.desk import Desk, acting
from services.meetings.views import RecordedView
from shared.aggregate import Answer, Changed, Context
from shared.clock import oslo_day
from shared.contracts.base import EventData
from shared.contracts.unit_registers import GuidanceWithdrawal
from shared.db import Connection
from shared.refs import UnitId, UnitRegisterRef
from shared.web import answer


async def record_competence(
    desk: Desk, ctx: Context, competence: str, staff: int, having: int, on: date | None
) -> Changed[RegisterState]:
    """Record how many of the unit's staff have a competence, as its leader (seed rules 112, 115, 117).

    Raises:
        RegisterForbiddenError: the actor does not lead a unit of the municipality.
        MeetingsError: see `domain.unit_register.decide_count`.
    """
    profile, unit, today = _own_unit(desk, ctx)
    check_leader(acting(ctx))
    counted = Counted(staff=staff, having=having, on=on or today)

    def decide(state: RegisterState, register: UnitRegisterRef) -> list[EventData]:
        return decide_count(state, register, profile, unit, competence, counted, today)

    return await _record(desk, ctx, unit, RecordedView(unit=unit.id, code=competence, on=counted.on), decide)


async def record_guidance(desk: Desk, ctx: Context, step: str, on: date | None) -> Changed[RegisterState]:
    """Record that the unit has given the guidance of an age step (seed rule 108).

    Raises:
        RegisterForbiddenError: the actor works for no unit of the municipality.
        MeetingsError: see `domain.unit_register.decide_give`.
    """
    profile, unit, today = _own_unit(desk, ctx)
    day = on or today

    def decide(state: RegisterState, register: UnitRegisterRef) -> list[EventData]:
        return decide_give(state, register, profile, unit, step, day, today)

    return await _record(desk, ctx, unit, RecordedView(unit=unit.id, code=step, on=day), decide)


async def withdraw_guidance(
    desk: Desk, ctx: Context, step: str, on: date, reason: GuidanceWithdrawal
) -> Changed[RegisterState]:
    """Take back what the unit has recorded by mistake of the guidance of an age step (seed rule 108).

    Raises:
        RegisterForbiddenError: the actor works for no unit of the municipality.
        MeetingsError: see `domain.unit_register.decide_take_back`.
    """
    _, unit, _ = _own_unit(desk, ctx)

    def decide(state: RegisterState, register: UnitRegisterRef) -> list[EventData]:
        return decide_take_back(state, register, unit, step, on, reason)

    return await _record(desk, ctx, unit, RecordedView(unit=unit.id, code=step, on=on), decide)


async def record_hours(desk: Desk, ctx: Context, code: str, day: date, minutes: int) -> Changed[RegisterState]:
    """Record how long the unit gave guidance in a week (seed rule 163).

    Raises:
        RegisterForbiddenError: the actor works for no unit of the municipality.
        MeetingsError: see `domain.unit_register.decide_hours`.
    """
    profile, unit, today = _own_unit(desk, ctx)

    def decide(state: RegisterState, register: UnitRegisterRef) -> list[EventData]:
        return decide_hours(state, register, profile, unit, code, day, minutes, today)

    return await _record(desk, ctx, unit, RecordedView(unit=unit.id, code=code, on=monday(day)), decide)


def _own_unit(desk: Desk, ctx: Context) -> tuple[Profile, Unit, date]:
    actor, today = acting(ctx), oslo_day(ctx.now)
    profile = profile_of(desk.profiles, actor.municipality)
    return profile, unit_of(profile, actor, today), today


async def _record(
    desk: Desk,
    ctx: Context,
    unit: Unit,
    recorded: RecordedView,
    decide: Callable[[RegisterState, UnitRegisterRef], list[EventData]],
) -> Changed[RegisterState]:
    def given(_: RegisterState, version: int) -> Answer:
        return answer(recorded, status=201, version=version)

    async def work(conn: Connection) -> Changed[RegisterState]:
        new = UnitRegisterRef(desk.ids.ref("reg"))
        register = await store.register_ref(conn, acting(ctx).municipality, unit.id, new)
        return await desk.journal.change(
            REGISTER, register, ctx, lambda state: decide(state, register), given, conn=conn
        )

    return await desk.change(work)


# --- reading ------------------------------------------------------------------------------------------------------------


async def list_competence(desk: Desk, ctx: Context, after: tuple[str, str] | None, limit: int) -> list[CompetenceLine]:
    """Return the competence of the units that the actor reads, with its gaps.

    Raises:
        RegisterForbiddenError: the actor neither leads a unit nor is the coordinator.
        ArenaRetiredError: the municipality has no profile here.
    """
    profile, known, today = await _known(desk, ctx)
    lines = competence_lines(profile, units_seen(profile, acting(ctx), today), known, today)
    return [line for line in lines if after is None or (line.unit, line.competence) > after][:limit]


async def show_overview(desk: Desk, ctx: Context, after: str | None, limit: int) -> list[CompetenceOverview]:
    """Return the municipality's competence: where it is missing, and where it can be got (seed rules 112, 116).

    Raises:
        MeetingsError: see `list_competence`.
    """
    profile, known, today = await _known(desk, ctx)
    units_seen(profile, acting(ctx), today)
    everybody = [unit for unit in profile.units if unit.there_on(today)]
    found = competence_overview(profile, competence_lines(profile, everybody, known, today))
    return [each for each in found if after is None or each.competence > after][:limit]


async def list_guidance(
    desk: Desk, ctx: Context, begins: int | None, after: tuple[int, str, str] | None, limit: int
) -> list[GuidanceLine]:
    """Return the plan for the guidance of all parents, and what of it was given; for everybody who works for the municipality.

    Raises:
        RegisterForbiddenError: the actor does not.
        ArenaRetiredError: the municipality has no profile here.
    """
    if not acting(ctx).staff:
        raise RegisterForbiddenError
    profile, known, today = await _known(desk, ctx)
    year = _school_year(profile, today, begins)
    lines = guidance_lines(profile, known, year, min(max(today, year.first), year.last))
    return [line for line in lines if after is None or guidance_key(line) > after][:limit]


def guidance_key(line: GuidanceLine) -> tuple[int, str, str]:
    """Return by what the plan is ordered."""
    return line.from_months, line.step, line.unit


async def list_hours(
    desk: Desk, ctx: Context, begins: int | None, after: tuple[str, str, str] | None, limit: int
) -> list[HoursLine]:
    """Return the hours of guidance by term, with what they come to for the coordinator.

    Raises:
        MeetingsError: see `list_competence`.
        HolidaysUnknownError: it is not known in which weeks there is school.
    """
    profile, known, today = await _known(desk, ctx)
    units = units_seen(profile, acting(ctx), today)
    year = _school_year(profile, today, begins)
    if not profile.calendar.knows_holidays_of(year):
        raise HolidaysUnknownError
    lines = hours_lines(profile, units, known, year, today)
    return [line for line in lines if after is None or hours_key(line) > after][:limit]


def hours_key(line: HoursLine) -> tuple[str, str, str]:
    """Return by what the hours are ordered."""
    return line.first.isoformat(), line.code, line.unit or ""


async def _known(desk: Desk, ctx: Context) -> tuple[Profile, Mapping[UnitId, RegisterState], date]:
    profile = profile_of(desk.profiles, acting(ctx).municipality)
    async with desk.pool.acquire() as conn:
        return profile, await store.registers(conn, profile.scope), oslo_day(ctx.now)


def _school_year(profile: Profile, today: date, begins: int | None) -> SchoolYear:
    calendar = profile.calendar
    return calendar.school_year_of(today) if begins is None else calendar.school_year(begins)
