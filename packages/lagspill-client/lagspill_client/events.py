"""Every event type that Lagspill publishes, as models.

Generated from the JSON Schemas by `make schemas`; do not edit. A field that a model does not know is passed by.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, NewType

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Model(BaseModel):
    """What is said once and never changed; unknown fields are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EventData(Model):
    """The data of an event."""

    TYPE: ClassVar[str]
    """The CloudEvents `type`."""
    TOPIC: ClassVar[str]
    """Where it is published."""


AbsenceRef = NewType("AbsenceRef", str)
AbsenceRefField = Annotated[AbsenceRef, Field(pattern=r"^abs_[bcdfghjklmnpqrstvwxz]{26}$")]
ActorId = NewType("ActorId", str)
ActorIdField = Annotated[ActorId, Field(pattern=r"^[a-z]{3}_[0-9A-Za-z_-]{8,64}$")]
ArenaRef = NewType("ArenaRef", str)
ArenaRefField = Annotated[ArenaRef, Field(pattern=r"^arn_[bcdfghjklmnpqrstvwxz]{26}$")]
CalendarRef = NewType("CalendarRef", str)
CalendarRefField = Annotated[CalendarRef, Field(pattern=r"^cal_[bcdfghjklmnpqrstvwxz]{26}$")]
CaseRef = NewType("CaseRef", str)
CaseRefField = Annotated[CaseRef, Field(pattern=r"^cas_[bcdfghjklmnpqrstvwxz]{26}$")]
ChildViewRef = NewType("ChildViewRef", str)
ChildViewRefField = Annotated[ChildViewRef, Field(pattern=r"^cvw_[bcdfghjklmnpqrstvwxz]{26}$")]
ConcernRef = NewType("ConcernRef", str)
ConcernRefField = Annotated[ConcernRef, Field(pattern=r"^con_[bcdfghjklmnpqrstvwxz]{26}$")]
ConcernReportRef = NewType("ConcernReportRef", str)
ConcernReportRefField = Annotated[ConcernReportRef, Field(pattern=r"^rpt_[bcdfghjklmnpqrstvwxz]{26}$")]
ConsentRef = NewType("ConsentRef", str)
ConsentRefField = Annotated[ConsentRef, Field(pattern=r"^cst_[bcdfghjklmnpqrstvwxz]{26}$")]
ConsultationRef = NewType("ConsultationRef", str)
ConsultationRefField = Annotated[ConsultationRef, Field(pattern=r"^hrg_[bcdfghjklmnpqrstvwxz]{26}$")]
ContributionRef = NewType("ContributionRef", str)
ContributionRefField = Annotated[ContributionRef, Field(pattern=r"^ctb_[bcdfghjklmnpqrstvwxz]{26}$")]
DeadlineRef = NewType("DeadlineRef", str)
DeadlineRefField = Annotated[DeadlineRef, Field(pattern=r"^ddl_[bcdfghjklmnpqrstvwxz]{26}$")]
DeviationRef = NewType("DeviationRef", str)
DeviationRefField = Annotated[DeviationRef, Field(pattern=r"^dev_[bcdfghjklmnpqrstvwxz]{26}$")]
DocumentRef = NewType("DocumentRef", str)
DocumentRefField = Annotated[DocumentRef, Field(pattern=r"^doc_[bcdfghjklmnpqrstvwxz]{26}$")]
EnteredFigureRef = NewType("EnteredFigureRef", str)
EnteredFigureRefField = Annotated[EnteredFigureRef, Field(pattern=r"^enf_[bcdfghjklmnpqrstvwxz]{26}$")]
ExportRef = NewType("ExportRef", str)
ExportRefField = Annotated[ExportRef, Field(pattern=r"^exp_[bcdfghjklmnpqrstvwxz]{26}$")]
FindingRef = NewType("FindingRef", str)
FindingRefField = Annotated[FindingRef, Field(pattern=r"^fnd_[bcdfghjklmnpqrstvwxz]{26}$")]
FormRef = NewType("FormRef", str)
FormRefField = Annotated[FormRef, Field(pattern=r"^frm_[bcdfghjklmnpqrstvwxz]{26}$")]
GlassRef = NewType("GlassRef", str)
GlassRefField = Annotated[GlassRef, Field(pattern=r"^brk_[bcdfghjklmnpqrstvwxz]{26}$")]
GoalRef = NewType("GoalRef", str)
GoalRefField = Annotated[GoalRef, Field(pattern=r"^goa_[bcdfghjklmnpqrstvwxz]{26}$")]
HandoverRef = NewType("HandoverRef", str)
HandoverRefField = Annotated[HandoverRef, Field(pattern=r"^hdo_[bcdfghjklmnpqrstvwxz]{26}$")]
InnsynReportRef = NewType("InnsynReportRef", str)
InnsynReportRefField = Annotated[InnsynReportRef, Field(pattern=r"^inn_[bcdfghjklmnpqrstvwxz]{26}$")]
ItemRef = NewType("ItemRef", str)
ItemRefField = Annotated[ItemRef, Field(pattern=r"^itm_[bcdfghjklmnpqrstvwxz]{26}$")]
LogScope = NewType("LogScope", str)
LogScopeField = Annotated[LogScope, Field(pattern=r"^([0-9]{4}|prt_[bcdfghjklmnpqrstvwxz]{26})$")]
MeasureRef = NewType("MeasureRef", str)
MeasureRefField = Annotated[MeasureRef, Field(pattern=r"^mea_[bcdfghjklmnpqrstvwxz]{26}$")]
MeetingRef = NewType("MeetingRef", str)
MeetingRefField = Annotated[MeetingRef, Field(pattern=r"^mtg_[bcdfghjklmnpqrstvwxz]{26}$")]
MessageRef = NewType("MessageRef", str)
MessageRefField = Annotated[MessageRef, Field(pattern=r"^msg_[bcdfghjklmnpqrstvwxz]{26}$")]
Municipality = NewType("Municipality", str)
MunicipalityField = Annotated[Municipality, Field(pattern=r"^[0-9]{4}$")]
OrganisationNumber = NewType("OrganisationNumber", str)
OrganisationNumberField = Annotated[OrganisationNumber, Field(pattern=r"^[0-9]{9}$")]
OverrideRef = NewType("OverrideRef", str)
OverrideRefField = Annotated[OverrideRef, Field(pattern=r"^ovr_[bcdfghjklmnpqrstvwxz]{26}$")]
PlanRef = NewType("PlanRef", str)
PlanRefField = Annotated[PlanRef, Field(pattern=r"^pln_[bcdfghjklmnpqrstvwxz]{26}$")]
ReceiptRef = NewType("ReceiptRef", str)
ReceiptRefField = Annotated[ReceiptRef, Field(pattern=r"^rct_[bcdfghjklmnpqrstvwxz]{26}$")]
RecordRef = NewType("RecordRef", str)
RecordRefField = Annotated[RecordRef, Field(pattern=r"^rec_[bcdfghjklmnpqrstvwxz]{26}$")]
ReportDutyRef = NewType("ReportDutyRef", str)
ReportDutyRefField = Annotated[ReportDutyRef, Field(pattern=r"^rdy_[bcdfghjklmnpqrstvwxz]{26}$")]
SubscriptionRef = NewType("SubscriptionRef", str)
SubscriptionRefField = Annotated[SubscriptionRef, Field(pattern=r"^sub_[bcdfghjklmnpqrstvwxz]{26}$")]
SurveyRef = NewType("SurveyRef", str)
SurveyRefField = Annotated[SurveyRef, Field(pattern=r"^srv_[bcdfghjklmnpqrstvwxz]{26}$")]
SurveyRoundRef = NewType("SurveyRoundRef", str)
SurveyRoundRefField = Annotated[SurveyRoundRef, Field(pattern=r"^srd_[bcdfghjklmnpqrstvwxz]{26}$")]
UnitId = NewType("UnitId", str)
UnitIdField = Annotated[UnitId, Field(pattern=r"^unit:[a-z0-9-]{1,60}$")]
UnitRegisterRef = NewType("UnitRegisterRef", str)
UnitRegisterRefField = Annotated[UnitRegisterRef, Field(pattern=r"^reg_[bcdfghjklmnpqrstvwxz]{26}$")]


class AbsenceReason(StrEnum):
    """Why an employee no longer holds anything from a day on; nothing of what the leave is for."""

    AWAY = "away"
    LEFT = "left"
    DISABLED = "disabled"


class Role(StrEnum):
    """The function in which somebody acts."""

    TEACHER = "teacher"
    PEDAGOGICAL_LEADER = "pedagogical-leader"
    CONTACT_TEACHER = "contact-teacher"
    LEADER = "leader"
    COORDINATOR = "coordinator"
    HEALTH_NURSE = "health-nurse"
    PPT_ADVISER = "ppt-adviser"
    CHILD_WELFARE_OFFICER = "child-welfare-officer"
    BUP_CLINICIAN = "bup-clinician"
    GUARDIAN = "guardian"
    CHILD = "child"
    PRIVACY_OFFICER = "privacy-officer"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    SERVICE_ACCOUNT = "service-account"


class Service(StrEnum):
    """A service around the child. Consent is given to a service, never to a named person."""

    BARNEHAGE = "barnehage"
    SKOLE = "skole"
    PPT = "ppt"
    HELSESTASJON = "helsestasjon"
    BARNEVERN = "barnevern"
    BUP = "bup"
    NAV = "nav"
    FASTLEGE = "fastlege"
    FYSIOTERAPI = "fysioterapi"
    ERGOTERAPI = "ergoterapi"
    PSYKIATRI = "psykiatri"
    POLITI = "politi"
    NAERINGSLIV = "naeringsliv"
    FRIVILLIGHET = "frivillighet"
    LEDELSE = "ledelse"


class AccessActor(Model):
    """Who looked: an opaque actor and its organisational affiliation."""

    client: Annotated[str, Field(pattern=r"^[ -~]{1,100}$")] | None = None
    id: ActorIdField
    on_behalf_of: ActorIdField | None = None
    organisation: OrganisationNumberField | None = None
    role: Role | None = None
    service: Service | None = None
    unit: UnitIdField | None = None


class AccessKind(StrEnum):
    """What was done."""

    READ = "read"
    WRITE = "write"
    SEARCH = "search"
    LIST = "list"
    EXPORT = "export"
    PRINT = "print"
    DISCLOSE = "disclose"
    DENY = "deny"
    BREAK_GLASS = "break-glass"
    LOG_READ = "log-read"


class Area(StrEnum):
    """What a concern is about; one entry point for all of them (seed rule 103)."""

    LEARNING = "learning"
    MENTAL_HEALTH = "mental-health"
    PHYSICAL_HEALTH = "physical-health"
    FAMILY = "family"


class ArenaLevel(StrEnum):
    """Whose arena it is."""

    UNIT = "unit"
    CHILD = "child"
    MUNICIPALITY = "municipality"


class ContributionReason(StrEnum):
    """Why a service is asked."""

    COMPETENCE_MISSING = "competence-missing"
    ASSESSMENT = "assessment"
    MEASURE = "measure"
    COORDINATION = "coordination"


class InformationCategory(StrEnum):
    """What kind of information about the child; a consent's scope and every access record name these."""

    IDENTITY = "identity"
    CONTACT = "contact"
    CONCERN = "concern"
    DEVELOPMENT = "development"
    LANGUAGE = "language"
    LEARNING = "learning"
    HEALTH = "health"
    BEHAVIOUR = "behaviour"
    FAMILY = "family"
    CHILD_VIEW = "child-view"
    MEASURES = "measures"
    PLAN = "plan"


class Purpose(StrEnum):
    """Why information is used or shared."""

    ASSESSMENT = "assessment"
    FOLLOW_UP = "follow-up"
    COORDINATION = "coordination"
    TRANSITION = "transition"
    DISCUSSION = "discussion"
    NOTIFICATION = "notification"
    OVERSIGHT = "oversight"


class AskedContribution(Model):
    """What the meeting asks a service for; the cases service asks it from this event alone (seed rules 82, 96, 116)."""

    categories: frozenset[InformationCategory]
    """Those of the item: what may be shared for it."""
    contribution: ContributionRefField
    purpose: Purpose
    reason: ContributionReason
    respond_by: AwareDatetime | None = None
    """Absent: within the municipality's usual time."""
    service: Service
    unit: UnitIdField | None = None
    """Which barnehage or school."""


class Function(StrEnum):
    """What somebody is beside their role. A list of its own: a role that subscribers of `v1` do not know would be none
    to them.
    """

    SPECIAL_EDUCATION_COORDINATOR = "special-education-coordinator"


class Attendance(Model):
    """One seat at the meeting: a service and a role, not a person."""

    absence_reason: Literal["ill", "double-booked", "vacant", "not-notified", "other"] | None = None
    deputy: bool = False
    """Whether it was taken by a deputy, to whom the authority to decide was delegated (seed rules 54, 71, 72)."""
    function: Function | None = None
    organisation: OrganisationNumberField | None = None
    present: bool
    role: Role
    service: Service
    unit: UnitIdField | None = None
    """Whose seat it is, where it is a barnehage's or school's; elsewhere from which of the service's units they came,
    if said.
    """


class Body(Model):
    """A body that is heard: a unit, and whose seats it takes."""

    service: Service
    unit: UnitIdField


class Channel(StrEnum):
    """How a message reaches somebody."""

    EMAIL = "email"
    IN_APP = "in-app"


class ChildHeardBy(StrEnum):
    """How the child's view was sought."""

    CONVERSATION = "conversation"
    OBSERVATION = "observation"
    DRAWING_OR_PLAY = "drawing-or-play"
    WRITTEN = "written"
    THROUGH_GUARDIAN = "through-guardian"
    NOT_ABLE = "not-able"


class ChildPart(StrEnum):
    """Which part a child had in what was said of it by name (seed rules 73, 99)."""

    PRESENT = "present"
    REPRESENTED = "represented"
    NOT_PRESENT = "not-present"


class CoordinatorKind(StrEnum):
    """What a coordinator coordinates."""

    ANSVARSGRUPPE = "ansvarsgruppe"
    BARNEKOORDINATOR = "barnekoordinator"


class DeadlineKind(StrEnum):
    """What must be done in time (seed rules 79, 88, 107)."""

    ACT_ON_CONCERN = "act-on-concern"
    DECIDE_CASE = "decide-case"
    EVALUATE_MEASURE = "evaluate-measure"
    ANSWER_HANDOVER = "answer-handover"
    ANSWER_CONSENT = "answer-consent"


class Deputy(Model):
    """Who comes in a seat's place: a role of the same service, never a person (seed rules 71, 72)."""

    role: Role
    unit: UnitIdField | None = None
    """From which unit, when it is another than the seat's."""


