"""A hearing (høring): bodies are heard in a matter on children; each answers once, and may correct that (seed rule 173).

open -> overdue -> escalated;  open, overdue or escalated -> completed or withdrawn
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Literal

from pydantic import AwareDatetime

from services.meetings.domain.calling import CHILDRENS
from services.meetings.domain.profile import Profile
from services.meetings.domain.undertakings import Hearing
from services.meetings.errors import (
    AlreadyAnsweredError,
    AnswerTextMissingError,
    ConsultationBodiesError,
    ConsultationClosedError,
    ConsultationKindError,
    ConsultationOpenError,
    ConsultationTimeError,
    MayNotAnswerError,
    MayNotConsultError,
    NotAnsweredError,
)
from shared.aggregate import Aggregate
from shared.auth import Actor
from shared.calendar import add_days
from shared.contracts.base import EventData, Model
from shared.contracts.cases import Party
from shared.contracts.codes import Role
from shared.contracts.consultations import (
    Body,
    ConsultationAnswered,
    ConsultationClosed,
    ConsultationEscalated,
    ConsultationOpened,
    ConsultationOverdue,
    Position,
)
from shared.refs import ConsultationRef, UnitId

LONGEST_DAYS: Final = 180
"""Half a year: as long as the longest that a profile may give."""
ESCALATE_DAYS: Final = 7
"""Days after the time was out on which whoever opened it is told: as for the evaluation of a measure, a week is no emergency."""
OPENERS: Final = frozenset({Role.LEADER, Role.COORDINATOR})
WITH_WORDS: Final = frozenset({Position.WITH_REMARKS, Position.OPPOSES})
"""Who has remarks, or is against it, says what."""


class Status(StrEnum):
    """How far a hearing has come."""

    OPEN = "open"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"


ONGOING: Final = frozenset({Status.OPEN, Status.OVERDUE, Status.ESCALATED})


class Given(Model):
    """A body's answer, without its words."""

    unit: UnitId
    position: Position
    version: int
    late: bool
    """The first one came after the time was out."""
    answered_at: AwareDatetime | None = None
    """When the first one came; None where that was not said yet, as of the other moment."""
    corrected_at: AwareDatetime | None = None
    """When it was put in the place of the one before; None: it is the first, and stands."""
    corrected_late: bool = False
    """That was after the time was out."""


class ConsultationState(Model):
    """A hearing as it stands."""

    consultation: ConsultationRef | None = None
    """None: there is none."""
    kind: str = ""
    arena_type: str = ""
    opened_by: Party | None = None
    bodies: tuple[Body, ...] = ()
    answer_by: AwareDatetime | None = None
    answers: tuple[Given, ...] = ()
    status: Status = Status.OPEN

    def body(self, unit: UnitId | None) -> Body | None:
        """Return the body that the unit is; None when it is not heard."""
        return next((each for each in self.bodies if each.unit == unit), None)

    def answer(self, unit: UnitId | None) -> Given | None:
        """Return what the unit has answered; None when it has not."""
        return next((each for each in self.answers if each.unit == unit), None)

    @property
    def answered(self) -> tuple[Body, ...]:
        """Return the bodies that have answered."""
        return tuple(body for body in self.bodies if self.answer(body.unit) is not None)

    @property
    def unanswered(self) -> tuple[Body, ...]:
        """Return the bodies that have not."""
        return tuple(body for body in self.bodies if self.answer(body.unit) is None)

    @property
    def late(self) -> tuple[UnitId, ...]:
        """Return the bodies whose first answer came after the time was out."""
        return tuple(body.unit for body in self.bodies if (given := self.answer(body.unit)) and given.late)

    @property
    def corrected_late(self) -> tuple[UnitId, ...]:
        """Return the bodies whose answer, as it stands, was put there after the time was out in the place of another one."""
        return tuple(body.unit for body in self.bodies if (given := self.answer(body.unit)) and given.corrected_late)


def evolve(state: ConsultationState, event: EventData) -> ConsultationState:
    """Return `state` after `event`."""
    match event:
        case ConsultationOpened():
            return ConsultationState(
                consultation=event.consultation,
                kind=event.kind,
                arena_type=event.arena_type,
                opened_by=event.opened_by,
                bodies=event.bodies,
                answer_by=event.answer_by,
            )
        case ConsultationAnswered():
            before = state.answer(event.unit)
            given = Given(
                unit=event.unit,
                position=event.position,
                version=event.version,
                late=event.late,
                answered_at=event.answered_at if before is None else before.answered_at,
                corrected_at=None if before is None else event.answered_at,
                corrected_late=event.corrected_late,
            )
            others = tuple(each for each in state.answers if each.unit != event.unit)
            return state.model_copy(update={"answers": (*others, given)})
        case ConsultationOverdue():
            return state.model_copy(update={"status": Status.OVERDUE})
        case ConsultationEscalated():
            return state.model_copy(update={"status": Status.ESCALATED})
        case ConsultationClosed():
            return state.model_copy(update={"status": Status(event.reason)})
        case _:
            return state


