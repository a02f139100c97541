"""The state of a case: the fold of its events (`evolution.py`), and nothing that its events do not say.

Exactly one holder (stafettholder) while the case is open (invariant 1). Consents, handovers, measures and forms are kept
with what the rules ask of them, by reference; their words are in the vault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum

from pydantic import AwareDatetime, Field

from services.cases.domain.around import Around, PlanStatus
from services.cases.domain.kept import DocumentState, GlassState, ProtectionState, RecordState
from shared.clock import oslo_day
from shared.contracts import cases as events
from shared.contracts.base import Model
from shared.contracts.codes import (
    Area,
    GrantorClass,
    InformationCategory,
    LegalBasis,
    Purpose,
    Role,
    Scope,
    Service,
)
from shared.contracts.moved import CaseReceived
from shared.contracts.safekeeping import CaseContinued
from shared.refs import (
    CaseRef,
    ChildViewRef,
    ConcernRef,
    ConsentRef,
    DocumentRef,
    FormRef,
    GlassRef,
    GoalRef,
    HandoverRef,
    ItemRef,
    LogScope,
    MeasureRef,
    MeetingRef,
    OverrideRef,
    RecordRef,
    UnitId,
)

ALL_CATEGORIES = frozenset(InformationCategory)
SERVICES_WITH_MANY_UNITS = frozenset({Service.BARNEHAGE, Service.SKOLE})
"""A consent to these is for the child's own barnehage or school: another unit of the same kind is outside it."""


class Stage(StrEnum):
    """Where the course stands (BTI; seed rules 79-81, 144)."""

    UNKNOWN = "unknown"
    CONCERN = "concern"
    RESOLVED = "resolved"
    OPEN = "open"
    CLOSED = "closed"
    ERASED = "erased"


class ConcernStatus(StrEnum):
    """The states of a concern."""

    REGISTERED = "registered"
    RESOLVED = "resolved"
    LIFTED = "lifted"


ConcernBegun = events.ConcernRegistered | events.ConcernJoined | CaseContinued | CaseReceived
"""What brings a concern: an employee who registers it, or a case that goes on here."""


class ConcernState(Model):
    """The concern (uro) that began it."""

    ref: ConcernRef
    area: Area
    for_whom: events.ForWhom
    registered_by: events.Party
    act_by: AwareDatetime
    status: ConcernStatus = ConcernStatus.REGISTERED
    outcome: events.LocalOutcome | None = None
    """Set when those nearest the child solved it."""

    @classmethod
    def of(cls, begun: ConcernBegun, by: events.Party, status: ConcernStatus) -> ConcernState:
        """Return the concern that an event begins, registered by `by`; where a case goes on elsewhere, by who has it there."""
        return cls(
            ref=begun.concern,
            area=begun.area,
            for_whom=begun.for_whom,
            registered_by=by,
            act_by=begun.act_by,
            status=status,
        )


class Holding(Model):
    """Who holds the baton, and how much of what is in the vault came with it."""

    party: events.Party
    categories: frozenset[InformationCategory] | None = None
    """None: all of it, because this unit recorded it. Otherwise what was handed over, while consent still covers it."""


class TeamMember(Model):
    """A service in the team around the child (seed rules 26, 87)."""

    service: Service
    role: Role | None = None
    because_of: MeasureRef | None = None
    consent: ConsentRef | None = None


