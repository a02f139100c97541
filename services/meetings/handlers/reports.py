"""Reports: which a municipality uses, and what stands in one. Nobody changes anything here, and nothing leads to a child."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from services.meetings import duty_store, figure_store, store, survey_store
from services.meetings.configuration import profile_of
from services.meetings.domain import reports
from services.meetings.domain.conformity import View, decide_view
from services.meetings.domain.profile import Profile
from services.meetings.domain.reports import Content, Known
from services.meetings.domain.undertakings import Reader
from services.meetings.handlers.desk import Desk, acting
from shared.aggregate import Context
from shared.clock import oslo_day
from shared.contracts import cases, meetings
from shared.contracts.base import Model
from shared.dead_letters import count_open
from shared.freshness import BlockedKeyError, require_fresh
from shared.profiles import Text

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
    due: date | None
    """The next day by which it is due; null: the profile says none, or it is over."""
    awaited: tuple[date, ...]
    """The days by which it is, or was, owed and has not been delivered."""
    compared_with: tuple[str, ...]
    rules: tuple[int, ...]


async def list_reports(desk: Desk, ctx: Context, after: str | None, limit: int) -> Sequence[Used]:
    """Return the municipality's reports, by code.

    Raises:
        ReportsForbiddenError: the actor neither leads a unit nor is the municipality's coordinator.
        ArenaRetiredError: the municipality has no profile here.
    """
    _, profile = _reader(desk, ctx)
    today = oslo_day(ctx.now)
    async with desk.pool.acquire() as conn:
        expected = [each.owed for each in await duty_store.expected(conn, profile.scope)]
    used = [
        Used(
            report=each.code,
            title=each.text,
            to=each.to,
            due=due if (due := each.due_after(today)) is not None and due >= today else None,
            awaited=tuple(owed.due for owed in expected if owed.report == each.code),
            compared_with=each.compared_with,
            rules=each.rules,
        )
        for each in sorted(profile.reports, key=lambda one: one.code)
    ]
    return [each for each in used if after is None or each.report > after][:limit]


async def read_report(desk: Desk, ctx: Context, code: str, period_code: str) -> Content:
    """Return a report of a term that is over, as far as the actor may see it.

    Raises:
        ReportsForbiddenError, ArenaRetiredError: see `list_reports`.
        ReportUnknownError: the municipality uses none such.
        PeriodUnknownError, PeriodNotOverError: there is no report of that period, or not yet.
        HolidaysUnknownError: what meetings were due in that school year is not known.
        UnavailableError: it is not known whether everything that happened in the term has been read; nothing is told twice
            with two numbers.
    """
    view, profile = _reader(desk, ctx)
    report = reports.report_of(profile, code)
    period = reports.period_of(period_code, oslo_day(ctx.now))
    others = reports.compared_with(report, profile, desk.profiles)
    year = reports.school_year_of(profile, period)
    async with desk.pool.acquire() as conn:
        for topic, source in SOURCES:
            await require_fresh(conn, CONSUMER, topic, source)
        if await count_open(conn, CONSUMER):
            raise BlockedKeyError(retry_after=_A_MINUTE)
        known = [Known(each, await figure_store.facts(conn, each.scope, period.ends)) for each in (profile, *others)]
        known[0] = replace(known[0], results=await survey_store.results(conn, profile.scope, after=None, limit=_ALL))
        held = await store.known_meetings(conn, [profile.scope], year.first, year.last)
    # A large municipality's facts take longer than others should wait for.
    return await asyncio.to_thread(reports.content_of, report, known[0], known[1:], held[profile.scope], period, view)


def _reader(desk: Desk, ctx: Context) -> tuple[View, Profile]:
    actor = acting(ctx)
    view = decide_view(staff=actor.staff, roles=actor.roles, service=actor.service, unit=actor.unit)
    return view, profile_of(desk.profiles, actor.municipality)
