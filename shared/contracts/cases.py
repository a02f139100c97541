"""What the cases service publishes. No name, number, address, birth date or free text, ever: see `docs/events.md`."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from shared.contracts.base import EventData, Model, Moment
from shared.contracts.codes import (
    Area,
    GrantorClass,
    InformationCategory,
    LegalBasis,
    Role,
    Scope,
    Service,
)
from shared.refs import (
    AbsenceRefField,
    ActorIdField,
    CaseRefField,
    ChildViewRefField,
    ConcernRefField,
    ConsentRefField,
    ContributionRefField,
    DocumentRefField,
    FormRefField,
    GoalRefField,
    HandoverRefField,
    ItemRefField,
    MeasureRefField,
    MeetingRefField,
    MunicipalityField,
    OrganisationNumberField,
    OverrideRefField,
    UnitIdField,
)

TOPIC = "lagspill.cases.v1"


LanguageTag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
"""A language (BCP 47), in the forms that people's preferences need."""


Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]
"""A code of the municipality's profile, or of a list of its own."""


class CaseEvent(EventData):
    """An event of one case. Concerns, consents, handovers, measures and forms are parts of the case's one state."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "case"

    case: CaseRefField


class Party(Model):
    """Somebody who acts for a unit: an opaque actor, in a role, at a unit."""

    actor: ActorIdField
    role: Role
    service: Service | None = None
    unit: UnitIdField | None = None
    """Absent for an address-protected case."""
    organisation: OrganisationNumberField | None = None


class FamilyMark(Model):
    """One of the child's family, who has nothing to do with the case at work (forvaltningsloven § 6), as a mark of this case alone.

    A service that meets an employee can tell whether he or she is meant; no mark leads to anybody, or to another case.
    """

    person: Literal["guardian", "child"]
    ordinal: int = Field(ge=1)
    """Which guardian of the vault; 1 for the child."""
    marks: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")], ...]
    """A keyed hash (HMAC-SHA-256) of case and actor; a second one while the key is being changed."""


# --- concern and case -------------------------------------------------------------------------------------------------


class ForWhom(StrEnum):
    """On whose burden the concern was raised (seed rule 180)."""

    CHILD = "child"
    GUARDIANS = "guardians"
    UNIT = "unit"


class ConcernRegistered(CaseEvent):
    """An employee registered a concern (uro); it may not rest (seed rules 78, 79, 103, 180)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern.registered.v1"

    concern: ConcernRefField
    area: Area
    for_whom: ForWhom
    registered_by: Party
    act_by: Moment
    """Fourteen days after registration: act, or lift it."""
    guardians: int = Field(ge=0, le=8)
    """How many hold parental responsibility, and so must grant."""
    address_protected: bool = False
    """Unit and organisation are absent from every event of such a case, and its log has an opaque name."""
    family: tuple[FamilyMark, ...] = ()
    """Who is of the child's family; in an event from before this was said, nobody."""


class ConcernJoined(CaseEvent):
    """A further concern about a child became part of the case there is; only by somebody who may know of it (seed rules 49, 79)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern.joined.v1"

    concern: ConcernRefField
    area: Area
    for_whom: ForWhom
    registered_by: Party
    act_by: Moment


class LocalOutcome(StrEnum):
    """How those nearest the child solved a concern (seed rule 80)."""

    ADAPTED_EVERYDAY = "adapted-everyday"
    GUIDANCE_GIVEN = "guidance-given"
    UNFOUNDED = "unfounded"


class ConcernResolvedLocally(CaseEvent):
    """Those nearest the child solved it (seed rules 80, 81)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern.resolved-locally.v1"

    concern: ConcernRefField
    outcome: LocalOutcome


class ConcernEscalated(CaseEvent):
    """The concern was lifted to where the right competence is (seed rule 81)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern.escalated.v1"

    concern: ConcernRefField
    next_level: Literal[1, 2, 3]


class Mode(StrEnum):
    """Whether the case may be spoken of by name outside the unit that holds it."""

    ANONYMOUS = "anonymous"
    IDENTIFIED = "identified"


class CaseOpened(CaseEvent):
    """A case was opened from a concern, with exactly one holder (stafettholder; seed rules 144, 181)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.opened.v1"

    level: Literal[1, 2, 3]
    mode: Mode
    holder: Party
    decide_by: Moment
    meeting_by: Moment | None = None
    """Opened at level 2 or 3, where the right competence is: a meeting within two weeks (seed rules 68, 81)."""
    team: Code | None = None
    """The kind of team that takes it: the type of its arena (seed rule 68)."""


