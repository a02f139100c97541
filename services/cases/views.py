"""What is answered without opening the vault: references, codes and times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Literal, TypeVar
from uuid import UUID

from services.cases.domain.absence import AbsenceState
from services.cases.domain.access_table import TABLE
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.course import ref_of
from services.cases.domain.elsewhere import Alike
from services.cases.domain.kept import DocumentState, GlassState, GlassStatus, RecordState
from services.cases.domain.relations import told_relations
from services.cases.domain.shown import as_shown, sees_handover
from services.cases.domain.state import (
    CaseState,
    ConcernState,
    ConcernStatus,
    ConsentState,
    FormState,
    HandoverState,
    HandoverStatus,
    MeasureState,
    OverlapState,
    OverlapStatus,
    RefusedOutcome,
    Stage,
    TeamMember,
)
from services.cases.domain.told import told_of
from services.cases.errors import UnknownPartError
from services.cases.store import Disclosure
from services.cases.views_team import AroundView
from shared.contracts.base import Model
from shared.contracts.cases import AbsenceReason, CoordinatorKind, ForWhom, LocalOutcome, Mode, Party
from shared.contracts.codes import (
    Area,
    GrantorClass,
    InformationCategory,
    Language,
    LegalBasis,
    Purpose,
    Role,
    Scope,
    Service,
)
from shared.contracts.safekeeping import GlassOutcome, GlassReason, MediaType, ProtectionKind
from shared.refs import (
    AbsenceRef,
    ActorId,
    CaseRef,
    ChildViewRef,
    ConcernRef,
    ConsentRef,
    DocumentRef,
    FormRef,
    GlassRef,
    GoalRef,
    HandoverRef,
    LogScope,
    MeasureRef,
    RecordRef,
    UnitId,
)

Categories = tuple[InformationCategory, ...]
P = TypeVar("P")


class Me(Model):
    """Who the bearer of the token is here: what a colleague needs to hand the baton over."""

    actor: ActorId
    roles: tuple[Role, ...]
    service: Service | None
    unit: UnitId | None


class ConcernView(Model):
    """A concern: where it stands and until when somebody must act. The receipt of its registration; it names no child."""

    concern: ConcernRef
    case: CaseRef
    stage: Stage
    area: Area
    for_whom: ForWhom
    act_by: datetime
    outcome: LocalOutcome | None = None
    status: ConcernStatus
    joined: bool
    """Whether it became part of a case that there was already."""

    @classmethod
    def of(cls, state: CaseState, ref: ConcernRef | None = None) -> ConcernView:
        """Return the concern `ref` of `state`, or the one that began it."""
        case, first = _known(state)
        concern = first if ref is None else state.further.get(ref, first)
        return cls(
            concern=concern.ref,
            case=case,
            stage=state.stage,
            status=concern.status,
            joined=concern is not first,
            area=concern.area,
            for_whom=concern.for_whom,
            act_by=concern.act_by,
            outcome=concern.outcome,
        )


class ScopeView(Model):
    """Services x information categories x purposes."""

    services: tuple[Service, ...]
    categories: Categories
    purposes: tuple[Purpose, ...]
    municipality: LogScope | None
    """Whose services they are; none: the case's own municipality's."""

    @classmethod
    def of(cls, scope: Scope) -> ScopeView:
        """Return `scope` in a fixed order."""
        return cls(
            services=tuple(sorted(scope.services)),
            categories=tuple(sorted(scope.categories)),
            purposes=tuple(sorted(scope.purposes)),
            municipality=scope.municipality,
        )


class RenewalView(Model):
    """The next period of a consent, asked for and not granted by all."""

    valid_to: date
    needed: dict[GrantorClass, int]
    outstanding: dict[GrantorClass, int]
    answer_by: datetime

    @classmethod
    def of(cls, consent: ConsentState) -> RenewalView | None:
        """Return the next period that is asked for, if one is."""
        renewal = consent.renewal
        if renewal is None:
            return None
        return cls(
            valid_to=renewal.valid_to,
            needed=renewal.needed,
            outstanding=renewal.outstanding,
            answer_by=renewal.answer_by,
        )


class ConsentView(Model):
    """A consent: what it covers, until when, and how many of whom have not answered.

    To a guardian and to the child nobody else has answered before all have (`told.py`).
    """

    consent: ConsentRef
    case: CaseRef
    version: int
    status: str
    scope: ScopeView
    valid_from: date
    valid_to: date
    needed: dict[GrantorClass, int]
    outstanding: dict[GrantorClass, int]
    refused: dict[GrantorClass, int]
    """How many have said no, and not changed their mind: beside a yes it is a disagreement, and no consent."""
    daily_care: bool
    answer_by: datetime | None
    """When it lapses if not all have answered."""
    reassessing: str | None
    """Why it is asked anew who may consent; the code only."""
    confirm_by: datetime | None
    """When it is suspended if those who are outstanding have not confirmed it."""
    renewal: RenewalView | None

    @classmethod
    def of(cls, state: CaseState, ref: ConsentRef) -> ConsentView:
        """Return the consent `ref`.

        Raises:
            UnknownPartError: there is none.
        """
        consent: ConsentState = _part(state.consents.get(ref))
        return cls(
            consent=consent.ref,
            case=_known(state)[0],
            version=consent.version,
            status=consent.status,
            scope=ScopeView.of(consent.scope),
            valid_from=consent.valid_from,
            valid_to=consent.valid_to,
            needed=consent.needed,
            outstanding=consent.outstanding,
            refused=dict(Counter(kind for kind, _ in sorted(consent.refused))),
            daily_care=consent.daily_care,
            answer_by=consent.answer_by,
            reassessing=consent.reassessing,
            confirm_by=consent.confirm_by,
            renewal=RenewalView.of(consent),
        )


class MeasureView(Model):
    """A measure: who does what, and when it is evaluated. The goal's words are in the vault."""

    measure: MeasureRef
    case: CaseRef
    code: str
    level: int
    owner: Service
    owner_unit: UnitId | None
    goal: GoalRef
    indicator: str
    evaluate_by: datetime
    status: str
    effect: str | None

    @classmethod
    def of(cls, state: CaseState, ref: MeasureRef) -> MeasureView:
        """Return the measure `ref`.

        Raises:
            UnknownPartError: there is none.
        """
        measure: MeasureState = _part(state.measures.get(ref))
        return cls(
            measure=measure.ref,
            case=_known(state)[0],
            code=measure.code,
            level=measure.level,
            owner=measure.owner,
            owner_unit=measure.owner_unit,
            goal=measure.goal,
            indicator=measure.indicator,
            evaluate_by=measure.evaluate_by,
            status=measure.status,
            effect=measure.effect,
        )


