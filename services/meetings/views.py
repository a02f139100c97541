"""What is answered. References, codes and times; texts only where a reading has let them through."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TypeVar

from services.meetings.domain.answering import first_item
from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.consultation import Status as ConsultationStatus
from services.meetings.domain.entered_figure import FigureSource
from services.meetings.domain.invitation import Standing
from services.meetings.domain.lifting import LiftedStanding
from services.meetings.domain.meeting import Item, ItemStatus, MeetingState, RemovalReason, Status
from services.meetings.domain.rhythm import Frequency
from services.meetings.domain.year import Window
from services.meetings.errors import UnknownError
from shared.contracts.base import Model
from shared.contracts.codes import InformationCategory, Purpose, Role, Service
from shared.contracts.consultations import Body, Position
from shared.contracts.entered_figures import FigureCorrection
from shared.contracts.meetings import (
    ArenaLevel,
    AskedContribution,
    ChildAbsence,
    ChildPart,
    DeclineReason,
    Deputy,
    Guardians,
    InvitationAnswer,
    ItemKind,
    ItemMode,
    LiftWithdrawal,
    ModePolicy,
    Place,
    PlannedMeasure,
    Seat,
)
from shared.profiles import Text as ProfileText
from shared.profiles import rules_named_in
from shared.refs import (
    ActorId,
    ArenaRef,
    CaseRef,
    ConsentRef,
    ConsultationRef,
    DocumentRef,
    EnteredFigureRef,
    ItemRef,
    MeetingRef,
    SurveyRef,
    SurveyRoundRef,
    UnitId,
)

P = TypeVar("P")


class ArenaView(Model):
    """An arena and its rules, each with the seed rules it comes from."""

    arena: ArenaRef
    arena_type: str
    name: str
    unit: UnitId | None
    level: ArenaLevel
    policy: ModePolicy
    fixed_services: tuple[Service, ...]
    at_need: tuple[Service, ...]
    guardians: Guardians
    minutes: int
    place: Place
    frequency: Frequency
    counted: bool
    """Whether they are counted against that (`GET /conformity`); around a child only where it is known for whom they are due."""
    windows: tuple[Window, ...]
    extra_allowed: bool
    called_by: tuple[Role, ...]
    seats_per_organisation: int | None
    lifts_to: str | None
    """The type of the arena to which it takes what it cannot solve itself (seed rules 68, 69); null: none is said."""
    begins: date | None
    """The first day on which it meets; null: it has always been there (seed rule 75)."""
    retired_from: date | None
    """From which day it is no more."""
    successor: str | None
    """The type of the arena that takes its place then."""
    rules: tuple[int, ...]
    """The numbers of the seed rules that it follows."""


class SeatView(Model):
    """A seat that is invited, and what was answered for it."""

    service: Service
    unit: UnitId | None
    duty: bool
    """Whether it has a duty to attend."""
    standing: Standing
    role: Role | None
    """In which it was answered."""
    deputy: Deputy | None
    reason: DeclineReason | None


class TakenAnswerView(Model):
    """An answer as it was taken: for a seat, or for one's own child."""

    meeting: MeetingRef
    starts_at: datetime
    minutes: int
    seat: Seat | None
    role: Role | None
    """As whom one of the child's family answered; null for a seat."""
    answer: InvitationAnswer


class InvitationView(Model):
    """A meeting, as one of a child's family is told of it: nothing of the agenda, nor of what others have answered."""

    meeting: MeetingRef
    starts_at: datetime
    minutes: int
    status: Status
    place: Place
    where: str | None
    """The unit or municipality; null where the place is agreed each time."""
    invited: tuple[Service, ...]
    interpreters: tuple[str, ...]
    """Languages (BCP 47) in which the family is spoken with through an interpreter there (seed rule 146)."""
    standing: Standing
    """What the reader has answered."""


