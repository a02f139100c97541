"""Which deviations leaders are told of, and when: once of each, on the Monday after its time has come (seed rules 8, 40, 64, 95).

What everybody who may sees at any moment is `conformity`; here is what somebody is told without having asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Final

from services.meetings.domain.arena_rules import Children
from services.meetings.domain.conformity import Deviation, KnownMeeting, View, deviations
from services.meetings.domain.profile import Profile
from services.meetings.domain.report_duty import led_by
from services.meetings.domain.wheel import open_days_of
from services.meetings.domain.year import SchoolYear
from shared.aggregate import Aggregate
from shared.calendar import at_oslo
from shared.clock import oslo_day
from shared.contracts.base import EventData, Model
from shared.contracts.deviations import ChildMeetingMissing, DeviationFound, DeviationKind
from shared.refs import DeviationRef, UnitId

AGAIN: Final = timedelta(minutes=10)
"""How long until is looked again, when not all was known that there was to be known."""
LOOK_AT: Final = time(8)
"""On Mondays, in Norway: once a week, and all that is found as one, so that nobody hears of it every day."""
NOTICE_DAYS: Final = 42
"""Before the last open day of a term or year: six weeks, so that a meeting can still be called two weeks before it is held."""
RECORD_DAYS: Final = 7
"""After a meeting's day: for so long nobody is told that it was not held, for somebody is to record that it was."""
BACK_DAYS: Final = 60
"""What is older was somebody's to see before there was anybody to tell: it is in the list, and no news."""
_EVERYTHING: Final = View(everything=True)
_WEEK: Final = timedelta(days=7)


class FoundState(Model):
    """Whether a deviation was told of."""

    deviation: DeviationRef | None = None


def evolve(state: FoundState, event: EventData) -> FoundState:
    """Return `state` after `event`."""
    if isinstance(event, DeviationFound | ChildMeetingMissing):
        return FoundState(deviation=event.deviation)
    return state


FOUND: Final = Aggregate("deviation", FoundState, FoundState(), evolve)


def next_look(now: datetime) -> datetime:
    """Return when is looked next after `now`, in UTC."""
    today = oslo_day(now)
    monday = at_oslo(today - timedelta(days=today.weekday()), LOOK_AT)
    return monday if monday > now else at_oslo(today - timedelta(days=today.weekday()) + _WEEK, LOOK_AT)


def years_seen(profile: Profile, today: date) -> list[SchoolYear]:
    """Return the school years that hold what may be told: early in one the year before too; none whose holidays are unknown."""
    years = {profile.calendar.school_year_of(day) for day in (today - timedelta(days=BACK_DAYS), today)}
    return sorted((year for year in years if profile.calendar.knows_holidays_of(year)), key=lambda year: year.first)


def to_tell(
    profile: Profile,
    year: SchoolYear,
    meetings: Iterable[KnownMeeting],
    today: date,
    around: Iterable[Deviation] = (),
) -> list[tuple[str, Deviation]]:
    """Return what the leaders are to know of by that day, each with what it is known by: the same one has the same key.

    `around` is what is missing around children: once for each arena and part of the year, however many of them lack a meeting. Of
    those who start school it is news until two months after the school year, because it is known so late who they are.
    """
    open_days = open_days_of(profile, year)
    found = deviations(profile, year, meetings, today, _EVERYTHING, around)
    late = {
        rules.type
        for rules in profile.arenas
        if rules.due_for is not None and rules.due_for.children is Children.STARTING_SCHOOL
    }

    def known_by(deviation: Deviation) -> date:
        # Forms to school are written in the spring after the window: only then is it known who was to meet (seed rules 10, 13).
        too_few = deviation.kind is DeviationKind.TOO_FEW_HELD and deviation.meeting is None
        return year.last if too_few and deviation.arena_type in late else deviation.day

    news = (each for each in found if today - known_by(each) <= timedelta(days=BACK_DAYS))
    return [(_key(each, year), each) for each in news if _ripe(each, open_days, today)]


def _ripe(deviation: Deviation, open_days: frozenset[date], today: date) -> bool:
    match deviation.kind:
        case DeviationKind.TOO_FEW_PLANNED:
            # The last weeks before the summer are holidays: nothing can be held in them.
            last = max((day for day in open_days if day <= deviation.day), default=deviation.day)
            return last - timedelta(days=NOTICE_DAYS) <= today
        case DeviationKind.NOT_HELD:
            return deviation.day + timedelta(days=RECORD_DAYS) <= today
        case _:
            return True


def _key(deviation: Deviation, year: SchoolYear) -> str:
    if deviation.meeting is not None:
        about = str(deviation.meeting)
    else:
        # A unit without an arena is one the whole year through: the day is that of the look.
        whole = deviation.kind is DeviationKind.UNIT_WITHOUT_ARENA
        about = f"{year.first}" if whole else f"{deviation.period} {deviation.day}"
    return f"{deviation.kind} {deviation.arena_type} {deviation.unit or ''} {about}"


def decide_found(
    state: FoundState, deviation: DeviationRef, found: Deviation, profile: Profile, today: date
) -> list[EventData]:
    """Say it, once, and whose leaders are told (seed rule 95).

    Those of the unit whose arena it is, or of the administration; when a unit's period is over with too few meetings, of both: the
    unit's had a notice in time.
    """
    if state.deviation is not None:
        return []
    above = led_by(profile, today)
    told: set[UnitId | None] = {found.unit or above}
    if found.kind is DeviationKind.TOO_FEW_HELD:
        told.add(above)
    return [
        DeviationFound(
            deviation=deviation,
            kind=found.kind,
            arena_type=found.arena_type,
            unit=found.unit,
            meeting=found.meeting,
            day=found.day,
            rule=found.rule,
            led_by=frozenset(unit for unit in told if unit is not None),
            absent=frozenset(each.service for each in found.absent),
        )
    ]