class DeviationKind(StrEnum):
    """What was not as the rules say."""

    UNIT_WITHOUT_ARENA = "unit-without-arena"
    TOO_FEW_PLANNED = "too-few-planned"
    TOO_FEW_HELD = "too-few-held"
    NOT_HELD = "not-held"
    DUTY_BREACHED = "duty-breached"
    TOO_SHORT = "too-short"
    ELEMENT_MISSING = "element-missing"
    CHAIR_NOT_ENTITLED = "chair-not-entitled"


class Effect(StrEnum):
    """What the indicator showed."""

    REACHED = "reached"
    SOME = "some"
    NONE = "none"


class ErasureReason(StrEnum):
    """Why a case was erased."""

    REQUEST = "request"
    RETENTION = "retention"


class EvaluationOutcome(StrEnum):
    """What follows from an evaluation (seed rules 88-90)."""

    STOP = "stop"
    CONTINUE = "continue"
    OTHER = "other"
    ESCALATE = "escalate"


class EvidenceForm(StrEnum):
    """How a grant is evidenced."""

    WRITTEN = "written"
    ORAL_MINUTED = "oral-minuted"
    E_ID = "e-id"


class ExportFilter(Model):
    """Which entries were asked for: those that have all of this."""

    actor: ActorIdField | None = None
    basis: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")] | None = None
    case: CaseRefField | None = None
    consent: ConsentRefField | None = None
    kind: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")] | None = None
    """What was done, or `event`, `seal`."""
    logged_since: AwareDatetime | None = None
    """Came into the log then or later."""
    logged_until: AwareDatetime | None = None
    """Came into the log before then."""
    meeting: MeetingRefField | None = None
    organisation: OrganisationNumberField | None = None
    permitted: bool | None = None
    since: AwareDatetime | None = None
    """Happened then or later."""
    source: Annotated[str, Field(pattern=r"^/services/[a-z][a-z0-9-]{1,30}$")] | None = None
    type: Annotated[str, Field(pattern=r"^no\.lagspill(\.[a-z][a-z0-9-]*)+\.v[0-9]+$")] | None = None
    unit: UnitIdField | None = None
    until: AwareDatetime | None = None
    """Happened before then."""


class ExportFormat(StrEnum):
    """How an export is written."""

    NDJSON = "ndjson"
    CSV = "csv"
    CEF = "cef"
    FHIR = "fhir"


class FamilyMark(Model):
    """One of the child's family, who has nothing to do with the case at work (forvaltningsloven § 6), as a mark of
    this case alone.

    A service that meets an employee can tell whether he or she is meant; no mark leads to anybody, or to another
    case.
    """

    marks: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...]
    """A keyed hash (HMAC-SHA-256) of case and actor; a second one while the key is being changed."""
    ordinal: Annotated[int, Field(ge=1)]
    """Which guardian of the vault; 1 for the child."""
    person: Literal["guardian", "child"]


class FigureCorrection(StrEnum):
    """Why a figure is corrected; a code, never words."""

    WRONG_NUMBER = "wrong-number"
    SOURCE_CHANGED = "source-changed"
    WRONG_PLACE = "wrong-place"


class FindingOutcome(StrEnum):
    """What the privacy officer found."""

    LAWFUL = "lawful"
    MISTAKE = "mistake"


class ForWhom(StrEnum):
    """On whose burden the concern was raised (seed rule 180)."""

    CHILD = "child"
    GUARDIANS = "guardians"
    UNIT = "unit"


class GlassOutcome(StrEnum):
    """What the review came to."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not-justified"


class GlassReason(StrEnum):
    """Why somebody must look without an ordinary basis (nødtilgang)."""

    DANGER_TO_LIFE = "danger-to-life"
    ACUTE_HEALTH_NEED = "acute-health-need"
    CHILD_AT_RISK = "child-at-risk"


class GrantorClass(StrEnum):
    """Which kind of person granted; never who (barnevernsloven § 13-1)."""

    GUARDIAN = "guardian"
    CHILD = "child"
    CHILD_WELFARE = "child-welfare"


class GuardianGround(StrEnum):
    """What parental responsibility rests on, or ended by. The decision itself is in the vault."""

    AGREEMENT = "agreement"
    COURT_DECISION = "court-decision"
    CHILD_WELFARE_DECISION = "child-welfare-decision"
    DEATH = "death"
    REGISTERED_WRONG = "registered-wrong"


class Guardians(StrEnum):
    """Whether guardians take part in an arena's meetings (seed rules 12, 32, 73)."""

    REQUIRED = "required"
    INVITED = "invited"
    NONE = "none"


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


class HoldReason(StrEnum):
    """Why nothing of a case may be erased."""

    ARCHIVE = "archive"
    LEGAL_CLAIM = "legal-claim"
    SUPERVISION = "supervision"


class InvitationAnswer(StrEnum):
    """What somebody who was invited answers. Whoever has not answered has done neither."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


class ItemKind(StrEnum):
    """What an agenda item is (seed rules 7, 60)."""

    GENERAL = "general"
    GUIDANCE = "guidance"
    OBSERVATION = "observation"
    CASE = "case"


class ItemMode(StrEnum):
    """Whether an item is about somebody, and how."""

    NO_CHILD = "no-child"
    ANONYMOUS = "anonymous"
    NAMED = "named"


class LaneEnd(Model):
    """How far a lane goes: what one database session has written into this log, counted from 1 (`lane` in the
    envelope).
    """

    lane: Annotated[str, Field(pattern=r"^[bcdfghjklmnpqrstvwxz]{15}$")]
    last: Annotated[int, Field(ge=1)]


class Language(StrEnum):
    """Written languages of messages and pages (BCP 47)."""

    NB = "nb"
    NN = "nn"
    EN = "en"


class LegalBasis(Model):
    """A row of the dated code list of legal bases: the law's section is looked up there, never spelled out in code."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """For example `consent`, `fvl-13b-1-2`, `bvl-13-2`."""
    version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    """The day from which this wording of the row is valid."""


class LevelReason(StrEnum):
    """Why a case changed level."""

    NO_EFFECT = "no-effect"
    GUARDIAN_REQUEST = "guardian-request"
    ASSESSMENT = "assessment"
    IMPROVED = "improved"


class LocalOutcome(StrEnum):
    """How those nearest the child solved a concern (seed rule 80)."""

    ADAPTED_EVERYDAY = "adapted-everyday"
    GUIDANCE_GIVEN = "guidance-given"
    UNFOUNDED = "unfounded"


class MediaType(StrEnum):
    """What kind of document it is, found in its content."""

    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"
    DOCX = "docx"
    ODT = "odt"
    TEXT = "text"


class Mode(StrEnum):
    """Whether the case may be spoken of by name outside the unit that holds it."""

    ANONYMOUS = "anonymous"
    IDENTIFIED = "identified"


class ModePolicy(StrEnum):
    """How children may be spoken of in an arena (seed rules 2, 4, 22, 172)."""

    SYSTEM_ONLY = "system-only"
    ANONYMOUS_ONLY = "anonymous-only"
    ANONYMOUS_BY_DEFAULT = "anonymous-by-default"
    NAMED = "named"


class NewReason(StrEnum):
    """Why a measure that had no effect is worth another try (seed rule 90)."""

    OTHER_FORM = "other-form"
    OTHER_INTENSITY = "other-intensity"
    CHANGED_CIRCUMSTANCES = "changed-circumstances"
    CHILD_WISHES_IT = "child-wishes-it"


class NotHeardReason(StrEnum):
    """Why the child was not heard before."""

    DANGER_IN_DELAY = "danger-in-delay"
    WOULD_ENDANGER_CHILD = "would-endanger-child"
    TOO_YOUNG = "too-young"
    NOT_ABLE = "not-able"


class OverlapExplanation(StrEnum):
    """What two units that do much the same have found out (seed rules 49, 161)."""

    COORDINATED = "coordinated"
    DIFFERENT_PURPOSE = "different-purpose"
    ONE_WILL_STOP = "one-will-stop"


class OverrideReason(StrEnum):
    """Why confidentiality had to yield; the words are in the vault."""

    DANGER_TO_LIFE_OR_HEALTH = "danger-to-life-or-health"
    NEGLECT_OR_ABUSE = "neglect-or-abuse"
    SERIOUS_BEHAVIOUR = "serious-behaviour"
    UNMET_MEDICAL_NEED = "unmet-medical-need"
    OWN_TASK_OF_RECEIVER = "own-task-of-receiver"


class Package(Model):
    """What the receiver gets: categories and document references inside the consented scope, never content."""

    categories: frozenset[InformationCategory] = frozenset()
    documents: tuple[DocumentRefField, ...] = ()


class Party(Model):
    """Somebody who acts for a unit: an opaque actor, in a role, at a unit."""

    actor: ActorIdField
    organisation: OrganisationNumberField | None = None
    role: Role
    service: Service | None = None
    unit: UnitIdField | None = None
    """Absent for an address-protected case."""


class Pattern(StrEnum):
    """What the privacy officer is told of (pasientjournalloven §§ 16 and 22; helsepersonelloven § 21)."""

    WITHOUT_RELATION = "without-relation"
    MANY_CHILDREN = "many-children"
    OUTSIDE_HOURS = "outside-hours"
    LEAVING = "leaving"
    REPEATED_DENIALS = "repeated-denials"
    BREAK_GLASS_UNREVIEWED = "break-glass-unreviewed"
    RECEIPT_MISSING = "receipt-missing"


class Place(StrEnum):
    """Where an arena meets (seed rule 56); never an address."""

    AT_THE_UNIT = "at-the-unit"
    MUNICIPALITY = "municipality"
    HOSPITAL = "hospital"
    BY_AGREEMENT = "by-agreement"


class PlannedMeasure(Model):
    """A measure that the meeting decided; the cases service plans it from this event alone (seed rules 88, 141)."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    evaluate_by: AwareDatetime
    indicator: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    measure: MeasureRefField
    owner: Service
    owner_unit: UnitIdField | None = None


class Position(StrEnum):
    """What a body answers."""

    SUPPORTS = "supports"
    SUPPORTS_WITH_REMARKS = "supports-with-remarks"
    OPPOSES = "opposes"
    NO_REMARKS = "no-remarks"


class ProtectionKind(StrEnum):
    """Adressebeskyttelse, as the national population register has it."""

    STRICTLY_CONFIDENTIAL = "strictly-confidential"
    CONFIDENTIAL = "confidential"


class PrunedNumbers(Model):
    """Numbers of one service whose records were among what was pruned: so that they are not taken for missing."""

    first: Annotated[int, Field(ge=1)]
    last: Annotated[int, Field(ge=1)]
    source: str


class QuestionResult(Model):
    """What a question gave."""

    mean_tenths: Annotated[int, Field(ge=10, le=50)]
    """The mean of the answers from 1 to 5, in tenths: 43 is 4.3."""
    question: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]


class ReassessmentReason(StrEnum):
    """Why it must be asked anew who may consent. The code only: never a birth date, never who (law-and-standards 3.3)."""

    AGE_12 = "age-12"
    AGE_15 = "age-15"
    AGE_16 = "age-16"
    AGE_18 = "age-18"
    GUARDIAN_CHANGE = "guardian-change"
    CARE_ORDER = "care-order"
    ADDRESS_PROTECTION = "address-protection"


class Recipient(Model):
    """To whom it was disclosed: a role in a service and its organisation, not a name."""

    organisation: OrganisationNumberField | None = None
    role: Role | None = None
    service: Service


class RefusedContribution(Model):
    """What a meeting wanted to ask a service for, and the rules do not allow in the case as it stands."""

    contribution: ContributionRefField
    reason: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """The code by which the same is refused to anybody (seed rules 82, 106)."""
    service: Service


class RefusedMeasure(Model):
    """A measure that a meeting decided on, and that the rules do not allow in the case as it stands."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    measure: MeasureRefField
    owner: Service
    reason: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """The code by which the same is refused to anybody (seed rules 90, 99, 166, 181)."""


class Responsible(Model):
    """Who must act: an opaque actor in a role, or a unit alone. Without unit for an address-protected case."""

    actor: ActorIdField | None = None
    municipality: MunicipalityField | None = None
    """Where they work, when that is another municipality than the one whose log this is in: units are named by each
    for itself.
    """
    role: Role | None = None
    service: Service | None = None
    unit: UnitIdField | None = None


class Scope(Model):
    """What a consent covers: services x information categories x purposes, within a period."""

    categories: frozenset[InformationCategory]
    municipality: MunicipalityField | None = None
    """Whose services they are; none: the case's own municipality's. Of another one where a child moves: for the
    transition alone; no service here may be told anything by it (seed rule 18).
    """
    purposes: frozenset[Purpose]
    services: frozenset[Service]


class Seat(Model):
    """Whose a seat is: a service's, or of a barnehage or school the unit's."""

    service: Service
    unit: UnitIdField | None = None


class Wanted(Model):
    """Which events a subscription gets. What is empty narrows nothing."""

    municipalities: frozenset[LogScopeField] = frozenset()
    """Whose logs; empty only for a client that may read them all."""
    protected: bool = False
    """The logs of address-protected cases too: of every municipality, for the log does not say whose it is."""
    types: frozenset[Annotated[str, Field(pattern=r"^no\.lagspill(\.[a-z][a-z0-9-]{0,60}){2,4}\.v[0-9]{1,3}$")]] = frozenset()
    units: frozenset[UnitIdField] = frozenset()
    """Events that name one of these units, and no others."""


class Way(StrEnum):
    """Every way by which somebody can be told; `Channel` has those of the first version, and is not widened."""

    EMAIL = "email"
    SMS = "sms"
    IN_APP = "in-app"
    DIGITAL_POST = "digital-post"
    LETTER = "letter"


class AbsenceBegan(EventData):
    """The last day is over; every case of the employee has another holder, and another coordinator where the employee
    was it.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.absence.began.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    absence: AbsenceRefField
    cancelled: Annotated[int, Field(ge=0)]
    """How many handovers to the employee were waiting, and are cancelled."""
    fell: Annotated[int, Field(ge=0)]
    """How many cases nobody had taken: the leader holds or coordinates them now."""


class AbsenceRegistered(EventData):
    """From the last day on the employee holds and coordinates nothing: what nobody has taken then falls to the unit's
    leader.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.absence.registered.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    absence: AbsenceRefField
    back_on: date | None = None
    cases: Annotated[int, Field(ge=0)]
    """How many cases the employee held or coordinated then."""
    falls_to: Party
    last_day: date
    person: ActorIdField
    reason: AbsenceReason
    unit: UnitIdField


class AbsenceWithdrawn(EventData):
    """The employee stays after all."""

    TYPE: ClassVar[str] = "no.lagspill.cases.absence.withdrawn.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    absence: AbsenceRefField