class LevelReason(StrEnum):
    """Why a case changed level."""

    NO_EFFECT = "no-effect"
    GUARDIAN_REQUEST = "guardian-request"
    ASSESSMENT = "assessment"
    IMPROVED = "improved"


class CaseLevelChanged(CaseEvent):
    """The effort was stepped up or down (seed rules 68, 181)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.level-changed.v1"

    from_level: int = Field(ge=0, le=3)
    to_level: int = Field(ge=0, le=3)
    reason: LevelReason
    meeting_by: Moment | None = None
    """At level 2 or more: a meeting within two weeks."""
    evaluation: MeasureRefField | None = None
    """The measure whose evaluation it rests on (seed rule 89)."""
    with_service: Service | None = None
    """At level 3: the specialist help that comes in (seed rule 86)."""
    team: Code | None = None
    """The kind of team that takes it from here: the type of its arena (seed rule 68)."""


class CaseMeetingHeld(CaseEvent):
    """The meeting that a step up called for was held: the case was discussed by name (seed rule 68)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.meeting-held.v1"

    meeting: MeetingRefField
    item: ItemRefField


class CaseIdentified(CaseEvent):
    """The case may now be spoken of by name, on this basis (seed rules 2, 4)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.identified.v1"

    basis: LegalBasis
    consent: ConsentRefField | None = None
    consent_version: int | None = None


class CaseAnonymised(CaseEvent):
    """No basis to speak of the case by name is left (seed rule 2)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.anonymised.v1"


class TeamMemberAdded(CaseEvent):
    """A service joined the team around the child, because of a measure or a role (seed rules 25, 26, 87)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.team-member-added.v1"

    service: Service
    role: Role | None = None
    organisation: OrganisationNumberField | None = None
    because_of: MeasureRefField | None = None
    consent: ConsentRefField | None = None


class TeamMemberRemoved(CaseEvent):
    """A service left the team: its measure ended, or its consent did."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.team-member-removed.v1"

    service: Service
    reason: Literal["measure-ended", "consent-withdrawn", "consent-expired", "replaced"]
    released: Literal["no-longer-needed", "guardians-wish", "other-service"] | None = None
    """Why, when the holder said so and no measure or consent ended; `reason` is `replaced` then."""


class EvidenceForm(StrEnum):
    """How a grant is evidenced."""

    WRITTEN = "written"
    ORAL_MINUTED = "oral-minuted"
    E_ID = "e-id"


class ContactPersonChosen(CaseEvent):
    """The guardians chose whom in the team they turn to (seed rules 33-35)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.contact-person-chosen.v1"

    service: Service
    role: Role
    chosen_by: Literal["guardians"] = "guardians"
    evidence: EvidenceForm | None = None
    """How it is known; recorded for them, the note is in the vault. Absent in what was recorded before it was asked for."""


class ChildHeardBy(StrEnum):
    """How the child's view was sought."""

    CONVERSATION = "conversation"
    OBSERVATION = "observation"
    DRAWING_OR_PLAY = "drawing-or-play"
    WRITTEN = "written"
    THROUGH_GUARDIAN = "through-guardian"
    NOT_ABLE = "not-able"


class ViewOfChildRecorded(CaseEvent):
    """The child was heard before a decision; what it said is in the vault (seed rules 73, 99, 189)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.view-of-child-recorded.v1"

    view: ChildViewRefField
    method: ChildHeardBy
    before: Literal["consent", "measure", "handover", "plan", "concern-report"]
    heard_at: Moment | None = None
    trusted_person: bool = False
    """Somebody whom the child trusts was with it (tillitsperson; barnevernsloven § 1-4)."""


class CaseClosed(CaseEvent):
    """The case was closed: nothing open is left behind."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.closed.v1"

    outcome: Literal["goal-reached", "moved", "no-longer-wanted", "adult"]
    retention: str | None = Field(default=None, pattern=r"^[a-z0-9-]{2,60}$")
    """The class of the dated retention list that says how long it is kept from now on (GDPR art. 5 (1) e)."""