class ConsentStatus(StrEnum):
    """The states of a consent; only the second permits anything."""

    REQUESTED = "requested"
    ACTIVE = "active"
    REFUSED = "refused"
    DISAGREED = "disagreed"
    """One has granted and another refused."""
    LAPSED = "lapsed"
    SUSPENDED = "suspended"
    """Whoever must consent now has not confirmed it."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


Grantor = tuple[GrantorClass, int]
"""Which of a class: the first guardian, the second. Never who."""


class RenewalState(Model):
    """A consent that is asked for anew, until a later day."""

    valid_to: date
    needed: dict[GrantorClass, int]
    guardians: frozenset[int]
    given: frozenset[Grantor] = frozenset()
    answer_by: AwareDatetime
    held_by_unit: UnitId | None = None
    """Which unit asks for it: from its renewal on it holds the consent (seed rule 5)."""

    @property
    def outstanding(self) -> dict[GrantorClass, int]:
        """Return how many of each class have not granted."""
        return missing_of(self.needed, self.given)


class ConsentState(Model):
    """A consent (samtykke): services x categories x purposes, within a period."""

    ref: ConsentRef
    version: int
    status: ConsentStatus
    scope: Scope
    valid_from: date
    valid_to: date
    needed: dict[GrantorClass, int]
    given: frozenset[Grantor] = frozenset()
    refused: frozenset[Grantor] = frozenset()
    """Who said no, and has not changed their mind."""
    ended: frozenset[Service] = frozenset()
    """Services that were in the scope once: a look by one of them is denied because the consent was withdrawn."""
    answer_by: AwareDatetime | None = None
    guardians: frozenset[int] | None = None
    """Which guardians may answer; none: all there were when the case began."""
    daily_care: bool = False
    reassessing: events.ReassessmentReason | None = None
    asked_for: frozenset[events.ReassessmentReason] = frozenset()
    """For what it was reassessed before; a birth date that was corrected is one that nothing was asked for."""
    confirm_by: AwareDatetime | None = None
    """Until when those who must consent now have time to confirm it."""
    warned_of: date | None = None
    """The last day that was warned of."""
    renewal: RenewalState | None = None
    taken: int = 0
    """The last version that took something away, and so is to be acknowledged; 0: none."""

    @property
    def outstanding(self) -> dict[GrantorClass, int]:
        """Return how many of each class have not granted."""
        return missing_of(self.needed, self.given)

    def in_force(self, moment: datetime) -> bool:
        """Return whether it may be used at `moment`: granted by all, not ended, within its period, confirmed in time.

        Nothing waits for a deadline to fire: what is over by the clock is over.
        """
        unconfirmed = self.confirm_by is not None and moment >= self.confirm_by and bool(self.outstanding)
        within = self.valid_from <= oslo_day(moment) <= self.valid_to
        return self.status is ConsentStatus.ACTIVE and within and not unconfirmed

    @property
    def is_here(self) -> bool:
        """Return whether it is for services of the case's own municipality."""
        return self.scope.municipality is None

    def covers(
        self,
        service: Service,
        categories: Iterable[InformationCategory] = (),
        purpose: Purpose | None = None,
        municipality: LogScope | None = None,
    ) -> bool:
        """Return whether the scope holds `service`, all of `categories`, and `purpose` if one is asked about.

        `municipality` is the service's, when it is another than the case's: a consent is for the services of one of them.
        """
        return self.scope.municipality == municipality and covers(self.scope, service, categories, purpose)


def covers(
    scope: Scope, service: Service, categories: Iterable[InformationCategory] = (), purpose: Purpose | None = None
) -> bool:
    """Return whether `scope` holds `service`, all of `categories`, and `purpose` if one is asked about.

    Whom it is about goes with everything that is shared.
    """
    return (
        service in scope.services
        and frozenset(categories) <= scope.categories | {InformationCategory.IDENTITY}
        and (purpose is None or purpose in scope.purposes)
    )


def missing_of(needed: Mapping[GrantorClass, int], given: Iterable[Grantor]) -> dict[GrantorClass, int]:
    """Return how many of each class are missing among `given`."""
    counted = Counter(kind for kind, _ in given)
    return {kind: count - counted[kind] for kind, count in needed.items() if count > counted[kind]}


class OverrideStatus(StrEnum):
    """Whether an override of confidentiality was judged by a leader."""

    AWAITS_REVIEW = "awaits-review"
    REVIEW_OVERDUE = "review-overdue"
    REVIEWED = "reviewed"
    ENDED = "ended"
    """Judged, and no longer in use."""


CONCERNS_GUARDIANS = frozenset(
    {
        events.OverrideReason.DANGER_TO_LIFE_OR_HEALTH,
        events.OverrideReason.NEGLECT_OR_ABUSE,
        events.OverrideReason.UNMET_MEDICAL_NEED,
    }
)
"""Reasons for which the danger may come from the guardians themselves (seed rules 93, 192)."""