class OverlapView(Model):
    """Two units that seem to do the same, and whose explanation is waited for (seed rules 49, 161)."""

    measure: MeasureRef
    others: tuple[MeasureRef, ...]
    overlap: str
    status: OverlapStatus
    waits_for: tuple[MeasureRef, ...]
    """The measures whose owners have not said yet what they found out."""

    @classmethod
    def of(cls, overlap: OverlapState) -> OverlapView:
        """Return `overlap`."""
        waits = {overlap.measure, *overlap.others} - overlap.explained_by
        return cls(
            measure=overlap.measure,
            others=overlap.others,
            overlap=overlap.code,
            status=overlap.status,
            waits_for=tuple(sorted(waits)) if overlap.status is OverlapStatus.SUSPECTED else (),
        )


class OverlapElsewhereView(Model):
    """What another case about the same child has that is much the same, shown to who may see both (seed rules 49, 161)."""

    measure: MeasureRef
    overlap: str
    case: CaseRef
    """The other case."""
    other: MeasureRef
    service: Service
    unit: UnitId | None
    """Where the other measure is carried out."""

    @classmethod
    def of(cls, pair: Alike, other: CaseState) -> OverlapElsewhereView:
        """Return `pair`, whose second is of the case `other`."""
        return cls(
            measure=pair.mine.ref,
            overlap=pair.overlap,
            case=ref_of(other),
            other=pair.other.ref,
            service=pair.service,
            unit=pair.unit,
        )