class CaseReopened(CaseEvent):
    """A closed case was opened again, with a holder."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.reopened.v1"

    holder: Party
    decide_by: Moment | None = None
    """What is to be done is decided anew by then (seed rules 79, 144)."""
    meeting_by: Moment | None = None
    """The meeting that its level calls for had not been held when it was closed (seed rule 68)."""
    end_by: Moment | None = None
    """The child is of age: it is closed or handed on by then."""


# --- consent ----------------------------------------------------------------------------------------------------------


class ConsentEvent(CaseEvent):
    """An event of one consent (samtykke)."""

    consent: ConsentRefField
    version: int = Field(ge=1)
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentRequested(ConsentEvent):
    """Consent was asked for, and from whom it is needed (seed rules 4, 14)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.requested.v1"

    scope: Scope
    valid_from: date
    valid_to: date
    """The last day, in Norway."""
    held_by_unit: UnitIdField | None = None
    """The barnehage or school that must hold the consent (seed rule 5). Absent for an address-protected case."""
    needed: dict[GrantorClass, int]
    """How many of each class must grant."""
    languages: frozenset[LanguageTag]
    """Languages (BCP 47) in which the request must be understood (seed rules 101, 146)."""
    answer_by: Moment | None = None
    """When it lapses if not all have answered by then."""
    guardians: tuple[int, ...] = ()
    """Which guardians may answer, by their ordinals; never who. Empty: all that the case began with."""
    daily_care: bool = False
    """It is for daily care, or necessary so that the child comes to no harm (pbrl § 4-4): one holder may be enough."""


class ConsentGranted(ConsentEvent):
    """One more of those who must grant has granted; `active` when none is missing (seed rule 4)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.granted.v1"

    grantor: GrantorClass
    ordinal: int = Field(ge=1)
    """Which of that class: the first guardian in the vault, the second. Never who."""
    evidence: EvidenceForm
    active: bool
    scope: Scope
    valid_from: date
    valid_to: date
    renewal: bool = False
    """It was granted for the next period (see `ConsentRenewed`)."""
    evidence_ref: DocumentRefField | None = None
    """The note of how it was given, in the vault; none when it was signed in."""


class ConsentRefused(ConsentEvent):
    """One of those who must grant said no; refusal is recorded and nothing more is asked for."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.refused.v1"

    grantor: GrantorClass
    ordinal: int = Field(ge=1)
    renewal: bool = False
    """Only the next period was refused: what is valid stays valid until it expires."""
    evidence_ref: DocumentRefField | None = None
    """The note of how it was said, in the vault; none when it was signed in."""


class ConsentNarrowed(ConsentEvent):
    """Part of the consent was withdrawn: a new version with the smaller scope, effective at once."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.narrowed.v1"

    scope: Scope
    """What is left."""
    ended: Scope
    """What ended."""
    effective_at: Moment
    evidence_ref: DocumentRefField | None = None
    """The note of how it was said, in the vault; none when it was signed in."""


class ConsentWithdrawn(ConsentEvent):
    """The whole consent was withdrawn, effective at once (pbrl § 4-1, GDPR art. 7)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.withdrawn.v1"

    ended: Scope
    effective_at: Moment
    evidence_ref: DocumentRefField | None = None
    """The note of how it was said, in the vault; none when it was signed in."""


class ConsentExpired(ConsentEvent):
    """The consent's last day has passed."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.expired.v1"

    ended: Scope | None = None
    """What may no longer be shared."""


class ConsentReceiptMissing(ConsentEvent):
    """A consumer that must act on a withdrawal has not said that it did: an alarm."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.receipt-missing.v1"

    consumer: str = Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")


# --- consent in time: disagreement, renewal, re-assessment ------------------------------------------------------------


class ConsentDisagreed(ConsentEvent):
    """Of those who must grant one has granted and another refused: no consent, until they agree (seed rule 4)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.disagreed.v1"

    granted: dict[GrantorClass, int]
    refused: dict[GrantorClass, int]


class ConsentLapsed(ConsentEvent):
    """Not all answered within the time: there is no consent, and nobody is asked any more."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.lapsed.v1"

    renewal: bool = False
    """Only the question about the next period lapsed."""


