"""What follows from the events of the work around the child, in the same transaction: who is told what, and what is due when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.cases import team_store
from services.cases.channel import ReportChannel
from services.cases.domain.hearing import Hearing
from services.cases.domain.reports import Grounds
from services.cases.domain.state import CaseState
from services.cases.team_records import TeamRecords
from shared.aggregate import Context
from shared.calendar import start_of_day
from shared.clock import oslo_day
from shared.contracts.access import AccessKind, AccessRecorded, Recipient
from shared.contracts.cases import (
    CaseEvent,
    ConsentConfirmed,
    ConsentGranted,
    ConsentRenewed,
    CoordinatorKind,
    MeasureChanged,
    MeasurePlanned,
)
from shared.contracts.codes import InformationCategory, Purpose, Service
from shared.contracts.reports import ConcernReportSent
from shared.contracts.team import (
    ContributionAccepted,
    ContributionDeclined,
    ContributionEnded,
    ContributionEscalated,
    ContributionRequested,
    CoordinatorAppointed,
    CoordinatorEnded,
    PlanRequested,
)
from shared.db import Connection
from shared.deadlines import cancel, set_deadline

CONTRIBUTION_ANSWER: Final = "contribution-answer"
CONTRIBUTION_ESCALATION: Final = "contribution-escalation"
REPORT_DELIVERY: Final = "report-delivery"
REPORT_FEEDBACK: Final = "report-feedback"
OVERLAP_ELSEWHERE: Final = "overlap-elsewhere"
"""Compares the case with the others about the same child: at once, and in a transaction of its own."""
COORDINATOR_AGE: Final = "coordinator-age"
"""Looks every day whether the child is of age: a deadline at the birthday would be the birthday, in the clear."""


@dataclass(frozen=True)
class TeamDesk:
    """What handlers of the work around the child work with."""

    records: TeamRecords
    hearing: Hearing
    grounds: Grounds
    channel: ReportChannel | None
    """The digital way to child welfare; none: reports go by letter."""


async def follow_team(conn: Connection, events: Iterable[CaseEvent], now: datetime) -> list[str]:
    """Set the deadlines and write what requests are found by; return references that are new."""
    parts: list[str] = []
    for event in events:
        match event:
            case ContributionRequested():
                parts.append(event.contribution)
                await team_store.contribution_asked(conn, event, event.unit, now)
                await set_deadline(conn, kind=CONTRIBUTION_ANSWER, key=event.contribution, due=event.respond_by)
            case ContributionAccepted() | ContributionDeclined():
                accepted = isinstance(event, ContributionAccepted)
                await team_store.contribution_answered(conn, event.contribution, now, running=accepted)
                await _nothing_due(conn, event.contribution)
            case ContributionEnded():
                await team_store.contribution_ended(conn, event.contribution)
                await _nothing_due(conn, event.contribution)
            case ContributionEscalated():
                await cancel(conn, kind=CONTRIBUTION_ESCALATION, key=event.contribution)
            case PlanRequested():
                parts.append(event.plan)
            case CoordinatorAppointed(kind=CoordinatorKind.BARNEKOORDINATOR):
                await set_deadline(conn, kind=COORDINATOR_AGE, key=event.case, due=tomorrow(now))
            case CoordinatorEnded(kind=CoordinatorKind.BARNEKOORDINATOR):
                await cancel(conn, kind=COORDINATOR_AGE, key=event.case)
            case (
                MeasurePlanned()
                | MeasureChanged()
                | ConsentConfirmed()
                | ConsentRenewed()
                | ConsentGranted(active=True)
            ):
                await set_deadline(conn, kind=OVERLAP_ELSEWHERE, key=event.case, due=now)
            case ConcernReportSent():
                parts.append(event.report)
                await set_deadline(conn, kind=REPORT_FEEDBACK, key=event.report, due=event.feedback_by)
                if event.channel == "digital":
                    await set_deadline(conn, kind=REPORT_DELIVERY, key=event.report, due=now)
            case _:
                continue
    return parts


def tomorrow(now: datetime) -> datetime:
    """Return the beginning of the next day in Norway."""
    return start_of_day(oslo_day(now) + timedelta(days=1))


async def _nothing_due(conn: Connection, contribution: str) -> None:
    for kind in (CONTRIBUTION_ANSWER, CONTRIBUTION_ESCALATION):
        await cancel(conn, kind=kind, key=contribution)


def disclosed(events: Sequence[CaseEvent], ctx: Context, state: CaseState) -> list[AccessRecorded]:
    """Return the record of what these events give out: a concern report to child welfare (seed rule 93).

    It commits with the report, before anything leaves.
    """
    if ctx.actor is None:
        return []
    actor = ctx.actor.access_actor(address_protected=state.address_protected)
    told: list[AccessRecorded] = []
    for event in events:
        if isinstance(event, ConcernReportSent):
            told.append(
                AccessRecorded(
                    subject_ref=event.case,
                    kind=AccessKind.DISCLOSE,
                    actor=actor,
                    case=event.case,
                    categories=frozenset({InformationCategory.IDENTITY, InformationCategory.CONCERN}),
                    purpose=Purpose.ASSESSMENT,
                    basis=event.basis,
                    recipients=(Recipient(service=Service.BARNEVERN),),
                    permitted=True,
                    address_protected=state.address_protected,
                    not_for_guardians=not event.guardians_informed,
                )
            )
    return told