class HandoverView(Model):
    """A handover: who offers the baton to whom, with what, until when to answer."""

    handover: HandoverRef
    case: CaseRef
    kind: str
    status: str
    sender: Party
    receiver: Party
    basis: str | None
    """None while it is a draft."""
    consent: ConsentRef | None
    categories: Categories
    documents: tuple[DocumentRef, ...]
    received: tuple[DocumentRef, ...]
    """Of the documents, those that the receiver has opened."""
    form: FormRef | None
    respond_by: datetime | None
    on_behalf: bool
    """Sent by the leader for a holder who is away."""
    coordination: CoordinatorKind | None = None
    """What is offered when it is the coordination, and not the baton."""
    carried_on_as: CaseRef | None = None
    """In the answer to who accepted it in another municipality: the case that goes on there."""

    @classmethod
    def of(cls, state: CaseState, ref: HandoverRef) -> HandoverView:
        """Return the handover `ref`.

        Raises:
            UnknownPartError: there is none.
        """
        handover: HandoverState = _part(state.handovers.get(ref))
        return cls(
            handover=handover.ref,
            case=_known(state)[0],
            kind=handover.way,
            status=handover.status,
            sender=handover.sender,
            receiver=handover.receiver,
            basis=None if handover.basis is None else handover.basis.code,
            consent=handover.consent,
            categories=tuple(sorted(handover.package.categories)),
            documents=handover.package.documents,
            received=tuple(one for one in handover.package.documents if one in handover.received_documents),
            form=handover.form,
            respond_by=handover.respond_by,
            on_behalf=handover.on_behalf,
            coordination=handover.coordination,
        )


class DocumentReceiptView(Model):
    """One document of the package, and when the receiver opened it."""

    document: DocumentRef
    received_at: datetime | None


class HandoverReceiptsView(Model):
    """What the receiver has opened of a handover, and when."""

    handover: HandoverRef
    status: str
    opened_at: datetime | None
    documents: tuple[DocumentReceiptView, ...]


class AbsenceCaseView(Model):
    """A case that rests with somebody who will not be there: offered to somebody, or it falls to the leader."""

    case: CaseRef
    stage: Stage
    level: int
    then: Literal["offered", "falls-to-leader"]
    handover: HandoverRef | None
    offered_to: ActorId | None
    holds: bool
    coordinates: tuple[CoordinatorKind, ...]

    @classmethod
    def of(cls, state: CaseState, *, holds: bool, coordinates: tuple[CoordinatorKind, ...]) -> AbsenceCaseView:
        """Return how it stands with `state`; of a case that is held too, `then` is about the baton."""
        waits = state.open_handover
        if waits is not None and waits.coordination not in ({None} if holds else {*coordinates}):
            # Who is offered the coordination takes no baton, and the other way round.
            waits = None
        return cls(
            holds=holds,
            coordinates=coordinates,
            case=_known(state)[0],
            stage=state.stage,
            level=state.level,
            then="falls-to-leader" if waits is None else "offered",
            handover=None if waits is None else waits.ref,
            offered_to=None if waits is None else waits.receiver.actor,
        )


class AbsenceView(Model):
    """Somebody leaves or is away, and what still rests with them."""

    absence: AbsenceRef
    person: ActorId
    unit: UnitId
    status: str
    reason: AbsenceReason
    last_day: date
    back_on: date | None
    falls_to: Party
    cases: tuple[AbsenceCaseView, ...] = ()
    fell: int
    """How many fell to the leader, once it has begun."""
    cancelled: int
    """How many handovers to the person were cancelled then."""

    @classmethod
    def of(cls, state: AbsenceState, cases: Iterable[AbsenceCaseView] = ()) -> AbsenceView:
        """Return the absence `state`.

        Raises:
            UnknownPartError: there is none.
        """
        last_day, status = _part(state.last_day), _part(state.status)
        return cls(
            absence=_part(state.ref),
            person=_part(state.person),
            unit=_part(state.unit),
            status=status,
            reason=state.reason,
            last_day=last_day,
            back_on=state.back_on,
            falls_to=_part(state.falls_to),
            cases=tuple(cases),
            fell=state.fell,
            cancelled=state.cancelled,
        )