class AccessRecorded(EventData):
    """One user action. For content actually shown, denials apart; committed before the content leaves."""

    TYPE: ClassVar[str] = "no.lagspill.access.recorded.v1"
    TOPIC: ClassVar[str] = "lagspill.access.v1"

    actor: AccessActor
    address_protected: bool = False
    basis: LegalBasis | None = None
    case: CaseRefField | None = None
    categories: frozenset[InformationCategory] = frozenset()
    consent: ConsentRefField | None = None
    consent_version: int | None = None
    documents: tuple[DocumentRefField, ...] = ()
    item: ItemRefField | None = None
    kind: AccessKind
    meeting: MeetingRefField | None = None
    not_for_guardians: bool = False
    """Telling the guardians would endanger the child: a report on who has seen it leaves this out for them."""
    permitted: bool
    purpose: Purpose | None = None
    reason: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")] | None = None
    """A code: why it was denied, or why glass was broken."""
    recipients: tuple[Recipient, ...] = ()
    subject_ref: ActorIdField
    """The case; for a search or a list the actor; where somebody's absence was asked for in vain, that."""
    valid_to: AwareDatetime | None = None
    """The end of the period for which it was shared (pasientjournalloven § 22 a)."""


class AddressProtectionDue(EventData):
    """The protection's last day has come: it must be renewed or lifted, and holds until then."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.address-protection-due.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField


class AddressProtectionLifted(EventData):
    """The child's address is no longer protected. What the case's events name stays as little as before."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.address-protection-lifted.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField


class AddressProtectionSet(EventData):
    """The child's address is protected, with the register's last day if it has one. Published in the case's own log
    only.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.case.address-protection-set.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    kind: ProtectionKind
    valid_to: date | None = None
    """The last day; protection does not end by itself then, somebody must find out."""


class AdulthoodApproaching(EventData):
    """Within four months the child is of age: who holds the case plans how it ends, or who goes on with it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.adulthood-approaching.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    holder: Party


class AdulthoodOverdue(EventData):
    """The grown-up's case is still open after the time for ending it: it lies with the leader of the unit."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.adulthood-overdue.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    holder: Party


class AdulthoodReached(EventData):
    """The child is of age and decides alone; the guardians' part ends the same day (law-and-standards 3.3)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.adulthood-reached.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    end_by: AwareDatetime | None = None
    """Until when an open case must be closed or handed on; none when it is closed."""
    holder: Party | None = None


class AgendaItemAccepted(EventData):
    """Whoever calls the meeting took the item on; only then can it be discussed."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.accepted.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    item: ItemRefField
    meeting: MeetingRefField


class AgendaItemAdded(EventData):
    """An item is on the agenda. `case` stands here only for a named item (seed rules 2, 4, 7)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.added.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    basis: LegalBasis | None = None
    case: CaseRefField | None = None
    categories: frozenset[InformationCategory] = frozenset()
    consent: ConsentRefField | None = None
    consent_version: int | None = None
    covered: frozenset[Service] = frozenset()
    """The attending services inside the scope; the others leave the item and are shown neither item nor case. The unit
    that brings it is not among them: it needs no consent.
    """
    covered_seats: tuple[Seat, ...] = ()
    """Named: of the covered services, the barnehager and schools that take part, each by its unit."""
    family: frozenset[Role] = frozenset()
    """Named: as whom the child's family is invited, guardians and the child itself; never who (seed rules 12, 32, 73)."""
    held_by: Service | None = None
    held_by_unit: UnitIdField | None = None
    """Named: the barnehage or school that holds the consent and brings the item (seed rule 5)."""
    interpreters: frozenset[Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]] = frozenset()
    """Named: languages (BCP 47) in which the family is spoken with through an interpreter (seed rule 146)."""
    item: ItemRefField
    kind: ItemKind
    lifted: bool = False
    """Another arena lifted it to this one: nobody brought it here (seed rules 68, 69)."""
    meeting: MeetingRefField
    mode: ItemMode
    purpose: Purpose | None = None


class AgendaItemLeftOpen(EventData):
    """A meeting was recorded as held, and not whether an item by name on its agenda was discussed (seed rules 4, 5).

    Whoever recorded it may not have been shown the item: what was said of the child is to be recorded, or the item
    brought again.
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.left-open.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    case: CaseRefField
    item: ItemRefField
    meeting: MeetingRefField


class AgendaItemLiftWithdrawn(EventData):
    """What was lifted, and waited for a meeting of the other arena, was taken back by those who lifted it (seed rules
    68, 69).
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.lift-withdrawn.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    item: ItemRefField
    """As it stood where it was lifted from."""
    meeting: MeetingRefField
    mode: ItemMode
    reason: Literal["solved-here", "no-longer-needed", "taken-up-elsewhere", "by-mistake"]
    to_type: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]


class AgendaItemLifted(EventData):
    """What the arena does not solve itself goes on to the next meeting of the one that it lifts to (seed rules 68,
    69).
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.lifted.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    called_by: frozenset[Role] = frozenset()
    """In which roles the meetings of that arena are called: these are told that something waits."""
    item: ItemRefField
    led_by: UnitIdField | None = None
    """Of which unit, when it is leaders who call them; absent where the municipality has no such unit."""
    meeting: MeetingRefField
    mode: ItemMode
    to: ArenaRefField
    to_type: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]


class AgendaItemRemoved(EventData):
    """An item was taken off."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.removed.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    item: ItemRefField
    meeting: MeetingRefField
    reason: Literal["consent-withdrawn", "consent-expired", "basis-lapsed", "by-request"]


class ArenaDefined(EventData):
    """The municipality's profile defines this arena; published again when the profile changes it."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.arena.defined.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    arena: ArenaRefField
    arena_type: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    at_need: frozenset[Service] = frozenset()
    """May be invited; no other service may (seed rules 20, 55)."""
    duty_to_attend: bool = False
    fixed_services: frozenset[Service]
    """Always invited; at unit level the unit's own service too."""
    guardians: Guardians = Guardians.NONE
    level: ArenaLevel = ArenaLevel.MUNICIPALITY
    minutes: Annotated[int, Field(ge=15, le=600)]
    policy: ModePolicy
    profile_version: str
    """The hash of this arena's definition in the profile."""
    seats_per_organisation: int | None = None
    unit: UnitIdField | None = None
    """Whose arena it is, at unit level."""


class AuditJournalSealed(EventData):
    """The seal of the audit service."""

    TYPE: ClassVar[str] = "no.lagspill.audit.journal.sealed.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    lanes: Annotated[tuple[LaneEnd, ...], Field(max_length=500)] = ()
    """Lanes of the process that seals, of which no seal had said how far they go: everything up to there was committed
    before this seal, and has a lower `sourcesequence` than it.
    """
    last_number: Annotated[int, Field(ge=1)]
    root: str
    """Base64 of the 32-byte RFC 6962 root."""
    scope: LogScopeField


class BreakGlassOpened(EventData):
    """Somebody without a part in the case opened it in an emergency; it is always to be reviewed (invariant 12)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.break-glass.opened.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    basis: LegalBasis
    by: Party
    case: CaseRefField
    categories: frozenset[InformationCategory]
    glass: GlassRefField
    reason: GlassReason
    review_by: AwareDatetime
    until: AwareDatetime
    """When it closes by itself."""


class BreakGlassReviewEscalated(EventData):
    """Still nobody has: the privacy officer may review it from here on."""

    TYPE: ClassVar[str] = "no.lagspill.cases.break-glass.review-escalated.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    glass: GlassRefField


class BreakGlassReviewOverdue(EventData):
    """Nobody has reviewed it in time."""

    TYPE: ClassVar[str] = "no.lagspill.cases.break-glass.review-overdue.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    by: Party
    case: CaseRefField
    escalates_at: AwareDatetime
    glass: GlassRefField


class BreakGlassReviewed(EventData):
    """Somebody else judged whether it was justified, and it closed (pasientjournalloven § 22). The envelope's `authid`
    says who.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.break-glass.reviewed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    glass: GlassRefField
    outcome: GlassOutcome
    reviewer_role: Role


class CalendarAddressMade(EventData):
    """The calendar can be read without signing in, at an address that only its owner is shown; an earlier one no
    longer works.
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.calendar.address-made.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    calendar: CalendarRefField
    number: Annotated[int, Field(ge=1)]
    """Which of the calendar's addresses it is."""
    until: AwareDatetime


class CalendarAddressWithdrawn(EventData):
    """The calendar can be read signed in only."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.calendar.address-withdrawn.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    calendar: CalendarRefField
    number: Annotated[int, Field(ge=1)]


class CareOrderRecorded(EventData):
    """The child welfare service has taken over care, or gives it back: who must consent is another (barnevernsloven §
    5-1).
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.case.care-order-recorded.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    decision: DocumentRefField
    """The note of the decision, in the vault."""
    in_force: bool


class CaseAnonymised(EventData):
    """No basis to speak of the case by name is left (seed rule 2)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.anonymised.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField


class CaseClosed(EventData):
    """The case was closed: nothing open is left behind."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.closed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    outcome: Literal["goal-reached", "moved", "no-longer-wanted", "adult"]
    retention: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")] | None = None
    """The class of the dated retention list that says how long it is kept from now on (GDPR art. 5 (1) e)."""


class CaseContinued(EventData):
    """A case goes on in the log of an address-protected case, under a reference that leads back to nothing.

    Neither unit, organisation nor any reference or moment of before is in it; see the decision on address
    protection.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.case.continued.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    act_by: AwareDatetime
    area: Area
    case: CaseRefField
    concern: ConcernRefField
    decide_by: AwareDatetime | None = None
    family: tuple[FamilyMark, ...] = ()
    """Who is of the child's family."""
    for_whom: ForWhom
    guardians: Annotated[int, Field(ge=0, le=8)]
    holder: Party
    level: Annotated[int, Field(ge=0, le=3)]
    meeting_below_by: AwareDatetime | None = None
    """The same of the level below, when the case was stepped up from it before that met."""
    meeting_by: AwareDatetime | None = None
    """The meeting that its level calls for had not been held; it is to be within the usual time from now (seed rule
    68).
    """
    ordinals: tuple[int, ...]


class CaseDiscussed(EventData):
    """An item about a child was discussed. Anonymous: neither case, nor consent, nor actor (invariant 3; seed rules 2,
    4, 22).
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.case-discussed.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    attended_by: frozenset[Service] = frozenset()
    """Named: the services that stayed for the item, each inside the scope; the unit that brought it apart."""
    basis: LegalBasis | None = None
    case: CaseRefField | None = None
    categories: frozenset[InformationCategory] = frozenset()
    child: ChildPart | None = None
    child_absence: Literal["did-not-wish", "too-young", "ill", "not-asked", "other"] | None = None
    consent: ConsentRefField | None = None
    consent_version: int | None = None
    discussed_at: AwareDatetime | None = None
    """Named: the moment for which the basis was judged."""
    guardians_present: Annotated[int, Field(ge=0, le=8)] | None = None
    """Named: how many of the child's guardians heard it, if it was said (seed rule 12)."""
    item: ItemRefField
    meeting: MeetingRefField
    mode: ItemMode
    purpose: Purpose | None = None


class CaseErased(EventData):
    """What the vault held of the case is gone for good: its key was destroyed (GDPR art. 17). The log's entries stay."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.erased.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    reason: ErasureReason


class CaseIdentified(EventData):
    """The case may now be spoken of by name, on this basis (seed rules 2, 4)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.identified.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    basis: LegalBasis
    case: CaseRefField
    consent: ConsentRefField | None = None
    consent_version: int | None = None


class CaseLevelChanged(EventData):
    """The effort was stepped up or down (seed rules 68, 181)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.level-changed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    evaluation: MeasureRefField | None = None
    """The measure whose evaluation it rests on (seed rule 89)."""
    from_level: Annotated[int, Field(ge=0, le=3)]
    meeting_by: AwareDatetime | None = None
    """At level 2 or more: a meeting within two weeks."""
    reason: LevelReason
    team: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")] | None = None
    """The kind of team that takes it from here: the type of its arena (seed rule 68)."""
    to_level: Annotated[int, Field(ge=0, le=3)]
    with_service: Service | None = None


class CaseMeetingHeld(EventData):
    """The meeting that a step up called for was held: the case was discussed by name (seed rule 68)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.meeting-held.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    item: ItemRefField
    meeting: MeetingRefField


class CaseOpened(EventData):
    """A case was opened from a concern, with exactly one holder (stafettholder; seed rules 144, 181)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.opened.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    decide_by: AwareDatetime
    holder: Party
    level: Literal[1, 2, 3]
    meeting_by: AwareDatetime | None = None
    """Opened at level 2 or 3, where the right competence is: a meeting within two weeks (seed rules 68, 81)."""
    mode: Mode
    team: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")] | None = None
    """The kind of team that takes it: the type of its arena (seed rule 68)."""


class CaseReceived(EventData):
    """A case that began in another municipality goes on here, under a reference of its own, with what was handed over.

    The handover's reference is in both logs, and is all that leads from one to the other.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.case.received.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    act_by: AwareDatetime
    area: Area
    case: CaseRefField
    categories: frozenset[InformationCategory]
    """What came with it."""
    concern: ConcernRefField
    family: tuple[FamilyMark, ...] = ()
    """Who is of the child's family."""
    for_whom: ForWhom
    guardians: Annotated[int, Field(ge=0, le=8)]
    handover: HandoverRefField
    holder: Party
    ordinals: tuple[int, ...]


class CaseReopened(EventData):
    """A closed case was opened again, with a holder."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.reopened.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    decide_by: AwareDatetime | None = None
    """What is to be done is decided anew by then (seed rules 79, 144)."""
    end_by: AwareDatetime | None = None
    """The child is of age: it is closed or handed on by then."""
    holder: Party
    meeting_by: AwareDatetime | None = None
    """The meeting that its level calls for had not been held when it was closed (seed rule 68)."""


class CasesJournalSealed(EventData):
    """The seal of the cases service."""

    TYPE: ClassVar[str] = "no.lagspill.cases.journal.sealed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    lanes: Annotated[tuple[LaneEnd, ...], Field(max_length=500)] = ()
    """Lanes of the process that seals, of which no seal had said how far they go: everything up to there was committed
    before this seal, and has a lower `sourcesequence` than it.
    """
    last_number: Annotated[int, Field(ge=1)]
    root: str
    """Base64 of the 32-byte RFC 6962 root."""
    scope: LogScopeField


class ChainBroken(EventData):
    """What the log holds contradicts itself or a service's seal."""

    TYPE: ClassVar[str] = "no.lagspill.audit.chain.broken.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    kind: Literal["seal-contradicted", "number-reused", "id-reused", "tree-damaged"]
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    position: int | None = None
    """The entry that shows it."""
    source: str | None = None
    """The service whose records contradict each other."""


class CheckpointSigned(EventData):
    """A tree head was signed (RFC 6962 § 3.5 in C2SP's form). Published now and then, not for every one that is
    signed.
    """

    TYPE: ClassVar[str] = "no.lagspill.audit.checkpoint.signed.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    note: str
    """The whole signed note."""
    root: str
    """Base64 of the 32-byte root."""
    size: Annotated[int, Field(ge=0)]