class FamilyAnswerView(Model):
    """What one of the child's family answered: as whom, and no name."""

    role: Role
    ordinal: int
    answer: InvitationAnswer


class MeetingLine(Model):
    """A meeting in a list."""

    meeting: MeetingRef
    arena: ArenaRef
    arena_type: str
    units: tuple[UnitId, ...]
    starts_at: datetime
    status: Status
    extra: bool
    standing: Standing | None
    """How the invitation of the reader's own seat stands; null where there is none, or nobody is asked any more."""


class MeetingView(Model):
    """A meeting, without its agenda."""

    meeting: MeetingRef
    arena: ArenaRef
    arena_type: str
    units: tuple[UnitId, ...]
    starts_at: datetime
    minutes: int
    place: Place | None
    """Where; null of one that was called before it was said."""
    invited: tuple[Service, ...]
    extra: bool
    interpreters: tuple[str, ...]
    """Languages (BCP 47) for which whoever called wants an interpreter."""
    status: Status
    answers: tuple[SeatView, ...]
    """Each seat that is invited; the answers of families stand with the items that they are for."""
    started_at: datetime | None
    ended_at: datetime | None
    chair: Role | None
    minutes_version: int


class CalledMeetingView(MeetingView):
    """A meeting that was planned, called or moved just now."""

    double_booked: tuple[UnitId, ...]
    """The units with a seat in it that would have to be in more meetings at once than they can, as the year wheel says it."""


class AddedItemView(Model):
    """A brought item; nothing of its text comes back."""

    meeting: MeetingRef
    item: ItemRef
    kind: ItemKind
    mode: ItemMode
    status: ItemStatus
    consent: ConsentRef | None
    consent_version: int | None
    covered: tuple[Service, ...]
    """Named: who may stay for it."""
    interpreters: tuple[str, ...]
    """Named: languages (BCP 47) for which the meeting needs an interpreter (seed rule 146)."""
    leaves: tuple[Service, ...]
    """Named: who must leave it, and is shown neither item nor case."""


class LiftedToView(Model):
    """Where an item went that its arena has lifted (seed rules 68, 69)."""

    arena_type: str
    standing: LiftedStanding
    meeting: MeetingRef | None
    """On whose agenda it stands, or stood when it was discussed."""
    item: ItemRef | None
    """As which item: the unit whose it is by name can take it off."""
    held_back: str | None
    """The code of what kept it from an agenda: `consent-missing` when nobody who is invited may hear of it by name."""
    withdrawn_for: LiftWithdrawal | None
    """Why it was taken back; null: it was not."""


class LiftedLine(Model):
    """Something that was lifted to an arena, for those who call its meetings; never which child, or what."""

    nth: int
    """Which of those that were lifted."""
    arena: ArenaRef
    arena_type: str
    lifted_from: str
    """The type of the arena that has lifted it."""
    unit: UnitId | None
    """Of which unit; null where that, too, could lead to a child that is not named, and for the municipality's own."""
    kind: ItemKind
    mode: ItemMode
    standing: LiftedStanding
    meeting: MeetingRef | None
    held_back: str | None


class ItemView(Model):
    """An item with its text, for somebody who may see it."""

    item: ItemRef
    kind: ItemKind
    mode: ItemMode
    status: ItemStatus
    removed_for: RemovalReason | None
    text: str
    case: CaseRef | None
    categories: tuple[InformationCategory, ...]
    purpose: Purpose | None
    consent: ConsentRef | None
    consent_version: int | None
    covered: tuple[Service, ...]
    attended_by: tuple[Service, ...]
    family: tuple[FamilyAnswerView, ...]
    """Whether those of the child's family who have answered come."""
    leaves: tuple[Seat, ...]
    """Named: whose seats leave it, and are shown neither item nor case."""
    lifted: bool
    """Another arena lifted it to this one: nobody brought it here."""
    lifted_to: LiftedToView | None
    """Null: it was not lifted."""


