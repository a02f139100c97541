"""What the cases service publishes of the vault's keeping: broken glass, guardianship, corrections, protection, records, erasure.

These are events of one case, as those of `shared.contracts.cases` are, and stand in the same state under the same version.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.base import Moment
from shared.contracts.cases import CaseEvent, FamilyMark, ForWhom, Party
from shared.contracts.codes import Area, InformationCategory, LegalBasis, Role
from shared.refs import ConcernRefField, DocumentRefField, GlassRefField, RecordRefField

# --- break-glass ------------------------------------------------------------------------------------------------------


class GlassReason(StrEnum):
    """Why somebody must look without an ordinary basis (nødtilgang)."""

    DANGER_TO_LIFE = "danger-to-life"
    ACUTE_HEALTH_NEED = "acute-health-need"
    CHILD_AT_RISK = "child-at-risk"


class GlassOutcome(StrEnum):
    """What the review came to."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not-justified"


class GlassEvent(CaseEvent):
    """An event of one emergency access (nødtilgang)."""

    glass: GlassRefField


class BreakGlassOpened(GlassEvent):
    """Somebody without a part in the case opened it in an emergency; it is always to be reviewed (invariant 12)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.break-glass.opened.v1"

    by: Party
    reason: GlassReason
    """The words are in the vault."""
    basis: LegalBasis
    categories: frozenset[InformationCategory]
    until: Moment
    """When it closes by itself."""
    review_by: Moment


class BreakGlassReviewed(GlassEvent):
    """Somebody else judged whether it was justified, and it closed (pasientjournalloven § 22). The envelope's `authid` says who."""

    TYPE: ClassVar[str] = "no.lagspill.cases.break-glass.reviewed.v1"

    outcome: GlassOutcome
    reviewer_role: Role


class BreakGlassReviewOverdue(GlassEvent):
    """Nobody has reviewed it in time."""

    TYPE: ClassVar[str] = "no.lagspill.cases.break-glass.review-overdue.v1"

    by: Party
    """Whose leader should have."""
    escalates_at: Moment


class BreakGlassReviewEscalated(GlassEvent):
    """Still nobody has: the privacy officer may review it from here on."""

    TYPE: ClassVar[str] = "no.lagspill.cases.break-glass.review-escalated.v1"


# --- guardianship and identity ----------------------------------------------------------------------------------------


class GuardianGround(StrEnum):
    """What parental responsibility rests on, or ended by. The decision itself is in the vault."""

    AGREEMENT = "agreement"
    COURT_DECISION = "court-decision"
    CHILD_WELFARE_DECISION = "child-welfare-decision"
    DEATH = "death"
    REGISTERED_WRONG = "registered-wrong"


GuardianshipChange = Literal["begins", "ends"]


def never_was(change: GuardianshipChange, ground: GuardianGround) -> bool:
    """Return whether what ends was wrong from the first: then the person is nobody's guardian, and never was of the family."""
    return change == "ends" and ground is GuardianGround.REGISTERED_WRONG


class GuardianshipRecorded(CaseEvent):
    """It was recorded that parental responsibility (foreldreansvar) begins or ends on a day. It holds from that day."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.guardianship-recorded.v1"

    ordinal: int = Field(ge=1)
    """Which guardian of the vault; never who."""
    change: GuardianshipChange
    ground: GuardianGround
    effective_on: date
    """The first day with it, or the last."""
    family: tuple[FamilyMark, ...] = ()
    """Who it is, as one of the child's family, which lasts when the responsibility ends; nobody when it was recorded wrongly."""


class GuardiansChanged(CaseEvent):
    """From now on these guardians, and no others, have parental responsibility, and so must grant (law-and-standards 3.3)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.guardians-changed.v1"

    guardians: int = Field(ge=0, le=8)
    ordinals: tuple[int, ...]


class IdentityCorrected(CaseEvent):
    """What the vault has of who the child is was corrected (GDPR art. 16)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.identity-corrected.v1"

    parts: frozenset[Literal["name", "national-number", "born"]]
    version: int = Field(ge=2)
    family: tuple[FamilyMark, ...] = ()
    """Who the child is, when the number was wrong: the one of before is not of the family."""