class ChildMeetingMissing(EventData):
    """A child's meeting is neither held nor called, while it still can be: who is to call it hears so, once (seed
    rules 10, 29).
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.child-meeting.missing.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    arena_type: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    case: CaseRefField
    coordinator: ActorIdField | None = None
    """Who coordinates the group or the plan; absent where nobody does, and it lies with whoever holds the case (seed
    rule 23).
    """
    day: date
    """The last one of the term, or of the arena's window."""
    deviation: DeviationRefField
    rule: Annotated[int, Field(ge=1, le=193)]
    """The seed rule that asks for the meeting."""


class ChildNotHeard(EventData):
    """The child was not heard before a decision, for a reason that the code list allows (barnevernsloven § 1-4; seed
    rule 99).
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.case.child-not-heard.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    before: Literal["consent", "measure", "handover", "plan", "concern-report"]
    case: CaseRefField
    noted_at: AwareDatetime
    reason: Literal["too-young", "does-not-wish", "not-able", "danger"]


class CompetenceRecorded(EventData):
    """How many of a unit's staff have a competence: counts, and never who (seed rules 112, 115, 117)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.competence.recorded.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    competence: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    having: Annotated[int, Field(ge=0, le=2000)]
    on: date
    """The day for which it was counted."""
    staff: Annotated[int, Field(ge=1, le=2000)]
    unit: UnitIdField
    unit_register: UnitRegisterRefField


class ConcernEscalated(EventData):
    """The concern was lifted to where the right competence is (seed rule 81)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern.escalated.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    concern: ConcernRefField
    next_level: Literal[1, 2, 3]


class ConcernJoined(EventData):
    """A further concern about a child became part of the case there is; only by somebody who may know of it (seed
    rules 49, 79).
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.concern.joined.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    act_by: AwareDatetime
    area: Area
    case: CaseRefField
    concern: ConcernRefField
    for_whom: ForWhom
    registered_by: Party


class ConcernRegistered(EventData):
    """An employee registered a concern (uro); it may not rest (seed rules 78, 79, 103, 180)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern.registered.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    act_by: AwareDatetime
    """Fourteen days after registration: act, or lift it."""
    address_protected: bool = False
    """Unit and organisation are absent from every event of such a case, and its log has an opaque name."""
    area: Area
    case: CaseRefField
    concern: ConcernRefField
    family: tuple[FamilyMark, ...] = ()
    """Who is of the child's family; in an event from before this was said, nobody."""
    for_whom: ForWhom
    guardians: Annotated[int, Field(ge=0, le=8)]
    """How many hold parental responsibility, and so must grant."""
    registered_by: Party


class ConcernReportFailed(EventData):
    """The channel did not take it; it goes by letter."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.failed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    attempts: Annotated[int, Field(ge=1)]
    case: CaseRefField
    fallback: Literal["letter"] = "letter"
    reason: Literal["refused", "unreachable"]
    report: ConcernReportRefField


class ConcernReportFeedback(EventData):
    """Child welfare has answered (barnevernsloven § 13-3)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.feedback.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    kind: Literal["received", "investigating", "dismissed", "investigation-ended"]
    late: bool = False
    report: ConcernReportRefField


class ConcernReportGuardiansInformed(EventData):
    """The guardians have been told of it after it was sent: from now on they are shown that it went, and never its
    words.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.guardians-informed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    report: ConcernReportRefField


class ConcernReportPosted(EventData):
    """The letter was printed and posted."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.posted.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    by: Party
    case: CaseRefField
    report: ConcernReportRefField


class ConcernReportReceived(EventData):
    """The channel has receipted it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.received.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    channel: Literal["digital", "letter"]
    received_at: AwareDatetime
    report: ConcernReportRefField


class ConcernReportSent(EventData):
    """Somebody with the duty to report did; that goes before confidentiality and consent (barnevernsloven § 13-2; seed
    rule 93).
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.sent.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    basis: LegalBasis
    case: CaseRefField
    channel: Literal["digital", "letter"]
    deliver_by: AwareDatetime
    """Until when the digital channel is tried before it goes by letter."""
    feedback_by: AwareDatetime
    """Three weeks: until then child welfare answers a public reporter (barnevernsloven § 13-3)."""
    guardians_informed: bool
    """False: telling them would endanger the child, and nothing of the report is shown to them."""
    report: ConcernReportRefField
    reporter: Party
    sent_at: AwareDatetime


class ConcernReportUnanswered(EventData):
    """Three weeks have passed without an answer: the reporter and the unit's leader are told."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.unanswered.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    report: ConcernReportRefField
    reporter: Party


class ConcernResolvedLocally(EventData):
    """Those nearest the child solved it (seed rules 80, 81)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern.resolved-locally.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    concern: ConcernRefField
    outcome: LocalOutcome


class ConsentConfirmed(EventData):
    """Those who must consent now have: it is in force, from now if it was suspended."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.confirmed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    consent: ConsentRefField
    reason: ReassessmentReason
    scope: Scope
    valid_from: date
    valid_to: date
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentDisagreed(EventData):
    """Of those who must grant one has granted and another refused: no consent, until they agree (seed rule 4)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.disagreed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    consent: ConsentRefField
    granted: dict[GrantorClass, int]
    refused: dict[GrantorClass, int]
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentExpired(EventData):
    """The consent's last day has passed."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.expired.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    consent: ConsentRefField
    ended: Scope | None = None
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentExpiring(EventData):
    """The consent's last day comes near: renew it, or let it end."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.expiring.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    consent: ConsentRefField
    days_left: Annotated[int, Field(ge=0)]
    valid_to: date
    """The last day, in Norway."""
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentGranted(EventData):
    """One more of those who must grant has granted; `active` when none is missing (seed rule 4)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.granted.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    active: bool
    case: CaseRefField
    consent: ConsentRefField
    evidence: EvidenceForm
    evidence_ref: DocumentRefField | None = None
    """The note of how it was given, in the vault; none when it was signed in."""
    grantor: GrantorClass
    ordinal: Annotated[int, Field(ge=1)]
    """Which of that class: the first guardian in the vault, the second. Never who."""
    renewal: bool = False
    """It was granted for the next period (see `ConsentRenewed`)."""
    scope: Scope
    valid_from: date
    valid_to: date
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentLapsed(EventData):
    """Not all answered within the time: there is no consent, and nobody is asked any more."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.lapsed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    consent: ConsentRefField
    renewal: bool = False
    """Only the question about the next period lapsed."""
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentNarrowed(EventData):
    """Part of the consent was withdrawn: a new version with the smaller scope, effective at once."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.narrowed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    consent: ConsentRefField
    effective_at: AwareDatetime
    ended: Scope
    evidence_ref: DocumentRefField | None = None
    """The note of how it was said, in the vault; none when it was signed in."""
    scope: Scope
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentOverridden(EventData):
    """Confidentiality was overridden by law, for these services, kinds of information and purposes, until a day."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.overridden.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    basis: LegalBasis
    case: CaseRefField
    guardians_informed: bool = False
    """Whether the guardians have been told of it; of danger that may come from them they are told when somebody says
    so.
    """
    made_by: Party
    not_heard: NotHeardReason | None = None
    override: OverrideRefField
    reason: OverrideReason
    review_by: AwareDatetime
    reviewer: Role
    scope: Scope
    valid_from: date
    valid_to: date
    """The last day, in Norway."""


class ConsentOverrideEnded(EventData):
    """Nothing may be shared on it any more."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.override-ended.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    override: OverrideRefField
    reason: Literal["last-day-passed", "not-justified"]


class ConsentOverrideGuardiansInformed(EventData):
    """The guardians have been told of it, after it was made and apart from its review: from now on it is shown to
    them.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.override-guardians-informed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    override: OverrideRefField


class ConsentOverrideReviewOverdue(EventData):
    """Nobody has judged it in time: the leaders of the unit are told."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.override-review-overdue.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    override: OverrideRefField
    unit: UnitIdField | None = None
    """Absent for an address-protected case."""


class ConsentOverrideReviewed(EventData):
    """A leader has judged it; what was not justified ends at once."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.override-reviewed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    guardians_informed: bool = False
    """Whether the guardians have been told of it by now."""
    justified: bool
    override: OverrideRefField
    reviewer: Role


class ConsentReassessmentDue(EventData):
    """Who must consent is another from now on, or must say it again; who has not by `confirm_by` suspends it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.reassessment-due.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    anew: bool = False
    """All must say it again, also who has granted before."""
    case: CaseRefField
    confirm_by: AwareDatetime | None = None
    """None: nobody is missing."""
    consent: ConsentRefField
    guardians: tuple[int, ...]
    """Which guardians may answer from now on, by their ordinals; never who."""
    needed: dict[GrantorClass, int]
    """How many of each class must consent from now on."""
    reason: ReassessmentReason
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentReceiptMissing(EventData):
    """A consumer that must act on a withdrawal has not said that it did: an alarm."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.receipt-missing.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    consent: ConsentRefField
    consumer: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentRefused(EventData):
    """One of those who must grant said no; refusal is recorded and nothing more is asked for."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.refused.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    consent: ConsentRefField
    evidence_ref: DocumentRefField | None = None
    """The note of how it was said, in the vault; none when it was signed in."""
    grantor: GrantorClass
    ordinal: Annotated[int, Field(ge=1)]
    renewal: bool = False
    """Only the next period was refused: what is valid stays valid until it expires."""
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentRenewalRequested(EventData):
    """The same scope was asked for until a later day; what is valid now stays valid until that is granted, or it
    expires.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.renewal-requested.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    answer_by: AwareDatetime
    case: CaseRefField
    consent: ConsentRefField
    guardians: tuple[int, ...]
    """Which guardians may answer, by their ordinals; never who."""
    held_by_unit: UnitIdField | None = None
    """The barnehage or school that asks, and holds it from its renewal on (seed rule 5). Absent for an address-
    protected case.
    """
    languages: frozenset[Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]]
    needed: dict[GrantorClass, int]
    scope: Scope
    valid_to: date
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentRenewed(EventData):
    """All who must grant have granted the next period: from here this version counts, and no earlier one."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.renewed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    consent: ConsentRefField
    held_by_unit: UnitIdField | None = None
    """The barnehage or school that asked for the next period, and holds it from here on; absent: as before (seed rule
    5).
    """
    scope: Scope
    superseded: Annotated[int, Field(ge=1)]
    """The version that it replaces."""
    valid_from: date
    valid_to: date
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentRequested(EventData):
    """Consent was asked for, and from whom it is needed (seed rules 4, 14)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.requested.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    answer_by: AwareDatetime | None = None
    """When it lapses if not all have answered by then."""
    case: CaseRefField
    consent: ConsentRefField
    daily_care: bool = False
    """It is for daily care, or necessary so that the child comes to no harm (pbrl § 4-4): one holder may be enough."""
    guardians: tuple[int, ...] = ()
    """Which guardians may answer, by their ordinals; never who. Empty: all that the case began with."""
    held_by_unit: UnitIdField | None = None
    """The barnehage or school that must hold the consent (seed rule 5). Absent for an address-protected case."""
    languages: frozenset[Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]]
    """Languages (BCP 47) in which the request must be understood (seed rules 101, 146)."""
    needed: dict[GrantorClass, int]
    """How many of each class must grant."""
    scope: Scope
    valid_from: date
    valid_to: date
    """The last day, in Norway."""
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentSuspended(EventData):
    """Whoever must consent now has not confirmed it, or said no: nothing may be shared on it until they do."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.suspended.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    consent: ConsentRefField
    effective_at: AwareDatetime
    ended: Scope
    reason: ReassessmentReason
    refused: bool = False
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsentWithdrawn(EventData):
    """The whole consent was withdrawn, effective at once (pbrl § 4-1, GDPR art. 7)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.consent.withdrawn.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    consent: ConsentRefField
    effective_at: AwareDatetime
    ended: Scope
    evidence_ref: DocumentRefField | None = None
    """The note of how it was said, in the vault; none when it was signed in."""
    version: Annotated[int, Field(ge=1)]
    """Counts what changed of what may be shared: a use is judged against the version valid at that moment."""


class ConsultationAnswered(EventData):
    """A body has answered; version 2 and later are corrections before the hearing was closed."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consultation.answered.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    answered_at: AwareDatetime | None = None
    """When this version was given; absent in an event of before that was said."""
    consultation: ConsultationRefField
    corrected_late: bool = False
    """It is a correction, and came after the time was out: what stands now is not what stood then."""
    late: bool = False
    """The first answer came after the time was out; no correction changes that."""
    position: Position
    service: Service
    unit: UnitIdField
    version: Annotated[int, Field(ge=1)]


class ConsultationClosed(EventData):
    """Nobody answers any more; who did and who did not."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consultation.closed.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    answered: tuple[Body, ...]
    consultation: ConsultationRefField
    reason: Literal["completed", "withdrawn"]
    unanswered: tuple[Body, ...]


class ConsultationEscalated(EventData):
    """A week after the time was out these bodies still have not answered: whoever opened the hearing is told."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consultation.escalated.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    answer_by: AwareDatetime
    bodies: Annotated[tuple[Body, ...], Field(min_length=1)]
    consultation: ConsultationRefField


class ConsultationOpened(EventData):
    """Bodies are heard in a matter; what it is they read with the service."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consultation.opened.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    answer_by: AwareDatetime
    arena_type: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """Where the matter is taken up."""
    bodies: Annotated[tuple[Body, ...], Field(min_length=1)]
    consultation: ConsultationRefField
    kind: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """Which of the profile's hearings it is."""
    opened_by: Party


class ConsultationOverdue(EventData):
    """The time is out, and these bodies have not answered."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consultation.overdue.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    answer_by: AwareDatetime
    bodies: Annotated[tuple[Body, ...], Field(min_length=1)]
    consultation: ConsultationRefField


class ContactPersonChosen(EventData):
    """The guardians chose whom in the team they turn to (seed rules 33-35)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.contact-person-chosen.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    chosen_by: Literal["guardians"] = "guardians"
    evidence: EvidenceForm | None = None
    role: Role
    service: Service


class ContributionAccepted(EventData):
    """Somebody who may decide for the service takes part (seed rules 71, 72)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.accepted.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    by: Party
    case: CaseRefField
    contribution: ContributionRefField
    late: bool = False


class ContributionDeclined(EventData):
    """The service's leader said no, with a reason; nobody else can (seed rule 82)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.declined.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    by: Party
    case: CaseRefField
    contribution: ContributionRefField
    late: bool = False
    reason: Literal["wrong-service", "no-capacity", "already-contributing", "not-lawful"]


