"""What a calendar shows of the meetings: when, how long, and where; never whom a meeting is about or what for.

A calendar lies open on telephones and on walls. So every title is the same word; only somebody who is signed in sees the name of
an arena that takes no child at all (seed rules 22, 172), and whether they come themselves. Where a meeting around a child is would
tell where the child is: it has no place, and nobody without a seat in it is shown that it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.calling import is_seated, seat_of
from services.meetings.domain.invitation import Answers, SeatAnswer
from services.meetings.domain.meeting import Status
from services.meetings.domain.profile import Profile
from services.meetings.domain.seating import Asked, Office, asked_by, fills_seat, speaks_for_seat
from services.meetings.errors import CalendarForbiddenError, NoArenaCalendarError
from shared.contracts.codes import Function, Role, Service
from shared.contracts.meetings import ArenaLevel, InvitationAnswer, ModePolicy, Place, calendar_uid
from shared.refs import LogScope, MeetingRef, UnitId

BACK: Final = timedelta(days=366)
AHEAD: Final = timedelta(days=400)
"""A calendar holds the meetings between so long ago and so far ahead."""


@dataclass(frozen=True, slots=True)
class Reader:
    """As whom somebody reads a calendar."""

    service: Service | None
    unit: UnitId | None
    coordinator: bool
    roles: frozenset[Role] = frozenset()
    functions: frozenset[Function] = frozenset()

    @property
    def office(self) -> Office:
        """Return as what they take part."""
        return Office(self.service, self.unit, self.roles, self.functions)


@dataclass(frozen=True, slots=True)
class KnownDate:
    """A meeting, as the calendars look at it."""

    meeting: MeetingRef
    arena_type: str
    units: frozenset[UnitId]
    invited: frozenset[Service]
    starts_at: datetime
    minutes: int
    status: Status
    changes: int
    changed_at: datetime
    answers: tuple[SeatAnswer, ...] = ()

    def asked(self, profile: Profile) -> Asked:
        """Return whom it asks."""
        return asked_by(profile, self.invited, self.units, self.answers)


class Attendance(StrEnum):
    """Whether somebody who is invited comes (RFC 5545 § 3.2.12)."""

    NEEDS_ACTION = "NEEDS-ACTION"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    DELEGATED = "DELEGATED"
    """Somebody else comes for the seat (seed rules 71, 72)."""


class Standing(StrEnum):
    """Whether a meeting will be (RFC 5545 § 3.8.1.11)."""

    TENTATIVE = "TENTATIVE"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Appointment:
    """One meeting in a calendar: all that is told of it."""

    uid: UUID
    starts_at: datetime
    minutes: int
    standing: Standing
    changes: int
    changed_at: datetime
    place: str | None
    title: str | None
    """The arena's name, where it may stand there; None: the same word as for every other."""
    attendance: Attendance | None = None
    """Whether the reader's own seat is taken; None where the reader has none, or has not signed in."""


def decide_reader(
    *,
    staff: bool,
    roles: frozenset[Role],
    service: Service | None,
    unit: UnitId | None,
    functions: frozenset[Function] = frozenset(),
) -> Reader:
    """Return as whom somebody reads their own calendar.

    | Who | Is shown |
    |---|---|
    | coordinator | every meeting of the municipality; those around a child only with a seat in them |
    | other staff of a service | the meetings in which they have a seat, or lead whose seat it is (see `seating`) |
    | anybody else | nothing |

    Raises:
        CalendarForbiddenError: anybody else.
    """
    coordinator = Role.COORDINATOR in roles
    if not staff or (service is None and not coordinator):
        raise CalendarForbiddenError
    return Reader(service, unit, coordinator, roles, functions)


def read_in(
    profiles: Mapping[LogScope, Profile], municipality: LogScope, reader: Reader
) -> list[tuple[Profile, Reader]]:
    """Return of which municipalities somebody's own calendar is, and as whom they read there (seed rule 77).

    It is that of all the municipalities that share the reader's unit: whoever sits in five at once has one calendar. It leads to no
    child in any of them, and what is shown is the unit's own seats: none where the municipality has such a service of its own, or
    the reader's is another than the unit's. A coordinator is one municipality's.

    Args:
        profiles: of all municipalities, the reader's among them.
        municipality: as whose the reader has signed in.
        reader: as decided there.
    """
    here = profiles[municipality]
    unit = None if reader.unit is None else here.unit(reader.unit)
    if unit is None or reader.service is None or unit.seated_as is not reader.service:
        return [(here, reader)]
    others = [
        each
        for each in profiles.values()
        if unit.id in here.shared_with(each)
        and not any(one.municipality is not None and one.seated_as is reader.service for one in each.units)
    ]
    return [(here, reader), *((each, replace(reader, coordinator=False)) for each in others)]


