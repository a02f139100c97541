"""What a report counts, one fact of one event: codes, units and moments; nothing that says who, and no words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter

from shared.contracts import cases
from shared.contracts.base import EventData, Model, Moment
from shared.contracts.cases import Effect, ForWhom, OverlapExplanation
from shared.contracts.codes import Role, Service
from shared.contracts.consultations import ConsultationAnswered, ConsultationClosed
from shared.contracts.meetings import MeetingHeld
from shared.contracts.reports import ConcernReportFeedback, ConcernReportUnanswered
from shared.contracts.safekeeping import CaseErased
from shared.contracts.transition_forms import TransitionFormOverdue
from shared.refs import ConcernRef, ConcernReportRef, ConsentRef, FormRef, HandoverRef, MeasureRef, UnitId

ConsentOutcome = Literal["granted", "refused", "narrowed", "withdrawn", "expired", "lapsed", "renewed"]
ConsentWaiting = Literal["to-confirm", "suspended", "renewal-asked"]
MeasureEnd = Literal["goal-reached", "no-effect", "withdrawn"]


class ConcernCame(Model):
    """A concern was registered (seed rules 79, 180)."""

    kind: Literal["concern-came"] = "concern-came"
    concern: ConcernRef
    unit: UnitId | None
    for_whom: ForWhom
    act_by: Moment


class ConcernMet(Model):
    """A concern was acted on: solved near the child, or lifted (seed rules 102, 179)."""

    kind: Literal["concern-met"] = "concern-met"
    concern: ConcernRef


class CaseHeld(Model):
    """A case was opened, or opened again, or goes on in another unit."""

    kind: Literal["case-held"] = "case-held"
    unit: UnitId | None
    level: int | None = None
    """None: as before."""
    opens: bool = False
    handover: HandoverRef | None = None
    """The offer of the baton that somebody accepted; None where there was none, or where it fell to the leader by itself."""


class HandoverOffered(Model):
    """The baton was offered, to be answered by a moment (seed rule 107)."""

    kind: Literal["handover-offered"] = "handover-offered"
    handover: HandoverRef
    respond_by: Moment


class HandoverAnswered(Model):
    """Somebody said no to it, or accepted it in another municipality."""

    kind: Literal["handover-answered"] = "handover-answered"
    handover: HandoverRef
    refused: bool = False
    """It was a no; not said in a fact that was kept before this was."""


class HandoverOff(Model):
    """It was taken back, or its basis lapsed, before anybody answered."""

    kind: Literal["handover-off"] = "handover-off"
    handover: HandoverRef


class LevelIs(Model):
    """A case was stepped up or down (seed rule 181)."""

    kind: Literal["level-is"] = "level-is"
    level: int


class CaseShut(Model):
    """A case is open no more."""

    kind: Literal["case-shut"] = "case-shut"


class MeasureIn(Model):
    """A measure was put in (seed rules 88, 154, 155, 157)."""

    kind: Literal["measure-in"] = "measure-in"
    measure: MeasureRef
    code: str
    level: int
    owner: Service
    evaluate_by: Moment


class MeasureDue(Model):
    """A measure is to be evaluated by another day."""

    kind: Literal["measure-due"] = "measure-due"
    measure: MeasureRef
    evaluate_by: Moment


class MeasureJudged(Model):
    """A measure was evaluated (seed rules 89, 90)."""

    kind: Literal["measure-judged"] = "measure-judged"
    measure: MeasureRef
    effect: Effect
    evaluate_by: Moment | None


class MeasureOver(Model):
    """A measure ended (seed rules 89, 90, 166)."""

    kind: Literal["measure-over"] = "measure-over"
    measure: MeasureRef
    reason: MeasureEnd


class OverlapSeen(Model):
    """Another unit does much the same as this measure (seed rules 49, 161)."""

    kind: Literal["overlap-seen"] = "overlap-seen"
    measure: MeasureRef
    others: tuple[MeasureRef, ...] = ()
    """What the others do: two do the same only while both run. None in a fact that was kept before this was."""


class OverlapSettled(Model):
    """All who do much the same have said what is to become of it."""

    kind: Literal["overlap-settled"] = "overlap-settled"
    measure: MeasureRef
    explanation: OverlapExplanation


class FormSent(Model):
    """A transition form went to the school (seed rule 13)."""

    kind: Literal["form-sent"] = "form-sent"
    form: FormRef
    outside: bool
    """Outside its window, with a reason."""
    handover: HandoverRef | None = None
    """With which the baton was offered: what comes to nothing with it was not sent. None in a fact kept before this was."""


class FormLate(Model):
    """The time to send a transition form is over, and it has not been sent."""

    kind: Literal["form-late"] = "form-late"
    form: FormRef


class ReportAnswered(Model):
    """Child welfare has answered whoever reported a concern to it (barnevernsloven § 13-3)."""

    kind: Literal["report-answered"] = "report-answered"
    report: ConcernReportRef
    late: bool


class ReportUnanswered(Model):
    """Three weeks are over, and it has not."""

    kind: Literal["report-unanswered"] = "report-unanswered"
    report: ConcernReportRef


class ConsentWaits(Model):
    """A consent is to be said again: who must consent is another, or its last day comes near. None: it is no more (4, 5)."""

    kind: Literal["consent-waits"] = "consent-waits"
    consent: ConsentRef
    waits: ConsentWaiting | None
    answered: Literal["confirmation", "renewal"] | None = None
    """Which of the two it is no more. None: both; or it is, or was kept before they were told apart."""


class ConsentAsked(Model):
    """A consent was asked for; the unit is the one that holds it (seed rules 4, 5)."""

    kind: Literal["consent-asked"] = "consent-asked"
    consent: ConsentRef
    unit: UnitId | None


class ConsentCame(Model):
    """What a consent came to."""

    kind: Literal["consent-came"] = "consent-came"
    consent: ConsentRef
    outcome: ConsentOutcome


class SeatsOf(Model):
    """How many seats of those who came, or were to come, in one role (seed rules 54, 156)."""

    role: Role
    present: int
    absent: int


class Attended(Model):
    """How many seats of a meeting were taken, and how many were empty (seed rule 156); and whether it was with guardians (148)."""

    kind: Literal["attended"] = "attended"
    arena_type: str
    present: int
    absent: int
    guardians: bool | None = None
    """Whether one at least was there; None in a fact that was kept before this was counted."""
    barnehage: bool = False
    skole: bool = False
    """Whether somebody from a barnehage, and somebody from a school, was there."""
    roles: tuple[SeatsOf, ...] = ()
    """The same seats by role; none in a fact that was kept before this was counted."""


class BodyAnswered(Model):
    """A body has answered in a hearing, for the first time (seed rule 173)."""

    kind: Literal["body-answered"] = "body-answered"
    late: bool


class BodyCorrected(Model):
    """A body has put another answer in the place of its own after the time was out."""

    kind: Literal["body-corrected"] = "body-corrected"
    unit: UnitId


class HearingShut(Model):
    """A hearing was closed, and so many bodies had not answered."""

    kind: Literal["hearing-shut"] = "hearing-shut"
    unanswered: int


Fact = Annotated[
    ConcernCame
    | ConcernMet
    | CaseHeld
    | HandoverOffered
    | HandoverAnswered
    | HandoverOff
    | LevelIs
    | CaseShut
    | MeasureIn
    | MeasureDue
    | MeasureJudged
    | MeasureOver
    | OverlapSeen
    | OverlapSettled
    | FormSent
    | FormLate
    | ReportAnswered
    | ReportUnanswered
    | ConsentWaits
    | ConsentAsked
    | ConsentCame
    | Attended
    | BodyAnswered
    | BodyCorrected
    | HearingShut,
    Field(discriminator="kind"),
]
FACT: Final[TypeAdapter[Fact]] = TypeAdapter(Fact)


@dataclass(frozen=True, slots=True)
class Happened:
    """A fact, of which case or meeting, as its which event, and when."""

    subject: str
    sequence: int
    at: datetime
    fact: Fact


def _granted(event: cases.ConsentGranted) -> Fact | None:
    return ConsentCame(consent=event.consent, outcome="granted") if event.active and not event.renewal else None


def _refused(event: cases.ConsentRefused) -> Fact:
    if event.renewal:
        return ConsentWaits(consent=event.consent, waits=None, answered="renewal")
    return ConsentCame(consent=event.consent, outcome="refused")


def _lapsed(event: cases.ConsentLapsed) -> Fact:
    if event.renewal:
        return ConsentWaits(consent=event.consent, waits=None, answered="renewal")
    return ConsentCame(consent=event.consent, outcome="lapsed")


def _reassessed(event: cases.ConsentReassessmentDue) -> Fact:
    return ConsentWaits(consent=event.consent, waits=None if event.confirm_by is None else "to-confirm")


def _settled(event: cases.MeasureOverlapExplained) -> Fact | None:
    return OverlapSettled(measure=event.measure, explanation=event.explanation) if event.settled else None


def _attended(event: MeetingHeld) -> Fact:
    there = [seat.service for seat in event.attendance if seat.present]
    seats = [(seat.role, seat.present) for seat in event.attendance]
    return Attended(
        arena_type=event.arena_type,
        present=len(there),
        absent=len(event.attendance) - len(there),
        guardians=event.guardians_present > 0,
        barnehage=Service.BARNEHAGE in there,
        skole=Service.SKOLE in there,
        roles=tuple(
            SeatsOf(role=role, present=seats.count((role, True)), absent=seats.count((role, False)))
            for role in sorted({role for role, _ in seats})
        ),
    )


def _came(event: cases.ConcernRegistered | cases.ConcernJoined) -> Fact:
    return ConcernCame(
        concern=event.concern, unit=event.registered_by.unit, for_whom=event.for_whom, act_by=event.act_by
    )


def _offered(event: cases.HandoverSent) -> Fact | None:
    """Return the offer of the baton; who coordinates is another matter."""
    if event.coordination is not None:
        return None
    return HandoverOffered(handover=event.handover, respond_by=event.respond_by)


def _answered(event: ConsultationAnswered) -> Fact | None:
    if event.version == 1:
        return BodyAnswered(late=event.late)
    # Whoever was late anyhow is counted as that.
    return BodyCorrected(unit=event.unit) if event.corrected_late and not event.late else None


def _shut(event: ConsultationClosed) -> Fact | None:
    return HearingShut(unanswered=len(event.unanswered)) if event.reason == "completed" else None


READ: Final[Mapping[type[EventData], Callable[[Any], Fact | None]]] = {
    cases.ConcernRegistered: _came,
    cases.ConcernJoined: _came,
    cases.ConcernResolvedLocally: lambda event: ConcernMet(concern=event.concern),
    cases.ConcernEscalated: lambda event: ConcernMet(concern=event.concern),
    cases.CaseOpened: lambda event: CaseHeld(unit=event.holder.unit, level=event.level, opens=True),
    cases.CaseReopened: lambda event: CaseHeld(unit=event.holder.unit, opens=True),
    cases.HandoverSent: _offered,
    cases.HandoverAccepted: lambda event: CaseHeld(
        unit=event.holder.unit, handover=None if event.by_rule else event.handover
    ),
    cases.HandoverRejected: lambda event: HandoverAnswered(handover=event.handover, refused=True),
    cases.HandoverWithdrawn: lambda event: HandoverOff(handover=event.handover),
    cases.HandoverCancelled: lambda event: HandoverOff(handover=event.handover),
    cases.HandoverTransferred: lambda event: HandoverAnswered(handover=event.handover),
    cases.CaseLevelChanged: lambda event: LevelIs(level=event.to_level),
    cases.CaseClosed: lambda _: CaseShut(),
    CaseErased: lambda _: CaseShut(),
    cases.MeasurePlanned: lambda event: MeasureIn(
        measure=event.measure,
        code=event.code,
        level=event.level,
        owner=event.owner,
        evaluate_by=event.evaluate_by,
    ),
    cases.MeasureChanged: lambda event: MeasureDue(measure=event.measure, evaluate_by=event.evaluate_by),
    cases.MeasureEvaluated: lambda event: MeasureJudged(
        measure=event.measure, effect=event.effect, evaluate_by=event.evaluate_by
    ),
    cases.MeasureStopped: lambda event: MeasureOver(measure=event.measure, reason=event.reason),
    cases.MeasureOverlapSuspected: lambda event: OverlapSeen(measure=event.measure, others=event.others),
    cases.MeasureOverlapExplained: _settled,
    cases.TransitionFormSent: lambda event: FormSent(
        form=event.form, outside=event.outside_window is not None, handover=event.handover
    ),
    TransitionFormOverdue: lambda event: FormLate(form=event.form),
    ConcernReportFeedback: lambda event: ReportAnswered(report=event.report, late=event.late),
    ConcernReportUnanswered: lambda event: ReportUnanswered(report=event.report),
    cases.ConsentReassessmentDue: _reassessed,
    cases.ConsentSuspended: lambda event: ConsentWaits(consent=event.consent, waits="suspended"),
    cases.ConsentConfirmed: lambda event: ConsentWaits(consent=event.consent, waits=None, answered="confirmation"),
    cases.ConsentRenewalRequested: lambda event: ConsentWaits(consent=event.consent, waits="renewal-asked"),
    cases.ConsentRequested: lambda event: ConsentAsked(consent=event.consent, unit=event.held_by_unit),
    cases.ConsentGranted: _granted,
    cases.ConsentRefused: _refused,
    cases.ConsentNarrowed: lambda event: ConsentCame(consent=event.consent, outcome="narrowed"),
    cases.ConsentWithdrawn: lambda event: ConsentCame(consent=event.consent, outcome="withdrawn"),
    cases.ConsentExpired: lambda event: ConsentCame(consent=event.consent, outcome="expired"),
    cases.ConsentLapsed: _lapsed,
    cases.ConsentRenewed: lambda event: ConsentCame(consent=event.consent, outcome="renewed"),
    MeetingHeld: _attended,
    ConsultationAnswered: _answered,
    ConsultationClosed: _shut,
}
"""What each event says that is counted."""


def moment_of(event: EventData, recorded: datetime) -> datetime:
    """Return when what is counted happened: a meeting when it was held, whenever that was recorded; all else when it was said."""
    return event.started_at if isinstance(event, MeetingHeld) else recorded


def fact_of(event: EventData) -> Fact | None:
    """Return what a report counts of the event; None: nothing."""
    read = READ.get(type(event))
    return None if read is None else read(event)
