"""Concern reports to child welfare (bekymringsmelding): a duty before confidentiality, which cannot vanish (seed rules 93, 192).

No consent is asked for and none can stop it (barnevernsloven § 13-2). Ground, words and child stay in the vault and go to child
welfare alone. Whatever becomes of the channel, of the consents or of the case, a report that was sent ends in an answer, or in
somebody being told that there is none.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import Field

from services.cases.domain import access
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.around import ReportState, ReportStatus
from services.cases.domain.course import ref_of
from services.cases.domain.hearing import Hearing, NotHeardReason, not_heard
from services.cases.domain.relations import relations, works_there
from services.cases.domain.rules import REPORT, Rules
from services.cases.domain.state import CaseState
from services.cases.domain.team_lifecycles import CONCERN_REPORT
from services.cases.domain.team_profile import ReportRule
from services.cases.errors import (
    GroundUnknownError,
    GuardiansReasonError,
    NotInvolvedError,
    NotPermittedError,
    ReportConcludedError,
    ReportNotPostedError,
    ReportNotToPostError,
    UnknownPartError,
)
from shared.calendar import add_days
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent, ChildHeardBy, ViewOfChildRecorded
from shared.contracts.codes import Role
from shared.contracts.reports import (
    ConcernReportFailed,
    ConcernReportFeedback,
    ConcernReportGuardiansInformed,
    ConcernReportPosted,
    ConcernReportReceived,
    ConcernReportSent,
    ConcernReportUnanswered,
)
from shared.refs import ChildViewRef, ConcernReportRef

Feedback = Literal["received", "investigating", "dismissed", "investigation-ended"]
NotInformedReason = Literal["danger-to-child", "danger-to-others", "evidence-at-risk"]
"""Why guardians are not told: only danger counts, never that it is difficult (seed rule 192)."""


class Ground(Model):
    """One of the law's grounds, from a day and until another."""

    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    valid_from: date
    valid_to: date | None = None
    letter: str = Field(pattern=r"^[a-z]$")
    nb: str
    nn: str
    en: str
    source: str


class Grounds(Model):
    """The code list of the grounds."""

    grounds: tuple[Ground, ...]

    def ground(self, code: str, day: date) -> Ground:
        """Return the ground in force on `day` in Norway.

        Raises:
            GroundUnknownError: there is none such on that day.
        """
        known = [one for one in self.grounds if one.valid_from <= day and (one.valid_to is None or day <= one.valid_to)]
        for one in known:
            if one.code == code:
                return one
        raise GroundUnknownError(extensions={"grounds": [one.code for one in known]})


class HeardNow(Model):
    """The child was heard before this very report; its words are in the vault."""

    view: ChildViewRef
    method: ChildHeardBy
    trusted_person: bool = False


class ReportConcern(Model):
    """Report to child welfare. The report itself goes to the vault, and from there to child welfare."""

    by: Acting
    report: ConcernReportRef
    ground: str
    guardians_informed: bool
    not_informed_because: NotInformedReason | None = None
    heard: HeardNow | None = None
    not_heard: NotHeardReason | None = None
    age: int
    """The child's, in whole years, from the vault; it goes no further than this decision."""
    digital: bool
    """Whether there is a digital channel."""


class FollowReport(Model):
    """What the reporter does afterwards."""

    by: Acting
    report: ConcernReportRef


class RecordFeedback(FollowReport):
    """Child welfare has answered."""

    kind: Feedback


def decide_report(
    state: CaseState,
    command: ReportConcern,
    now: datetime,
    *,
    rules: Rules,
    hearing: Hearing,
    grounds: Grounds,
    rule: ReportRule,
) -> list[CaseEvent]:
    """Report a concern, at any stage, with or without consent (barnevernsloven § 13-2; seed rules 93, 192).

    That the child was heard, or why not, is asked of what is decided here (`hearing.require_heard`).

    Raises:
        DeniedError: the actor has no part in the case; a guardian and a child have other ways.
        GroundUnknownError: none of the law's grounds.
        GuardiansReasonError: guardians are not told and no reason that counts is given, or the other way round.
        NotHeardReasonError: the reason does not count.
        NoLegalBasisError: the code list has no row for the duty.
    """
    access.permit(state, Action.REPORT_CONCERN, command.by, now)
    grounds.ground(command.ground, oslo_day(now))
    if command.guardians_informed == (command.not_informed_because is not None):
        raise GuardiansReasonError
    case = ref_of(state)
    happened: list[CaseEvent] = []
    if command.heard is not None:
        happened.append(
            ViewOfChildRecorded(
                case=case,
                view=command.heard.view,
                method=command.heard.method,
                before="concern-report",
                heard_at=now,
                trusted_person=command.heard.trusted_person,
            )
        )
    elif command.not_heard is not None:
        happened.append(not_heard(state, "concern-report", command.not_heard, command.age, now, hearing))
    happened.append(
        ConcernReportSent(
            case=case,
            report=command.report,
            reporter=command.by.party(address_protected=state.address_protected),
            basis=rules.basis(REPORT, now),
            channel="digital" if command.digital else "letter",
            deliver_by=now + timedelta(hours=rule.deliver_hours),
            feedback_by=add_days(now, rule.feedback_days),
            guardians_informed=command.guardians_informed,
            sent_at=now,
        )
    )
    return happened