class ConsentExpiring(ConsentEvent):
    """The consent's last day comes near: renew it, or let it end."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.expiring.v1"

    days_left: int = Field(ge=0)
    valid_to: date
    """The last day, in Norway."""


class ConsentRenewalRequested(ConsentEvent):
    """The same scope was asked for until a later day; what is valid now stays valid until that is granted, or it expires."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.renewal-requested.v1"

    scope: Scope
    valid_to: date
    needed: dict[GrantorClass, int]
    guardians: tuple[int, ...]
    """Which guardians may answer, by their ordinals; never who."""
    languages: frozenset[LanguageTag]
    answer_by: Moment
    held_by_unit: UnitIdField | None = None
    """The barnehage or school that asks, and holds it from its renewal on (seed rule 5). Absent for an address-protected case."""


class ConsentRenewed(ConsentEvent):
    """All who must grant have granted the next period: from here this version counts, and no earlier one."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.renewed.v1"

    superseded: int = Field(ge=1)
    """The version that it replaces."""
    scope: Scope
    valid_from: date
    valid_to: date
    held_by_unit: UnitIdField | None = None
    """The barnehage or school that asked for the next period, and holds it from here on; absent: as before (seed rule 5)."""


class ReassessmentReason(StrEnum):
    """Why it must be asked anew who may consent. The code only: never a birth date, never who (law-and-standards 3.3)."""

    AGE_12 = "age-12"
    AGE_15 = "age-15"
    AGE_16 = "age-16"
    AGE_18 = "age-18"
    GUARDIAN_CHANGE = "guardian-change"
    CARE_ORDER = "care-order"
    ADDRESS_PROTECTION = "address-protection"


class ConsentReassessmentDue(ConsentEvent):
    """Who must consent is another from now on, or must say it again; who has not by `confirm_by` suspends it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.reassessment-due.v1"

    reason: ReassessmentReason
    needed: dict[GrantorClass, int]
    """How many of each class must consent from now on."""
    guardians: tuple[int, ...]
    """Which guardians may answer from now on, by their ordinals; never who."""
    anew: bool = False
    """All must say it again, also who has granted before."""
    confirm_by: Moment | None = None
    """None: nobody is missing."""


class ConsentSuspended(ConsentEvent):
    """Whoever must consent now has not confirmed it, or said no: nothing may be shared on it until they do."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.suspended.v1"

    reason: ReassessmentReason
    refused: bool = False
    ended: Scope
    """What may no longer be shared."""
    effective_at: Moment


class ConsentConfirmed(ConsentEvent):
    """Those who must consent now have: it is in force, from now if it was suspended."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.confirmed.v1"

    reason: ReassessmentReason
    scope: Scope
    valid_from: date
    valid_to: date


class CareOrderRecorded(CaseEvent):
    """The child welfare service has taken over care, or gives it back: who must consent is another (barnevernsloven § 5-1)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.care-order-recorded.v1"

    in_force: bool
    decision: DocumentRefField
    """The note of the decision, in the vault."""


# --- confidentiality overridden by law --------------------------------------------------------------------------------


class OverrideEvent(CaseEvent):
    """An event of one override: information shared because the law says so, without consent."""

    override: OverrideRefField


class OverrideReason(StrEnum):
    """Why confidentiality had to yield; the words are in the vault."""

    DANGER_TO_LIFE_OR_HEALTH = "danger-to-life-or-health"
    NEGLECT_OR_ABUSE = "neglect-or-abuse"
    SERIOUS_BEHAVIOUR = "serious-behaviour"
    UNMET_MEDICAL_NEED = "unmet-medical-need"
    OWN_TASK_OF_RECEIVER = "own-task-of-receiver"


class NotHeardReason(StrEnum):
    """Why the child was not heard before."""

    DANGER_IN_DELAY = "danger-in-delay"
    WOULD_ENDANGER_CHILD = "would-endanger-child"
    TOO_YOUNG = "too-young"
    NOT_ABLE = "not-able"


class ConsentOverridden(OverrideEvent):
    """Confidentiality was overridden by law, for these services, kinds of information and purposes, until a day."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.overridden.v1"

    basis: LegalBasis
    reason: OverrideReason
    scope: Scope
    valid_from: date
    valid_to: date
    """The last day, in Norway."""
    made_by: Party
    not_heard: NotHeardReason | None = None
    """None: the child was heard (barnevernsloven § 1-4)."""
    reviewer: Role
    review_by: Moment
    guardians_informed: bool = False
    """Whether the guardians have been told of it; of danger that may come from them they are told when somebody says so."""


