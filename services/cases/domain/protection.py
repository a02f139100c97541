"""Address protection (kode 6, kode 7) during a case's life: set, due, lifted.

A case that was ordinary goes on under a new reference, in a log of its own, and what is left under the old one is closed quietly
later, as any case that moved is; see `docs/decisions/0016-address-protection.md`. What was protected names no place ever after.

The protection is the child's: what is set or lifted in one of its cases follows in all the others, concerns among them.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from services.cases.domain import access
from services.cases.domain.access_table import MOMENTS
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting, named
from services.cases.domain.concern import FIRST_LEVEL
from services.cases.domain.consent_lifecycles import CONSENT
from services.cases.domain.course import MOVED, ref_of
from services.cases.domain.course_lifecycles import CASE
from services.cases.domain.evolution import fold
from services.cases.domain.kept import ProtectionState, rough
from services.cases.domain.lapse import with_the_case
from services.cases.domain.retention import class_of
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, Stage
from services.cases.errors import NotPermittedError, NotProtectedError, ReportOnItsWayError, UnknownPartError
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseAnonymised,
    CaseClosed,
    CaseEvent,
    CaseOpened,
    ConcernEscalated,
    ConcernJoined,
    ConcernRegistered,
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
    GuardiansChanged,
    ProtectionKind,
    RecordWritten,
)
from shared.refs import CaseRef, ConcernRef, DocumentRef, RecordRef

FIRST_HOUR: Final = 12
LAST_HOUR: Final = 96
"""Between these hours after it went on elsewhere, at a moment that nobody can foresee, the old reference is closed."""


class Register(Model):
    """What the register says of the child: what the child's other cases are told, without by whom or from where."""

    kind: ProtectionKind = ProtectionKind.STRICTLY_CONFIDENTIAL
    """The stricter one, as long as nobody has said which."""
    valid_to: date | None = None
    lifted: bool = False


class Protection(Model):
    """Somebody says what the register says."""

    by: Acting
    kind: ProtectionKind
    valid_to: date | None = None

    @property
    def register(self) -> Register:
        """Return what the child's other cases are told."""
        return Register(kind=self.kind, valid_to=self.valid_to)


class Continuation(Model):
    """The new names of everything that goes on: made from nothing, so that they lead back to nothing."""

    case: CaseRef
    concerns: dict[ConcernRef, ConcernRef]
    records: dict[RecordRef, RecordRef]
    documents: dict[DocumentRef, DocumentRef]


def register_of(state: CaseState) -> Register:
    """Return what the register says, as the protected case `state` knows it; the stricter one when nobody has said which."""
    known = state.protection
    return Register() if known is None else Register(kind=known.kind, valid_to=known.valid_to)


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
    access.require(state, Action.PROTECT_ADDRESS, protection.by, now)
    if must_wait(state):
        raise ReportOnItsWayError(extensions={"reports": [*state.around.on_their_way]})


def decide_continue(
    state: CaseState, protection: Protection, names: Continuation, now: datetime, rules: Rules
) -> list[CaseEvent]:
    """Let an ordinary case go on under a new reference, because its holder says so; see `going_on`.

    Raises:
        DeniedError, CaseNotOpenError, ReportOnItsWayError: see `require_continuable`.
    """
    require_continuable(state, protection, now)
    return going_on(state, protection.register, names, now, rules)


def goes_on(state: CaseState, register: Register) -> bool:
    """Return whether an ordinary case or concern goes on elsewhere, because its child's address is protected in another."""
    return not register.lifted and not state.address_protected and state.stage in MOMENTS[Action.PROTECT_ADDRESS]


def must_wait(state: CaseState) -> bool:
    """Return whether a report to child welfare waits under this reference, whose key would be destroyed (seed rule 93)."""
    return bool(state.around.on_their_way)


def decide_with_child(state: CaseState, register: Register) -> list[CaseEvent]:
    """Set or lift it in a case that has a log of its own, because it was in another of the same child; nobody acts.

    A closed one too: it would otherwise protect the child for ever, or let it be found.
    """
    if not state.address_protected or state.stage in {Stage.UNKNOWN, Stage.ERASED}:
        return []
    if register.lifted:
        return [AddressProtectionLifted(case=ref_of(state))] if state.hidden else []
    known = ProtectionState(kind=register.kind, valid_to=register.valid_to)
    if state.hidden and state.protection == known:
        return []
    return [AddressProtectionSet(case=ref_of(state), kind=register.kind, valid_to=register.valid_to)]