class CopiedItemView(Model):
    """What a meeting has written of a child, and what came of it."""

    meeting: MeetingRef
    arena_type: str
    starts_at: datetime
    item: ItemRef
    status: ItemStatus
    removed_for: RemovalReason | None
    text: str
    categories: tuple[InformationCategory, ...]
    purpose: Purpose | None
    attended_by: tuple[Service, ...]
    """Which services heard it."""
    guardians_present: int | None
    child: ChildPart | None
    decision: str | None
    outcome: str | None
    """What was decided, in words."""
    measures: tuple[PlannedMeasure, ...]


class CopyView(Model):
    """Everything that meetings have written of a child by name, as far as this person may have it (GDPR art. 15, 20)."""

    case: CaseRef
    made_at: datetime
    left_out: tuple[InformationCategory, ...]
    """Kinds of information that another decides over: an item with one of them is not in the copy."""
    items: tuple[CopiedItemView, ...]


class TemplateElement(Model):
    """An element of the arena's common template (seed rules 60, 67)."""

    element: ItemKind
    there: bool
    """Whether an item of that kind is on the agenda, among those that the reader may see."""


class AgendaView(Model):
    """The items that the reader may see; of the others not even that they are there."""

    meeting: MeetingRef
    status: Status
    template: tuple[TemplateElement, ...]
    """What the meeting is to have, in order; nothing where the arena has no template."""
    items: tuple[ItemView, ...]


class DiscussedView(Model):
    """What was discussed, and with whom."""

    item: ItemRef
    mode: ItemMode
    attended_by: tuple[Service, ...]
    consent_version: int | None
    guardians_present: int | None
    """Named: how many of the child's guardians heard it; null: not said."""
    child: ChildPart | None
    child_absence: ChildAbsence | None


class HeldView(Model):
    """A meeting that was held."""

    meeting: MeetingRef
    status: Status
    started_at: datetime
    ended_at: datetime
    chair: Role
    present: tuple[Service, ...]
    discussed: tuple[DiscussedView, ...]


class OutcomeView(Model):
    """What was decided on an item."""

    meeting: MeetingRef
    item: ItemRef
    mode: ItemMode
    decision: str
    measures: tuple[PlannedMeasure, ...]
    join_team: tuple[Service, ...]
    contributions: tuple[AskedContribution, ...]
    lifted_to: str | None
    """The type of the arena to which it was lifted (seed rules 68, 69); null: it was not."""
    lift_withdrawn: LiftWithdrawal | None
    """Why that was taken back; null: it was not."""


class OutcomeTextView(OutcomeView):
    """What was decided on an item, in words too."""

    text: str


class MinutesView(Model):
    """The minutes: a general part without persons, and the outcomes of the items that the reader may see."""

    meeting: MeetingRef
    version: int
    document: DocumentRef
    text: str
    outcomes: tuple[OutcomeTextView, ...]


class AddressTermView(Model):
    """Until when an address works; null: none does. Which one it is, is never in a command's answer: that is kept."""

    until: datetime | None


class AddressView(Model):
    """Where a program that cannot sign in reads the actor's calendar."""

    until: datetime
    path: str | None
    """Null: it works, but was made before a change of keys and cannot be told any more; make another one."""


class RecordedView(Model):
    """What a unit has recorded of itself."""

    unit: UnitId
    code: str
    on: date


class EnteredView(Model):
    """A figure that was entered or corrected; its number is read with it, by those who enter it."""

    figure: EnteredFigureRef
    indicator: str
    period: str
    unit: UnitId | None
    entries: int
    """How many times it was entered: more than once, it was corrected."""


class EnteredEntryView(Model):
    """One entry of a figure."""

    number: int
    value: float
    of: int | None
    source: FigureSource
    reason: FigureCorrection | None
    """Why it was corrected; null of the first."""
    entered_by: ActorId
    role: Role
    entered_at: datetime


