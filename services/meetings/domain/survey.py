"""Surveys after meetings: one for each meeting, counted by the term; nobody's answer is kept (seed rules 74, 152, 153).

A survey: open -> closed. Each who was there has one ticket, which whoever calls the meeting hands out: who sat in a seat, and which
guardian came, is known in no other way. An answer takes the ticket and is added to the round's sums, and is nowhere else. A round:
counting -> completed. Its sums are sealed until the term is over, and then either shown whole, of the whole municipality, or, of
too few answers, never known to anybody.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from pydantic import AwareDatetime

from services.meetings.domain.calling import CHILDRENS
from services.meetings.domain.meeting import Item
from services.meetings.domain.profile import Profile
from services.meetings.domain.undertakings import LEAST_SHOWN, Survey
from services.meetings.domain.year import Calendar
from services.meetings.errors import AnswersWrongError, SurveyClosedError, UnknownError
from shared.aggregate import Aggregate
from shared.auth import Actor
from shared.calendar import add_days, at_oslo
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Role, Service
from shared.contracts.meetings import Attendance, ChildPart
from shared.contracts.surveys import QuestionResult, SurveyClosed, SurveyOpened, SurveyRoundCompleted
from shared.refs import ALPHABET, MeetingRef, SurveyRef, SurveyRoundRef, UnitId

SCALE: Final = range(1, 6)
"""From 1, not at all, to 5, fully."""
SECRET_BYTES: Final = 32
_LETTERS: Final = str.maketrans("0123456789abcdef", ALPHABET[:16])


# --- the survey after one meeting ---------------------------------------------------------------------------------------


class SurveyState(Model):
    """A survey as it stands."""

    survey: SurveyRef | None = None
    """None: there is none."""
    meeting: MeetingRef | None = None
    form: str = ""
    round: SurveyRoundRef | None = None
    questions: tuple[str, ...] = ()
    services: frozenset[Service] = frozenset()
    units: frozenset[UnitId] = frozenset()
    closes_at: AwareDatetime | None = None
    closed: bool = False


def evolve(state: SurveyState, event: EventData) -> SurveyState:
    """Return `state` after `event`."""
    match event:
        case SurveyOpened():
            return SurveyState(
                survey=event.survey,
                meeting=event.meeting,
                form=event.form,
                round=event.round,
                questions=event.questions,
                services=event.services,
                units=event.units,
                closes_at=event.closes_at,
            )
        case SurveyClosed():
            return state.model_copy(update={"closed": True})
        case _:
            return state


SURVEY: Final = Aggregate("survey", SurveyState, SurveyState(), evolve)


class Sat(NamedTuple):
    """A seat that somebody sat in, who may answer once."""

    service: Service
    role: Role
    unit: UnitId | None = None
    """Of which unit they are; None: of any of the service's, or a deputy, who may be from another one."""

    @property
    def seat(self) -> str:
        """Return the seat as one word."""
        return f"{self.service}/{self.role}"

    def may_be(self, actor: Actor) -> bool:
        """Return whether the actor can have sat there: whoever was not there may have been told of the ticket."""
        return (
            actor.staff
            and actor.service is self.service
            and self.role in actor.roles
            and self.unit in {None, actor.unit}
        )


def seats_taken(attendance: Iterable[Attendance]) -> list[Sat]:
    """Return each seat that was taken, in the order in which it was said: several may have come in one (seed rules 6, 74)."""
    return [Sat(seat.service, seat.role, None if seat.deputy else seat.unit) for seat in attendance if seat.present]


def family_there(items: Iterable[Item], guardians_present: int) -> int:
    """Return how many of the families' were there: guardians, and children who were spoken of by name (seed rules 73, 74, 189)."""
    children = {item.case for item in items if item.case is not None and item.child is ChildPart.PRESENT}
    return guardians_present + len(children)


def seats_of(actor: Actor) -> list[Sat]:
    """Return the seats that the actor may have had at a meeting."""
    return [] if actor.service is None else [Sat(actor.service, role) for role in sorted(actor.roles)]


def was_there(seats: Collection[str], units: Collection[UnitId], actor: Actor) -> bool:
    """Return whether a seat of the actor's was taken; of barnehager and schools, one of the actor's own unit."""
    if not actor.staff or not any(each.seat in seats for each in seats_of(actor)):
        return False
    return actor.service not in CHILDRENS or not units or actor.unit in units


def units_there(units: frozenset[UnitId], attendance: Collection[Attendance]) -> frozenset[UnitId]:
    """Return the barnehager and schools whose people a survey asks: those that came, where it was said of each which it was.

    Args:
        units: those that were to take part; none means all.
        attendance: who came, and who did not.
    """
    there = [seat.unit for seat in attendance if seat.present and seat.service in CHILDRENS]
    said = frozenset(unit for unit in there if unit is not None)
    return said if there and None not in there else units


def surveys_after(profile: Profile, arena_type: str) -> list[Survey]:
    """Return the surveys that the profile has after meetings of that arena."""
    return [survey for survey in profile.surveys if arena_type in survey.after]


def decide_open(
    state: SurveyState,
    new: SurveyRef,
    meeting: MeetingRef,
    form: Survey,
    round_: SurveyRoundRef,
    services: frozenset[Service],
    units: frozenset[UnitId],
    now: datetime,
) -> list[EventData]:
    """Open it for as many days as the profile gives; nothing when there is one."""
    if state.survey is not None:
        return []
    return [
        SurveyOpened(
            survey=new,
            meeting=meeting,
            form=form.code,
            round=round_,
            questions=tuple(question.code for question in form.questions),
            services=services,
            units=units,
            closes_at=add_days(now, form.days),
        )
    ]