class ContributionEnded(EventData):
    """Nothing more is asked: it was given, taken back, or may no longer be asked for."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.ended.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    contribution: ContributionRefField
    reason: Literal["given", "withdrawn", "basis-lapsed", "case-closed"]


class ContributionEscalated(EventData):
    """It still has not: the service's leader must answer (seed rules 82, 95)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.escalated.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    contribution: ContributionRefField
    service: Service
    unit: UnitIdField | None = None


class ContributionOverdue(EventData):
    """The service has not answered in time."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.overdue.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    contribution: ContributionRefField
    service: Service
    unit: UnitIdField | None = None


class ContributionRequested(EventData):
    """A service was asked to contribute; it must, and answers in time (seed rules 82, 102)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.requested.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    anonymous: bool
    """Without the child's name, and so without consent; the service is not told which case it is."""
    asked_by: Party
    case: CaseRefField
    categories: frozenset[InformationCategory] = frozenset()
    consent: ConsentRefField | None = None
    consent_version: int | None = None
    contribution: ContributionRefField
    meeting: MeetingRefField | None = None
    """The meeting that decided it: what is asked in words stands in its minutes."""
    purpose: Purpose | None = None
    reason: ContributionReason
    respond_by: AwareDatetime
    service: Service
    unit: UnitIdField | None = None
    """The barnehage or school asked; absent for an address-protected case."""


class CoordinatorAppointed(EventData):
    """Somebody coordinates from here on; whoever did before does no more."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.coordinator-appointed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    coordinator: Party
    kind: CoordinatorKind


class CoordinatorEnded(EventData):
    """Nobody is appointed any more."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.coordinator-ended.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    kind: CoordinatorKind
    reason: Literal["guardians-wish", "no-longer-needed", "adult", "basis-lapsed", "case-closed"]


class CoordinatorRequested(EventData):
    """The guardians or the child asked for a child coordinator (barnekoordinator)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.coordinator-requested.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    evidence: EvidenceForm
    kind: CoordinatorKind
    requested_by: Literal["guardian", "child"]


class DeadlineApproaching(EventData):
    """There is still time, but not much (seed rule 79)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.approaching.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    case: CaseRefField | None = None
    deadline: DeadlineRefField
    due: AwareDatetime
    kind: DeadlineKind


class DeadlineClosed(EventData):
    """Nothing more is waited for: it was done, or it is no longer to be done."""

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.closed.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    case: CaseRefField | None = None
    deadline: DeadlineRefField
    due: AwareDatetime
    kind: DeadlineKind
    reason: Literal["done", "cancelled"]


class DeadlineMissed(EventData):
    """The time has passed."""

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.missed.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    case: CaseRefField | None = None
    deadline: DeadlineRefField
    due: AwareDatetime
    kind: DeadlineKind


class DeadlineReassigned(EventData):
    """Somebody else must act now: the baton moved (seed rule 107)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.reassigned.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    case: CaseRefField | None = None
    deadline: DeadlineRefField
    due: AwareDatetime
    kind: DeadlineKind
    responsible: Responsible


class DeadlineSet(EventData):
    """Something must be done by then. Set again, it is a new round: the next evaluation of the same measure (seed rule
    89).
    """

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.set.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    case: CaseRefField | None = None
    coordination: CoordinatorKind | None = None
    deadline: DeadlineRefField
    due: AwareDatetime
    escalate_at: AwareDatetime | None = None
    """When the unit's leader is told; absent where that is nobody's business (a guardian may leave a question
    unanswered).
    """
    kind: DeadlineKind
    matter: Literal["meeting"] | None = None
    """What its kind does not say: a case is decided on in a meeting that its step up called for (seed rule 68)."""
    remind_at: AwareDatetime | None = None
    """When the responsible is reminded; absent when there is no time for it."""
    responsible: Responsible


class DeviationFound(EventData):
    """Something was not as the rules of an arena say, and leaders are to know it (seed rules 8, 40, 54, 64, 95); once
    of each.
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.deviation.found.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    absent: frozenset[Service] = frozenset()
    """Of which services nobody came, with a duty to attend: their leaders are told too (seed rule 54)."""
    arena_type: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    day: date
    """The meeting's; of a period its last one; of a unit without an arena the day on which it was found."""
    deviation: DeviationRefField
    kind: DeviationKind
    led_by: frozenset[UnitIdField] = frozenset()
    """The units whose leaders are told: whose arena it is, or the municipality's administration."""
    meeting: MeetingRefField | None = None
    """Which meeting was not as it should; absent when it is one that was not called."""
    rule: Annotated[int, Field(ge=1, le=193)]
    """The seed rule that it departs from."""
    unit: UnitIdField | None = None
    """Whose arena it is, at unit level; or to whom the children of the units that are to meet go on (seed rules 15,
    16).
    """


class DocumentAdded(EventData):
    """A document was put into the vault."""

    TYPE: ClassVar[str] = "no.lagspill.cases.document.added.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    by: Party | None = None
    case: CaseRefField
    category: InformationCategory
    document: DocumentRefField
    media: MediaType
    size: Annotated[int, Field(ge=1)]
    """Bytes; of a document that went on with a case, the power of two at or above them."""


class EntriesPruned(EventData):
    """Content of the log was removed by policy: positions and leaf hashes stay, so every checkpoint still verifies."""

    TYPE: ClassVar[str] = "no.lagspill.audit.entries.pruned.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    first: Annotated[int, Field(ge=0)]
    """Whole bundles: a multiple of 256."""
    holds: tuple[str, ...] = ()
    """The holds that were in force in the log, by name: nothing that they keep was among these entries."""
    last: Annotated[int, Field(ge=0)]
    """The last position that was removed."""
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    numbers: tuple[PrunedNumbers, ...] = ()
    """Which records of which service were among them; several events of one range where one would be too large."""
    policy: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the policy's canonical JSON."""
    rule: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{2,59}$")]
    """The rule that kept an entry of these longest."""


class EscalationRaised(EventData):
    """The unit's leader was told (seed rule 95); of an address-protected case, whoever has the municipality's duty for
    it.
    """

    TYPE: ClassVar[str] = "no.lagspill.notify.escalation.raised.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    case: CaseRefField | None = None
    deadline: DeadlineRefField
    due: AwareDatetime
    kind: DeadlineKind
    municipality: MunicipalityField | None = None
    """Whose unit that is, when it is another municipality's than the one whose log this is in."""
    unit: UnitIdField | None = None


class ExportCut(EventData):
    """The file was cut off: the right to the log had ended before all of it had left. It has no last line, and is no
    whole file.
    """

    TYPE: ClassVar[str] = "no.lagspill.audit.export.cut.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    count: Annotated[int, Field(ge=0)]
    """How many lines for entries had left by then."""
    export: ExportRefField


class ExportDelivered(EventData):
    """The whole file has left."""

    TYPE: ClassVar[str] = "no.lagspill.audit.export.delivered.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    count: Annotated[int, Field(ge=0)]
    """How many lines it has for entries."""
    export: ExportRefField
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of everything before its last line."""
    unreadable: Annotated[int, Field(ge=0)] = 0
    """How many access records it has no line for, as they are not of the agreed form; its last line says so too."""


class ExportOrdered(EventData):
    """Somebody entitled asked for entries as a file. Each time it is fetched, an access record tells so."""

    TYPE: ClassVar[str] = "no.lagspill.audit.export.ordered.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    export: ExportRefField
    filter: ExportFilter
    format: ExportFormat
    language: Language
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    size: Annotated[int, Field(ge=0)]
    """Of the checkpoint that it is made from."""


class FamilyMarked(EventData):
    """Who is of the child's family was said anew: by a key of names that has changed, or in a case from before it was
    said.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.case.family-marked.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    family: tuple[FamilyMark, ...]


class FigureCorrected(EventData):
    """Another number stands in its place from now on; those before are kept."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.figure.corrected.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    figure: EnteredFigureRefField
    indicator: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """Of the municipality's profile."""
    number: Annotated[int, Field(ge=2)]
    """Which entry of it this is."""
    period: Annotated[str, Field(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])|-autumn|-spring|-[0-9]{4})?$")]
    reason: FigureCorrection
    unit: UnitIdField | None = None
    """Absent: it is the municipality's."""


class FigureDropped(EventData):
    """The municipality's profile no longer asks for it by a day: nobody waits for it."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.figure.dropped.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    figure: EnteredFigureRefField
    indicator: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """Of the municipality's profile."""
    period: Annotated[str, Field(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])|-autumn|-spring|-[0-9]{4})?$")]
    unit: UnitIdField | None = None
    """Absent: it is the municipality's."""


class FigureEntered(EventData):
    """Somebody who may has entered it, for the first time: nobody waits for it any more."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.figure.entered.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    figure: EnteredFigureRefField
    indicator: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """Of the municipality's profile."""
    period: Annotated[str, Field(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])|-autumn|-spring|-[0-9]{4})?$")]
    unit: UnitIdField | None = None
    """Absent: it is the municipality's."""


class FigureExpected(EventData):
    """Its period is over, and it is to be entered by a day that the municipality's profile says; nobody has."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.figure.expected.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    due: date
    """The last day in Norway on which it is in time."""
    figure: EnteredFigureRefField
    indicator: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """Of the municipality's profile."""
    led_by: UnitIdField | None = None
    """Whose leaders are told when nobody enters it; absent where the municipality has no such unit."""
    owed_by: Role
    owing_unit: UnitIdField | None = None
    """By those of this unit only; absent: whoever has the role in the municipality."""
    period: Annotated[str, Field(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])|-autumn|-spring|-[0-9]{4})?$")]
    unit: UnitIdField | None = None
    """Absent: it is the municipality's."""


class FindingExplained(EventData):
    """The privacy officer wrote the explanation, and it is no breach to report."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.explained.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    at: AwareDatetime
    finding: FindingRefField
    outcome: FindingOutcome


class FindingExtended(EventData):
    """The same behaviour went on: another child, or another day."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.extended.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    entries: Annotated[int, Field(ge=1)]
    """How many entries it rests on now."""
    finding: FindingRefField
    last_position: Annotated[int, Field(ge=0)]


class FindingJudged(EventData):
    """It was judged a personal data breach: from here the 72 hours are counted (GDPR art. 33)."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.judged.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    at: AwareDatetime
    finding: FindingRefField
    report_by: AwareDatetime


class FindingOverdue(EventData):
    """A due date of a finding has passed: an alarm."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.overdue.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    due: AwareDatetime
    finding: FindingRefField
    missing: Literal["explanation", "reporting"]


class FindingRaised(EventData):
    """Entries of a log show a pattern; a person has to look, and until a moment to explain it."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.raised.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    about: ActorIdField | None = None
    """Whose behaviour; absent where it is a service's."""
    entries: Annotated[int, Field(ge=1)]
    explain_by: AwareDatetime
    finding: FindingRefField
    first_position: Annotated[int, Field(ge=0)]
    last_position: Annotated[int, Field(ge=0)]
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin."""
    pattern: Pattern


class FindingReported(EventData):
    """It was reported to the supervisory authority (Datatilsynet)."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.reported.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    at: AwareDatetime
    finding: FindingRefField
    late: bool
    """After the 72 hours: the report gives the reasons (GDPR art. 33(1))."""


class GapFound(EventData):
    """A service's numbers have a hole: something it published is not in the log."""

    TYPE: ClassVar[str] = "no.lagspill.audit.gap.found.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    first_missing: Annotated[int, Field(ge=0)]
    last_missing: Annotated[int, Field(ge=0)]
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    source: str


class GuardiansChanged(EventData):
    """From now on these guardians, and no others, have parental responsibility, and so must grant (law-and-standards
    3.3).
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.case.guardians-changed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    guardians: Annotated[int, Field(ge=0, le=8)]
    ordinals: tuple[int, ...]


class GuardianshipRecorded(EventData):
    """It was recorded that parental responsibility (foreldreansvar) begins or ends on a day. It holds from that day."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.guardianship-recorded.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    change: Literal["begins", "ends"]
    effective_on: date
    """The first day with it, or the last."""
    family: tuple[FamilyMark, ...] = ()
    """Who it is, as one of the child's family, which lasts when the responsibility ends; nobody when it was recorded
    wrongly.
    """
    ground: GuardianGround
    ordinal: Annotated[int, Field(ge=1)]
    """Which guardian of the vault; never who."""


class GuidanceHoursRecorded(EventData):
    """How long a unit gave guidance in a week; recorded again, it is this that counts (seed rule 163)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.guidance-hours.recorded.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    code: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    minutes: Annotated[int, Field(ge=0, le=2400)]
    unit: UnitIdField
    unit_register: UnitRegisterRefField
    week: date
    """Its Monday."""


class HandoverAccepted(EventData):
    """The receiver, or the receiver's leader on behalf, took the baton: from here the receiver is the holder."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.accepted.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    by_rule: bool = False
    """The holder's last day was over and nobody had taken the baton: it fell to the leader of the unit (seed rule
    107).
    """
    case: CaseRefField
    handover: HandoverRefField
    holder: Party
    on_behalf: bool = False


class HandoverCancelled(EventData):
    """Its basis lapsed before it was accepted; the sender holds on."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.cancelled.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    handover: HandoverRefField
    reason: Literal["basis-lapsed", "receiver-gone", "case-closed"]


class HandoverCompleted(EventData):
    """It is accepted, and each document of the package has been received."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.completed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    handover: HandoverRefField


class HandoverCoordinationAccepted(EventData):
    """The receiver, or the receiver's leader on behalf, took the coordination: who was appointed by it stands beside
    it.

    The baton is where it was.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.coordination-accepted.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    by_rule: bool = False
    """The coordinator's last day was over and nobody had taken it: it fell to the leader of that unit (seed rule 107)."""
    case: CaseRefField
    coordination: CoordinatorKind
    handover: HandoverRefField
    on_behalf: bool = False


class HandoverEscalated(EventData):
    """The time is out, and it lies with the leader of the receiver's unit to answer on behalf (seed rules 82, 107)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.escalated.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    handover: HandoverRefField
    service: Service | None = None
    unit: UnitIdField | None = None
    """Whose leader. Absent for an address-protected case."""


class HandoverOverdue(EventData):
    """Nobody answered in time; the receiver's leader is asked to answer on behalf."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.overdue.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    handover: HandoverRefField
    receiver: Party


class HandoverProposed(EventData):
    """A handover was drafted and has not been sent: nobody but the sender knows of it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.proposed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    handover: HandoverRefField
    package: Package
    receiver: Party
    respond_by: AwareDatetime | None = None
    """The usual time from the sending, when nothing is said."""
    route: HandoverRoute
    sender: Party
    to_municipality: MunicipalityField | None = None
    """Where it is to go when it leaves the municipality; absent for an address-protected case."""


class HandoverReceived(EventData):
    """The receiver opened it, or a document of it: each document in the package has its own receipt."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.received.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    documents: tuple[DocumentRefField, ...] = ()
    """What was received just now; none when it was the handover alone that was opened."""
    handover: HandoverRefField


