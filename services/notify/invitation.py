"""The entry for a calendar that goes with a mail about a meeting (iTIP and iMIP: RFC 5546, RFC 6047).

It is the meeting of the meetings service's own calendars: the same UID, the same title for every meeting, no place, no agenda,
nobody but the one who is mailed. A calendar program that has both shows one.
"""

from __future__ import annotations

from datetime import UTC
from types import MappingProxyType
from typing import Final

from icalendar import Calendar, Event, vCalAddress

from services.notify.domain.appointment import Appointment
from shared.contracts.codes import Language
from shared.contracts.meetings import calendar_uid

TITLES: Final = MappingProxyType({Language.NB: "Møte", Language.NN: "Møte", Language.EN: "Meeting"})
CANCELLED: Final = MappingProxyType({Language.NB: "Avlyst", Language.NN: "Avlyst", Language.EN: "Cancelled"})


def method_of(appointment: Appointment) -> str:
    """Return what a calendar program is asked to do with it."""
    return "CANCEL" if appointment.cancelled else "REQUEST"


def render(appointment: Appointment, language: Language, *, sender: str, to: str) -> str:
    """Return the entry in that language, from `sender` to `to`; the same meeting is always the same text."""
    title = TITLES[language]
    event = Event()
    event.add("uid", str(calendar_uid(appointment.meeting)))
    event.add("dtstamp", appointment.changed_at.astimezone(UTC))
    event.add("sequence", appointment.changes)
    event.add("dtstart", appointment.starts_at.astimezone(UTC))
    event.add("duration", appointment.lasts)
    event.add("summary", f"{CANCELLED[language]}: {title}" if appointment.cancelled else title)
    event.add("status", "CANCELLED" if appointment.cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("organizer", vCalAddress(f"mailto:{sender}"))
    attendee = vCalAddress(f"mailto:{to}")
    attendee.params["PARTSTAT"] = "NEEDS-ACTION"
    attendee.params["RSVP"] = "FALSE"
    event.add("attendee", attendee, encode=False)
    calendar = Calendar()
    calendar.add("prodid", "-//Lagspill//notify//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method_of(appointment))
    calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written.decode()
