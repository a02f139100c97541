"""The address at which a calendar program that cannot sign in reads somebody's calendar: one at a time, for half a year.

made -> made anew (the one before no longer works) -> withdrawn -> made anew
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime

from services.meetings.errors import CalendarBusyError, NoAddressError
from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.contracts.meetings import CalendarAddressMade, CalendarAddressWithdrawn
from shared.refs import CalendarRef

WORKS_FOR: Final = timedelta(days=183)
"""A term and its holidays: whoever has left, or has another task, must not be shown the meetings for long."""
READS_AN_HOUR: Final = 60
"""More than the programs on somebody's devices ask for; less than one that has lost its way."""


class AddressState(Model):
    """A calendar's addresses so far."""

    number: int = 0
    """Of the last one made. None is ever given again."""
    until: AwareDatetime | None = None
    """None: none works."""


def evolve(state: AddressState, event: EventData) -> AddressState:
    """Return `state` after `event`."""
    match event:
        case CalendarAddressMade():
            return AddressState(number=event.number, until=event.until)
        case CalendarAddressWithdrawn():
            return AddressState(number=state.number)
        case _:
            return state


CALENDAR: Final = Aggregate("calendar", AddressState, AddressState(), evolve)


def decide_make(state: AddressState, calendar: CalendarRef, now: datetime) -> list[EventData]:
    """Make an address; the one before, if any, no longer works."""
    return [CalendarAddressMade(calendar=calendar, number=state.number + 1, until=now + WORKS_FOR)]


def decide_withdraw(state: AddressState, calendar: CalendarRef) -> list[EventData]:
    """Let no address work.

    Raises:
        NoAddressError: none was made, or it is withdrawn already.
    """
    if state.until is None:
        raise NoAddressError
    return [CalendarAddressWithdrawn(calendar=calendar, number=state.number)]


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour in which reads at `moment` are counted."""
    return moment.replace(minute=0, second=0, microsecond=0)


def check_reads(reads: int, now: datetime) -> None:
    """Refuse the read that is one too many; `reads` are those of this hour, with this one.

    Raises:
        CalendarBusyError: until the hour is over.
    """
    if reads > READS_AN_HOUR:
        raise CalendarBusyError(retry_after=(hour_of(now) + timedelta(hours=1) - now).total_seconds())
