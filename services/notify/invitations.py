"""Who hears of a meeting: that it was called, moved or cancelled, and what was answered for a seat with a duty to attend.

For the staff nothing here knows a child: what is on the agenda is none of an invitation's business, and what a family answers is
told to nobody. Families are invited by what is on the agenda: see `families`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from services.notify import facts, seat_facts, store
from services.notify.cause import Cause
from services.notify.domain import policy
from services.notify.domain.appointment import Appointment, cancelled, moved, planned
from services.notify.facts import CONSUMER
from services.notify.families import Families
from services.notify.handlers import Teller, telling
from services.notify.seat_facts import Awaited
from services.notify.store import Telling
from shared.aggregate import Context
from shared.arrivals import Handler, Tx
from shared.calendar import add_days
from shared.contracts import meetings
from shared.contracts.base import EventData
from shared.deadlines import Deadline, cancel, set_deadline
from shared.envelope import Envelope
from shared.freshness import require_fresh
from shared.inbox import caused_by
from shared.refs import MeetingRef

REMINDER: Final = "meeting-answer-reminder"
"""The kind of the durable deadline, so many days before the meeting."""


class Invitations:
    """The handlers of the meetings' events."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller
        self._families = Families(teller)

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {
            meetings.MeetingPlanned: self.on_meeting_planned,
            meetings.MeetingCalled: self.on_meeting_called,
            meetings.MeetingRescheduled: self.on_meeting_rescheduled,
            meetings.MeetingCancelled: self.on_meeting_cancelled,
            meetings.MeetingHeld: self.on_meeting_held,
            meetings.InvitationAnswered: self.on_answered,
            meetings.AgendaItemAdded: self._families.on_item_added,
            meetings.AgendaItemAccepted: self._families.on_item_accepted,
            meetings.AgendaItemRemoved: self._families.on_item_removed,
        }

    async def on_meeting_planned(self, tx: Tx, event: meetings.MeetingPlanned, envelope: Envelope) -> None:
        """Nobody is invited yet; what calendars know of it begins here."""
        await _remember(tx, event, envelope)

    async def on_meeting_called(self, tx: Tx, event: meetings.MeetingCalled, envelope: Envelope) -> None:
        """The leaders of the invited services are told; they decide who comes (seed rules 6, 8, 9)."""
        units = event.units | ({event.unit} if event.unit is not None else frozenset())
        ctx = caused_by(envelope, tx.now)
        told = _about_meeting(event, ctx, event.starts_at, await _remember(tx, event, envelope))
        told = replace(told, interpreter=bool(event.interpreters))
        invited = dict.fromkeys(event.invited, units)
        await self._teller.tell_services(tx, invited, told.saying(policy.INVITATION), everywhere=True)
        await seat_facts.ask(tx.conn, event.meeting, event.with_duty, event.starts_at)
        await _remind(tx, ctx, event.meeting, event.starts_at, since=envelope.time)

    async def on_meeting_rescheduled(self, tx: Tx, event: meetings.MeetingRescheduled, envelope: Envelope) -> None:
        """Whoever was told of the meeting is told of its new time, and of that alone; every seat is asked anew."""
        ctx = caused_by(envelope, tx.now)
        invited, pending = await store.told_about(tx.conn, event.meeting)
        await self._teller.take_back(tx, ctx, pending, "done")
        appointment = await facts.appointment_of(tx.conn, event.meeting)
        if appointment is not None:
            appointment = moved(appointment, event.starts_at, envelope.time)
            await facts.set_appointment(tx.conn, appointment)
            await self._families.on_moved(tx, envelope, appointment)
        # Each move is a step of its own: it may be back to a time of which they have been told before.
        told = _about_meeting(event, ctx, event.starts_at, appointment)
        told = replace(told, step=f"{told.step}/{envelope.id}")
        uninvited = await store.take_waiting(tx.conn, f"{event.meeting}/", policy.INVITATION)
        # What waits about answers is of the time before: every seat is asked anew.
        await store.drop_staff_errands(tx.conn, step=event.meeting)
        if uninvited:
            # Whoever becomes known has heard of no other time.
            await store.wait_for(tx.conn, told.saying(policy.INVITATION), store.WATCH, uninvited)
        for leader in invited:
            await self._teller.tell_invited(tx, leader, told.saying(policy.MOVED), anew=True)
        await seat_facts.ask_anew(tx.conn, event.meeting, event.starts_at)
        await _remind(tx, ctx, event.meeting, event.starts_at, since=envelope.time)

    async def on_meeting_cancelled(self, tx: Tx, event: meetings.MeetingCancelled, envelope: Envelope) -> None:
        """Whoever was told of the meeting is told that it will not be held; what is not mailed yet is taken back."""
        ctx = caused_by(envelope, tx.now)
        invited, pending = await store.told_about(tx.conn, event.meeting)
        await self._teller.take_back(tx, ctx, pending, "done")
        appointment = await facts.appointment_of(tx.conn, event.meeting)
        if appointment is not None:
            appointment = cancelled(appointment, envelope.time)
            await facts.set_appointment(tx.conn, appointment)
            await self._families.on_cancelled(tx, envelope, appointment)
        told = _about_meeting(event, ctx, None, appointment)
        for leader in invited:
            await self._teller.tell_invited(tx, leader, told.saying(policy.CANCELLED), anew=False)
        await _settle(tx, event.meeting)

    async def on_meeting_held(self, tx: Tx, event: meetings.MeetingHeld, envelope: Envelope) -> None:
        """Who was there is what counts from now on: nobody's answer is waited for."""
        await self._families.on_held(tx, envelope, event.meeting)
        await _settle(tx, event.meeting)

    async def on_answered(self, tx: Tx, event: meetings.InvitationAnswered, envelope: Envelope) -> None:
        """A seat with a duty is reminded no more; declined, its leaders are told who comes or that nobody does (seed rule 54)."""
        if event.seat is None:
            return
        seat = await seat_facts.answer(tx.conn, event.meeting, event.seat)
        if seat is None:
            return
        ctx = caused_by(envelope, tx.now)
        await store.drop_errands_of(tx.conn, _step(seat))
        _, pending = await store.told_about(tx.conn, _step(seat))
        await self._teller.take_back(tx, ctx, pending, "done")
        if event.answer is meetings.InvitationAnswer.DECLINED:
            template = policy.DEPUTY_NAMED if event.deputy is not None else policy.DUTY_DECLINED
            told = telling(ctx, f"{_step(seat)}{envelope.id}", due=seat.starts_at)
            await self._tell_leaders(tx, seat, told.saying(template))

    async def on_reminder(self, tx: Tx, deadline: Deadline) -> None:
        """Some days are left, and somebody with a duty to attend has not answered (seed rule 54).

        Raises:
            UnavailableError: what is known of the meetings is not fresh enough to say that.
        """
        meeting = MeetingRef(deadline.key)
        await require_fresh(tx.conn, CONSUMER, meetings.TOPIC, "/services/meetings", key=meeting)
        ctx = Cause.model_validate_json(deadline.payload).context(tx.now)
        for seat in await seat_facts.unanswered(tx.conn, meeting):
            told = telling(ctx, f"{_step(seat)}{_when(seat.starts_at)}", due=seat.starts_at)
            await self._tell_leaders(tx, seat, told.saying(policy.ANSWER_REMINDER))

    async def _tell_leaders(self, tx: Tx, seat: Awaited, told: Telling) -> None:
        units = frozenset() if seat.unit is None else frozenset({seat.unit})
        await self._teller.tell_services(tx, {seat.service: units}, told)