class ConsentOverrideReviewed(OverrideEvent):
    """A leader has judged it; what was not justified ends at once."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.override-reviewed.v1"

    justified: bool
    reviewer: Role
    guardians_informed: bool = False
    """Whether the guardians have been told of it by now."""


class ConsentOverrideGuardiansInformed(OverrideEvent):
    """The guardians have been told of it, after it was made and apart from its review: from now on it is shown to them."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.override-guardians-informed.v1"


class ConsentOverrideReviewOverdue(OverrideEvent):
    """Nobody has judged it in time: the leaders of the unit are told."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.override-review-overdue.v1"

    unit: UnitIdField | None = None
    """Absent for an address-protected case."""


class ConsentOverrideEnded(OverrideEvent):
    """Nothing may be shared on it any more."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.override-ended.v1"

    reason: Literal["last-day-passed", "not-justified"]


# --- measures ---------------------------------------------------------------------------------------------------------


class MeasureEvent(CaseEvent):
    """An event of one measure (tiltak)."""

    measure: MeasureRefField


class NewReason(StrEnum):
    """Why a measure that had no effect is worth another try (seed rule 90)."""

    OTHER_FORM = "other-form"
    OTHER_INTENSITY = "other-intensity"
    CHANGED_CIRCUMSTANCES = "changed-circumstances"
    CHILD_WISHES_IT = "child-wishes-it"


class MeasurePlanned(MeasureEvent):
    """A measure with owner, goal, indicator and evaluation date (seed rules 28, 88, 141)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.planned.v1"

    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    """A row of the profile's catalogue of offers (seed rules 28, 111, 182)."""
    level: int = Field(ge=0, le=3)
    owner: Service
    owner_unit: UnitIdField | None = None
    goal: GoalRefField
    indicator: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    evaluate_by: Moment
    meeting: MeetingRefField | None = None
    item: ItemRefField | None = None
    """The named agenda item that decided it, so that nobody types it twice."""
    new_reason: NewReason | None = None
    """Why a measure that had no effect before is tried again (seed rule 90)."""
    evaluate_before: Moment | None = None
    """To which moment its evaluation may be put off at most, until it begins or is evaluated (seed rules 88, 89)."""


class EvaluationOutcome(StrEnum):
    """What follows from an evaluation (seed rules 88-90)."""

    STOP = "stop"
    CONTINUE = "continue"
    OTHER = "other"
    ESCALATE = "escalate"


class Effect(StrEnum):
    """What the indicator showed."""

    REACHED = "reached"
    SOME = "some"
    NONE = "none"


class MeasureEvaluated(MeasureEvent):
    """The measure was evaluated in time or not; without effect it cannot just go on (seed rules 89, 90)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.evaluated.v1"

    effect: Effect
    outcome: EvaluationOutcome
    evaluate_by: Moment | None = None
    """The next evaluation, when it goes on."""
    evaluate_before: Moment | None = None
    """To which moment that may be put off at most (seed rule 89)."""


class MeasureStopped(MeasureEvent):
    """The measure ended (seed rules 90, 166)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.stopped.v1"

    reason: Literal["no-effect", "goal-reached", "withdrawn"]


class MeasureStarted(MeasureEvent):
    """The measure is under way: what was planned has begun (seed rule 88)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.started.v1"

    evaluate_before: Moment | None = None
    """To which moment its evaluation may be put off at most, counted from now (seed rules 88, 89)."""


class MeasureChanged(MeasureEvent):
    """The measure goes on in another way; everybody in the team is told (seed rules 31, 89)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.changed.v1"

    owner: Service
    owner_unit: UnitIdField | None = None
    goal: GoalRefField
    indicator: Code
    evaluate_by: Moment
    changed: frozenset[Literal["owner", "goal", "indicator", "evaluate-by"]]
    """Which of them are new."""


class OverlapEvent(CaseEvent):
    """An event of one suspected overlap, named by the later measure."""

    measure: MeasureRefField


