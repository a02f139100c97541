"""Address protection (kode 6, kode 7) during a case's life: set, due, lifted.

A case that was ordinary goes on under a new reference, in a log of its own, and what is left under the old one is closed quietly
later, as any case that moved is; see `docs/decisions/0016-address-protection.md`. What was protected names no place ever after.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.consent_lifecycles import CONSENT
from services.cases.domain.course import MOVED, ref_of
from services.cases.domain.course_lifecycles import CASE
from services.cases.domain.evolution import fold
from services.cases.domain.kept import rough
from services.cases.domain.lapse import with_the_case
from services.cases.domain.retention import class_of
from services.cases.domain.state import CaseState, Stage
from services.cases.errors import NotProtectedError, ReportOnItsWayError, UnknownPartError
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseAnonymised,
    CaseClosed,
    CaseEvent,
    ConsentWithdrawn,
    HandoverCancelled,
    MeasureStopped,
    Mode,
)
from shared.contracts.safekeeping import (
    AddressProtectionDue,
    AddressProtectionLifted,
    AddressProtectionSet,
    CaseContinued,
    DocumentAdded,
    ProtectionKind,
    RecordWritten,
)
from shared.refs import CaseRef, ConcernRef, DocumentRef, RecordRef

FIRST_HOUR: Final = 12
LAST_HOUR: Final = 96
"""Between these hours after it went on elsewhere, at a moment that nobody can foresee, the old reference is closed."""


class Protection(Model):
    """What the register says."""

    by: Acting
    kind: ProtectionKind
    valid_to: date | None = None


class Continuation(Model):
    """The new names of everything that goes on: made from nothing, so that they lead back to nothing."""

    case: CaseRef
    concern: ConcernRef
    records: dict[RecordRef, RecordRef]
    documents: dict[DocumentRef, DocumentRef]


def decide_protect(state: CaseState, protection: Protection, now: datetime) -> list[CaseEvent]:
    """Set it in a case that has a log of its own already, or set it anew.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
    """
    access.require(state, Action.PROTECT_ADDRESS, protection.by, now)
    return [AddressProtectionSet(case=ref_of(state), kind=protection.kind, valid_to=protection.valid_to)]


def require_continuable(state: CaseState, protection: Protection, now: datetime) -> None:
    """Refuse to let a case go on elsewhere, before anything is made for it.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        ReportOnItsWayError: a report to child welfare waits under this reference, whose key is destroyed (seed rule 93).
    """
    access.require(state, Action.PROTECT_ADDRESS, protection.by, now, stages=frozenset({Stage.OPEN}))
    if state.around.on_their_way:
        raise ReportOnItsWayError(extensions={"reports": [*state.around.on_their_way]})


def decide_continue(
    state: CaseState, protection: Protection, names: Continuation, now: datetime, *, decide_within_days: int
) -> list[CaseEvent]:
    """Let an ordinary case go on under a new reference: with whoever holds it, its level, its guardians, its records.

    Consents do not go with it: what was granted was granted for another way of working, and is asked for anew. Neither do
    measures, handovers and forms: each names units. So what is done is decided anew, within `decide_within_days` (seed rule
    144). No moment of before is in it, nor how many bytes a document has: either could be looked up in the other log.

    Raises:
        DeniedError, CaseNotOpenError, ReportOnItsWayError: see `require_continuable`.
    """
    require_continuable(state, protection, now)
    concern, holding = state.concern, state.holding
    if concern is None or holding is None:
        raise UnknownPartError
    holder = holding.party.model_copy(update={"unit": None, "organisation": None})
    decide_by = add_days(now, decide_within_days)
    begun = CaseContinued(
        case=names.case,
        concern=names.concern,
        area=concern.area,
        for_whom=concern.for_whom,
        act_by=decide_by,
        level=state.level,
        holder=holder,
        guardians=state.guardians,
        ordinals=tuple(sorted(state.responsible)),
        decide_by=decide_by,
    )
    records = [
        RecordWritten(case=names.case, record=names.records[one.ref], version=one.version, category=one.category)
        for one in state.records.values()
    ]
    documents = [
        DocumentAdded(
            case=names.case,
            document=names.documents[one.ref],
            category=one.category,
            media=one.media,
            size=rough(one.size),
        )
        for one in state.documents.values()
    ]
    given = AddressProtectionSet(case=names.case, kind=protection.kind, valid_to=protection.valid_to)
    return [begun, given, *records, *documents]


def decide_close_quietly(state: CaseState, now: datetime) -> list[CaseEvent]:
    """Close what is left under the old reference, as a case that moved: everything that is open in it ends first."""
    if not CASE.allows(state.stage, CaseClosed):
        return []
    case = ref_of(state)
    handover = state.open_handover
    ended: list[CaseEvent] = []
    if handover is not None:
        ended.append(HandoverCancelled(case=case, handover=handover.ref, reason="case-closed"))
    ended += [
        MeasureStopped(case=case, measure=one.ref, reason="withdrawn") for one in state.measures.values() if one.runs
    ]
    ended += [
        ConsentWithdrawn(case=case, consent=one.ref, version=one.version + 1, ended=one.scope, effective_at=now)
        for one in state.consents.values()
        if CONSENT.allows(one.status, ConsentWithdrawn)
    ]
    if state.mode is Mode.IDENTIFIED:
        ended.append(CaseAnonymised(case=case))
    after = fold(state, ended)
    return [*ended, *with_the_case(after, case), CaseClosed(case=case, outcome=MOVED, retention=class_of(state))]


def decide_lift(state: CaseState, by: Acting, now: datetime) -> list[CaseEvent]:
    """Lift it: the child may be found again by those who have a part. The case stays in its own log.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        NotProtectedError: there is nothing to lift.
    """
    access.require(state, Action.PROTECT_ADDRESS, by, now)
    if not state.hidden:
        raise NotProtectedError
    return [AddressProtectionLifted(case=ref_of(state))]


def decide_due(state: CaseState, now: datetime, day: date) -> list[CaseEvent]:
    """Say that the register's last day is over: somebody must find out, and it holds until then (fail safe)."""
    _ = now
    protection = state.protection
    over = protection is not None and protection.valid_to is not None and protection.valid_to < day
    if not over or not state.hidden or state.stage in {Stage.UNKNOWN, Stage.ERASED}:
        return []
    return [AddressProtectionDue(case=ref_of(state))]