class OverrideState(Model):
    """Confidentiality overridden by law, until a day; judged by a leader afterwards."""

    ref: OverrideRef
    basis: LegalBasis
    reason: events.OverrideReason
    scope: Scope
    valid_from: date
    valid_to: date
    made_by: events.Party
    not_heard: events.NotHeardReason | None
    review_by: AwareDatetime
    status: OverrideStatus = OverrideStatus.AWAITS_REVIEW
    justified: bool | None = None
    """None: not reviewed."""
    ended: bool = False
    """Nothing may be shared on it any more, judged or not."""
    guardians_informed: bool = False

    @property
    def not_for_guardians(self) -> bool:
        """Return whether telling the guardians could endanger the child, and nobody has said that they have been told."""
        endangers = self.reason in CONCERNS_GUARDIANS or self.not_heard is events.NotHeardReason.WOULD_ENDANGER_CHILD
        return endangers and not self.guardians_informed

    def in_force(self, moment: datetime) -> bool:
        """Return whether it may be used at `moment`."""
        return not self.ended and self.valid_from <= oslo_day(moment) <= self.valid_to

    def covers(
        self, service: Service, categories: Iterable[InformationCategory] = (), purpose: Purpose | None = None
    ) -> bool:
        """Return whether it holds `service`, all of `categories`, and `purpose` if one is asked about."""
        return covers(self.scope, service, categories, purpose)


class MeasureStatus(StrEnum):
    """Whether a measure still runs."""

    OPEN = "open"
    """Planned, and not begun."""
    STARTED = "started"
    STOPPED = "stopped"


class MeasureState(Model):
    """A measure (tiltak) with owner, goal, indicator and evaluation date (seed rules 88, 141)."""

    ref: MeasureRef
    code: str
    level: int
    owner: Service
    owner_unit: UnitId | None
    goal: GoalRef
    indicator: str
    evaluate_by: AwareDatetime
    status: MeasureStatus = MeasureStatus.OPEN
    effect: events.Effect | None = None
    """What the last evaluation showed."""
    evaluate_before: AwareDatetime | None = None
    """The latest moment to which its evaluation may be put off: from its beginning, or its last evaluation (seed rules 88, 89).
    None: nothing was said of it when it was planned."""
    consents: frozenset[ConsentRef] = frozenset()
    """In force for its owner when that was given it; none: the holder's own service needs none."""
    goals_before: frozenset[GoalRef] = frozenset()
    """What its goal was before it was changed; the words are still in the vault."""

    @property
    def runs(self) -> bool:
        """Return whether it has not ended."""
        return self.status is not MeasureStatus.STOPPED


class OverlapStatus(StrEnum):
    """Whether two units still seem to do the same (seed rules 49, 161)."""

    SUSPECTED = "suspected"
    EXPLAINED = "explained"
    ENDED = "ended"


class OverlapState(Model):
    """A suspected overlap: the later measure, and those of other units that it does much the same as."""

    measure: MeasureRef
    others: tuple[MeasureRef, ...]
    code: str
    explained_by: frozenset[MeasureRef] = frozenset()
    status: OverlapStatus = OverlapStatus.SUSPECTED


class HandoverStatus(StrEnum):
    """The states of a handover; those that wait for an answer are open."""

    PROPOSED = "proposed"
    SENT = "sent"
    RECEIVED = "received"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"


OPEN_HANDOVER = frozenset(
    {HandoverStatus.SENT, HandoverStatus.RECEIVED, HandoverStatus.OVERDUE, HandoverStatus.ESCALATED}
)


class HandoverState(Model):
    """A handover (overføring). The sender stays holder until it is accepted."""

    ref: HandoverRef
    kind: events.HandoverKind
    sender: events.Party
    receiver: events.Party
    basis: LegalBasis | None
    """None: a draft rests on nothing yet."""
    consent: ConsentRef | None
    package: events.Package
    form: FormRef | None
    respond_by: AwareDatetime | None
    """None: a draft that leaves it to the usual time."""
    status: HandoverStatus = HandoverStatus.SENT
    received: bool = False
    received_documents: frozenset[DocumentRef] = frozenset()
    """Of the package, those that the receiver has opened."""
    route: events.HandoverRoute | None = None
    on_behalf: bool = False
    """Sent by the leader of the holder's unit, because the holder is away."""
    to_municipality: LogScope | None = None
    coordination: events.CoordinatorKind | None = None
    """What is offered when it is not the baton."""

    @property
    def way(self) -> events.HandoverRoute:
        """Return the exact kind; of one that was sent before there were more, the word that it was sent with."""
        return self.route or events.HandoverRoute(self.kind)

    @property
    def all_received(self) -> bool:
        """Return whether the receiver has opened every document of the package."""
        return frozenset(self.package.documents) <= self.received_documents