class MeasureOverlapSuspected(OverlapEvent):
    """Another unit does much the same already (seed rules 49, 161)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.overlap-suspected.v1"

    others: tuple[MeasureRefField, ...] = Field(min_length=1)
    overlap: Code
    """A group of the profile: types of measures that do much the same."""


class OverlapExplanation(StrEnum):
    """What two units that do much the same have found out (seed rules 49, 161)."""

    COORDINATED = "coordinated"
    DIFFERENT_PURPOSE = "different-purpose"
    ONE_WILL_STOP = "one-will-stop"


class MeasureOverlapExplained(OverlapEvent):
    """The owner of one of the measures has looked at it and says why both go on, or that one will not (seed rules 49, 161)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.overlap-explained.v1"

    explained_for: MeasureRefField
    explanation: OverlapExplanation
    settled: bool
    """Every owner has explained it."""


class MeasureOverlapElsewhereSuspected(CaseEvent):
    """Another unit does much the same for the child in another case, and whoever carries this measure out may know of that case.

    Neither that case, its service nor its measure is named: two references in one event would tie the cases together for everybody
    who reads the topic. Who may see both is told which they are by the API (seed rules 49, 161).
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.overlap-elsewhere-suspected.v1"

    measure: MeasureRefField
    overlap: Code
    """A group of the profile: types of measures that do much the same."""


# --- handover ---------------------------------------------------------------------------------------------------------


class CoordinatorKind(StrEnum):
    """What a coordinator coordinates."""

    ANSVARSGRUPPE = "ansvarsgruppe"
    """The group and the individual plan (seed rules 23, 37)."""
    BARNEKOORDINATOR = "barnekoordinator"
    """On the guardians' request, until the child is 18 (seed rule 97; helse- og omsorgstjenesteloven § 7-2 a)."""


class RefusedMeasure(Model):
    """A measure that a meeting decided on, and that the rules do not allow in the case as it stands."""

    measure: MeasureRefField
    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    owner: Service
    reason: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    """The code by which the same is refused to anybody (seed rules 90, 99, 166, 181)."""


class RefusedContribution(Model):
    """What a meeting wanted to ask a service for, and the rules do not allow in the case as it stands."""

    contribution: ContributionRefField
    service: Service
    reason: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    """The code by which the same is refused to anybody (seed rules 82, 106)."""


class OutcomeRefused(CaseEvent):
    """Something of what a meeting decided does not happen here: the holder is told, and sees to it (seed rules 26, 88, 141)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.outcome-refused.v1"

    meeting: MeetingRefField
    item: ItemRefField
    measures: tuple[RefusedMeasure, ...] = ()
    services: frozenset[Service] = frozenset()
    """What no consent in force covers, and so does not join the team."""
    contributions: tuple[RefusedContribution, ...] = ()


class HandoverKind(StrEnum):
    """What kind of handover (overføring)."""

    BATON = "baton"
    STAFF_LEAVES = "staff-leaves"
    UNIT = "unit"
    BARNEHAGE_TO_SCHOOL = "barnehage-to-school"
    SCHOOL_TO_SCHOOL = "school-to-school"
    COORDINATOR = "coordinator"


class HandoverRoute(StrEnum):
    """The exact way that a handover goes; `kind` is the word for it that this version of the event began with."""

    BATON = "baton"
    STAFF_LEAVES = "staff-leaves"
    UNIT = "unit"
    BARNEHAGE_TO_SCHOOL = "barnehage-to-school"
    SCHOOL_TO_SCHOOL = "school-to-school"
    TO_CHILD_WELFARE = "to-child-welfare"
    FROM_CHILD_WELFARE = "from-child-welfare"
    TO_SPECIALIST = "to-specialist"
    FROM_SPECIALIST = "from-specialist"
    COORDINATOR = "coordinator"
    MUNICIPALITY = "municipality"


class Package(Model):
    """What the receiver gets: categories and document references inside the consented scope, never content."""

    categories: frozenset[InformationCategory] = frozenset()
    documents: tuple[DocumentRefField, ...] = ()


class HandoverEvent(CaseEvent):
    """An event of one handover. The sender stays holder until the receiver has accepted (invariant 1)."""

    handover: HandoverRefField


class HandoverSent(HandoverEvent):
    """The baton was offered to a named receiver, to answer within a time (seed rule 107)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.sent.v1"

    kind: HandoverKind
    sender: Party
    receiver: Party
    basis: LegalBasis
    consent: ConsentRefField | None = None
    consent_version: int | None = None
    package: Package
    form: FormRefField | None = None
    respond_by: Moment
    route: HandoverRoute | None = None
    on_behalf: bool = False
    """The holder is away, and the leader of the holder's unit sent it (seed rule 107). The sender is the holder all the same."""
    to_municipality: MunicipalityField | None = None
    """Where it goes when it leaves the municipality; absent for an address-protected case."""
    coordination: CoordinatorKind | None = None
    """What of the coordination is handed over, when it is that and not the baton (seed rules 23, 37, 97)."""


