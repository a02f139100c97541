"""What meetings and time do to the work around the child. Each handler runs in the transaction that marks its event as taken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from services.cases import store, team_store
from services.cases.domain import contributions, plan, reports, team
from services.cases.domain.state import CaseState
from services.cases.handlers.around import (
    CONTRIBUTION_ANSWER,
    CONTRIBUTION_ESCALATION,
    COORDINATOR_AGE,
    REPORT_DELIVERY,
    REPORT_FEEDBACK,
    tomorrow,
)
from services.cases.handlers.desk import Desk
from services.cases.handlers.reports import deliver
from services.cases.handlers.team import age_of_child
from services.cases.handlers.unattended import change_by_time, change_in
from shared.calendar import add_days
from shared.contracts import meetings
from shared.contracts.cases import CaseEvent
from shared.deadlines import Deadline, Errand, set_deadline
from shared.envelope import Envelope
from shared.inbox import Tx, caused_by
from shared.refs import ConcernReportRef, ContributionRef


async def on_held(desk: Desk, tx: Tx, event: meetings.MeetingHeld, envelope: Envelope) -> None:
    """Remember what kind of meeting it was."""
    _ = desk, envelope
    await team_store.meeting_held(tx.conn, event.meeting, event.arena_type)


async def on_minutes(desk: Desk, tx: Tx, event: meetings.MinutesApproved, envelope: Envelope) -> None:
    """Approved minutes of a child's group are the next version of its plan (seed rule 38)."""
    arena_type = await team_store.arena_type_of(tx.conn, event.meeting)
    for case, measures in await team_store.decided_in(tx.conn, event.meeting):
        located = await store.locate(tx.conn, case)
        if located is None or arena_type not in desk.team_of(located.municipality).plan.arenas:
            continue
        minutes = plan.Minutes(meeting=event.meeting, document=event.document, measures=measures)
        await change_in(desk, tx, case, caused_by(envelope, tx.now), _minutes_of(minutes))


async def on_contribution_due(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """A service has not answered in time; a few days more, and it is its leader's (seed rules 82, 102)."""
    contribution = ContributionRef(deadline.key)
    located = await store.locate(tx.conn, contribution)
    if located is None:
        return
    told = await change_by_time(
        desk, tx, deadline.key, lambda state: contributions.decide_overdue(state, contribution, tx.now)
    )
    if told.events:
        days = desk.team_of(located.municipality).contributions.escalate_days
        due = add_days(deadline.due, days)
        await set_deadline(tx.conn, kind=CONTRIBUTION_ESCALATION, key=contribution, due=due)


async def on_contribution_escalation(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """It still has not: the leader must answer (seed rules 82, 95)."""
    contribution = ContributionRef(deadline.key)
    located = await store.locate(tx.conn, contribution)
    if located is None:
        return
    rule = desk.team_of(located.municipality).contributions
    await change_by_time(
        desk, tx, deadline.key, lambda state: contributions.decide_escalate(state, contribution, tx.now, rule)
    )


async def on_coordinator_age(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """A day has begun: a child coordination ends when the child is of age (helse- og omsorgstjenesteloven § 7-2 a)."""
    located = await store.locate(tx.conn, deadline.key)
    if located is None:
        return
    await set_deadline(tx.conn, kind=COORDINATOR_AGE, key=deadline.key, due=tomorrow(tx.now))
    age = await age_of_child(desk, tx.conn, located.case, tx.now)
    profile = desk.team_of(located.municipality)
    await change_by_time(desk, tx, deadline.key, lambda state: team.decide_of_age(state, age, profile))


async def on_report_delivery(desk: Desk, tx: Tx, deadline: Deadline) -> Errand | None:
    """Try the digital channel; what comes of it is an event, and the next attempt a promise (seed rule 93)."""
    return await deliver(desk, tx, deadline)


async def on_report_feedback(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """Three weeks have passed: if child welfare has not answered, somebody is told (barnevernsloven § 13-3)."""
    report = ConcernReportRef(deadline.key)
    located = await store.locate(tx.conn, report)
    if located is not None:
        await change_by_time(desk, tx, deadline.key, lambda state: reports.decide_unanswered(state, report, tx.now))


DEADLINES: Final[Mapping[str, Callable[[Desk, Tx, Deadline], Awaitable[Errand | None]]]] = {
    CONTRIBUTION_ANSWER: on_contribution_due,
    CONTRIBUTION_ESCALATION: on_contribution_escalation,
    COORDINATOR_AGE: on_coordinator_age,
    REPORT_DELIVERY: on_report_delivery,
    REPORT_FEEDBACK: on_report_feedback,
}
"""What happens when a time is out."""


def _minutes_of(minutes: plan.Minutes) -> Callable[[CaseState], Sequence[CaseEvent]]:
    return lambda state: plan.decide_minutes(state, minutes)