class FormView(Model):
    """A transition form: its present version, and how many guardians have not approved it."""

    form: FormRef
    case: CaseRef
    version: int
    status: str
    form_type: str
    school_start: int
    categories: Categories
    approvals_missing: int
    handover: HandoverRef | None

    @classmethod
    def of(cls, state: CaseState, ref: FormRef) -> FormView:
        """Return the form `ref`.

        Raises:
            UnknownPartError: there is none.
        """
        form: FormState = _part(state.forms.get(ref))
        return cls(
            form=form.ref,
            case=_known(state)[0],
            version=form.version,
            status=form.status,
            form_type=form.form_type,
            school_start=form.school_start,
            categories=tuple(sorted(form.categories)),
            approvals_missing=form.missing(state.guardians),
            handover=form.handover,
        )


class ChildViewReceipt(Model):
    """That the child was heard, how, and before which decision."""

    view: ChildViewRef
    method: str
    before: str


class ContactView(Model):
    """Whom the guardians turn to."""

    service: Service
    role: Role


class TeamMemberView(Model):
    """A service in the team, and because of which measure."""

    service: Service
    role: Role | None
    because_of: MeasureRef | None

    @classmethod
    def of(cls, member: TeamMember) -> TeamMemberView:
        """Return `member`."""
        return cls(service=member.service, role=member.role, because_of=member.because_of)


class CaseSummary(Model):
    """A case in a list: enough to choose from, nothing of what it is about."""

    case: CaseRef
    registered_at: datetime
    stage: Stage
    level: int
    act_by: datetime | None
    decide_by: datetime | None
    relations: tuple[Relation, ...]
    """What you are to it."""

    @classmethod
    def of(cls, state: CaseState, registered_at: datetime, relations: Iterable[Relation]) -> CaseSummary:
        """Return the summary of `state`."""
        case, concern = _known(state)
        return cls(
            case=case,
            registered_at=registered_at,
            stage=state.stage,
            level=state.level,
            act_by=concern.act_by if state.stage is Stage.CONCERN else None,
            decide_by=state.decide_by,
            relations=tuple(relations),
        )


PARTS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        "consents": Action.SEE_CONSENTS,
        "concerns": Action.READ_CONCERN,
        "measures": Action.SEE_MEASURES,
        "overlaps": Action.SEE_MEASURES,
        "refused_outcomes": Action.SEE_MEASURES,
        "forms": Action.READ_FORM,
    }
)
"""What each part of a case takes to be seen in it: no less than where it is asked for by itself."""


