"""Whether an invitation may be answered, and how: for one's own seat, or for one's own child (seed rules 12, 54, 71-73, 82)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.meetings.domain.arena_rules import TAKES_NO_SEAT, ArenaRules
from services.meetings.domain.calling import seat_of
from services.meetings.domain.invitation import Answers, Standing
from services.meetings.domain.meeting import Item, ItemStatus, MeetingState, Status, require
from services.meetings.domain.profile import Profile
from services.meetings.domain.seating import Asked, Office, asked_by, speaks_for_seat
from services.meetings.errors import (
    AnswerUnclearError,
    DeputyOrReasonMissingError,
    DeputyWrongError,
    MeetingHasBegunError,
    NoSeatError,
    UnknownError,
)
from shared.contracts.base import EventData
from shared.contracts.codes import Role
from shared.contracts.meetings import (
    DeclineReason,
    Deputy,
    Guardians,
    InvitationAnswer,
    InvitationAnswered,
    Place,
    Seat,
)
from shared.refs import CaseRef, ItemRef, MeetingRef, UnitId


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was given."""

    answer: InvitationAnswer
    deputy: Deputy | None = None
    reason: DeclineReason | None = None


def own_seat(profile: Profile, rules: ArenaRules, state: MeetingState, office: Office) -> Seat:
    """Return the seat for which somebody of this office answers.

    Raises:
        NoSeatError: none: they call the meeting, coordinate, come as a deputy, or are not in the role that the seat is for.
    """
    if office.service is None or not speaks_for_seat(rules, asked_by(profile, state.invited, state.units), office):
        raise NoSeatError
    return seat_of(office.service, office.unit)


def decide_answer(
    state: MeetingState, profile: Profile, rules: ArenaRules, seat: Seat, role: Role | None, given: Given, now: datetime
) -> list[EventData]:
    """Answer for a service's or unit's seat; the same answer again changes nothing.

    Raises:
        MeetingStateError: the meeting is not called: it was cancelled or held, or nobody is invited yet.
        MeetingHasBegunError: it has begun.
        AnswerUnclearError: it is accepted with a deputy or a reason.
        DeputyOrReasonMissingError: a seat with a duty to attend is declined, and nothing said of why or who comes (seed rule 54).
        DeputyWrongError: the deputy is of another service, or of none: it could not decide on its behalf (seed rules 71, 72).
    """
    meeting = _open(state, now)
    duty = rules.has_duty(seat)
    if given.answer is InvitationAnswer.ACCEPTED and (given.deputy or given.reason):
        raise AnswerUnclearError
    if given.answer is InvitationAnswer.DECLINED and duty and not (given.deputy or given.reason):
        raise DeputyOrReasonMissingError
    deputy = None if given.deputy is None else _deputy(profile, seat, given.deputy)
    last = state.answers.of_seat(seat)
    if last is not None and (last.answer, last.deputy, last.reason) == (given.answer, deputy, given.reason):
        return []
    return [
        InvitationAnswered(
            meeting=meeting,
            answer=given.answer,
            role=role,
            seat=seat,
            duty=duty,
            deputy=deputy,
            reason=given.reason,
            answered_at=now,
        )
    ]


def _open(state: MeetingState, now: datetime) -> MeetingRef:
    meeting = require(state, Status.CALLED)
    if state.starts_at is None or now >= state.starts_at:
        raise MeetingHasBegunError
    return meeting


def _deputy(profile: Profile, seat: Seat, deputy: Deputy) -> Deputy:
    """Return the deputy; that it is of the seat's own unit is not said twice."""
    if deputy.role in TAKES_NO_SEAT:
        raise DeputyWrongError
    if deputy.unit is None or deputy.unit == seat.unit:
        return Deputy(role=deputy.role)
    unit = profile.unit(deputy.unit)
    if unit is None or unit.seated_as is not seat.service:
        raise DeputyWrongError
    return deputy


def own_standing(rules: ArenaRules, asked: Asked, office: Office) -> Standing | None:
    """Return how the invitation stands for which somebody of this office answers; None when there is none."""
    if office.service is None or not speaks_for_seat(rules, asked, office):
        return None
    return Answers(seats=asked.answers).standing(seat_of(office.service, office.unit))


# --- the family ---------------------------------------------------------------------------------------------------------


def invited_family(rules: ArenaRules) -> frozenset[Role]:
    """Return as whom a child's family is invited to an arena's meetings that speak of the child by name (seed rules 12, 32, 73)."""
    parts = ((Role.GUARDIAN, rules.guardians), (Role.CHILD, rules.child))
    return frozenset(role for role, line in parts if line is not None and line.part is not Guardians.NONE)


def family_item(state: MeetingState, rules: ArenaRules, case: CaseRef, role: Role) -> Item:
    """Return the first of the meeting's items about the child, for which somebody of its family in that role is invited.

    Raises:
        UnknownError: the meeting has nothing of the child on its agenda now, or the arena does not take its family in.
    """
    own = [item for item in state.items if item.case == case]
    there = any(item.status is not ItemStatus.REMOVED for item in own)
    if role not in invited_family(rules) or not there:
        raise UnknownError
    return own[0]


def place_for_family(profile: Profile, rules: ArenaRules, units: frozenset[UnitId]) -> str | None:
    """Return where a meeting is, for one of the family: they know where their child is. None where that is agreed each time.

    Where two units take part it is the one that receives the child, as in the year wheel.
    """
    match rules.place.at:
        case Place.AT_THE_UNIT:
            found = [unit for each in units if (unit := profile.unit(each)) is not None]
            receive = {to for unit in found for to in unit.sends_to}
            hosts = found if len(found) == 1 else [unit for unit in found if unit.id in receive]
            return hosts[0].name if len(hosts) == 1 else None
        case Place.MUNICIPALITY:
            return profile.name
        case Place.HOSPITAL | Place.BY_AGREEMENT:
            return None


def first_item(state: MeetingState, item: Item) -> ItemRef:
    """Return under which of the meeting's items the answers of the same child's family stand."""
    return next((each.item for each in state.items if each.case is not None and each.case == item.case), item.item)


def decide_family_answer(
    state: MeetingState, item: ItemRef, role: Role, ordinal: int, given: Given, now: datetime
) -> list[EventData]:
    """Answer as a guardian or child: with yes or no and nothing more, for nobody in the family owes a reason (seed rule 73).

    Raises:
        MeetingStateError, MeetingHasBegunError: as for a seat.
        AnswerUnclearError: a deputy or a reason was given.
    """
    meeting = _open(state, now)
    if given.deputy or given.reason:
        raise AnswerUnclearError
    last = state.answers.of_family(item, ordinal)
    if last is not None and last.answer is given.answer:
        return []
    return [
        InvitationAnswered(meeting=meeting, answer=given.answer, role=role, item=item, ordinal=ordinal, answered_at=now)
    ]
