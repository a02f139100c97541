"""A report that the municipality owes by a day of its profile (seed rules 66, 123, 127, 128, 135).

expected -> delivered or dropped
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from services.meetings.domain.organisation import UnitKind
from services.meetings.domain.profile import Profile
from services.meetings.domain.undertakings import Owner, Report
from services.meetings.domain.unit_register import BACK_DAYS
from services.meetings.errors import RecordedDayError, ReportDeliveredError, ReportNotExpectedError, ReportNotYoursError
from shared.aggregate import Aggregate
from shared.auth import Actor
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Role
from shared.contracts.report_duties import ReportDelivered, ReportDropped, ReportExpected
from shared.refs import ReportDutyRef, UnitId


class Status(StrEnum):
    """What became of it."""

    EXPECTED = "expected"
    DELIVERED = "delivered"
    DROPPED = "dropped"


class DutyState(Model):
    """A report that is owed, as it stands."""

    duty: ReportDutyRef | None = None
    """None: there is none."""
    report: str = ""
    due: date | None = None
    owner: Owner = Owner()
    status: Status = Status.EXPECTED
    delivered_on: date | None = None


def evolve(state: DutyState, event: EventData) -> DutyState:
    """Return `state` after `event`."""
    match event:
        case ReportExpected():
            owner = Owner(role=event.owed_by, unit=event.owing_unit)
            return DutyState(duty=event.duty, report=event.report, due=event.due, owner=owner)
        case ReportDelivered():
            return state.model_copy(update={"status": Status.DELIVERED, "delivered_on": event.on})
        case ReportDropped():
            return state.model_copy(update={"status": Status.DROPPED})
        case _:
            return state


DUTY: Final = Aggregate("report-duty", DutyState, DutyState(), evolve)


@dataclass(frozen=True, slots=True)
class Owed:
    """A report by a day."""

    report: str
    due: date


def owed_now(profile: Profile, today: date) -> Sequence[Owed]:
    """Return what the municipality owes next: of each report the first day from `today` on that its profile states.

    What was due before is not owed here: nobody said then whether it was delivered.
    """
    found = ((each.code, each.due_after(today)) for each in profile.reports)
    return [Owed(code, due) for code, due in found if due is not None and due >= today]


def still_owed(profile: Profile, owed: Owed) -> bool:
    """Return whether the profile still states that the report is due on that day."""
    report = _report(profile, owed.report)
    return report is not None and report.due_after(owed.due) == owed.due


def _report(profile: Profile, code: str) -> Report | None:
    return next((each for each in profile.reports if each.code == code), None)


def led_by(profile: Profile, today: date) -> UnitId | None:
    """Return whose leaders are told when a report does not come: the municipality's administration."""
    own = (unit for unit in profile.units if unit.kind is UnitKind.ADMINISTRATION and unit.there_on(today))
    return next((unit.id for unit in own), None)


def owns(report: Report, actor: Actor) -> bool:
    """Return whether the actor is one of those who owe the report."""
    owner = report.owner
    return actor.staff and owner.role in actor.roles and owner.unit in {None, actor.unit}


def check_deliverer(profile: Profile, report: Report, actor: Actor, today: date) -> None:
    """Refuse whoever does not deliver the report: it is for who owes it, and for the leaders of the administration.

    Raises:
        ReportNotYoursError: neither.
    """
    leads = Role.LEADER in actor.roles and actor.unit is not None and actor.unit == led_by(profile, today)
    if not (owns(report, actor) or leads):
        raise ReportNotYoursError


def decide_expect(
    state: DutyState, duty: ReportDutyRef, owed: Owed, owner: Owner, unit: UnitId | None
) -> list[EventData]:
    """Say that it is owed; once, and again while it is, when the profile names another owner."""
    if state.duty is not None and (state.status is not Status.EXPECTED or state.owner == owner):
        return []
    return [
        ReportExpected(
            duty=duty, report=owed.report, due=owed.due, owed_by=owner.role, owing_unit=owner.unit, unit=unit
        )
    ]


def decide_deliver(state: DutyState, on: date, today: date) -> list[EventData]:
    """Say that it was delivered on that day; the same again changes nothing.

    Raises:
        ReportNotExpectedError: nobody waits for it by that day.
        ReportDeliveredError: it was delivered on another day.
        RecordedDayError: the day is to come, or so long before it was due that it is of another year.
    """
    if state.duty is None or state.due is None or state.status is Status.DROPPED:
        raise ReportNotExpectedError
    if state.status is Status.DELIVERED:
        if state.delivered_on == on:
            return []
        raise ReportDeliveredError
    if not state.due - timedelta(days=BACK_DAYS) <= on <= today:
        raise RecordedDayError
    return [ReportDelivered(duty=state.duty, report=state.report, due=state.due, on=on)]


def decide_drop(state: DutyState) -> list[EventData]:
    """Wait for it no longer; nothing when it was delivered, or dropped already."""
    if state.duty is None or state.due is None or state.status is not Status.EXPECTED:
        return []
    return [ReportDropped(duty=state.duty, report=state.report, due=state.due)]
