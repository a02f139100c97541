"""A meeting as an entry in the calendar of somebody who is invited: when and how long, and never what for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime

from shared.contracts.base import Model
from shared.contracts.meetings import MeetingCalled, MeetingPlanned, Place
from shared.refs import MeetingRef

ONE: Final = 1


class Appointment(Model):
    """A meeting at one moment of its history; a later one has a larger number (RFC 5546 § 2.1.4)."""

    meeting: MeetingRef
    starts_at: AwareDatetime
    minutes: int
    changes: int
    """How often it has been changed: the same number as in the meetings' own calendars; for a family with what was changed for
    it alone."""
    changed_at: AwareDatetime
    cancelled: bool = False
    place: Place | None = None
    """Where; None where the event did not say."""

    @property
    def lasts(self) -> timedelta:
        """How long it takes."""
        return timedelta(minutes=self.minutes)


def planned(before: Appointment | None, event: MeetingPlanned | MeetingCalled, now: datetime) -> Appointment:
    """Return a meeting that was planned, or called: called after it was planned, or called again, is a change."""
    return Appointment(
        meeting=event.meeting,
        starts_at=event.starts_at,
        minutes=event.minutes,
        place=event.place,
        changes=0 if before is None else before.changes + ONE,
        changed_at=now,
    )


def moved(before: Appointment, starts_at: datetime, now: datetime) -> Appointment:
    """Return the meeting at another time."""
    return before.model_copy(update={"starts_at": starts_at, "changes": before.changes + ONE, "changed_at": now})


def for_one(before: Appointment, now: datetime, own: int, *, invited: bool) -> Appointment:
    """Return the meeting for somebody who is invited to it, or is no longer, at that moment.

    `own` is how often it has changed for them alone: a cancellation has a larger number than what it cancels (RFC 5546 § 3.2.5),
    and so has an invitation after it. For the others nothing has changed.
    """
    theirs = for_them(before, own)
    return theirs.model_copy(update={"changed_at": now, "cancelled": before.cancelled or not invited})


def for_them(now: Appointment, own: int) -> Appointment:
    """Return the meeting as it is for all, for somebody for whom it has changed `own` times besides."""
    return now.model_copy(update={"changes": now.changes + own})


def cancelled(before: Appointment, now: datetime) -> Appointment:
    """Return the meeting that will not be held."""
    return before.model_copy(update={"cancelled": True, "changes": before.changes + ONE, "changed_at": now})