CONSULTATION: Final = Aggregate("consultation", ConsultationState, ConsultationState(), evolve)


# --- who ----------------------------------------------------------------------------------------------------------------


class Part(StrEnum):
    """What somebody has to do with a hearing."""

    OPENER = "opener"
    BODY = "body"


def parts_of(state: ConsultationState, actor: Actor) -> frozenset[Part]:
    """Return what the actor has to do with the hearing; nothing: to them there is none.

    Whoever leads the unit that opened it takes over from whoever did, as everywhere else.
    """
    if not actor.staff or state.opened_by is None:
        return frozenset()
    own = actor.id == state.opened_by.actor
    leads = actor.unit is not None and actor.unit == state.opened_by.unit and bool(actor.roles & OPENERS)
    opener = {Part.OPENER} if own or leads else set()
    return frozenset(opener | ({Part.BODY} if state.body(actor.unit) is not None else set()))


def check_opener(profile: Profile, actor: Actor) -> None:
    """Refuse whoever opens no hearing: it is for the leaders of the municipality's units, and its coordinator.

    Raises:
        MayNotConsultError: neither.
    """
    known = actor.unit is not None and profile.unit(actor.unit) is not None
    if not actor.staff or not (Role.COORDINATOR in actor.roles or (Role.LEADER in actor.roles and known)):
        raise MayNotConsultError


def check_answerer(state: ConsultationState, actor: Actor) -> Body:
    """Return the body that the actor answers for: its leader does, and in a service whoever represents it (seed rule 72).

    Raises:
        MayNotAnswerError: somebody else answers for the body.
    """
    body = state.body(actor.unit)
    if body is None or not (Role.LEADER in actor.roles or body.service not in CHILDRENS):
        raise MayNotAnswerError
    return body


def may_read_answer(state: ConsultationState, unit: UnitId, actor: Actor) -> bool:
    """Return whether the actor reads what `unit` has answered: one's own; the opener all; the bodies all when it is completed."""
    parts = parts_of(state, actor)
    if Part.OPENER in parts:
        return True
    return Part.BODY in parts and (unit == actor.unit or state.status is Status.COMPLETED)


# --- opening ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewConsultation:
    """A hearing to be."""

    consultation: ConsultationRef
    kind: str
    opened_by: Party
    units: frozenset[UnitId]
    """Who is heard; none: every unit of the services that the profile names."""
    answer_by: datetime | None
    """None: as many days from now as the profile gives."""


def hearing_of(profile: Profile, kind: str) -> Hearing:
    """Return the profile's hearing of that kind.

    Raises:
        ConsultationKindError: the municipality has none such.
    """
    for hearing in profile.hearings:
        if hearing.code == kind:
            return hearing
    raise ConsultationKindError(extensions={"kinds": [each.code for each in profile.hearings]})


def bodies_of(profile: Profile, hearing: Hearing, units: Iterable[UnitId], day: date) -> tuple[Body, ...]:
    """Return the bodies that are heard, in the order of their names.

    Raises:
        ConsultationBodiesError: a unit is none that is heard in such matters, or none is left.
    """
    may = {
        unit.id: Body(unit=unit.id, service=unit.seated_as)
        for unit in profile.units
        if unit.seated_as is not None and unit.seated_as in hearing.bodies and unit.there_on(day)
    }
    wanted = sorted(units) or sorted(may)
    if strangers := [unit for unit in wanted if unit not in may]:
        raise ConsultationBodiesError(extensions={"units": [*strangers]})
    if not wanted:
        raise ConsultationBodiesError
    return tuple(may[unit] for unit in wanted)