class EnteredFigureView(Model):
    """A figure with every entry of it, the first one first; the last one counts."""

    figure: EnteredFigureRef
    indicator: str
    period: str
    unit: UnitId | None
    entries: tuple[EnteredEntryView, ...]


class DeliveredReportView(Model):
    """A report that was delivered."""

    report: str
    due: date
    delivered_on: date


class SurveyLine(Model):
    """A survey in a list."""

    survey: SurveyRef
    meeting: MeetingRef
    form: str
    closes_at: datetime
    answered: bool
    """By whoever asks."""


class QuestionView(Model):
    """A question, answered from 1 to 5."""

    question: str
    text: ProfileText


class SurveyView(Model):
    """What a survey asks."""

    survey: SurveyRef
    form: str
    text: ProfileText
    questions: tuple[QuestionView, ...]
    closes_at: datetime
    closed: bool
    answered: bool
    """By whoever asks."""


class SeatTicketView(Model):
    """The ticket of whoever sat in a seat."""

    service: Service
    role: Role
    unit: UnitId | None
    """Of which unit they are, where only one of its own can use it."""
    ticket: str


class TicketsView(Model):
    """The tickets that are handed out to all who were at the meeting."""

    survey: SurveyRef
    tickets: tuple[str, ...]
    """The families': one for each guardian, and for each child who was spoken of by name and was there."""
    seats: tuple[SeatTicketView, ...]
    """One for each seat that was taken; twice where two came in one."""


class AnsweredView(Model):
    """The answer was taken."""

    taken: bool


class QuestionResultView(Model):
    """What a question gave."""

    question: str
    mean: float
    """Of the answers from 1 to 5, with one decimal."""


class SurveyResultView(Model):
    """What a survey gave in a term."""

    round: SurveyRoundRef
    form: str
    first: date
    last: date
    too_few: bool
    """There were too few answers: nothing is told of them."""
    answers: int | None
    results: tuple[QuestionResultView, ...]


class ConsultationLine(Model):
    """A hearing in a list."""

    consultation: ConsultationRef
    kind: str
    answer_by: datetime
    status: ConsultationStatus
    bodies: tuple[UnitId, ...]
    answered: tuple[UnitId, ...]
    late: tuple[UnitId, ...]
    """Whose first answer came after the time was out."""
    corrected_late: tuple[UnitId, ...]
    """Whose answer, as it stands, was put in another one's place after the time was out."""


class ConsultationView(Model):
    """A hearing, without its texts."""

    consultation: ConsultationRef
    kind: str
    arena_type: str
    opened_by: UnitId | None
    answer_by: datetime
    status: ConsultationStatus
    bodies: tuple[Body, ...]
    answered: tuple[UnitId, ...]
    late: tuple[UnitId, ...]
    """Whose first answer came after the time was out."""
    corrected_late: tuple[UnitId, ...]
    """Whose answer, as it stands, was put in another one's place after the time was out."""


class AnswerView(Model):
    """What a body answers, for somebody who may read it."""

    unit: UnitId
    position: Position
    version: int
    late: bool
    """The first one came after the time was out; a correction changes nothing of that."""
    answered_at: datetime | None
    """When the first one came; null for one of before that was kept, as `corrected_at` is."""
    corrected_at: datetime | None
    """When what stands was put in its place; null: it was not corrected."""
    corrected_late: bool
    """That was after the time was out."""
    text: str


class ConsultationTextView(ConsultationView):
    """A hearing with its texts, as far as the reader may read them."""

    text: str
    answers: tuple[AnswerView, ...]