class FormStatus(StrEnum):
    """The states of a transition form's present version."""

    DRAFTED = "drafted"
    APPROVED = "approved"
    SENT = "sent"
    RECEIVED = "received"


class FormState(Model):
    """A transition form (overgangsskjema) in its present version (seed rules 13, 14)."""

    ref: FormRef
    version: int
    document: DocumentRef
    form_type: str
    school_start: int
    categories: frozenset[InformationCategory]
    status: FormStatus = FormStatus.DRAFTED
    approved_by: frozenset[int] = frozenset()
    handover: HandoverRef | None = None
    one_is_enough: bool = False
    """The municipality asks for one guardian's approval; otherwise for all."""

    def missing(self, guardians: int) -> int:
        """Return how many of so many guardians have not approved it that must."""
        return max(0, (min(1, guardians) if self.one_is_enough else guardians) - len(self.approved_by))

    def stands(self, responsible: frozenset[int]) -> bool:
        """Return whether what was approved is approved by those who must now, who are `responsible` for the child."""
        return bool(self.approved_by & responsible) if self.one_is_enough else responsible <= self.approved_by


class ContactPerson(Model):
    """Whom the guardians chose to turn to (seed rules 33-35)."""

    service: Service
    role: Role


class ChildViewState(Model):
    """That the child was heard, how, and before which decision (seed rule 99)."""

    ref: ChildViewRef
    method: events.ChildHeardBy
    before: str


class RefusedOutcome(Model):
    """What a meeting decided on a named item and did not happen: the minutes say it, and the rules do not allow it."""

    meeting: MeetingRef
    item: ItemRef
    measures: tuple[events.RefusedMeasure, ...]
    services: frozenset[Service]
    contributions: tuple[events.RefusedContribution, ...] = ()

    @classmethod
    def of(cls, event: events.OutcomeRefused) -> RefusedOutcome:
        """Return what `event` says of it."""
        return cls(
            meeting=event.meeting,
            item=event.item,
            measures=event.measures,
            services=event.services,
            contributions=event.contributions,
        )