class HandoverRejected(EventData):
    """The receiver said no, with a reason; the sender holds on."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.rejected.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    handover: HandoverRefField
    on_behalf: bool = False
    reason: Literal["capacity", "wrong-unit", "absent", "missing-information", "other"]


class HandoverSent(EventData):
    """The baton was offered to a named receiver, to answer within a time (seed rule 107)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.sent.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    basis: LegalBasis
    case: CaseRefField
    consent: ConsentRefField | None = None
    consent_version: int | None = None
    coordination: CoordinatorKind | None = None
    form: FormRefField | None = None
    handover: HandoverRefField
    kind: HandoverKind
    on_behalf: bool = False
    """The holder is away, and the leader of the holder's unit sent it (seed rule 107). The sender is the holder all
    the same.
    """
    package: Package
    receiver: Party
    respond_by: AwareDatetime
    route: HandoverRoute | None = None
    sender: Party
    to_municipality: MunicipalityField | None = None
    """Where it goes when it leaves the municipality; absent for an address-protected case."""


class HandoverTransferred(EventData):
    """The receiver in another municipality accepted. A new case goes on there, in that municipality's log; this one is
    closed.

    The handover's reference is in both logs, and is all that leads from one to the other.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.transferred.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    handover: HandoverRefField
    on_behalf: bool = False


class HandoverWithdrawn(EventData):
    """The sender took it back."""

    TYPE: ClassVar[str] = "no.lagspill.cases.handover.withdrawn.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    handover: HandoverRefField


class HoldLifted(EventData):
    """A hold is in force no more."""

    TYPE: ClassVar[str] = "no.lagspill.audit.hold.lifted.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    at: AwareDatetime
    case: CaseRefField | None = None
    """Of what it was, as when it was placed."""
    hold: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{2,59}$")]
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""


class HoldPlaced(EventData):
    """Something must not be pruned, whatever the policy says, until it is lifted: the whole log, or everything about
    one case.
    """

    TYPE: ClassVar[str] = "no.lagspill.audit.hold.placed.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    at: AwareDatetime
    case: CaseRefField | None = None
    """None: everything in the log."""
    hold: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{2,59}$")]
    """Its name, never used twice."""
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""


class IdentityCorrected(EventData):
    """What the vault has of who the child is was corrected (GDPR art. 16)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.identity-corrected.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    family: tuple[FamilyMark, ...] = ()
    """Who the child is, when the number was wrong: the one of before is not of the family."""
    parts: frozenset[Literal["name", "national-number", "born"]]
    version: Annotated[int, Field(ge=2)]


class IndexDamaged(EventData):
    """What an entry is found by, beside the log, is not what the entry says: searches and reports may have left it
    out.

    The entry itself is as it was signed, or `lagspill-verify` finds that it is not: the tree is over the entries
    alone.
    """

    TYPE: ClassVar[str] = "no.lagspill.audit.index.damaged.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    column: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    """What is not as the entry says: `case_ref`, `actor`, `kind`, .."""
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    position: Annotated[int, Field(ge=0)]
    """The entry."""
    source: Annotated[str, Field(pattern=r"^/services/[a-z][a-z0-9-]{1,30}$")] | None = None
    """Whose record the entry is, as it says itself; absent where it cannot be read."""


class InnsynReportMade(EventData):
    """A guardian or a child was told who has seen the case (pasientjournalloven § 22 a, GDPR art. 15): how much, never
    what.
    """

    TYPE: ClassVar[str] = "no.lagspill.audit.innsyn-report.made.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    asked_by: ActorIdField
    case: CaseRefField
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    looks: Annotated[int, Field(ge=0)]
    """How many readings and disclosures it tells of."""
    relation: Literal["guardian", "child"]
    report: InnsynReportRefField
    size: Annotated[int, Field(ge=0)]
    """Of the checkpoint that it was made from."""


class InvitationAnswered(EventData):
    """Somebody who was invited accepted or declined; it counts until the meeting begins, is moved, or they answer
    again.

    Who was there in the end is said when the meeting is held (seed rules 54, 71-73, 82).
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.invitation.answered.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    answer: InvitationAnswer
    answered_at: AwareDatetime
    deputy: Deputy | None = None
    duty: bool = False
    """The seat has a duty to attend."""
    item: ItemRefField | None = None
    """Guardian or child: the named item for which they are invited."""
    meeting: MeetingRefField
    ordinal: Annotated[int, Field(ge=1)] | None = None
    """Guardian or child: which of those who have answered; not who."""
    reason: Literal["ill", "double-booked", "vacant", "other"] | None = None
    role: Role | None = None
    seat: Seat | None = None


class IrregularityFound(EventData):
    """A record, or what a record's absence leaves behind, is not as the services publish."""

    TYPE: ClassVar[str] = "no.lagspill.audit.irregularity.found.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    first: Annotated[int, Field(ge=1)] | None = None
    """The first number concerned: of the subject's `sequence`, or the lane's count, or else the record's
    `sourcesequence`.
    """
    kind: Literal["subject-gap", "subject-reused", "unnumbered", "foreign-source", "lane-gap"]
    """A hole in a subject's own `sequence`; one of its numbers used twice; an event without a `sourcesequence`; a
    record on a topic that is not its service's; a hole in a lane, from which a record was taken before its service
    had numbered it.
    """
    last: Annotated[int, Field(ge=1)] | None = None
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    position: Annotated[int, Field(ge=0)] | None = None
    """The first entry that shows it."""
    source: Annotated[str, Field(pattern=r"^/services/[a-z][a-z0-9-]{1,30}$")]
    """In whose name the record is."""
    subject_ref: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/:-]{1,120}$")] | None = None
    """Whose `sequence` it is about; of a lane, `lane:` and its name."""


class KeyAnnounced(EventData):
    """A key signs the log from now on, after another one, which vouches for it: both sign the checkpoints that cover
    this.
    """

    TYPE: ClassVar[str] = "no.lagspill.audit.key.announced.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    previous: str
    """The key before it."""
    previous_valid_to: AwareDatetime
    """Until when that one signs too; the moment of this event where it is no longer at hand."""
    valid_from: AwareDatetime
    vkey: str
    """The new key (C2SP signed-note § Verifier keys)."""


class LanguageNeedRecorded(EventData):
    """In which language one of the family is spoken with, and whether it takes an interpreter (seed rule 146)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.language-need-recorded.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    interpreter: bool
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = None
    """Absent for an address-protected case: a rare language can tell where somebody is."""
    ordinal: Annotated[int, Field(ge=1, le=8)]
    """Which guardian, as in the events of the consent."""
    person: Literal["guardian", "child"]


class LegalHoldReleased(EventData):
    """The case may be erased again when its time is over, or when somebody asks."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.legal-hold-released.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField


class LegalHoldSet(EventData):
    """Nothing of the case may be erased until this is released, whatever the time or anybody's request (GDPR art. 17
    (3)).
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.case.legal-hold-set.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    reason: HoldReason


class LogQueried(EventData):
    """Somebody entitled looked into the log; who and for what is in the access record committed with it."""

    TYPE: ClassVar[str] = "no.lagspill.audit.log.queried.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    at: AwareDatetime
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    results: Annotated[int, Field(ge=0)]


class MeasureChanged(EventData):
    """The measure goes on in another way; everybody in the team is told (seed rules 31, 89)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.changed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    changed: frozenset[Literal["owner", "goal", "indicator", "evaluate-by"]]
    """Which of them are new."""
    evaluate_by: AwareDatetime
    goal: GoalRefField
    indicator: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    measure: MeasureRefField
    owner: Service
    owner_unit: UnitIdField | None = None


class MeasureEvaluated(EventData):
    """The measure was evaluated in time or not; without effect it cannot just go on (seed rules 89, 90)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.evaluated.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    effect: Effect
    evaluate_before: AwareDatetime | None = None
    """To which moment that may be put off at most (seed rule 89)."""
    evaluate_by: AwareDatetime | None = None
    """The next evaluation, when it goes on."""
    measure: MeasureRefField
    outcome: EvaluationOutcome


class MeasureOverlapElsewhereSuspected(EventData):
    """Another unit does much the same for the child in another case, and whoever carries this measure out may know of
    that case.

    Neither that case, its service nor its measure is named: two references in one event would tie the cases
    together for everybody who reads the topic. Who may see both is told which they are by the API (seed rules 49,
    161).
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.overlap-elsewhere-suspected.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    measure: MeasureRefField
    overlap: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """A group of the profile: types of measures that do much the same."""


class MeasureOverlapExplained(EventData):
    """The owner of one of the measures has looked at it and says why both go on, or that one will not (seed rules 49,
    161).
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.overlap-explained.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    explained_for: MeasureRefField
    explanation: OverlapExplanation
    measure: MeasureRefField
    settled: bool
    """Every owner has explained it."""


class MeasureOverlapSuspected(EventData):
    """Another unit does much the same already (seed rules 49, 161)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.overlap-suspected.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    measure: MeasureRefField
    others: Annotated[tuple[MeasureRefField, ...], Field(min_length=1)]
    overlap: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """A group of the profile: types of measures that do much the same."""


class MeasurePlanned(EventData):
    """A measure with owner, goal, indicator and evaluation date (seed rules 28, 88, 141)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.planned.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    code: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """A row of the profile's catalogue of offers (seed rules 28, 111, 182)."""
    evaluate_before: AwareDatetime | None = None
    """To which moment its evaluation may be put off at most, until it begins or is evaluated (seed rules 88, 89)."""
    evaluate_by: AwareDatetime
    goal: GoalRefField
    indicator: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    item: ItemRefField | None = None
    """The named agenda item that decided it, so that nobody types it twice."""
    level: Annotated[int, Field(ge=0, le=3)]
    measure: MeasureRefField
    meeting: MeetingRefField | None = None
    new_reason: NewReason | None = None
    owner: Service
    owner_unit: UnitIdField | None = None


class MeasureStarted(EventData):
    """The measure is under way: what was planned has begun (seed rule 88)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.started.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    evaluate_before: AwareDatetime | None = None
    """To which moment its evaluation may be put off at most, counted from now (seed rules 88, 89)."""
    measure: MeasureRefField


class MeasureStopped(EventData):
    """The measure ended (seed rules 90, 166)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.measure.stopped.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    measure: MeasureRefField
    reason: Literal["no-effect", "goal-reached", "withdrawn"]


class MeetingCalled(EventData):
    """A meeting was called; services are invited, not people (seed rules 8, 9)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.called.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    arena: ArenaRefField
    arena_type: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    extra: bool = False
    """Asked for beside the fixed ones (seed rule 9)."""
    interpreters: frozenset[Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]] = frozenset()
    """Languages (BCP 47) for which whoever calls wants an interpreter (seed rule 146)."""
    invited: frozenset[Service]
    meeting: MeetingRefField
    minutes: Annotated[int, Field(ge=15, le=600)]
    place: Place | None = None
    seats: tuple[Seat, ...] = ()
    """Whose seats are invited; where no unit takes part by name, those of all barnehager or schools stand as one."""
    starts_at: AwareDatetime
    unit: UnitIdField | None = None
    units: frozenset[UnitIdField] = frozenset()
    """The barnehager and schools that take part; other units of the same kind do not."""
    with_duty: tuple[Seat, ...] = ()
    """Those of them with a duty to attend (seed rule 54)."""


class MeetingCancelled(EventData):
    """The meeting will not be held."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.cancelled.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    meeting: MeetingRefField
    reason: Literal["no-items", "not-enough-members", "replaced", "other"]


class MeetingClosed(EventData):
    """Nothing more is added to the meeting."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.closed.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    meeting: MeetingRefField


class MeetingHeld(EventData):
    """The meeting was held (seed rules 54, 59, 60, 156)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.held.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    arena: ArenaRefField
    arena_type: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    attendance: tuple[Attendance, ...]
    chair: Role
    ended_at: AwareDatetime
    guardians_present: Annotated[int, Field(ge=0, le=8)] = 0
    items: tuple[ItemRefField, ...] = ()
    """The items without a child that were discussed; those about a child have an event of their own."""
    kinds_covered: frozenset[ItemKind]
    meeting: MeetingRefField
    started_at: AwareDatetime


class MeetingPlanned(EventData):
    """A meeting has a place in the year wheel; nobody is invited yet."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.planned.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    arena: ArenaRefField
    arena_type: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    extra: bool = False
    """Asked for beside the fixed ones (seed rule 9)."""
    interpreters: frozenset[Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]] = frozenset()
    """Languages (BCP 47) for which whoever plans wants an interpreter (seed rule 146)."""
    meeting: MeetingRefField
    minutes: Annotated[int, Field(ge=15, le=600)]
    place: Place | None = None
    starts_at: AwareDatetime
    unit: UnitIdField | None = None
    units: frozenset[UnitIdField] = frozenset()
    """The barnehager and schools that take part; other units of the same kind do not."""


class MeetingRescheduled(EventData):
    """The meeting was moved."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.rescheduled.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    meeting: MeetingRefField
    starts_at: AwareDatetime


class MeetingsConsentReceiptRecorded(EventData):
    """This service has acted on a change of consent: its projection denies, its agenda is cleared."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consent-receipt.recorded.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    case: CaseRefField
    consent: ConsentRefField
    consent_version: Annotated[int, Field(ge=1)]
    items_removed: Annotated[int, Field(ge=0)]


class MeetingsJournalSealed(EventData):
    """The seal of the meetings service."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.journal.sealed.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    lanes: Annotated[tuple[LaneEnd, ...], Field(max_length=500)] = ()
    """Lanes of the process that seals, of which no seal had said how far they go: everything up to there was committed
    before this seal, and has a lower `sourcesequence` than it.
    """
    last_number: Annotated[int, Field(ge=1)]
    root: str
    """Base64 of the 32-byte RFC 6962 root."""
    scope: LogScopeField


class MinutesApproved(EventData):
    """The minutes were approved in this version (seed rule 38)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.minutes.approved.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    document: DocumentRefField | None = None
    meeting: MeetingRefField
    version: Annotated[int, Field(ge=1)]


class NotificationBounced(EventData):
    """Another way than e-mail refused the message for good."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.bounced.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    message: MessageRefField
    reason: Literal["rejected", "unreachable", "no-address"]
    way: Way


class NotificationCancelled(EventData):
    """The message was taken back before the channel had it: what it was about is done, or may no longer be told."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.cancelled.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    message: MessageRefField
    reason: Literal["done", "consent-ended"]


class NotificationCarried(EventData):
    """Another way than e-mail took the message; a letter was posted by whoever `authid` is."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.carried.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    message: MessageRefField
    way: Way


