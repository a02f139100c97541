"""The case's course: the child is heard, the guardians choose their contact, it is closed and reopened."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.course_lifecycles import CASE
from services.cases.domain.lapse import with_the_case
from services.cases.domain.retention import class_of
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState
from services.cases.domain.told import as_told
from services.cases.errors import (
    CaseGoesOnElsewhereError,
    CaseNotClosedError,
    CaseNotOpenError,
    ChildNotOfAgeError,
    ConcernOpenError,
    EvidenceMissingError,
    HandoverOpenError,
    MeasureUnfinishedError,
    NotInTeamError,
    NotPermittedError,
)
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseClosed,
    CaseEvent,
    CaseReopened,
    ChildHeardBy,
    ContactPersonChosen,
    EvidenceForm,
    ViewOfChildRecorded,
)
from shared.contracts.codes import Role, Service
from shared.refs import CaseRef, ChildViewRef, UnitId

Decisions = Literal["consent", "measure", "handover", "plan", "concern-report"]
Outcomes = Literal["goal-reached", "moved", "no-longer-wanted", "adult"]
ADULT: Final = "adult"
MOVED: Final = "moved"
"""What goes on elsewhere is not opened here again."""


class RecordChildView(Model):
    """The child was heard before a decision; its words go to the vault."""

    by: Acting
    view: ChildViewRef
    method: ChildHeardBy
    before: Decisions
    trusted_person: bool = False
    """Somebody whom the child trusts was with it (tillitsperson)."""


class ChooseContactPerson(Model):
    """The family chose whom in the team it turns to; said by one of the guardians, or recorded for one with a note."""

    by: Acting
    service: Service
    role: Role
    evidence: EvidenceForm = EvidenceForm.E_ID
    has_note: bool = False
    of_age: bool = False
    """Whether the child is of age, and chooses itself: there are no guardians then."""


class CloseCase(Model):
    """The work around the child is done here."""

    by: Acting
    outcome: Outcomes


class ReopenCase(Model):
    """It is needed again; whoever reopens it holds the baton."""

    by: Acting
    place: UnitId | None = None
    """Which unit has an address-protected case, from the vault: no event says it."""


def decide_child_view(state: CaseState, command: RecordChildView, now: datetime) -> list[CaseEvent]:
    """Record that the child was heard (seed rules 73, 99; barnevernsloven § 1-4).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
    """
    access.require(state, Action.RECORD_CHILD_VIEW, command.by, now)
    return [
        ViewOfChildRecorded(
            case=ref_of(state),
            view=command.view,
            method=command.method,
            before=command.before,
            heard_at=now,
            trusted_person=command.trusted_person,
        )
    ]


def decide_contact_person(state: CaseState, command: ChooseContactPerson, now: datetime) -> list[CaseEvent]:
    """Choose the contact person (seed rules 33-35); no gate: guardians may turn to anyone in the team.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`; a child under age leaves it to its guardians.
        EvidenceMissingError: it is recorded for the guardians without a note of how they said it.
        NotInTeamError: the service neither holds the baton nor belongs to the team.
    """
    access.require(state, Action.CHOOSE_CONTACT_PERSON, command.by, now)
    if command.by.child and not command.of_age:
        raise NotPermittedError("not-of-age")
    evidence = said_by(command.by, command.evidence, has_note=command.has_note)
    # Whom the family may turn to is whom it is told of: an answer must not say who else is there.
    if command.service not in as_told(state, command.by, now).around_the_child:
        raise NotInTeamError
    return [
        ContactPersonChosen(case=ref_of(state), service=command.service, role=command.role, evidence=evidence),
    ]


def said_by(by: Acting, evidence: EvidenceForm, *, has_note: bool) -> EvidenceForm:
    """Return how it is known what the family wants: said by one of it, signed in, or recorded for one with a note.

    Raises:
        EvidenceMissingError: it is recorded for somebody without a note of how it was said.
    """
    if by.guardian is not None or by.child:
        return EvidenceForm.E_ID
    if evidence is EvidenceForm.E_ID or not has_note:
        raise EvidenceMissingError
    return evidence


def decide_close(state: CaseState, command: CloseCase, now: datetime) -> list[CaseEvent]:
    """Close the case, with nothing left open behind.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        HandoverOpenError: a handover waits for an answer.
        MeasureUnfinishedError: a measure still runs: evaluate it first (seed rules 88, 89).
        ConcernOpenError: a further concern waits for an action (seed rule 79).
        ChildNotOfAgeError: it is to end because the child is of age, and the child is not (law-and-standards 3.3).
    """
    access.permit(state, Action.SEE_CASE, command.by, now)
    if not CASE.allows(state.stage, CaseClosed):
        raise CaseNotOpenError
    access.permit(state, Action.CLOSE_CASE, command.by, now)
    if command.outcome == ADULT and not state.of_age:
        raise ChildNotOfAgeError
    if state.open_handover is not None:
        raise HandoverOpenError(extensions={"handover": state.open_handover.ref})
    unfinished = [one.ref for one in state.measures.values() if one.runs]
    if unfinished:
        raise MeasureUnfinishedError(extensions={"measures": [*unfinished]})
    if state.waiting_concerns:
        raise ConcernOpenError(extensions={"concerns": [one.ref for one in state.waiting_concerns]})
    case = ref_of(state)
    return [*with_the_case(state, case), CaseClosed(case=case, outcome=command.outcome, retention=class_of(state))]


def decide_reopen(state: CaseState, command: ReopenCase, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Reopen a closed case; the last holder, or the leader of that unit, takes the baton, and it may not rest (seed rules 79, 144).

    Raises:
        DeniedError: the actor is neither, or, of an address-protected case, works elsewhere than its unit now.
        CaseNotClosedError: the case is not closed.
        CaseGoesOnElsewhereError: it moved. Every case that did is refused alike: the answer tells of none where it went, nor why.
    """
    access.permit(state, Action.SEE_CASE, command.by, now)
    if not CASE.allows(state.stage, CaseReopened):
        raise CaseNotClosedError
    access.permit(state, Action.REOPEN_CASE, command.by, now)
    if state.outcome == MOVED:
        raise CaseGoesOnElsewhereError
    if state.address_protected and command.place is not None and command.by.unit != command.place:
        # Who reopens an ordinary case from elsewhere reads nothing of it; here no event would tell the two units apart.
        raise NotPermittedError("works-elsewhere")
    holder = command.by.party(address_protected=state.address_protected)
    return [
        CaseReopened(
            case=ref_of(state),
            holder=holder,
            decide_by=add_days(now, rules.decide_within_days),
            meeting_by=None if state.meeting_by is None else add_days(now, rules.meet_within_days),
            end_by=add_days(now, rules.end_within_days_of_age) if state.of_age else None,
        )
    ]


def ref_of(state: CaseState) -> CaseRef:
    """Return the case's reference.

    Raises:
        CaseNotOpenError: nothing has happened in it yet.
    """
    if state.case is None:
        raise CaseNotOpenError
    return state.case
