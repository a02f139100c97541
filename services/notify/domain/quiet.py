"""When something may leave the house: not at night, not on a public holiday, and once a day for who wants it so.

The application shows a message at once, whatever is said here. What is urgent goes at any hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import count
from types import MappingProxyType
from typing import Final

from services.notify.domain import policy
from shared.calendar import at_oslo, public_holidays
from shared.clock import oslo_day, oslo_time
from shared.contracts.base import Model

URGENT: Final = MappingProxyType(
    {
        # Rule 107 and the law behind it: an emergency access is open now, and whoever is to review it may have to end it.
        policy.GLASS_REVIEW: "an emergency access has been opened",
        "protected-emergency-review": "an emergency access to a protected case has been opened",
        # Somebody may be on the way, or be called away from a class.
        policy.CANCELLED: "a meeting will not be held",
        policy.FAMILY_CANCELLED: "a meeting will not be held",
        # To whoever runs another system: nobody is woken.
        policy.SUBSCRIPTION_STOPPED: "another system gets no events",
        policy.SUBSCRIPTION_BARRED: "another system gets no events",
        policy.SUBSCRIPTION_RECEIPT_MISSING: "another system may still share what nobody consents to any more",
    }
)
"""What goes at any hour, with the reason."""
SOON: Final = timedelta(hours=24)
"""A meeting that was moved to within so short a time is told of at any hour."""
DIGEST_AT: Final = time(8)
"""When a day's digest goes, in Norway; where that is in somebody's quiet hours, when these end."""
_SUNDAY: Final = 6


class Quiet(Model):
    """Somebody's quiet hours, in Norway's time; they may go over midnight. When both are the same there are none."""

    begins: time = time(21)
    ends: time = time(7)

    def at(self, moment: time) -> bool:
        """Return whether it is quiet at that time of day."""
        if self.begins <= self.ends:
            return self.begins <= moment < self.ends
        return moment >= self.begins or moment < self.ends


USUAL: Final = Quiet()
"""Of who has not said otherwise."""


class Habits(Model):
    """When somebody wants to be told by what leaves the house."""

    quiet: Quiet = USUAL
    digest: bool = False
    """Once a day, all together."""

    def collects(
        self, template: str, now: datetime, due: datetime | None = None, expected: datetime | None = None
    ) -> bool:
        """Return whether a message of that kind waits for the day's digest; not when that would be after its use."""
        if not self.digest or template in policy.WITH_CALENDAR or is_urgent(template, now, due):
            return False
        use_ends = ends_with(now, due, expected)
        return use_ends is None or next_digest(self.quiet, now) < use_ends


def is_urgent(template: str, now: datetime, due: datetime | None = None) -> bool:
    """Return whether a message of that kind goes at any hour; `due` is the moment that it is about."""
    if template in {policy.MOVED, policy.FAMILY_MOVED} and due is not None:
        return due - now < SOON
    return template in URGENT


def ends_with(now: datetime, due: datetime | None, expected: datetime | None) -> datetime | None:
    """Return when a message is of no use any more: at the first moment ahead that it is about; None when there is none.

    What is to be answered by `due` is late then, a meeting that begins then has begun; and who comes at the `expected` time of
    one that was moved stands at a closed door.
    """
    return min((each for each in (due, expected) if each is not None and each > now), default=None)


def is_quiet(quiet: Quiet, moment: datetime) -> bool:
    """Return whether nothing leaves the house at that moment: at night, on Sundays, on public holidays (lov om helligdager)."""
    local = oslo_time(moment)
    day = local.date()
    return day.weekday() == _SUNDAY or day in public_holidays(day.year) or quiet.at(local.time())


def when(
    template: str, habits: Habits, now: datetime, due: datetime | None = None, expected: datetime | None = None
) -> datetime:
    """Return the first moment, in UTC, from `now` on at which a message of that kind may leave the house.

    Args:
        template: Its kind.
        habits: The recipient's.
        now: Aware.
        due: The moment that it is about, where it is about one.
        expected: When the recipient would come, as far as they know, to the meeting that it says has another time.
    """
    if is_urgent(template, now, due):
        return now
    if habits.collects(template, now, due, expected):
        return next_digest(habits.quiet, now)
    if not is_quiet(habits.quiet, now):
        return now
    moment = next(each for each in _ends(habits.quiet, now) if each > now and not is_quiet(habits.quiet, each))
    # Where the quiet would last until nobody can do anything about it, the mail goes now.
    use_ends = ends_with(now, due, expected)
    return now if use_ends is not None and use_ends <= moment else moment


def next_digest(quiet: Quiet, now: datetime) -> datetime:
    """Return when the next day's digest goes."""
    return next(each for each in _digests(quiet, now) if each > now and not is_quiet(quiet, each))


def _ends(quiet: Quiet, now: datetime) -> Iterator[datetime]:
    """Yield, in order, every moment from this day on at which it may cease to be quiet."""
    today = oslo_day(now)
    for days in count():
        day = today + timedelta(days=days)
        yield at_oslo(day, time(0))
        yield at_oslo(day, quiet.ends)


def _digests(quiet: Quiet, now: datetime) -> Iterator[datetime]:
    """Yield, in order, the moment of every day's digest from this day on."""
    at = quiet.ends if quiet.at(DIGEST_AT) else DIGEST_AT
    today = oslo_day(now)
    return (at_oslo(today + timedelta(days=days), at) for days in count())