class HandoverProposed(HandoverEvent):
    """A handover was drafted and has not been sent: nobody but the sender knows of it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.proposed.v1"

    route: HandoverRoute
    sender: Party
    receiver: Party
    package: Package
    respond_by: Moment | None = None
    """The usual time from the sending, when nothing is said."""
    to_municipality: MunicipalityField | None = None
    """Where it is to go when it leaves the municipality; absent for an address-protected case."""


class HandoverReceived(HandoverEvent):
    """The receiver opened it, or a document of it: each document in the package has its own receipt."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.received.v1"

    documents: tuple[DocumentRefField, ...] = ()
    """What was received just now; none when it was the handover alone that was opened."""


class HandoverAccepted(HandoverEvent):
    """The receiver, or the receiver's leader on behalf, took the baton: from here the receiver is the holder."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.accepted.v1"

    holder: Party
    on_behalf: bool = False
    by_rule: bool = False
    """The holder's last day was over and nobody had taken the baton: it fell to the leader of the unit (seed rule 107)."""


class HandoverCompleted(HandoverEvent):
    """It is accepted, and each document of the package has been received."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.completed.v1"


class HandoverTransferred(HandoverEvent):
    """The receiver in another municipality accepted. A new case goes on there, in that municipality's log; this one is closed.

    The handover's reference is in both logs, and is all that leads from one to the other.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.transferred.v1"

    on_behalf: bool = False


class HandoverCoordinationAccepted(HandoverEvent):
    """The receiver, or the receiver's leader on behalf, took the coordination: who was appointed by it stands beside it.

    The baton is where it was.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.coordination-accepted.v1"

    coordination: CoordinatorKind
    on_behalf: bool = False
    by_rule: bool = False
    """The coordinator's last day was over and nobody had taken it: it fell to the leader of that unit (seed rule 107)."""


class HandoverRejected(HandoverEvent):
    """The receiver said no, with a reason; the sender holds on."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.rejected.v1"

    reason: Literal["capacity", "wrong-unit", "absent", "missing-information", "other"]
    on_behalf: bool = False


class HandoverWithdrawn(HandoverEvent):
    """The sender took it back."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.withdrawn.v1"


class HandoverCancelled(HandoverEvent):
    """Its basis lapsed before it was accepted; the sender holds on."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.cancelled.v1"

    reason: Literal["basis-lapsed", "receiver-gone", "case-closed"]


class HandoverOverdue(HandoverEvent):
    """Nobody answered in time; the receiver's leader is asked to answer on behalf."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.overdue.v1"

    receiver: Party


class HandoverEscalated(HandoverEvent):
    """The time is out, and it lies with the leader of the receiver's unit to answer on behalf (seed rules 82, 107)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.escalated.v1"

    service: Service | None = None
    unit: UnitIdField | None = None
    """Whose leader. Absent for an address-protected case."""


# --- who is away ------------------------------------------------------------------------------------------------------


class AbsenceReason(StrEnum):
    """Why an employee no longer holds anything from a day on; nothing of what the leave is for."""

    AWAY = "away"
    LEFT = "left"
    DISABLED = "disabled"
    """Closed in the organisation's directory."""