class NotificationFailed(EventData):
    """The channel refused the message for good."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.failed.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    channel: Channel
    message: MessageRefField
    reason: Literal["rejected", "unreachable", "no-address"]


class NotificationQueued(EventData):
    """A message was written; its text says that there is something to read, and nothing more (seed rule 101)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.queued.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    channel: Channel
    language: Language
    message: MessageRefField
    recipient: ActorIdField
    recipient_role: Role
    template: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    template_version: Annotated[int, Field(ge=1)]


class NotificationRead(EventData):
    """The recipient, signed in, has read it."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.read.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    message: MessageRefField


class NotificationRedirected(EventData):
    """It goes by another way from now on; in the application it can be read all the while."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.redirected.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    because: Literal["preferred", "second", "rejected", "unreachable", "no-address", "unread"]
    """Chosen by the recipient; by rule beside the first; because the way before failed; or because nobody has read it."""
    message: MessageRefField
    way: Way


class NotificationSent(EventData):
    """The channel took the message."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.sent.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    channel: Channel
    message: MessageRefField


class NotifyConsentReceiptRecorded(EventData):
    """This service has acted on a change of consent: what was pending for the ended services will not be sent."""

    TYPE: ClassVar[str] = "no.lagspill.notify.consent-receipt.recorded.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    case: CaseRefField
    consent: ConsentRefField
    consent_version: Annotated[int, Field(ge=1)]
    messages_cancelled: Annotated[int, Field(ge=0)]


class NotifyJournalSealed(EventData):
    """The seal of the notify service."""

    TYPE: ClassVar[str] = "no.lagspill.notify.journal.sealed.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    lanes: Annotated[tuple[LaneEnd, ...], Field(max_length=500)] = ()
    """Lanes of the process that seals, of which no seal had said how far they go: everything up to there was committed
    before this seal, and has a lower `sourcesequence` than it.
    """
    last_number: Annotated[int, Field(ge=1)]
    root: str
    """Base64 of the 32-byte RFC 6962 root."""
    scope: LogScopeField


class OutcomeRecorded(EventData):
    """What was decided on a named item, as codes (seed rules 38, 62, 71). For an anonymous item: guidance only, no
    case.
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.outcome.recorded.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    case: CaseRefField | None = None
    contributions: tuple[AskedContribution, ...] = ()
    decision: Literal["guidance-given", "measure-planned", "refer", "ask-consent", "follow-up", "no-action"]
    item: ItemRefField
    join_team: frozenset[Service] = frozenset()
    """Services that join the team around the child because of a measure (seed rule 26)."""
    measures: tuple[PlannedMeasure, ...] = ()
    meeting: MeetingRefField
    mode: ItemMode


class OutcomeRefused(EventData):
    """Something of what a meeting decided does not happen here: the holder is told, and sees to it (seed rules 26, 88,
    141).
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.case.outcome-refused.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    contributions: tuple[RefusedContribution, ...] = ()
    item: ItemRefField
    measures: tuple[RefusedMeasure, ...] = ()
    meeting: MeetingRefField
    services: frozenset[Service] = frozenset()
    """What no consent in force covers, and so does not join the team."""


class ParentGuidanceGiven(EventData):
    """A unit has given all parents the guidance of an age step (seed rule 108)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.parent-guidance.given.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    on: date
    step: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    unit: UnitIdField
    unit_register: UnitRegisterRefField


class ParentGuidanceWithdrawn(EventData):
    """That a unit had given the guidance of an age step that day was recorded by mistake, and is taken back (seed rule
    108).
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.parent-guidance.withdrawn.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    on: date
    """The day for which it was recorded."""
    reason: Literal["not-given", "wrong-step", "wrong-day"]
    step: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    unit: UnitIdField
    unit_register: UnitRegisterRefField


class PatternsExamined(EventData):
    """The log was examined for patterns of misuse up to a position (etterfølgende kontroll, pasientjournalloven § 22).

    Published when something in the log waits for time to pass and it has: the entry that this event becomes is what
    moves the log's own time on, so that the same log always gives the same findings.
    """

    TYPE: ClassVar[str] = "no.lagspill.audit.patterns.examined.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    at: AwareDatetime
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    position: Annotated[int, Field(ge=0)]
    """The first entry that was not yet examined."""


class PlanClosed(EventData):
    """The plan ended."""

    TYPE: ClassVar[str] = "no.lagspill.cases.plan.closed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    plan: PlanRefField
    reason: Literal["goals-reached", "no-longer-wanted", "adult", "case-closed"]


class PlanRequested(EventData):
    """The guardians or the child want a plan; nobody else can begin one (seed rule 36)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.plan.requested.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    coordinated_by: Service
    coordinator_role: Role
    evidence: EvidenceForm
    plan: PlanRefField
    requested_by: Literal["guardian", "child"]


class PlanStarted(EventData):
    """The plan has a coordinator and its first version (seed rule 37)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.plan.started.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    coordinator: Party
    goals: tuple[GoalRefField, ...]
    plan: PlanRefField
    version: Literal[1] = 1


class PlanUpdated(EventData):
    """The plan has a next version: the approved minutes of its group's meeting (seed rule 38)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.plan.updated.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    document: DocumentRefField | None = None
    """The minutes, in the meetings service's vault."""
    goals: tuple[GoalRefField, ...]
    meeting: MeetingRefField
    plan: PlanRefField
    version: Annotated[int, Field(ge=2)]


class PreferencesSet(EventData):
    """Somebody chose how to be reached. An address is not told; a leader becomes the one that the unit's escalations
    reach.
    """

    TYPE: ClassVar[str] = "no.lagspill.notify.preferences.set.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    channel: Channel
    digest: bool = False
    """Whether e-mail and SMS come once a day, all together."""
    language: Language
    quiet_begins: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = None
    quiet_ends: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = None
    """Norway's time between which nothing is sent; absent: as usual."""
    recipient: ActorIdField
    roles: frozenset[Role] = frozenset()
    """As the token said at that moment."""
    service: Service | None = None
    sms_first: bool = False
    """Whether SMS is tried before e-mail, where both are known."""
    unit: UnitIdField | None = None


class RecordWritten(EventData):
    """Something was recorded about the child, or a record was corrected by a new version. The words are in the vault."""

    TYPE: ClassVar[str] = "no.lagspill.cases.record.written.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    by: Party | None = None
    case: CaseRefField
    category: InformationCategory
    record: RecordRefField
    version: Annotated[int, Field(ge=1)]


class ReportDelivered(EventData):
    """Whoever owes it, or the leader, said that it was delivered; to whom it goes stands in the profile."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.report.delivered.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    due: date
    """The last day in Norway on which it is in time."""
    duty: ReportDutyRefField
    on: date
    report: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """Which of the profile's reports it is."""


class ReportDropped(EventData):
    """The municipality's profile no longer asks for it by that day: nobody waits for it."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.report.dropped.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    due: date
    """The last day in Norway on which it is in time."""
    duty: ReportDutyRefField
    report: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """Which of the profile's reports it is."""


class ReportExpected(EventData):
    """The municipality owes a report by that day."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.report.expected.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    due: date
    """The last day in Norway on which it is in time."""
    duty: ReportDutyRefField
    owed_by: Role
    owing_unit: UnitIdField | None = None
    """By those of this unit only; absent: whoever has the role in the municipality."""
    report: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """Which of the profile's reports it is."""
    unit: UnitIdField | None = None
    """Whose leaders are told when it does not come; absent where the municipality has no such unit."""


class SubscriptionBarred(EventData):
    """The installation no longer lets its client subscribe: it is stopped, and what it has not got is kept for it no
    longer.
    """

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.barred.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    subscription: SubscriptionRefField


class SubscriptionChanged(EventData):
    """It gets other events, or gets them at another address."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.changed.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    acknowledges: bool = False
    """Whether it acknowledges from now on."""
    moved: bool
    """Whether the address is another one."""
    subscription: SubscriptionRefField
    wanted: Wanted


class SubscriptionEnded(EventData):
    """It is no more: its owner ended it, or the receiver said that it is gone (HTTP 410)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.ended.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    reason: Literal["ended", "gone"]
    subscription: SubscriptionRefField


class SubscriptionOpened(EventData):
    """Another system gets events from now on; `authid` is whose it is."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.opened.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    acknowledges: bool = False
    """Whether it says of each consent that ends, wholly or in part, that it has acted on that."""
    client: Annotated[str, Field(pattern=r"^[ -~]{1,100}$")]
    """The client at the token issuer."""
    owner: ActorIdField
    subscription: SubscriptionRefField
    wanted: Wanted


class SubscriptionReceiptAwaited(EventData):
    """A consent has ended, wholly or in part: another system is to say by then that it has acted on that."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.receipt-awaited.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    case: CaseRefField
    consent: ConsentRefField
    consent_version: Annotated[int, Field(ge=1)]
    due: AwareDatetime
    receipt: ReceiptRefField
    subscription: SubscriptionRefField


class SubscriptionReceiptMissing(EventData):
    """Another system has not said in time that it has acted: an alarm."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.receipt-missing.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    case: CaseRefField
    consent: ConsentRefField
    consent_version: Annotated[int, Field(ge=1)]
    receipt: ReceiptRefField
    subscription: SubscriptionRefField


class SubscriptionReceiptRecorded(EventData):
    """Another system says that it has acted on a change of consent, and on those before it; `authid` is whose system
    it is.
    """

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.receipt-recorded.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    case: CaseRefField
    consent: ConsentRefField
    consent_version: Annotated[int, Field(ge=1)]
    items_removed: Annotated[int, Field(ge=0)]
    receipt: ReceiptRefField
    subscription: SubscriptionRefField


class SubscriptionReceiptReleased(EventData):
    """Nothing more is awaited: the subscription is no more, or acknowledges no longer. It never said that it has
    acted.
    """

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.receipt-released.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    case: CaseRefField
    consent: ConsentRefField
    consent_version: Annotated[int, Field(ge=1)]
    reason: Literal["ended", "not-acknowledging"]
    receipt: ReceiptRefField
    subscription: SubscriptionRefField


class SubscriptionReplayed(EventData):
    """What comes after that position is sent again."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.replayed.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    after: Annotated[int, Field(ge=0)]
    subscription: SubscriptionRefField


class SubscriptionResumed(EventData):
    """It goes on where it was stopped."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.resumed.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    subscription: SubscriptionRefField


class SubscriptionSecretChanged(EventData):
    """It has a new secret; until then, what is sent is signed with the one before as well."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.secret-changed.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    both_until: AwareDatetime
    subscription: SubscriptionRefField


class SubscriptionStopped(EventData):
    """The receiver has failed for too long: nothing more is tried until its owner asks for it. Nothing is skipped."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.stopped.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"

    failing_since: AwareDatetime
    subscription: SubscriptionRefField


class SurveyClosed(EventData):
    """Nobody answers it any more; how many have is not told."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.survey.closed.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    form: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """Which of the profile's surveys it is."""
    meeting: MeetingRefField
    survey: SurveyRefField


class SurveyOpened(EventData):
    """A meeting was held, and each who was there may answer once, with the ticket that they are handed."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.survey.opened.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    closes_at: AwareDatetime
    form: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    """Which of the profile's surveys it is."""
    meeting: MeetingRefField
    questions: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")], ...], Field(min_length=1)]
    round: SurveyRoundRefField
    """Where its answers are counted, with those of the term's other meetings."""
    services: frozenset[Service]
    """Those that were there."""
    survey: SurveyRefField
    units: frozenset[UnitIdField] = frozenset()


class SurveyRoundCompleted(EventData):
    """What a survey gave in a term, in all of the municipality's meetings; of too few answers nothing, and they are
    not kept.
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.survey-round.completed.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"

    answers: Annotated[int, Field(ge=5)] | None = None
    """How many; absent: too few to be shown."""
    first: date
    form: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]
    last: date
    """The term, both days included."""
    results: tuple[QuestionResult, ...] = ()
    round: SurveyRoundRefField


class TeamGoalSet(EventData):
    """The team has one goal that all work for; its words are in the vault (seed rule 87)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.team-goal-set.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    goal: GoalRefField
    version: Annotated[int, Field(ge=1)]


class TeamMemberAdded(EventData):
    """A service joined the team around the child, because of a measure or a role (seed rules 25, 26, 87)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.team-member-added.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    because_of: MeasureRefField | None = None
    case: CaseRefField
    consent: ConsentRefField | None = None
    organisation: OrganisationNumberField | None = None
    role: Role | None = None
    service: Service


class TeamMemberRemoved(EventData):
    """A service left the team: its measure ended, or its consent did."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.team-member-removed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    reason: Literal["measure-ended", "consent-withdrawn", "consent-expired", "replaced"]
    released: Literal["no-longer-needed", "guardians-wish", "other-service"] | None = None
    """Why, when the holder said so and no measure or consent ended; `reason` is `replaced` then."""
    service: Service


class TransitionFormApprovalWaits(EventData):
    """Not all who must have approved this version: they are reminded (seed rule 14)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.approval-waits.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    form: FormRefField
    ordinals: tuple[int, ...]
    """Which guardians have not approved it; never who."""
    version: Annotated[int, Field(ge=1)]


class TransitionFormApproved(EventData):
    """One guardian approved exactly this version (seed rule 14)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.approved-by-guardian.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    complete: bool
    """All who must approve have."""
    evidence: EvidenceForm = EvidenceForm.E_ID
    form: FormRefField
    ordinal: Annotated[int, Field(ge=1)]
    version: Annotated[int, Field(ge=1)]


class TransitionFormDrafted(EventData):
    """A version was written; an approval of an older one does not cover it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.drafted.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    approval: Literal["all-guardians", "one-guardian"] | None = None
    """Who must approve it; nobody said: all guardians (seed rule 14)."""
    case: CaseRefField
    categories: frozenset[InformationCategory]
    document: DocumentRefField
    form: FormRefField
    form_type: Literal["barnehage-to-school", "school-to-school"]
    school_start: Annotated[int, Field(ge=2000, le=2200)]
    version: Annotated[int, Field(ge=1)]


class TransitionFormDue(EventData):
    """The time to send it has begun (seed rule 13)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.due.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    due: AwareDatetime
    form: FormRefField
    holder: Party
    version: Annotated[int, Field(ge=1)]


class TransitionFormOverdue(EventData):
    """The time to send it is over, and it has not been sent."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.overdue.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    form: FormRefField
    holder: Party
    version: Annotated[int, Field(ge=1)]


class TransitionFormReceived(EventData):
    """The school has it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.received.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    form: FormRefField
    version: Annotated[int, Field(ge=1)]