def going_on(state: CaseState, register: Register, names: Continuation, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Return a case under a new reference: with whoever holds it, its level, its guardians, its records, the concerns that wait.

    Consents do not go with it: what was granted was granted for another way of working, and is asked for anew. Neither do
    measures, handovers and forms: each names units. So what is done is decided anew, a concern acted on, and a meeting that
    was to be held is held, within the usual time from now (seed rules 68, 79, 144). No moment of before is in it, nor how many
    bytes a document has: either could be looked up in the other log.

    Raises:
        UnknownPartError: nothing is known of it.
    """
    begun = _begun(state, names, now, rules)
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
    given = AddressProtectionSet(case=names.case, kind=register.kind, valid_to=register.valid_to)
    return [*begun, given, *records, *documents]


def _begun(state: CaseState, names: Continuation, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Return how it begins: an open case goes on as one, a concern that nobody has lifted as a concern (seed rules 80, 81)."""
    waiting = [*state.waiting_concerns]
    first = state.concern if state.stage is Stage.OPEN else next(iter(waiting), None)
    if first is None or state.holding is None:
        raise UnknownPartError
    holder = named(state.holding.party, address_protected=True)
    ordinals = tuple(sorted(state.responsible))
    act_by, decide_by = add_days(now, rules.act_within_days), add_days(now, rules.decide_within_days)
    meeting_by = add_days(now, rules.meet_within_days)
    begun: list[CaseEvent]
    if state.stage is Stage.OPEN:
        begun = [
            CaseContinued(
                case=names.case,
                concern=names.concerns[first.ref],
                area=first.area,
                for_whom=first.for_whom,
                act_by=decide_by,
                level=state.level,
                holder=holder,
                guardians=state.guardians,
                ordinals=ordinals,
                decide_by=decide_by,
                meeting_by=None if state.meeting_by is None else meeting_by,
                meeting_below_by=None if state.meeting_below_by is None else meeting_by,
            )
        ]
    else:
        begun = [
            ConcernRegistered(
                case=names.case,
                concern=names.concerns[first.ref],
                area=first.area,
                for_whom=first.for_whom,
                registered_by=holder,
                act_by=act_by,
                guardians=state.guardians,
                address_protected=True,
            )
        ]
        if state.guardian_ordinals is not None:
            begun.append(GuardiansChanged(case=names.case, guardians=state.guardians, ordinals=ordinals))
    joined = [
        ConcernJoined(
            case=names.case,
            concern=names.concerns[one.ref],
            area=one.area,
            for_whom=one.for_whom,
            registered_by=named(one.registered_by, address_protected=True),
            act_by=act_by,
        )
        for one in waiting
        if one.ref != first.ref
    ]
    return [*begun, *joined]


def decide_close_quietly(state: CaseState, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Close what is left under the old reference, as a case that moved: everything that is open in it ends first.

    A concern was not solved here, and no event says that it went elsewhere: it is lifted, and the case closed that it became.
    """
    lifted = _lifted(state, now, rules)
    opened = fold(state, lifted)
    return [*lifted, *_closed(opened, now)]


def _lifted(state: CaseState, now: datetime, rules: Rules) -> list[CaseEvent]:
    if state.stage is not Stage.CONCERN or state.holding is None:
        return []
    case = ref_of(state)
    return [
        *(ConcernEscalated(case=case, concern=one.ref, next_level=FIRST_LEVEL) for one in state.waiting_concerns),
        CaseOpened(
            case=case,
            level=FIRST_LEVEL,
            mode=Mode.ANONYMOUS,
            holder=state.holding.party,
            decide_by=add_days(now, rules.decide_within_days),
        ),
    ]


def _closed(state: CaseState, now: datetime) -> list[CaseEvent]:
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
        DeniedError, CaseNotOpenError: see `access.require`; who holds it and works elsewhere now sets it, and does not lift it.
        NotProtectedError: there is nothing to lift.
    """
    if access.require(state, Action.PROTECT_ADDRESS, by, now).relation is Relation.HOLDER_ELSEWHERE:
        raise NotPermittedError("works-elsewhere")
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