def arena_view(arena: ArenaRef, unit: UnitId | None, rules: ArenaRules, fixed: Iterable[Service]) -> ArenaView:
    """Return an arena of the profile."""
    return ArenaView(
        arena=arena,
        arena_type=rules.type,
        name=rules.name,
        unit=unit,
        level=rules.level,
        policy=rules.mode.policy,
        fixed_services=tuple(sorted(fixed)),
        at_need=tuple(sorted(rules.at_need)),
        guardians=rules.guardians_part,
        minutes=rules.minutes,
        place=rules.place.at,
        frequency=rules.frequency,
        counted=rules.counted,
        windows=rules.windows,
        extra_allowed=rules.extra is not None,
        called_by=tuple(sorted(rules.called_by.roles)),
        seats_per_organisation=rules.seats_per_organisation,
        lifts_to=None if rules.lifts_to is None else rules.lifts_to.to,
        begins=None if rules.begins is None else rules.begins.from_day,
        retired_from=None if rules.retired is None else rules.retired.from_day,
        successor=None if rules.retired is None else rules.retired.successor,
        rules=tuple(sorted(rules_named_in(rules))),
    )


def meeting_view(state: MeetingState) -> MeetingView:
    """Return the meeting as it stands."""
    others = (each.seat for each in state.answers.seats if each.seat not in state.seats)
    return MeetingView(
        meeting=there(state.meeting),
        arena=there(state.arena),
        arena_type=state.arena_type,
        units=tuple(sorted(state.units)),
        starts_at=there(state.starts_at),
        minutes=state.minutes,
        place=state.place,
        invited=tuple(sorted(state.invited)),
        extra=state.extra,
        interpreters=tuple(sorted(state.interpreters)),
        status=state.status,
        answers=tuple(_seat_view(state, seat) for seat in (*state.seats, *others)),
        started_at=state.started_at,
        ended_at=state.ended_at,
        chair=state.chair,
        minutes_version=state.minutes_version,
    )


def called_view(state: MeetingState, double_booked: tuple[UnitId, ...]) -> CalledMeetingView:
    """Return the meeting as it stands, and which units cannot be there while they are in others too."""
    return CalledMeetingView(**dict(meeting_view(state)), double_booked=double_booked)


def _seat_view(state: MeetingState, seat: Seat) -> SeatView:
    given = state.answers.of_seat(seat)
    return SeatView(
        service=seat.service,
        unit=seat.unit,
        duty=seat in state.with_duty,
        standing=state.answers.standing(seat),
        role=given.role if given else None,
        deputy=given.deputy if given else None,
        reason=given.reason if given else None,
    )


def seat_answer_view(state: MeetingState, seat: Seat, given: InvitationAnswer) -> TakenAnswerView:
    """Return what whoever answered for a seat is told."""
    return _answer_view(state, seat, None, given)


def family_answer_view(state: MeetingState, role: Role, given: InvitationAnswer) -> TakenAnswerView:
    """Return what one of a child's family is told: when it is, and what they answered themselves."""
    return _answer_view(state, None, role, given)


def invitation_view(
    state: MeetingState, rules: ArenaRules, where: str | None, item: Item, ordinal: int | None
) -> InvitationView:
    """Return what one of a child's family, with that number among those who have answered, is told of the meeting.

    For which languages whoever called wants interpreters is of all families together, and so told to none.
    """
    own = (each for each in state.items if each.case == item.case and each.status is not ItemStatus.REMOVED)
    return InvitationView(
        meeting=there(state.meeting),
        starts_at=there(state.starts_at),
        minutes=state.minutes,
        status=state.status,
        place=rules.place.at,
        where=where,
        invited=tuple(sorted(state.invited)),
        interpreters=tuple(sorted({language for each in own for language in each.interpreters})),
        standing=state.answers.family_standing(item.item, ordinal),
    )


def _answer_view(state: MeetingState, seat: Seat | None, role: Role | None, given: InvitationAnswer) -> TakenAnswerView:
    return TakenAnswerView(
        meeting=there(state.meeting),
        starts_at=there(state.starts_at),
        minutes=state.minutes,
        seat=seat,
        role=role,
        answer=given,
    )