class TransitionFormSent(EventData):
    """The approved version went to the school (seed rule 13)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.sent.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    case: CaseRefField
    form: FormRefField
    handover: HandoverRefField
    outside_window: Literal["late-placement", "moved", "guardians-wish", "school-asks"] | None = None
    """Why it was sent outside its window (seed rule 13)."""
    version: Annotated[int, Field(ge=1)]


class ViewOfChildRecorded(EventData):
    """The child was heard before a decision; what it said is in the vault (seed rules 73, 99, 189)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.view-of-child-recorded.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"

    before: Literal["consent", "measure", "handover", "plan", "concern-report"]
    case: CaseRefField
    heard_at: AwareDatetime | None = None
    method: ChildHeardBy
    trusted_person: bool = False
    """Somebody whom the child trusts was with it (tillitsperson; barnevernsloven § 1-4)."""
    view: ChildViewRefField


class WitnessRefused(EventData):
    """A witness has refused to cosign a checkpoint (C2SP tlog-witness): told once, until it cosigns again or refuses
    otherwise.
    """

    TYPE: ClassVar[str] = "no.lagspill.audit.witness.refused.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"

    cosigned_size: Annotated[int, Field(ge=0)] | None = None
    """Of the checkpoint that it cosigned last, where it has said so."""
    kind: Literal["rolled-back", "forked", "key-untrusted"]
    """It has cosigned a larger tree; what it has cosigned is not how this one begins; it does not trust the key."""
    log: Annotated[str, Field(pattern=r"^[a-z0-9./_-]{1,120}$")]
    """The log's origin (C2SP tlog-checkpoint)."""
    size: Annotated[int, Field(ge=0)]
    """Of the checkpoint that it refused."""
    witness: Annotated[str, Field(pattern=r"^[^\s+]{1,200}$")]
    """The name of the witness's key."""


EVENTS: Final[Mapping[str, type[EventData]]] = {
    AbsenceBegan.TYPE: AbsenceBegan,
    AbsenceRegistered.TYPE: AbsenceRegistered,
    AbsenceWithdrawn.TYPE: AbsenceWithdrawn,
    AccessRecorded.TYPE: AccessRecorded,
    AddressProtectionDue.TYPE: AddressProtectionDue,
    AddressProtectionLifted.TYPE: AddressProtectionLifted,
    AddressProtectionSet.TYPE: AddressProtectionSet,
    AdulthoodApproaching.TYPE: AdulthoodApproaching,
    AdulthoodOverdue.TYPE: AdulthoodOverdue,
    AdulthoodReached.TYPE: AdulthoodReached,
    AgendaItemAccepted.TYPE: AgendaItemAccepted,
    AgendaItemAdded.TYPE: AgendaItemAdded,
    AgendaItemLeftOpen.TYPE: AgendaItemLeftOpen,
    AgendaItemLiftWithdrawn.TYPE: AgendaItemLiftWithdrawn,
    AgendaItemLifted.TYPE: AgendaItemLifted,
    AgendaItemRemoved.TYPE: AgendaItemRemoved,
    ArenaDefined.TYPE: ArenaDefined,
    AuditJournalSealed.TYPE: AuditJournalSealed,
    BreakGlassOpened.TYPE: BreakGlassOpened,
    BreakGlassReviewEscalated.TYPE: BreakGlassReviewEscalated,
    BreakGlassReviewOverdue.TYPE: BreakGlassReviewOverdue,
    BreakGlassReviewed.TYPE: BreakGlassReviewed,
    CalendarAddressMade.TYPE: CalendarAddressMade,
    CalendarAddressWithdrawn.TYPE: CalendarAddressWithdrawn,
    CareOrderRecorded.TYPE: CareOrderRecorded,
    CaseAnonymised.TYPE: CaseAnonymised,
    CaseClosed.TYPE: CaseClosed,
    CaseContinued.TYPE: CaseContinued,
    CaseDiscussed.TYPE: CaseDiscussed,
    CaseErased.TYPE: CaseErased,
    CaseIdentified.TYPE: CaseIdentified,
    CaseLevelChanged.TYPE: CaseLevelChanged,
    CaseMeetingHeld.TYPE: CaseMeetingHeld,
    CaseOpened.TYPE: CaseOpened,
    CaseReceived.TYPE: CaseReceived,
    CaseReopened.TYPE: CaseReopened,
    CasesJournalSealed.TYPE: CasesJournalSealed,
    ChainBroken.TYPE: ChainBroken,
    CheckpointSigned.TYPE: CheckpointSigned,
    ChildMeetingMissing.TYPE: ChildMeetingMissing,
    ChildNotHeard.TYPE: ChildNotHeard,
    CompetenceRecorded.TYPE: CompetenceRecorded,
    ConcernEscalated.TYPE: ConcernEscalated,
    ConcernJoined.TYPE: ConcernJoined,
    ConcernRegistered.TYPE: ConcernRegistered,
    ConcernReportFailed.TYPE: ConcernReportFailed,
    ConcernReportFeedback.TYPE: ConcernReportFeedback,
    ConcernReportGuardiansInformed.TYPE: ConcernReportGuardiansInformed,
    ConcernReportPosted.TYPE: ConcernReportPosted,
    ConcernReportReceived.TYPE: ConcernReportReceived,
    ConcernReportSent.TYPE: ConcernReportSent,
    ConcernReportUnanswered.TYPE: ConcernReportUnanswered,
    ConcernResolvedLocally.TYPE: ConcernResolvedLocally,
    ConsentConfirmed.TYPE: ConsentConfirmed,
    ConsentDisagreed.TYPE: ConsentDisagreed,
    ConsentExpired.TYPE: ConsentExpired,
    ConsentExpiring.TYPE: ConsentExpiring,
    ConsentGranted.TYPE: ConsentGranted,
    ConsentLapsed.TYPE: ConsentLapsed,
    ConsentNarrowed.TYPE: ConsentNarrowed,
    ConsentOverridden.TYPE: ConsentOverridden,
    ConsentOverrideEnded.TYPE: ConsentOverrideEnded,
    ConsentOverrideGuardiansInformed.TYPE: ConsentOverrideGuardiansInformed,
    ConsentOverrideReviewOverdue.TYPE: ConsentOverrideReviewOverdue,
    ConsentOverrideReviewed.TYPE: ConsentOverrideReviewed,
    ConsentReassessmentDue.TYPE: ConsentReassessmentDue,
    ConsentReceiptMissing.TYPE: ConsentReceiptMissing,
    ConsentRefused.TYPE: ConsentRefused,
    ConsentRenewalRequested.TYPE: ConsentRenewalRequested,
    ConsentRenewed.TYPE: ConsentRenewed,
    ConsentRequested.TYPE: ConsentRequested,
    ConsentSuspended.TYPE: ConsentSuspended,
    ConsentWithdrawn.TYPE: ConsentWithdrawn,
    ConsultationAnswered.TYPE: ConsultationAnswered,
    ConsultationClosed.TYPE: ConsultationClosed,
    ConsultationEscalated.TYPE: ConsultationEscalated,
    ConsultationOpened.TYPE: ConsultationOpened,
    ConsultationOverdue.TYPE: ConsultationOverdue,
    ContactPersonChosen.TYPE: ContactPersonChosen,
    ContributionAccepted.TYPE: ContributionAccepted,
    ContributionDeclined.TYPE: ContributionDeclined,
    ContributionEnded.TYPE: ContributionEnded,
    ContributionEscalated.TYPE: ContributionEscalated,
    ContributionOverdue.TYPE: ContributionOverdue,
    ContributionRequested.TYPE: ContributionRequested,
    CoordinatorAppointed.TYPE: CoordinatorAppointed,
    CoordinatorEnded.TYPE: CoordinatorEnded,
    CoordinatorRequested.TYPE: CoordinatorRequested,
    DeadlineApproaching.TYPE: DeadlineApproaching,
    DeadlineClosed.TYPE: DeadlineClosed,
    DeadlineMissed.TYPE: DeadlineMissed,
    DeadlineReassigned.TYPE: DeadlineReassigned,
    DeadlineSet.TYPE: DeadlineSet,
    DeviationFound.TYPE: DeviationFound,
    DocumentAdded.TYPE: DocumentAdded,
    EntriesPruned.TYPE: EntriesPruned,
    EscalationRaised.TYPE: EscalationRaised,
    ExportCut.TYPE: ExportCut,
    ExportDelivered.TYPE: ExportDelivered,
    ExportOrdered.TYPE: ExportOrdered,
    FamilyMarked.TYPE: FamilyMarked,
    FigureCorrected.TYPE: FigureCorrected,
    FigureDropped.TYPE: FigureDropped,
    FigureEntered.TYPE: FigureEntered,
    FigureExpected.TYPE: FigureExpected,
    FindingExplained.TYPE: FindingExplained,
    FindingExtended.TYPE: FindingExtended,
    FindingJudged.TYPE: FindingJudged,
    FindingOverdue.TYPE: FindingOverdue,
    FindingRaised.TYPE: FindingRaised,
    FindingReported.TYPE: FindingReported,
    GapFound.TYPE: GapFound,
    GuardiansChanged.TYPE: GuardiansChanged,
    GuardianshipRecorded.TYPE: GuardianshipRecorded,
    GuidanceHoursRecorded.TYPE: GuidanceHoursRecorded,
    HandoverAccepted.TYPE: HandoverAccepted,
    HandoverCancelled.TYPE: HandoverCancelled,
    HandoverCompleted.TYPE: HandoverCompleted,
    HandoverCoordinationAccepted.TYPE: HandoverCoordinationAccepted,
    HandoverEscalated.TYPE: HandoverEscalated,
    HandoverOverdue.TYPE: HandoverOverdue,
    HandoverProposed.TYPE: HandoverProposed,
    HandoverReceived.TYPE: HandoverReceived,
    HandoverRejected.TYPE: HandoverRejected,
    HandoverSent.TYPE: HandoverSent,
    HandoverTransferred.TYPE: HandoverTransferred,
    HandoverWithdrawn.TYPE: HandoverWithdrawn,
    HoldLifted.TYPE: HoldLifted,
    HoldPlaced.TYPE: HoldPlaced,
    IdentityCorrected.TYPE: IdentityCorrected,
    IndexDamaged.TYPE: IndexDamaged,
    InnsynReportMade.TYPE: InnsynReportMade,
    InvitationAnswered.TYPE: InvitationAnswered,
    IrregularityFound.TYPE: IrregularityFound,
    KeyAnnounced.TYPE: KeyAnnounced,
    LanguageNeedRecorded.TYPE: LanguageNeedRecorded,
    LegalHoldReleased.TYPE: LegalHoldReleased,
    LegalHoldSet.TYPE: LegalHoldSet,
    LogQueried.TYPE: LogQueried,
    MeasureChanged.TYPE: MeasureChanged,
    MeasureEvaluated.TYPE: MeasureEvaluated,
    MeasureOverlapElsewhereSuspected.TYPE: MeasureOverlapElsewhereSuspected,
    MeasureOverlapExplained.TYPE: MeasureOverlapExplained,
    MeasureOverlapSuspected.TYPE: MeasureOverlapSuspected,
    MeasurePlanned.TYPE: MeasurePlanned,
    MeasureStarted.TYPE: MeasureStarted,
    MeasureStopped.TYPE: MeasureStopped,
    MeetingCalled.TYPE: MeetingCalled,
    MeetingCancelled.TYPE: MeetingCancelled,
    MeetingClosed.TYPE: MeetingClosed,
    MeetingHeld.TYPE: MeetingHeld,
    MeetingPlanned.TYPE: MeetingPlanned,
    MeetingRescheduled.TYPE: MeetingRescheduled,
    MeetingsConsentReceiptRecorded.TYPE: MeetingsConsentReceiptRecorded,
    MeetingsJournalSealed.TYPE: MeetingsJournalSealed,
    MinutesApproved.TYPE: MinutesApproved,
    NotificationBounced.TYPE: NotificationBounced,
    NotificationCancelled.TYPE: NotificationCancelled,
    NotificationCarried.TYPE: NotificationCarried,
    NotificationFailed.TYPE: NotificationFailed,
    NotificationQueued.TYPE: NotificationQueued,
    NotificationRead.TYPE: NotificationRead,
    NotificationRedirected.TYPE: NotificationRedirected,
    NotificationSent.TYPE: NotificationSent,
    NotifyConsentReceiptRecorded.TYPE: NotifyConsentReceiptRecorded,
    NotifyJournalSealed.TYPE: NotifyJournalSealed,
    OutcomeRecorded.TYPE: OutcomeRecorded,
    OutcomeRefused.TYPE: OutcomeRefused,
    ParentGuidanceGiven.TYPE: ParentGuidanceGiven,
    ParentGuidanceWithdrawn.TYPE: ParentGuidanceWithdrawn,
    PatternsExamined.TYPE: PatternsExamined,
    PlanClosed.TYPE: PlanClosed,
    PlanRequested.TYPE: PlanRequested,
    PlanStarted.TYPE: PlanStarted,
    PlanUpdated.TYPE: PlanUpdated,
    PreferencesSet.TYPE: PreferencesSet,
    RecordWritten.TYPE: RecordWritten,
    ReportDelivered.TYPE: ReportDelivered,
    ReportDropped.TYPE: ReportDropped,
    ReportExpected.TYPE: ReportExpected,
    SubscriptionBarred.TYPE: SubscriptionBarred,
    SubscriptionChanged.TYPE: SubscriptionChanged,
    SubscriptionEnded.TYPE: SubscriptionEnded,
    SubscriptionOpened.TYPE: SubscriptionOpened,
    SubscriptionReceiptAwaited.TYPE: SubscriptionReceiptAwaited,
    SubscriptionReceiptMissing.TYPE: SubscriptionReceiptMissing,
    SubscriptionReceiptRecorded.TYPE: SubscriptionReceiptRecorded,
    SubscriptionReceiptReleased.TYPE: SubscriptionReceiptReleased,
    SubscriptionReplayed.TYPE: SubscriptionReplayed,
    SubscriptionResumed.TYPE: SubscriptionResumed,
    SubscriptionSecretChanged.TYPE: SubscriptionSecretChanged,
    SubscriptionStopped.TYPE: SubscriptionStopped,
    SurveyClosed.TYPE: SurveyClosed,
    SurveyOpened.TYPE: SurveyOpened,
    SurveyRoundCompleted.TYPE: SurveyRoundCompleted,
    TeamGoalSet.TYPE: TeamGoalSet,
    TeamMemberAdded.TYPE: TeamMemberAdded,
    TeamMemberRemoved.TYPE: TeamMemberRemoved,
    TransitionFormApprovalWaits.TYPE: TransitionFormApprovalWaits,
    TransitionFormApproved.TYPE: TransitionFormApproved,
    TransitionFormDrafted.TYPE: TransitionFormDrafted,
    TransitionFormDue.TYPE: TransitionFormDue,
    TransitionFormOverdue.TYPE: TransitionFormOverdue,
    TransitionFormReceived.TYPE: TransitionFormReceived,
    TransitionFormSent.TYPE: TransitionFormSent,
    ViewOfChildRecorded.TYPE: ViewOfChildRecorded,
    WitnessRefused.TYPE: WitnessRefused,
}
"""By `type`."""