class CaseState(Model):
    """Everything the rules need to know of one case."""

    case: CaseRef | None = None
    stage: Stage = Stage.UNKNOWN
    address_protected: bool = False
    guardians: int = 0
    concern: ConcernState | None = None
    further: dict[ConcernRef, ConcernState] = Field(default_factory=dict)
    """Concerns about the same child that became part of this case (seed rule 49)."""
    level: int = 0
    mode: events.Mode = events.Mode.ANONYMOUS
    holding: Holding | None = None
    decide_by: AwareDatetime | None = None
    meeting_by: AwareDatetime | None = None
    meeting_below_by: AwareDatetime | None = None
    """By when the level below should have met, which it had not when the case was stepped up from it (seed rule 68)."""
    contact: ContactPerson | None = None
    team: dict[Service, TeamMember] = Field(default_factory=dict)
    views: tuple[ChildViewState, ...] = ()
    heard_before: frozenset[str] = frozenset()
    heard_by_law: frozenset[str] = frozenset()
    """Of these, what an override has taken that the guardians are not told of, and no consent was asked for since."""
    """Decisions that the child has been heard before, and that have not been taken since."""
    consents: dict[ConsentRef, ConsentState] = Field(default_factory=dict)
    overrides: dict[OverrideRef, OverrideState] = Field(default_factory=dict)
    care_order: bool = False
    """Whether the child welfare service has the care (barnevernsloven § 5-1)."""
    measures: dict[MeasureRef, MeasureState] = Field(default_factory=dict)
    overlaps: dict[MeasureRef, OverlapState] = Field(default_factory=dict)
    """Suspected overlaps, by the later measure."""
    refused_outcomes: tuple[RefusedOutcome, ...] = ()
    """What meetings decided and the rules did not allow, the latest last."""
    elsewhere: frozenset[MeasureRef] = frozenset()
    """The measures whose service was told that another case has much the same."""
    handovers: dict[HandoverRef, HandoverState] = Field(default_factory=dict)
    forms: dict[FormRef, FormState] = Field(default_factory=dict)
    outcome: str | None = None
    """How it was closed."""
    before_reopening: frozenset[MeasureRef] = frozenset()
    """What was done before it was reopened last: no answer to what is to be done now."""
    guardian_ordinals: frozenset[int] | None = None
    """Which guardians of the vault have parental responsibility now; none said: the first `guardians` of them."""
    protection: ProtectionState | None = None
    protection_lifted: bool = False
    identity_version: int = 1
    glass: dict[GlassRef, GlassState] = Field(default_factory=dict)
    records: dict[RecordRef, RecordState] = Field(default_factory=dict)
    corrected_of: frozenset[Service] = frozenset()
    """Services whose version of a record another has corrected: theirs is kept too."""
    documents: dict[DocumentRef, DocumentState] = Field(default_factory=dict)
    of_age: bool = False
    """The child is of age, decides alone, and the guardians have no part any more."""
    soon_of_age: bool = False
    """The holder was told that the child will be of age."""
    end_by: AwareDatetime | None = None
    """Until when a grown-up's case is to be closed or handed on."""
    hold: str | None = None
    """Why nothing of it may be erased."""
    recorded_by: dict[str, UnitId] = Field(default_factory=dict)
    """Which unit recorded the concern, a child's view, a goal, a form: each reads its own, whatever came with the baton."""

    @property
    def responsible(self) -> frozenset[int]:
        """Return which guardians have parental responsibility, by their ordinals."""
        return self.guardian_ordinals if self.guardian_ordinals is not None else frozenset(range(1, self.guardians + 1))

    @property
    def group_over(self) -> bool:
        """Return whether nobody coordinates the group: of somebody of age there is none without a plan (seed rule 24)."""
        plan = self.around.plan
        return self.of_age and (plan is None or plan.status is PlanStatus.CLOSED)

    @property
    def interpreter(self) -> bool:
        """Return whether somebody in the family is spoken with through an interpreter (seed rule 146).

        Who has lost parental responsibility is not spoken with; what they need is kept, should they have it again.
        """
        return any(one.interpreter and self.speaks_with(one.person, one.ordinal) for one in self.around.languages)

    def speaks_with(self, person: GrantorClass, ordinal: int) -> bool:
        """Return whether that one of the family is met and written to: the child, and who has parental responsibility."""
        return person is not GrantorClass.GUARDIAN or ordinal in self.responsible

    @property
    def around_the_child(self) -> frozenset[Service]:
        """Return the services that the guardians may choose their contact person in: the team's, and the holder's."""
        holder = self.holder
        own = frozenset[Service]() if holder is None or holder.service is None else frozenset({holder.service})
        return own | self.team.keys()

    @property
    def hidden(self) -> bool:
        """Return whether the child's address is protected now, so that only those with the clearance may come near."""
        return self.address_protected and not self.protection_lifted

    around: Around = Around()
    """How people work together around the child."""

    @property
    def own_records(self) -> frozenset[str]:
        """Return the references of what the unit that has the case recorded itself."""
        unit = None if self.holding is None else self.holding.party.unit
        return frozenset(ref for ref, by in self.recorded_by.items() if by == unit)

    @property
    def holder(self) -> events.Party | None:
        """Return who holds the baton: the one who registered the concern, then whoever accepted it; nobody when closed."""
        if self.holding is None or self.stage not in {Stage.CONCERN, Stage.OPEN}:
            return None
        return self.holding.party

    @property
    def waiting_concerns(self) -> list[ConcernState]:
        """Return the concerns on which nobody has acted yet, the most urgent first."""
        every = [] if self.concern is None else [self.concern]
        waiting = [one for one in (*every, *self.further.values()) if one.status is ConcernStatus.REGISTERED]
        return sorted(waiting, key=lambda one: (one.act_by, one.ref))

    @property
    def open_handover(self) -> HandoverState | None:
        """Return the handover that waits for an answer; there is never more than one."""
        return next((one for one in self.handovers.values() if one.status in OPEN_HANDOVER), None)

    @property
    def has_moved(self) -> bool:
        """Return whether it goes on in another municipality."""
        return any(
            one.way is events.HandoverRoute.MUNICIPALITY and one.status is HandoverStatus.COMPLETED
            for one in self.handovers.values()
        )

    @property
    def held_in(self) -> UnitId | None:
        """Return the unit that has the case, wherever its holder may work by now; none for an address-protected case."""
        return None if self.holding is None else self.holding.party.unit

    @property
    def home_unit(self) -> UnitId | None:
        """Return the unit that recorded the concern; none for an address-protected case."""
        return None if self.concern is None else self.concern.registered_by.unit

    def consents_in_force(self, now: datetime) -> list[ConsentState]:
        """Return the consents that may be used at `now`."""
        return [consent for consent in self.consents.values() if consent.in_force(now)]

    def is_named_at(self, now: datetime) -> bool:
        """Return whether a consent lets the case be spoken of by name here at `now` (seed rules 2, 4)."""
        return any(consent.is_here for consent in self.consents_in_force(now))

    def overrides_in_force(self, now: datetime) -> list[OverrideState]:
        """Return the overrides that may be used at `now`."""
        return [one for one in self.overrides.values() if one.in_force(now)]

    def override_covering(
        self,
        now: datetime,
        service: Service,
        categories: Iterable[InformationCategory] = (),
        purpose: Purpose | None = None,
    ) -> OverrideState | None:
        """Return the override in force at `now` that lets `service` see most of what is asked about, if any does."""
        wanted = frozenset(categories)
        fitting = [one for one in self.overrides_in_force(now) if one.covers(service, wanted, purpose)]
        return max(fitting, key=lambda one: len(one.scope.categories), default=None)

    def categories_by_law(
        self, now: datetime, service: Service, purpose: Purpose | None = None
    ) -> frozenset[InformationCategory]:
        """Return what is shared by law with `service` at `now` for `purpose`: by all overrides together, and whom it is about."""
        scopes = [one.scope.categories for one in self.overrides_in_force(now) if one.covers(service, (), purpose)]
        return (
            frozenset[InformationCategory]().union(*scopes, {InformationCategory.IDENTITY}) if scopes else frozenset()
        )

    def consent_covering(
        self,
        now: datetime,
        service: Service,
        categories: Iterable[InformationCategory] = (),
        purpose: Purpose | None = None,
        municipality: LogScope | None = None,
    ) -> ConsentState | None:
        """Return a consent in force at `now` that covers `service`, all of `categories`, and `purpose` if asked about.

        `municipality` is the service's, when it is another than the case's.
        """
        wanted, inside = frozenset(categories), self.consents_in_force(now)
        return next((consent for consent in inside if consent.covers(service, wanted, purpose, municipality)), None)

    def consented_purposes(self, now: datetime, service: Service) -> frozenset[Purpose]:
        """Return what `service` may be shown anything for at `now`: the union over the consents in force."""
        scopes = [consent.scope.purposes for consent in self.consents_in_force(now) if consent.covers(service)]
        return frozenset[Purpose]().union(*scopes)

    def consented_categories(
        self, now: datetime, service: Service, purpose: Purpose | None = None
    ) -> frozenset[InformationCategory]:
        """Return what `service` may be shown at `now` for `purpose`: the union over the consents in force, and whom it is about."""
        inside = [one for one in self.consents_in_force(now) if one.covers(service, (), purpose)]
        scopes = [consent.scope.categories for consent in inside]
        return (
            frozenset[InformationCategory]().union(*scopes, {InformationCategory.IDENTITY}) if scopes else frozenset()
        )

    def units_of(self, service: Service) -> frozenset[UnitId]:
        """Return the units of `service` that have a part in this case: the holder's, a receiver's, measure owners'.

        Of the holder's own service a measure brings in no second unit: the child's barnehage is where the baton is. A receiver in
        another municipality brings in none: a unit of the same name here is another one.
        """
        waiting = [one for one in self.handovers.values() if one.status in OPEN_HANDOVER]
        parties = [one.receiver for one in waiting if one.to_municipality is None]
        if self.holding is not None:
            parties.append(self.holding.party)
        units = {party.unit for party in parties if party.service is service}
        if self.holding is None or self.holding.party.service is not service:
            units |= {one.owner_unit for one in self.measures.values() if one.owner is service}
        return frozenset(unit for unit in units if unit is not None)
