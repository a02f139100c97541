"""A calendar as a calendar program reads it (iCalendar: RFC 5545, RFC 7986). The same meetings are always the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from icalendar import Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard, vCalAddress

from services.meetings.domain.calendar import Appointment, Standing
from services.meetings.domain.meeting import Status
from services.meetings.pages.texts import WORDS
from shared.clock import oslo_time
from shared.contracts.codes import Language

CALLER: Final = "urn:uuid:8a1f4b1e-5f0a-5b5e-9d43-8d7a0a4c2e60"
READER: Final = "urn:uuid:3c7f0c52-0b1d-5e6a-8f27-5b9c6d1e7a44"
"""Who calls, and whose calendar it is, of every meeting in every calendar: RFC 5545 § 3.8.4 wants addresses, and gets nobody's."""
ASK_AGAIN: Final = timedelta(hours=1)
"""How often a program is asked to read the calendar."""


def render_feed(appointments: Iterable[Appointment], language: Language) -> bytes:
    """Return the calendar in that language."""
    words = WORDS[language]
    calendar = Calendar()
    calendar.add("prodid", "-//Lagspill//meetings//EN")
    calendar.add("version", "2.0")
    calendar.add("name", words.calendar)
    calendar.add("x-wr-calname", words.calendar)
    calendar.add("refresh-interval", ASK_AGAIN, {"VALUE": "DURATION"})
    calendar.add_component(_oslo())
    for each in appointments:
        calendar.add_component(_event(each, language))
    written: bytes = calendar.to_ical()
    return written


def _event(appointment: Appointment, language: Language) -> Event:
    words = WORDS[language]
    title = appointment.title or words.what
    if appointment.standing is Standing.CANCELLED:
        title = f"{words.statuses[Status.CANCELLED]}: {title}"
    event = Event()
    event.add("uid", str(appointment.uid))
    event.add("dtstamp", appointment.changed_at.astimezone(UTC))
    event.add("sequence", appointment.changes)
    event.add("dtstart", _start(appointment.starts_at))
    event.add("duration", timedelta(minutes=appointment.minutes))
    event.add("summary", title)
    if appointment.place is not None:
        event.add("location", appointment.place)
    event.add("status", appointment.standing)
    event.add("class", "PRIVATE")
    if appointment.attendance is not None:
        event.add("organizer", vCalAddress(CALLER))
        event.add("attendee", vCalAddress(READER), {"PARTSTAT": appointment.attendance.value})
    return event


def _start(moment: datetime) -> datetime:
    """Return `moment` in Norway's time; in UTC in the hour that comes a second time, which a local time cannot name (§ 3.3.5)."""
    local = oslo_time(moment)
    return moment.astimezone(UTC) if local.fold else local


def _oslo() -> Timezone:
    """Return Norway's time with its summer time: from the last Sunday in March to the last one in October, since 1996."""
    standard = TimezoneStandard()
    standard.add("dtstart", datetime(1996, 10, 27, 3))  # noqa: DTZ001 - local time, as RFC 5545 § 3.6.5 has it
    standard.add("rrule", {"freq": "yearly", "bymonth": 10, "byday": "-1su"})
    standard.add("tzoffsetfrom", timedelta(hours=2))
    standard.add("tzoffsetto", timedelta(hours=1))
    standard.add("tzname", "CET")
    daylight = TimezoneDaylight()
    daylight.add("dtstart", datetime(1996, 3, 31, 2))  # noqa: DTZ001
    daylight.add("rrule", {"freq": "yearly", "bymonth": 3, "byday": "-1su"})
    daylight.add("tzoffsetfrom", timedelta(hours=1))
    daylight.add("tzoffsetto", timedelta(hours=2))
    daylight.add("tzname", "CEST")
    zone = Timezone()
    zone.add("tzid", "Europe/Oslo")
    zone.add_component(standard)
    zone.add_component(daylight)
    return zone