class CaseView(Model):
    """A case without identity: where it stands, who does what, what is due. Of its parts, those that are the reader's to see."""

    case: CaseRef
    stage: Stage
    level: int
    mode: Mode
    address_protected: bool
    area: Area
    holder: Party | None
    decide_by: datetime | None
    meeting_by: datetime | None
    contact_person: ContactView | None
    team: tuple[TeamMemberView, ...]
    heard_before: tuple[str, ...]
    """Decisions that the child has been heard before, and that have not been taken since."""
    consents: tuple[ConsentView, ...]
    concerns: tuple[ConcernRef, ...]
    """Concerns on which nobody has acted yet."""
    measures: tuple[MeasureView, ...]
    overlaps: tuple[OverlapView, ...]
    refused_outcomes: tuple[RefusedOutcome, ...]
    """What meetings decided and the rules did not allow: the minutes say it, and it has not happened."""
    handovers: tuple[HandoverView, ...]
    forms: tuple[FormView, ...]
    around: AroundView
    outcome: str | None
    relations: tuple[Relation, ...]
    """What you are to it."""

    @classmethod
    def of(cls, state: CaseState, relations: Iterable[Relation]) -> CaseView:
        """Return `state` as somebody with these relations sees it, by the access table: who is nothing else than its leader sees
        that it exists and what is due.
        """
        whole = cls.whole(state, relations)
        may = {action for relation in whole.relations for action in TABLE[relation]}
        shown = {one.ref for one in state.handovers.values() if sees_handover(one, whole.relations)}
        plan = whole.around.plan if Action.READ_PLAN in may else None
        return whole.model_copy(
            update={
                **{part: () for part, action in PARTS.items() if action not in may},
                "handovers": tuple(one for one in whole.handovers if one.handover in shown),
                "around": whole.around.model_copy(update={"plan": plan}),
            }
        )

    @classmethod
    def seen(cls, state: CaseState, acting: Acting, now: datetime) -> CaseView:
        """Return `state` as `acting` sees it at `now`: the table's parts of it, and of its measures those that are to be shown."""
        return cls.of(as_shown(state, acting, now), told_relations(state, acting, now))

    @classmethod
    def whole(cls, state: CaseState, relations: Iterable[Relation]) -> CaseView:
        """Return all of `state`, as it goes into a copy for the family."""
        case, concern = _known(state)
        seen = tuple(relations)
        return cls(
            case=case,
            stage=state.stage,
            level=state.level,
            mode=state.mode,
            address_protected=state.address_protected,
            area=concern.area,
            holder=state.holder,
            decide_by=state.decide_by,
            meeting_by=state.meeting_by,
            contact_person=None
            if state.contact is None
            else ContactView(service=state.contact.service, role=state.contact.role),
            team=tuple(TeamMemberView.of(member) for member in state.team.values()),
            # That a report to child welfare is being prepared is nobody's to read here.
            heard_before=tuple(sorted(state.heard_before - {"concern-report"})),
            consents=tuple(ConsentView.of(state, ref) for ref in state.consents),
            concerns=tuple(one.ref for one in state.waiting_concerns),
            measures=tuple(MeasureView.of(state, ref) for ref in state.measures),
            overlaps=tuple(OverlapView.of(one) for one in state.overlaps.values()),
            refused_outcomes=state.refused_outcomes,
            # A draft is its sender's alone.
            handovers=tuple(
                HandoverView.of(state, one.ref)
                for one in state.handovers.values()
                if one.status is not HandoverStatus.PROPOSED or sees_handover(one, seen)
            ),
            forms=tuple(FormView.of(state, ref) for ref in state.forms),
            around=AroundView.of(state),
            outcome=state.outcome,
            relations=seen,
        )


class ReceiptView(Model):
    """A service has acted on that version of the consent."""

    version: int
    consumer: str
    received_at: datetime


class ToldView(Model):
    """Who, outside the unit that holds the case, has been told what."""

    at: datetime
    way: str
    service: Service
    role: Role | None
    categories: Categories
    consent: ConsentRef | None
    consent_version: int | None

    @classmethod
    def of(cls, told: Disclosure, categories: frozenset[InformationCategory]) -> ToldView:
        """Return what was told once, of these kinds; which organisation it was stays here."""
        return cls(
            at=told.at,
            way=told.way,
            service=told.service,
            role=told.role,
            categories=tuple(sorted(categories)),
            consent=told.consent,
            consent_version=told.consent_version,
        )


def told_views(tellings: Iterable[Disclosure], state: CaseState, acting: Acting) -> tuple[ToldView, ...]:
    """Return who was told what, as far as `acting`, to whom the case is `state`, may know of it."""
    known = ((one, told_of(state, one, acting)) for one in tellings)
    return tuple(ToldView.of(one, categories) for one, categories in known if categories is not None)


class ReceiptsView(Model):
    """What became of a change of consent: who has acted on it, who has not, and who had been told what before."""

    consent: ConsentRef
    version: int
    status: str
    receipts: tuple[ReceiptView, ...]
    awaited: tuple[str, ...]
    """Services that must act on an ended consent and have not said that they did."""
    already_told: tuple[ToldView, ...]