def added_item_view(state: MeetingState, item: Item, leave: frozenset[Service]) -> AddedItemView:
    """Return what whoever brought the item is told; `leave` are services that leave it though a consent covers them."""
    uncovered = state.invited - item.covered - {item.held_by} if item.mode is ItemMode.NAMED else frozenset()
    return AddedItemView(
        meeting=there(state.meeting),
        item=item.item,
        kind=item.kind,
        mode=item.mode,
        status=item.status,
        consent=item.consent,
        consent_version=item.consent_version,
        covered=tuple(sorted(item.covered)),
        interpreters=tuple(sorted(item.interpreters)),
        leaves=tuple(sorted(uncovered | leave)),
    )


def template_view(rules: ArenaRules, shown: Iterable[Item]) -> tuple[TemplateElement, ...]:
    """Return what the arena's template asks for, and whether it is there among the items that somebody is shown."""
    there = {item.kind for item in shown if item.status not in {ItemStatus.PROPOSED, ItemStatus.REMOVED}}
    elements = rules.template.elements if rules.template is not None else ()
    return tuple(TemplateElement(element=each, there=each in there) for each in elements)


def item_view(
    state: MeetingState, item: Item, text: str, lifted_to: LiftedToView | None, leave: tuple[Seat, ...]
) -> ItemView:
    """Return the item for somebody who may see it."""
    return ItemView(
        item=item.item,
        kind=item.kind,
        mode=item.mode,
        status=item.status,
        removed_for=item.removed_for,
        text=text,
        case=item.case,
        categories=tuple(sorted(item.categories)),
        purpose=item.purpose,
        consent=item.consent,
        consent_version=item.consent_version,
        covered=tuple(sorted(item.covered)),
        attended_by=tuple(sorted(item.attended_by)),
        family=tuple(
            FamilyAnswerView(role=each.role, ordinal=each.ordinal, answer=each.answer)
            for each in state.answers.for_item(first_item(state, item))
        ),
        leaves=leave,
        lifted=item.lifted,
        lifted_to=lifted_to,
    )


def copied_item_view(state: MeetingState, item: Item, text: str, outcome: str | None) -> CopiedItemView:
    """Return the item for one of the child's family."""
    return CopiedItemView(
        meeting=there(state.meeting),
        arena_type=state.arena_type,
        starts_at=there(state.starts_at),
        item=item.item,
        status=item.status,
        removed_for=item.removed_for,
        text=text,
        categories=tuple(sorted(item.categories)),
        purpose=item.purpose,
        attended_by=tuple(sorted(item.attended_by)),
        guardians_present=item.guardians_present,
        child=item.child,
        decision=item.decision,
        outcome=outcome,
        measures=item.measures,
    )


def held_view(state: MeetingState, discussed: Iterable[ItemRef]) -> HeldView:
    """Return the meeting that was held."""
    items = [state.item(each) for each in discussed]
    return HeldView(
        meeting=there(state.meeting),
        status=state.status,
        started_at=there(state.started_at),
        ended_at=there(state.ended_at),
        chair=there(state.chair),
        present=tuple(sorted(state.present)),
        discussed=tuple(
            DiscussedView(
                item=item.item,
                mode=item.mode,
                attended_by=tuple(sorted(item.attended_by)),
                consent_version=item.consent_version,
                guardians_present=item.guardians_present,
                child=item.child,
                child_absence=item.child_absence,
            )
            for item in items
        ),
    )


def outcome_view(state: MeetingState, item: Item) -> OutcomeView:
    """Return what was decided on the item."""
    return OutcomeView(
        meeting=there(state.meeting),
        item=item.item,
        mode=item.mode,
        decision=there(item.decision),
        measures=item.measures,
        join_team=tuple(sorted(item.join_team)),
        contributions=item.contributions,
        lifted_to=item.lifted_to,
        lift_withdrawn=item.lift_withdrawn,
    )


def there(value: P | None) -> P:
    """Return what a meeting always has.

    Raises:
        UnknownError: there is no such meeting.
    """
    if value is None:
        raise UnknownError
    return value