async def _remind(tx: Tx, ctx: Context, meeting: MeetingRef, starts_at: datetime, *, since: datetime) -> None:
    """Promise to look who has not answered; not when it is that late already: they were told just now."""
    due = add_days(starts_at, -policy.ANSWER_DAYS)
    if due <= since:
        await cancel(tx.conn, kind=REMINDER, key=meeting)
        return
    payload = Cause.of(ctx).written()
    await set_deadline(tx.conn, kind=REMINDER, key=meeting, due=due, payload=payload)


async def _settle(tx: Tx, meeting: MeetingRef) -> None:
    await store.drop_staff_errands(tx.conn, step=meeting)
    await seat_facts.forget(tx.conn, meeting)
    await cancel(tx.conn, kind=REMINDER, key=meeting)


async def _remember(tx: Tx, event: meetings.MeetingPlanned | meetings.MeetingCalled, envelope: Envelope) -> Appointment:
    """Keep what calendars know of the meeting from now on."""
    before = await facts.appointment_of(tx.conn, event.meeting)
    now = planned(before, event, envelope.time)
    await facts.set_appointment(tx.conn, now)
    return now


def _about_meeting(
    event: meetings.MeetingEvent, ctx: Context, starts_at: datetime | None, appointment: Appointment | None
) -> Telling:
    when = "" if starts_at is None else _when(starts_at)
    return replace(telling(ctx, f"{event.meeting}/{when}", due=starts_at), appointment=appointment)


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _step(seat: Awaited) -> str:
    """Return with what the steps of everything begin that is told about a seat's answer."""
    return f"{seat.meeting}/{seat.service}/{seat.unit or ''}/"