class InsightRightView(Model):
    """What a report on who has seen the child's case may tell this person (pasientjournalloven § 22 a, GDPR art. 15)."""

    case: CaseRef
    actor: ActorId
    """Whose right it is."""
    relation: Literal["guardian", "child"]
    log: LogScope
    """In which log the case's entries are: the municipality's, or an address-protected case's own."""
    address_protected: bool
    """Nothing that tells where the child is may be in the report."""
    asking: UUID
    """This answer's own; what is in `left_out` is made with it."""
    left_out: tuple[str, ...]
    """Whose own looks are not for this person, the other guardians' and the child's: digests that only the services can compare."""
    withheld: Categories
    """Kinds of information that the report leaves out: the child decides over them alone."""
    basis: LegalBasis
    language: Language | None
    """What the vault says of the guardian; nothing is known of a child's."""


class GlassView(Model):
    """An emergency access (nødtilgang): who opened how much, for how long, and how far its review has come."""

    glass: GlassRef
    case: CaseRef
    status: GlassStatus
    reason: GlassReason
    basis: str
    categories: Categories
    by: Party
    until: datetime
    review_by: datetime
    outcome: GlassOutcome | None

    @classmethod
    def of(cls, state: CaseState, ref: GlassRef) -> GlassView:
        """Return the emergency access `ref`.

        Raises:
            UnknownPartError: there is none.
        """
        glass: GlassState = _part(state.glass.get(ref))
        if state.case is None:
            raise UnknownPartError
        return cls(
            glass=glass.ref,
            case=state.case,
            status=glass.status,
            reason=glass.reason,
            basis=glass.basis,
            categories=tuple(sorted(glass.categories)),
            by=glass.by,
            until=glass.until,
            review_by=glass.review_by,
            outcome=glass.outcome,
        )


class GuardianshipView(Model):
    """How many have parental responsibility now, and the dates of the one that was changed. No name."""

    case: CaseRef
    guardians: int
    ordinal: int | None
    since: date | None
    until: date | None

    @classmethod
    def of(cls, state: CaseState, ordinal: int | None, since: date | None, until: date | None) -> GuardianshipView:
        """Return it for the guardian `ordinal`, if it is about one."""
        return cls(case=_known(state)[0], guardians=state.guardians, ordinal=ordinal, since=since, until=until)


class ProtectionView(Model):
    """The child's address protection, and under which reference the case goes on."""

    case: CaseRef
    protected: bool
    kind: ProtectionKind | None
    valid_to: date | None

    @classmethod
    def of(cls, state: CaseState) -> ProtectionView:
        """Return the protection of `state`."""
        given = state.protection
        return cls(
            case=_known(state)[0],
            protected=state.hidden,
            kind=None if given is None else given.kind,
            valid_to=None if given is None else given.valid_to,
        )


class RecordView(Model):
    """That something was recorded: its kind, its present version and who wrote it; the words are in the vault."""

    record: RecordRef
    case: CaseRef
    category: InformationCategory
    version: int
    by: Party | None

    @classmethod
    def of(cls, state: CaseState, ref: RecordRef) -> RecordView:
        """Return the record `ref`.

        Raises:
            UnknownPartError: there is none.
        """
        record: RecordState = _part(state.records.get(ref))
        return cls(record=ref, case=_known(state)[0], category=record.category, version=record.version, by=record.by)


class DocumentView(Model):
    """A document: what kind it is, of what, how large, and who put it there."""

    document: DocumentRef
    case: CaseRef
    category: InformationCategory
    media: MediaType
    size: int
    """Bytes."""
    by: Party | None

    @classmethod
    def of(cls, state: CaseState, ref: DocumentRef) -> DocumentView:
        """Return the document `ref`.

        Raises:
            UnknownPartError: there is none.
        """
        document: DocumentState = _part(state.documents.get(ref))
        return cls(
            document=ref,
            case=_known(state)[0],
            category=document.category,
            media=document.media,
            size=document.size,
            by=document.by,
        )


def _known(state: CaseState) -> tuple[CaseRef, ConcernState]:
    if state.case is None or state.concern is None:
        raise UnknownPartError
    return state.case, state.concern


def _part(part: P | None) -> P:
    if part is None:
        raise UnknownPartError
    return part