def check_arena(rules: ArenaRules, unit: UnitId | None, own: Service | None, reader: Reader) -> None:
    """Refuse the calendar of an arena in which the reader has no part.

    Args:
        rules: the arena's.
        unit: whose arena it is, at unit level.
        own: that unit's service.
        reader: who asks.

    Raises:
        NoArenaCalendarError: the arena is around a child: how often it meets would tell how many such children there are.
        CalendarForbiddenError: neither the coordinator nor somebody with a seat in it, or who leads whose seat it is.
    """
    if rules.level is ArenaLevel.CHILD:
        raise NoArenaCalendarError
    seats = rules.fixed | rules.at_need | ({own} if own is not None else frozenset())
    units = frozenset({unit}) if unit is not None else frozenset()
    asked = Asked(seats, units)
    if not reader.coordinator and not _has_part(rules, asked, reader):
        raise CalendarForbiddenError


def appointments(
    profile: Profile, meetings: Iterable[KnownDate], reader: Reader, *, signed_in: bool
) -> list[Appointment]:
    """Return what the reader's calendar shows of the meetings, by time; less when they are not signed in."""
    shown = (each for each in meetings if _shown(profile, each, reader))
    made = [_appointment(profile, each, reader, signed_in=signed_in) for each in shown]
    return sorted(made, key=by_time)


def by_time(appointment: Appointment) -> tuple[datetime, UUID]:
    """Return by what a calendar is ordered."""
    return appointment.starts_at, appointment.uid


def _shown(profile: Profile, meeting: KnownDate, reader: Reader) -> bool:
    rules = profile.arena(meeting.arena_type)
    if rules is None:
        # The profile no longer has the arena: for whom its seats were, and whether it was around a child, nobody can say.
        return is_seated(meeting.invited, meeting.units, reader.service, reader.unit)
    return (reader.coordinator and rules.level is not ArenaLevel.CHILD) or _has_part(
        rules, meeting.asked(profile), reader
    )


def _has_part(rules: ArenaRules, asked: Asked, reader: Reader) -> bool:
    return fills_seat(rules, asked, reader.office) or speaks_for_seat(rules, asked, reader.office)


def _appointment(profile: Profile, meeting: KnownDate, reader: Reader, *, signed_in: bool) -> Appointment:
    rules = profile.arena(meeting.arena_type)
    attendance, answered_at = _own_answer(profile, rules, meeting, reader) if signed_in else (None, None)
    named = signed_in and rules is not None and rules.mode.policy is ModePolicy.SYSTEM_ONLY
    return Appointment(
        uid=calendar_uid(meeting.meeting),
        starts_at=meeting.starts_at,
        minutes=meeting.minutes,
        standing=_STANDING.get(meeting.status, Standing.CONFIRMED),
        changes=meeting.changes,
        changed_at=max(meeting.changed_at, answered_at or meeting.changed_at),
        place=None if rules is None else place_of(profile, rules, meeting.units),
        title=rules.name if rules is not None and named else None,
        attendance=attendance,
    )


def _own_answer(
    profile: Profile, rules: ArenaRules | None, meeting: KnownDate, reader: Reader
) -> tuple[Attendance | None, datetime | None]:
    """Return whether the reader's own seat is taken, and when that was said last."""
    if rules is None:
        own = is_seated(meeting.invited, meeting.units, reader.service, reader.unit)
    else:
        own = speaks_for_seat(rules, meeting.asked(profile), reader.office)
    if reader.service is None or not own or meeting.status in {Status.PLANNED, Status.CANCELLED}:
        return None, None
    given = Answers(seats=meeting.answers).of_seat(seat_of(reader.service, reader.unit))
    if given is None:
        return Attendance.NEEDS_ACTION, None
    if given.deputy is not None:
        # Programs leave out what was declined; but the seat is taken.
        return Attendance.DELEGATED, given.at
    return _ATTENDANCE[given.answer], given.at


def place_of(profile: Profile, rules: ArenaRules, units: frozenset[UnitId]) -> str | None:
    """Return where a meeting is; None where that would tell of a child or of what one gets, or is agreed each time."""
    match rules.level, rules.place.at:
        case ArenaLevel.UNIT, Place.AT_THE_UNIT:
            found = [unit for each in units if (unit := profile.unit(each)) is not None]
            return found[0].name if len(found) == 1 else None
        case ((ArenaLevel.UNIT | ArenaLevel.MUNICIPALITY), Place.MUNICIPALITY):
            return profile.name
        case _:
            return None


_ATTENDANCE: Final = {
    InvitationAnswer.ACCEPTED: Attendance.ACCEPTED,
    InvitationAnswer.DECLINED: Attendance.DECLINED,
}
_STANDING: Final = {Status.PLANNED: Standing.TENTATIVE, Status.CANCELLED: Standing.CANCELLED}
