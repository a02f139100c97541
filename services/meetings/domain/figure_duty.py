"""A figure that is to be entered by a day: waited for from when its period is over (seed rules 150, 151, 155, 164, 190)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.meetings.domain.entered_figure import FigureState, Place, places
from services.meetings.domain.profile import Profile
from services.meetings.domain.report_duty import led_by
from services.meetings.domain.stretch import ended_in, stretch
from services.meetings.domain.undertakings import Entry, Owner
from shared.contracts.base import EventData
from shared.contracts.codes import Role
from shared.contracts.entered_figures import FigureDropped, FigureExpected
from shared.refs import EnteredFigureRef, UnitId


@dataclass(frozen=True, slots=True)
class OwedFigure:
    """A figure by a day."""

    place: Place
    due: date
    owner: Owner
    led_by: UnitId | None
    """Whose leaders are told when it does not come: the administration's."""


def owed_figures(profile: Profile, since: date, today: date) -> Sequence[OwedFigure]:
    """Return the figures whose periods are over `today`, and whose last day is not before `since`.

    What was to be entered before the service began is owed by nobody: it stands in the list, late.
    """
    found: list[OwedFigure] = []
    leads = led_by(profile, today)
    for indicator in profile.indicators:
        entry = indicator.entry
        if entry is None or entry.due_days is None:
            continue
        for period in ended_in(entry.every, since - timedelta(days=entry.due_days), today - timedelta(days=1)):
            due = period.last + timedelta(days=entry.due_days)
            found += [
                OwedFigure(Place(indicator.code, period.code, unit), due, _owner(entry, unit), leads)
                for unit in places(profile, entry, period)
            ]
    return sorted(found, key=lambda one: (one.due, one.place.indicator, one.place.unit or ""))


def _owner(entry: Entry, unit: UnitId | None) -> Owner:
    """Return who is waited for: a unit's figure is its leader's to enter."""
    return entry.by if unit is None else Owner(role=Role.LEADER, unit=unit)


def owed_still(profile: Profile, place: Place, due: date, today: date) -> OwedFigure | None:
    """Return the figure as the profile asks for it now; None when it no longer does, by that day."""
    indicator = profile.indicator(place.indicator)
    entry = None if indicator is None else indicator.entry
    period = None if entry is None else stretch(entry.every, place.period)
    if entry is None or period is None or entry.due_by(period.last) != due:
        return None
    if place.unit not in places(profile, entry, period):
        return None
    return OwedFigure(place, due, _owner(entry, place.unit), led_by(profile, today))


def stands(state: FigureState, owed: OwedFigure) -> bool:
    """Return whether it is waited for already, by that day and of that owner."""
    return (state.due, state.owner, state.led_by) == (owed.due, owed.owner, owed.led_by)


def decide_expect(state: FigureState, figure: EnteredFigureRef, owed: OwedFigure) -> list[EventData]:
    """Say that it is waited for; once, and again while it is, when the profile says another day, or names another owner."""
    if state.entries or stands(state, owed):
        return []
    return [
        FigureExpected(
            figure=figure,
            indicator=owed.place.indicator,
            period=owed.place.period,
            unit=owed.place.unit,
            due=owed.due,
            owed_by=owed.owner.role,
            owing_unit=owed.owner.unit,
            led_by=owed.led_by,
        )
    ]


def decide_drop(state: FigureState) -> list[EventData]:
    """Wait for it no longer; nothing when it was entered, or nobody waits."""
    if state.figure is None or state.due is None:
        return []
    return [FigureDropped(figure=state.figure, indicator=state.indicator, period=state.period, unit=state.unit)]
