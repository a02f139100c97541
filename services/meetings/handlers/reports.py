"""Reports: which a municipality uses, and what stands in one. Nobody changes anything here, but what was told of a term stands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from services.meetings import duty_store, entered_store, figure_store, register_store, store, survey_store, visit_store
from services.meetings.configuration import profile_of
from services.meetings.domain import reports
from services.meetings.domain.conformity import View, decide_view
from services.meetings.domain.profile import Profile
from services.meetings.domain.report_duty import owns
from services.meetings.domain.reports import Content, Known
from services.meetings.domain.undertakings import Owner, Reader, Report
from services.meetings.domain.visiting import PublicPage
from services.meetings.errors import ReportsForbiddenError
from services.meetings.handlers.desk import Desk, acting
from shared.aggregate import Context
from shared.auth import Actor
from shared.clock import oslo_day
from shared.contracts import cases, meetings
from shared.contracts.base import Model
from shared.db import Connection
from shared.dead_letters import count_open
from shared.freshness import BlockedKeyError, require_fresh
from shared.profiles import Text
from shared.terms import Period

CONSUMER: Final = "meetings-figures"
"""The inbox that keeps what is counted."""
SOURCES: Final = ((cases.TOPIC, "/services/cases"), (meetings.TOPIC, "/services/meetings"))
_A_MINUTE: Final = 60.0
_ALL: Final = 10_000
"""More rounds of surveys than a municipality has in its time."""


class Used(Model):
    """A report that the municipality uses."""

    report: str
    title: Text
    to: tuple[Reader, ...]
    owner: Owner
    """Who owes it: the role, and the unit if it is one unit's."""
    due: date | None
    """The next day by which it is due; null: the profile says none, or it is over."""
    awaited: tuple[date, ...]
    """The days by which it is, or was, owed and has not been delivered."""
    compared_with: tuple[str, ...]
    rules: tuple[int, ...]


async def list_reports(desk: Desk, ctx: Context, after: str | None, limit: int) -> Sequence[Used]:
    """Return the municipality's reports, by code; to whoever reads only those that they owe, these.

    Raises:
        ReportsForbiddenError: the actor neither owes a report, leads a unit nor is the municipality's coordinator.
        ArenaRetiredError: the municipality has no profile here.
    """
    actor = acting(ctx)
    profile = profile_of(desk.profiles, actor.municipality)
    readable = [report for report in profile.reports if _view(report, actor) is not None]
    if not readable:
        _reads_reports(actor)
    today = oslo_day(ctx.now)
    async with desk.pool.acquire() as conn:
        expected = [each.owed for each in await duty_store.expected(conn, profile.scope)]
    used = [
        Used(
            report=each.code,
            title=each.text,
            to=each.to,
            owner=each.owner,
            due=due if (due := each.due_after(today)) is not None and due >= today else None,
            awaited=tuple(owed.due for owed in expected if owed.report == each.code),
            compared_with=each.compared_with,
            rules=each.rules,
        )
        for each in sorted(readable, key=lambda one: one.code)
    ]
    return [each for each in used if after is None or each.report > after][:limit]


async def read_report(desk: Desk, ctx: Context, code: str, period_code: str) -> Content:
    """Return a report of a term that is over, as far as the actor may see it.

    Raises:
        ReportsForbiddenError, ReportUnknownError: see `asked`.
        ArenaRetiredError: see `list_reports`.
        PeriodUnknownError, PeriodNotOverError: there is no report of that period, or not yet.
        HolidaysUnknownError: what meetings were due in that school year is not known.
        UnavailableError: it is not known whether everything that happened in the term has been read; nothing is told twice
            with two numbers.
    """
    actor = acting(ctx)
    profile = profile_of(desk.profiles, actor.municipality)
    report, view = asked(profile, actor, code)
    period = reports.period_of(period_code, oslo_day(ctx.now))
    others = reports.compared_with(report, profile, desk.profiles)
    years = reports.school_years_of(profile, period)
    async with desk.pool.acquire() as conn:
        for topic, source in SOURCES:
            await require_fresh(conn, CONSUMER, topic, source)
        if await count_open(conn, CONSUMER):
            raise BlockedKeyError(retry_after=_A_MINUTE)
        known = [
            replace(await _known(conn, each, period), entered=await entered_store.kept(conn, each.scope))
            for each in (profile, *others)
        ]
        known[0] = replace(
            known[0],
            results=await survey_store.results(conn, profile.scope, after=None, limit=_ALL),
            visits=await visit_store.by_month(conn, profile.scope, PublicPage.GUIDE),
            registers=await register_store.registers(conn, profile.scope),
        )
        held = await store.known_meetings(conn, [profile.scope], years[0].first, years[-1].last)
    known = [await _published(desk, each, period) for each in known]
    return await asyncio.to_thread(reports.content_of, report, known[0], known[1:], held[profile.scope], period, view)


async def _known(conn: Connection, profile: Profile, period: Period) -> Known:
    known = Known(profile, (), published=await figure_store.published(conn, profile.scope, period.code))
    if known.is_published:
        return known
    return replace(known, facts=await figure_store.facts(conn, profile.scope, period.ends))


async def _published(desk: Desk, known: Known, period: Period) -> Known:
    """Publish the term's figures, if nobody was shown them yet: as they are told now they stand."""
    if known.is_published:
        return known
    # A large municipality's facts take longer than others should wait for.
    figures = await asyncio.to_thread(reports.counted, known, period)
    async with desk.pool.acquire() as conn:
        return replace(known, published=await figure_store.publish(conn, known.profile.scope, period.code, figures))


def asked(profile: Profile, actor: Actor, code: str) -> tuple[Report, View]:
    """Return the report, and what the actor sees of it: all, when they owe it.

    Raises:
        ReportsForbiddenError: the actor neither owes it, leads a unit nor is the municipality's coordinator.
        ReportUnknownError: the municipality uses none such.
    """
    owned = next((report for report in profile.reports if report.code == code and owns(report, actor)), None)
    if owned is not None:
        return owned, View(everything=True)
    view = _reads_reports(actor)
    return reports.report_of(profile, code), view


def _view(report: Report, actor: Actor) -> View | None:
    if owns(report, actor):
        return View(everything=True)
    try:
        return _reads_reports(actor)
    except ReportsForbiddenError:
        return None


def _reads_reports(actor: Actor) -> View:
    return decide_view(staff=actor.staff, roles=actor.roles, service=actor.service, unit=actor.unit)