def decide_open(
    state: ConsultationState, new: NewConsultation, hearing: Hearing, bodies: tuple[Body, ...], now: datetime
) -> list[EventData]:
    """Open it.

    Raises:
        ConsultationTimeError: fewer days than the profile gives, or more than half a year.
        ConsultationClosedError: there is one by that reference already.
    """
    if state.consultation is not None:
        raise ConsultationClosedError
    earliest = add_days(now, hearing.days)
    answer_by = new.answer_by or earliest
    if not earliest <= answer_by <= add_days(now, LONGEST_DAYS):
        raise ConsultationTimeError(extensions={"earliest": earliest.isoformat()})
    return [
        ConsultationOpened(
            consultation=new.consultation,
            kind=new.kind,
            arena_type=hearing.arena,
            opened_by=new.opened_by,
            bodies=bodies,
            answer_by=answer_by,
        )
    ]


# --- answering and closing ----------------------------------------------------------------------------------------------


def decide_answer(
    state: ConsultationState, body: Body, position: Position, now: datetime, *, words: bool
) -> list[EventData]:
    """Take a body's answer; late is better than never.

    Raises:
        ConsultationClosedError: nobody answers any more.
        AlreadyAnsweredError: it has answered; it may correct that.
        AnswerTextMissingError: it has remarks, or is against it, and does not say what.
    """
    consultation, answer_by = _ongoing(state)
    if state.answer(body.unit) is not None:
        raise AlreadyAnsweredError
    _check_words(position, words=words)
    return [_answered(consultation, body, position, 1, now, late=now >= answer_by)]


def decide_correct(
    state: ConsultationState, body: Body, position: Position, now: datetime, *, words: bool
) -> list[EventData]:
    """Take another answer in place of the one that the body gave.

    Whoever answered in time has done so, whatever is corrected later; that what stands is from afterwards is said beside it.

    Raises:
        ConsultationClosedError: nobody answers any more.
        NotAnsweredError: there is nothing to correct.
        AnswerTextMissingError: see `decide_answer`.
    """
    consultation, answer_by = _ongoing(state)
    given = state.answer(body.unit)
    if given is None:
        raise NotAnsweredError
    _check_words(position, words=words)
    late, corrected_late = given.late, now >= answer_by
    return [_answered(consultation, body, position, given.version + 1, now, late=late, corrected_late=corrected_late)]


def decide_overdue(state: ConsultationState, now: datetime) -> list[EventData]:
    """Say who has not answered now that the time is out; nothing when all have, when it was said, or when it is closed."""
    if state.consultation is None or state.answer_by is None or state.status is not Status.OPEN:
        return []
    if now < state.answer_by or not state.unanswered:
        return []
    return [ConsultationOverdue(consultation=state.consultation, bodies=state.unanswered, answer_by=state.answer_by)]


def escalate_at(answer_by: datetime) -> datetime:
    """Return when whoever opened it is told of those who still have not answered."""
    return add_days(answer_by, ESCALATE_DAYS)


def decide_escalate(state: ConsultationState, now: datetime) -> list[EventData]:
    """Say who still has not answered; once, after it was said that the time is out."""
    if state.consultation is None or state.answer_by is None or state.status is not Status.OVERDUE:
        return []
    if now < escalate_at(state.answer_by) or not state.unanswered:
        return []
    return [ConsultationEscalated(consultation=state.consultation, bodies=state.unanswered, answer_by=state.answer_by)]


def decide_close(state: ConsultationState, reason: Literal["completed", "withdrawn"], now: datetime) -> list[EventData]:
    """Close it: completed when all have answered or the time is out; withdrawn at any time.

    Raises:
        ConsultationClosedError: it is closed already.
        ConsultationOpenError: there is still time, and not all have answered.
    """
    consultation, answer_by = _ongoing(state)
    if reason == "completed" and state.unanswered and now < answer_by:
        raise ConsultationOpenError(extensions={"unanswered": [body.unit for body in state.unanswered]})
    return [
        ConsultationClosed(
            consultation=consultation, reason=reason, answered=state.answered, unanswered=state.unanswered
        )
    ]


def _ongoing(state: ConsultationState) -> tuple[ConsultationRef, datetime]:
    if state.consultation is None or state.answer_by is None or state.status not in ONGOING:
        raise ConsultationClosedError
    return state.consultation, state.answer_by


def _check_words(position: Position, *, words: bool) -> None:
    if position in WITH_WORDS and not words:
        raise AnswerTextMissingError


def _answered(
    consultation: ConsultationRef,
    body: Body,
    position: Position,
    version: int,
    now: datetime,
    *,
    late: bool,
    corrected_late: bool = False,
) -> ConsultationAnswered:
    return ConsultationAnswered(
        consultation=consultation,
        unit=body.unit,
        service=body.service,
        position=position,
        version=version,
        late=late,
        answered_at=now,
        corrected_late=corrected_late,
    )