class FamilyMarked(CaseEvent):
    """Who is of the child's family was said anew: by a key of names that has changed, or in a case from before it was said."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.family-marked.v1"

    family: tuple[FamilyMark, ...]


# --- address protection -----------------------------------------------------------------------------------------------


class ProtectionKind(StrEnum):
    """Adressebeskyttelse, as the national population register has it."""

    STRICTLY_CONFIDENTIAL = "strictly-confidential"
    """Strengt fortrolig, kode 6."""
    CONFIDENTIAL = "confidential"
    """Fortrolig, kode 7."""


class CaseContinued(CaseEvent):
    """A case goes on in the log of an address-protected case, under a reference that leads back to nothing.

    Neither unit, organisation nor any reference or moment of before is in it; see the decision on address protection.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.case.continued.v1"

    concern: ConcernRefField
    area: Area
    for_whom: ForWhom
    act_by: Moment
    level: int = Field(ge=0, le=3)
    holder: Party
    guardians: int = Field(ge=0, le=8)
    ordinals: tuple[int, ...]
    decide_by: Moment | None = None
    meeting_by: Moment | None = None
    """The meeting that its level calls for had not been held; it is to be within the usual time from now (seed rule 68)."""
    meeting_below_by: Moment | None = None
    """The same of the level below, when the case was stepped up from it before that met."""
    family: tuple[FamilyMark, ...] = ()
    """Who is of the child's family."""


class AddressProtectionSet(CaseEvent):
    """The child's address is protected, with the register's last day if it has one. Published in the case's own log only."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.address-protection-set.v1"

    kind: ProtectionKind
    valid_to: date | None = None
    """The last day; protection does not end by itself then, somebody must find out."""


class AddressProtectionLifted(CaseEvent):
    """The child's address is no longer protected. What the case's events name stays as little as before."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.address-protection-lifted.v1"


class AddressProtectionDue(CaseEvent):
    """The protection's last day has come: it must be renewed or lifted, and holds until then."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.address-protection-due.v1"


# --- records and documents --------------------------------------------------------------------------------------------


class RecordWritten(CaseEvent):
    """Something was recorded about the child, or a record was corrected by a new version. The words are in the vault."""

    TYPE: ClassVar[str] = "no.lagspill.cases.record.written.v1"

    record: RecordRefField
    version: int = Field(ge=1)
    category: InformationCategory
    by: Party | None = None
    """Who wrote this version."""


class MediaType(StrEnum):
    """What kind of document it is, found in its content."""

    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"
    DOCX = "docx"
    ODT = "odt"
    TEXT = "text"


class DocumentAdded(CaseEvent):
    """A document was put into the vault."""

    TYPE: ClassVar[str] = "no.lagspill.cases.document.added.v1"

    document: DocumentRefField
    category: InformationCategory
    media: MediaType
    size: int = Field(ge=1)
    """Bytes; of a document that went on with a case, the power of two at or above them."""
    by: Party | None = None


# --- erasure ----------------------------------------------------------------------------------------------------------


class ErasureReason(StrEnum):
    """Why a case was erased."""

    REQUEST = "request"
    RETENTION = "retention"


class CaseErased(CaseEvent):
    """What the vault held of the case is gone for good: its key was destroyed (GDPR art. 17). The log's entries stay."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.erased.v1"

    reason: ErasureReason


EVENTS: tuple[type[CaseEvent], ...] = (
    BreakGlassOpened,
    BreakGlassReviewed,
    BreakGlassReviewOverdue,
    BreakGlassReviewEscalated,
    GuardianshipRecorded,
    GuardiansChanged,
    IdentityCorrected,
    FamilyMarked,
    CaseContinued,
    AddressProtectionSet,
    AddressProtectionLifted,
    AddressProtectionDue,
    RecordWritten,
    DocumentAdded,
    CaseErased,
)