def decide_received(state: CaseState, report: ConcernReportRef, now: datetime) -> list[CaseEvent]:
    """Note the channel's receipt; nothing when it was noted before, or the letter is on its way."""
    present = state.around.reports.get(report)
    if present is None or present.status is not ReportStatus.SENT:
        return []
    return [ConcernReportReceived(case=ref_of(state), report=report, channel="digital", received_at=now)]


def decide_failed(
    state: CaseState, report: ConcernReportRef, reason: Literal["refused", "unreachable"], attempts: int
) -> list[CaseEvent]:
    """Give the digital channel up: from here it goes by letter. Nothing when it has been received."""
    present = state.around.reports.get(report)
    if present is None or present.status is not ReportStatus.SENT:
        return []
    return [ConcernReportFailed(case=ref_of(state), report=report, reason=reason, attempts=attempts)]


def decide_posted(state: CaseState, command: FollowReport, now: datetime) -> list[CaseEvent]:
    """Note that the letter was posted.

    Raises:
        NotInvolvedError: see `may`.
        UnknownPartError: there is no such report for this actor.
        ReportNotToPostError: it does not go by letter, or has been posted.
    """
    may(state, Action.FOLLOW_REPORT, command.by, now)
    present = seen(state, command.report, command.by, now)
    if present.status is not ReportStatus.TO_POST:
        raise ReportNotToPostError(extensions={"status": present.status})
    by = command.by.party(address_protected=state.address_protected)
    return [ConcernReportPosted(case=ref_of(state), report=present.ref, by=by)]


def decide_feedback(state: CaseState, command: RecordFeedback, now: datetime) -> list[CaseEvent]:
    """Record child welfare's answer: that it was received, whether it is investigated, that that has ended (§§ 13-3, 2-1, 2-2).

    Raises:
        NotInvolvedError: see `may`.
        UnknownPartError: there is no such report for this actor.
        ReportNotPostedError: its letter has not been posted, so nobody can have answered it.
        ReportConcludedError: child welfare has said its last word.
    """
    may(state, Action.FOLLOW_REPORT, command.by, now)
    present = seen(state, command.report, command.by, now)
    if present.status is ReportStatus.TO_POST:
        raise ReportNotPostedError
    if not CONCERN_REPORT.allows(present.status, ConcernReportFeedback):
        raise ReportConcludedError
    late = not present.feedback and now > present.feedback_by
    return [ConcernReportFeedback(case=ref_of(state), report=present.ref, kind=command.kind, late=late)]


def decide_informed(state: CaseState, command: FollowReport, now: datetime) -> list[CaseEvent]:
    """Note that the guardians have been told of it after it was sent; nothing when that was known (seed rules 101, 192).

    Raises:
        NotInvolvedError: see `may`.
        UnknownPartError: there is no such report for this actor.
    """
    may(state, Action.FOLLOW_REPORT, command.by, now)
    present = seen(state, command.report, command.by, now)
    if present.guardians_informed:
        return []
    return [ConcernReportGuardiansInformed(case=ref_of(state), report=present.ref)]


def decide_unanswered(state: CaseState, report: ConcernReportRef, now: datetime) -> list[CaseEvent]:
    """Note that three weeks have passed without an answer; nothing when there is one, or time left, or it was noted."""
    present = state.around.reports.get(report)
    if present is None or present.unanswered or now < present.feedback_by:
        return []
    if not CONCERN_REPORT.allows(present.status, ConcernReportUnanswered):
        return []
    return [ConcernReportUnanswered(case=ref_of(state), report=report, reporter=present.reporter)]


def may(state: CaseState, action: Action, acting: Acting, now: datetime) -> None:
    """Let nobody tell a report that is not for them from one that does not exist.

    Raises:
        NotInvolvedError: the actor may not, whatever else the actor is to the case.
    """
    try:
        access.permit(state, action, acting, now)
    except NotPermittedError as denied:
        raise NotInvolvedError(denied.reason) from None


def seen(state: CaseState, report: ConcernReportRef, acting: Acting, now: datetime) -> ReportState:
    """Return the report, if the actor may know of it.

    Raises:
        UnknownPartError: there is none such.
    """
    for one in visible(state, acting, now):
        if one.ref == report:
            return one
    raise UnknownPartError


def wrote(report: ReportState, acting: Acting) -> bool:
    """Return whether it is the actor's own report, and the actor works where it was made."""
    return report.reporter.actor == acting.actor and works_there(acting, report.reporter)


def reads(state: CaseState, report: ConcernReportRef, acting: Acting) -> bool:
    """Return whether a report is read by the actor: by who wrote it, and by the leader of that unit (seed rule 93)."""
    present = state.around.reports[report]
    leads = Role.LEADER in acting.roles and acting.unit is not None and present.reporter.unit == acting.unit
    return wrote(present, acting) or leads


def visible(state: CaseState, acting: Acting, now: datetime) -> list[ReportState]:
    """Return the reports that somebody may know of: who holds the case or leads its unit all, a reporter and its leader their own.

    Guardians know of those that they were told of themselves. That there is another is nowhere in what is shown to them.
    """
    held, every = set(relations(state, acting, now)), list(state.around.reports.values())
    if held & {Relation.HOLDER, Relation.LAST_HOLDER, Relation.LEADER, Relation.PROTECTED_WATCH}:
        return every
    return [
        one
        for one in every
        if wrote(one, acting)
        or (Relation.REPORTERS_LEADER in held and one.reporter.unit == acting.unit)
        or (Relation.GUARDIAN in held and one.guardians_informed)
    ]