def check_answers(state: SurveyState, answers: Mapping[str, int], now: datetime) -> list[int]:
    """Return the answers in the order of the questions.

    Raises:
        UnknownError: there is no such survey.
        SurveyClosedError: its time is out.
        AnswersWrongError: not every question is answered once, from 1 to 5.
    """
    if state.survey is None or state.closes_at is None:
        raise UnknownError
    if state.closed or now >= state.closes_at:
        raise SurveyClosedError
    if answers.keys() != set(state.questions) or any(value not in SCALE for value in answers.values()):
        raise AnswersWrongError(extensions={"questions": [*state.questions]})
    return [answers[question] for question in state.questions]


def decide_close(state: SurveyState, now: datetime) -> list[EventData]:
    """Close it when its time is out; nothing when it is closed, or too early."""
    if (
        state.survey is None
        or state.meeting is None
        or state.closes_at is None
        or state.closed
        or now < state.closes_at
    ):
        return []
    return [SurveyClosed(survey=state.survey, meeting=state.meeting, form=state.form)]


# --- the round: what a term's answers come to ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Term:
    """The days of a round, both included."""

    first: date
    last: date


def term_of(calendar: Calendar, day: date) -> Term:
    """Return the term that holds `day`, or the school year where no term does."""
    year = calendar.school_year_of(day)
    for _, first, last in calendar.terms_of(year):
        if first <= day <= last:
            return Term(first, last)
    return Term(year.first, year.last)


def completed_at(term: Term, days: int) -> datetime:
    """Return when a round is completed: in the morning after the last survey that was opened in the term can be answered."""
    return at_oslo(term.last + timedelta(days=days + 2), time(6))


@dataclass(frozen=True, slots=True)
class Tally:
    """The sums of a round: how many answered, and what their answers to each question add up to. It knows no single answer."""

    secret: bytes
    """Hides who has answered, and makes the tickets; gone with the sums."""
    answers: int
    sums: tuple[int, ...]

    def packed(self) -> bytes:
        """Return it as bytes: as many whatever the sums are."""
        return self.secret + struct.pack(f">{1 + len(self.sums)}I", self.answers, *self.sums)


def empty_tally(secret: bytes, questions: int) -> Tally:
    """Return a tally of nothing.

    Raises:
        ValueError: the secret has not 32 bytes.
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a round's secret has {SECRET_BYTES} bytes")
    return Tally(secret, 0, (0,) * questions)


def unpacked(packed: bytes) -> Tally:
    """Return the tally that `packed` makes."""
    secret, counted = packed[:SECRET_BYTES], packed[SECRET_BYTES:]
    answers, *sums = struct.unpack(f">{len(counted) // 4}I", counted)
    return Tally(secret, answers, tuple(sums))


def counted(tally: Tally, answers: Sequence[int]) -> Tally:
    """Return the tally with one answer more."""
    sums = tuple(before + answer for before, answer in zip(tally.sums, answers, strict=True))
    return Tally(tally.secret, tally.answers + 1, sums)


def mark_of(tally: Tally, survey: SurveyRef, who: str) -> bytes:
    """Return what says that somebody has answered a survey, to nobody but whoever asks about themselves."""
    return hmac.digest(tally.secret, f"mark\0{survey}\0{who}".encode(), hashlib.sha256)


def family_ticket(tally: Tally, survey: SurveyRef, number: int) -> str:
    """Return the ticket of one of the families: 256 bits, in letters so that no number is in it (invariant 8)."""
    return _ticket(tally, "ticket", survey, number)


def seat_ticket(tally: Tally, survey: SurveyRef, number: int) -> str:
    """Return the ticket of whoever sat in one of the seats that were taken."""
    return _ticket(tally, "seat", survey, number)


def _ticket(tally: Tally, whose: str, survey: SurveyRef, number: int) -> str:
    digest = hmac.digest(tally.secret, f"{whose}\0{survey}\0{number}".encode(), hashlib.sha256)
    return digest.hex().translate(_LETTERS)


def mark_of_ticket(tally: Tally, survey: SurveyRef, ticket: str) -> bytes:
    """Return what says that a seat's ticket was used; which seat's it was, and by whom, follows from it for nobody."""
    return mark_of(tally, survey, f"ticket\0{ticket}")


def hash_of(ticket: str) -> bytes:
    """Return what is kept of a family's ticket."""
    return hashlib.sha256(ticket.encode()).digest()


class RoundState(Model):
    """A round: nothing is known of it before it is completed."""

    completed: SurveyRoundCompleted | None = None


def _evolve_round(state: RoundState, event: EventData) -> RoundState:
    return RoundState(completed=event) if isinstance(event, SurveyRoundCompleted) else state


ROUND: Final = Aggregate("survey-round", RoundState, RoundState(), _evolve_round)


def decide_complete(
    state: RoundState,
    round_: SurveyRoundRef,
    form: str,
    term: Term,
    questions: Sequence[str],
    tally: Tally,
    least: int = LEAST_SHOWN,
) -> list[EventData]:
    """Say what the term gave; of fewer answers than `least`, and always of fewer than five, that they are too few."""
    if state.completed is not None:
        return []
    few = tally.answers < max(least, LEAST_SHOWN)
    return [
        SurveyRoundCompleted(
            round=round_,
            form=form,
            first=term.first,
            last=term.last,
            answers=None if few else tally.answers,
            results=()
            if few
            else tuple(
                QuestionResult(question=question, mean_tenths=round(10 * total / tally.answers))
                for question, total in zip(questions, tally.sums, strict=True)
            ),
        )
    ]