class AbsenceEvent(EventData):
    """An event of one absence: an employee leaves, or is away for a time (seed rule 107)."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "absence"

    absence: AbsenceRefField


class AbsenceRegistered(AbsenceEvent):
    """From the last day on the employee holds and coordinates nothing: what nobody has taken then falls to the unit's leader."""

    TYPE: ClassVar[str] = "no.lagspill.cases.absence.registered.v1"

    person: ActorIdField
    unit: UnitIdField
    reason: AbsenceReason
    last_day: date
    back_on: date | None = None
    falls_to: Party
    cases: int = Field(ge=0)
    """How many cases the employee held or coordinated then."""


class AbsenceWithdrawn(AbsenceEvent):
    """The employee stays after all."""

    TYPE: ClassVar[str] = "no.lagspill.cases.absence.withdrawn.v1"


class AbsenceBegan(AbsenceEvent):
    """The last day is over; every case of the employee has another holder, and another coordinator where the employee was it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.absence.began.v1"

    fell: int = Field(ge=0)
    """How many cases nobody had taken: the leader holds or coordinates them now."""
    cancelled: int = Field(ge=0)
    """How many handovers to the employee were waiting, and are cancelled."""


# --- transition form --------------------------------------------------------------------------------------------------


class FormEvent(CaseEvent):
    """An event of one transition form (overgangsskjema; seed rules 13, 14)."""

    form: FormRefField
    version: int = Field(ge=1)


class TransitionFormDrafted(FormEvent):
    """A version was written; an approval of an older one does not cover it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.drafted.v1"

    document: DocumentRefField
    form_type: Literal["barnehage-to-school", "school-to-school"]
    school_start: int = Field(ge=2000, le=2200)
    categories: frozenset[InformationCategory]
    approval: Literal["all-guardians", "one-guardian"] | None = None
    """Who must approve it; nobody said: all guardians (seed rule 14)."""


class TransitionFormApproved(FormEvent):
    """One guardian approved exactly this version (seed rule 14)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.approved-by-guardian.v1"

    ordinal: int = Field(ge=1)
    complete: bool
    """All who must approve have."""
    evidence: EvidenceForm = EvidenceForm.E_ID


class TransitionFormSent(FormEvent):
    """The approved version went to the school (seed rule 13)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.sent.v1"

    handover: HandoverRefField
    outside_window: Literal["late-placement", "moved", "guardians-wish", "school-asks"] | None = None
    """Why it was sent outside its window (seed rule 13)."""


class TransitionFormReceived(FormEvent):
    """The school has it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.received.v1"


EVENTS: tuple[type[EventData], ...] = (
    ConcernRegistered,
    ConcernJoined,
    ConcernResolvedLocally,
    ConcernEscalated,
    CaseOpened,
    CaseLevelChanged,
    CaseMeetingHeld,
    CaseIdentified,
    CaseAnonymised,
    TeamMemberAdded,
    TeamMemberRemoved,
    ContactPersonChosen,
    ViewOfChildRecorded,
    CaseClosed,
    CaseReopened,
    ConsentRequested,
    ConsentGranted,
    ConsentRefused,
    ConsentNarrowed,
    ConsentWithdrawn,
    ConsentExpired,
    ConsentReceiptMissing,
    ConsentDisagreed,
    ConsentLapsed,
    ConsentExpiring,
    ConsentRenewalRequested,
    ConsentRenewed,
    ConsentReassessmentDue,
    ConsentSuspended,
    ConsentConfirmed,
    CareOrderRecorded,
    ConsentOverridden,
    ConsentOverrideReviewed,
    ConsentOverrideGuardiansInformed,
    ConsentOverrideReviewOverdue,
    ConsentOverrideEnded,
    MeasurePlanned,
    MeasureStarted,
    MeasureChanged,
    MeasureEvaluated,
    MeasureStopped,
    MeasureOverlapSuspected,
    MeasureOverlapExplained,
    MeasureOverlapElsewhereSuspected,
    OutcomeRefused,
    HandoverSent,
    HandoverReceived,
    HandoverAccepted,
    HandoverRejected,
    HandoverWithdrawn,
    HandoverCancelled,
    HandoverOverdue,
    HandoverProposed,
    HandoverEscalated,
    HandoverCompleted,
    HandoverTransferred,
    HandoverCoordinationAccepted,
    AbsenceRegistered,
    AbsenceWithdrawn,
    AbsenceBegan,
    TransitionFormDrafted,
    TransitionFormApproved,
    TransitionFormSent,
    TransitionFormReceived,
)
