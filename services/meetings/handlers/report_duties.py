"""The reports that municipalities owe: expected by the profile's days, said to be delivered, and let go when a profile changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from services.meetings import duty_store as store
from services.meetings.configuration import profile_of
from services.meetings.domain.profile import Profile
from services.meetings.domain.report_duty import (
    DUTY,
    DutyState,
    Owed,
    check_deliverer,
    decide_deliver,
    decide_drop,
    decide_expect,
    led_by,
    owed_now,
    still_owed,
)
from services.meetings.domain.reports import report_of
from services.meetings.errors import ReportNotExpectedError
from services.meetings.handlers.desk import Desk, acting
from services.meetings.handlers.reports import asked
from services.meetings.store import lock_definitions
from services.meetings.views import DeliveredReportView, there
from shared.aggregate import Answer, Changed, Context
from shared.arrivals import Tx
from shared.calendar import at_oslo
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.db import Connection
from shared.deadlines import Deadline, DeadlineHandler, set_deadline
from shared.refs import LogScope, ReportDutyRef
from shared.web import answer

NEXT: Final = "report-next"
"""The kind of the durable deadline, on the day after a report was due: from then on the next one is owed."""


class _Cause(Model):
    """What the deadline remembers."""

    scope: LogScope
    correlation: UUID


async def expect_reports(desk: Desk, now: datetime) -> int:
    """Say of every profile which reports are owed now; return how many events that took.

    Run at every start, as arenas are defined.
    """
    correlation = desk.ids.event_id()

    async def expect(conn: Connection) -> int:
        await lock_definitions(conn)
        tx = Tx(conn, desk.journal, now, desk.ids)
        return sum([await _expect(tx, profile, correlation) for profile in desk.profiles.values()])

    changes = await desk.transaction(expect)
    if changes:
        desk.journal.nudge()
    return changes


async def _expect(tx: Tx, profile: Profile, correlation: UUID) -> int:
    ctx = Context(actor=None, scope=profile.scope, now=tx.now, correlation=correlation)
    today = oslo_day(tx.now)
    changes = 0
    waited_for = set(owed_now(profile, today))
    for known in await store.expected(tx.conn, profile.scope):
        if not still_owed(profile, known.owed):
            dropped = await tx.journal.change(DUTY, known.duty, ctx, decide_drop, conn=tx.conn)
            changes += len(dropped.events)
        else:
            # One that was not delivered in time is owed still, by whoever the profile names now.
            waited_for.add(known.owed)
    for owed in sorted(waited_for, key=lambda one: (one.due, one.report)):
        changes += await _expect_one(tx, ctx, owed, profile, today)
    return changes


async def _expect_one(tx: Tx, ctx: Context, owed: Owed, profile: Profile, today: date) -> int:
    duty = await store.duty_ref(tx.conn, profile.scope, owed, ReportDutyRef(tx.ids.ref("rdy")))
    unit = led_by(profile, today)
    changed = await tx.journal.change(
        DUTY,
        duty,
        ctx,
        lambda state: decide_expect(state, duty, owed, report_of(profile, owed.report).owner, unit),
        conn=tx.conn,
    )
    if changed.events and owed.due >= today:
        day_after = at_oslo(owed.due + timedelta(days=1), time(0))
        payload = _Cause(scope=ctx.scope, correlation=ctx.correlation).model_dump_json()
        await set_deadline(tx.conn, kind=NEXT, key=duty, due=day_after, payload=payload)
    return len(changed.events)


def deadlines(profiles: Mapping[LogScope, Profile]) -> Mapping[str, DeadlineHandler]:
    """Return what happens on the day after a report was due."""

    async def on_next(tx: Tx, deadline: Deadline) -> None:
        cause = _Cause.model_validate_json(deadline.payload)
        profile = profiles.get(cause.scope)
        if profile is not None:
            await _expect(tx, profile, cause.correlation)

    return {NEXT: on_next}


async def deliver_report(desk: Desk, ctx: Context, code: str, due: date, on: date | None) -> Changed[DutyState]:
    """Note that a report was delivered: nobody is reminded of it any more (seed rules 123, 127, 128, 135).

    Raises:
        ReportsForbiddenError: the actor neither owes the report, leads a unit nor is the municipality's coordinator.
        ReportNotYoursError: the actor does not owe it, nor lead the administration.
        ReportUnknownError: the municipality uses none such.
        ReportNotExpectedError, ReportDeliveredError, RecordedDayError: see `domain.report_duty.decide_deliver`.
    """
    actor, today = acting(ctx), oslo_day(ctx.now)
    profile = profile_of(desk.profiles, actor.municipality)
    report, _ = asked(profile, actor, code)
    check_deliverer(profile, report, actor, today)
    async with desk.pool.acquire() as conn:
        duty = await store.find(conn, profile.scope, Owed(code, due))
    if duty is None:
        raise ReportNotExpectedError
    return await desk.journal.change(
        DUTY, duty, ctx, lambda state: decide_deliver(state, on or today, today), _delivered
    )


def _delivered(state: DutyState, version: int) -> Answer:
    view = DeliveredReportView(report=state.report, due=there(state.due), delivered_on=there(state.delivered_on))
    return answer(view, status=201, version=version)
