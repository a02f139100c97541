"""Opaque references: random, prefixed by what they refer to, and made of letters only.

A reference never derives from a person (a hash of a national number can be searched in seconds), and because it holds
no digit, nothing on the bus can look like a national number (invariant 8).
"""

from __future__ import annotations

import secrets
from typing import Annotated, Final, NewType, Protocol
from uuid import UUID

from pydantic import StringConstraints
from uuid_utils.compat import uuid7

ALPHABET: Final = "bcdfghjklmnpqrstvwxz"
LENGTH: Final = 26  # 20 letters ** 26: 112 bits


def pattern(prefix: str) -> str:
    """Return the regular expression that references with `prefix` match."""
    return rf"^{prefix}_[{ALPHABET}]{{{LENGTH}}}$"


CaseRef = NewType("CaseRef", str)
ConcernRef = NewType("ConcernRef", str)
ConsentRef = NewType("ConsentRef", str)
OverrideRef = NewType("OverrideRef", str)
HandoverRef = NewType("HandoverRef", str)
MeasureRef = NewType("MeasureRef", str)
GoalRef = NewType("GoalRef", str)
FormRef = NewType("FormRef", str)
AbsenceRef = NewType("AbsenceRef", str)
ChildViewRef = NewType("ChildViewRef", str)
DocumentRef = NewType("DocumentRef", str)
GlassRef = NewType("GlassRef", str)
"""One emergency access (nødtilgang)."""
RecordRef = NewType("RecordRef", str)
ArenaRef = NewType("ArenaRef", str)
MeetingRef = NewType("MeetingRef", str)
CalendarRef = NewType("CalendarRef", str)
ItemRef = NewType("ItemRef", str)
UnitRegisterRef = NewType("UnitRegisterRef", str)
"""What one unit records of itself."""
SurveyRef = NewType("SurveyRef", str)
"""The survey after one meeting."""
SurveyRoundRef = NewType("SurveyRoundRef", str)
"""A term of one survey: what its answers are counted in."""
ConsultationRef = NewType("ConsultationRef", str)
"""One hearing (høring)."""
ReportDutyRef = NewType("ReportDutyRef", str)
EnteredFigureRef = NewType("EnteredFigureRef", str)
DeviationRef = NewType("DeviationRef", str)
"""One report that a municipality owes by one day."""
MessageRef = NewType("MessageRef", str)
DeadlineRef = NewType("DeadlineRef", str)
SubscriptionRef = NewType("SubscriptionRef", str)
ReceiptRef = NewType("ReceiptRef", str)
"""What one subscription acknowledges of one consent."""
FindingRef = NewType("FindingRef", str)
ExportRef = NewType("ExportRef", str)
InnsynReportRef = NewType("InnsynReportRef", str)
PlanRef = NewType("PlanRef", str)
ContributionRef = NewType("ContributionRef", str)
ConcernReportRef = NewType("ConcernReportRef", str)
ActorId = NewType("ActorId", str)
"""Opaque and stable: the token's subject, or the keyed hash of the token's national number."""
UnitId = NewType("UnitId", str)
"""An organisational unit of the municipality's directory, for example `unit:lia-barnehage`."""
OrganisationNumber = NewType("OrganisationNumber", str)
"""Nine digits, from Enhetsregisteret."""
LogScope = NewType("LogScope", str)
"""Whose log an event belongs to: a municipality number (four digits) or, for an address-protected case, an opaque name."""
PROTECTED_LOG: Final = "prt"
"""The prefix of an address-protected case's log."""


def is_protected(scope: LogScope) -> bool:
    """Return whether it is the log of an address-protected case: nothing in it may name a unit, an organisation or a place."""
    return scope.startswith(f"{PROTECTED_LOG}_")


AbsenceRefField = Annotated[AbsenceRef, StringConstraints(pattern=pattern("abs"))]
CaseRefField = Annotated[CaseRef, StringConstraints(pattern=pattern("cas"))]
ConcernRefField = Annotated[ConcernRef, StringConstraints(pattern=pattern("con"))]
ConsentRefField = Annotated[ConsentRef, StringConstraints(pattern=pattern("cst"))]
OverrideRefField = Annotated[OverrideRef, StringConstraints(pattern=pattern("ovr"))]
HandoverRefField = Annotated[HandoverRef, StringConstraints(pattern=pattern("hdo"))]
MeasureRefField = Annotated[MeasureRef, StringConstraints(pattern=pattern("mea"))]
GoalRefField = Annotated[GoalRef, StringConstraints(pattern=pattern("goa"))]
FormRefField = Annotated[FormRef, StringConstraints(pattern=pattern("frm"))]
ChildViewRefField = Annotated[ChildViewRef, StringConstraints(pattern=pattern("cvw"))]
DocumentRefField = Annotated[DocumentRef, StringConstraints(pattern=pattern("doc"))]
GlassRefField = Annotated[GlassRef, StringConstraints(pattern=pattern("brk"))]
RecordRefField = Annotated[RecordRef, StringConstraints(pattern=pattern("rec"))]
ArenaRefField = Annotated[ArenaRef, StringConstraints(pattern=pattern("arn"))]
CalendarRefField = Annotated[CalendarRef, StringConstraints(pattern=pattern("cal"))]
MeetingRefField = Annotated[MeetingRef, StringConstraints(pattern=pattern("mtg"))]
ItemRefField = Annotated[ItemRef, StringConstraints(pattern=pattern("itm"))]
UnitRegisterRefField = Annotated[UnitRegisterRef, StringConstraints(pattern=pattern("reg"))]
SurveyRefField = Annotated[SurveyRef, StringConstraints(pattern=pattern("srv"))]
SurveyRoundRefField = Annotated[SurveyRoundRef, StringConstraints(pattern=pattern("srd"))]
ConsultationRefField = Annotated[ConsultationRef, StringConstraints(pattern=pattern("hrg"))]
ReportDutyRefField = Annotated[ReportDutyRef, StringConstraints(pattern=pattern("rdy"))]
EnteredFigureRefField = Annotated[EnteredFigureRef, StringConstraints(pattern=pattern("enf"))]
DeviationRefField = Annotated[DeviationRef, StringConstraints(pattern=pattern("dev"))]
MessageRefField = Annotated[MessageRef, StringConstraints(pattern=pattern("msg"))]
DeadlineRefField = Annotated[DeadlineRef, StringConstraints(pattern=pattern("ddl"))]
SubscriptionRefField = Annotated[SubscriptionRef, StringConstraints(pattern=pattern("sub"))]
ReceiptRefField = Annotated[ReceiptRef, StringConstraints(pattern=pattern("rct"))]
FindingRefField = Annotated[FindingRef, StringConstraints(pattern=pattern("fnd"))]
ExportRefField = Annotated[ExportRef, StringConstraints(pattern=pattern("exp"))]
InnsynReportRefField = Annotated[InnsynReportRef, StringConstraints(pattern=pattern("inn"))]
PlanRefField = Annotated[PlanRef, StringConstraints(pattern=pattern("pln"))]
ContributionRefField = Annotated[ContributionRef, StringConstraints(pattern=pattern("ctb"))]
ConcernReportRefField = Annotated[ConcernReportRef, StringConstraints(pattern=pattern("rpt"))]
ActorIdField = Annotated[ActorId, StringConstraints(pattern=r"^[a-z]{3}_[0-9A-Za-z_-]{8,64}$")]
UnitIdField = Annotated[UnitId, StringConstraints(pattern=r"^unit:[a-z0-9-]{1,60}$")]
OrganisationNumberField = Annotated[OrganisationNumber, StringConstraints(pattern=r"^[0-9]{9}$")]
MunicipalityField = Annotated[LogScope, StringConstraints(pattern=r"^[0-9]{4}$")]
"""A municipality's number."""
LogScopeField = Annotated[LogScope, StringConstraints(pattern=rf"^([0-9]{{4}}|prt_[{ALPHABET}]{{{LENGTH}}})$")]


class Ids(Protocol):
    """Where new identifiers come from; injected, so that a test can decide them."""

    def ref(self, prefix: str) -> str:
        """Return a new reference with `prefix`, unique in the world."""

    def event_id(self) -> UUID:
        """Return a new UUIDv7 (RFC 9562)."""


class RandomIds:
    """Identifiers from the operating system's randomness."""

    def ref(self, prefix: str) -> str:
        """Return `prefix`, an underscore and 26 random letters (112 bits)."""
        return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(LENGTH))}"

    def event_id(self) -> UUID:
        """Return a new UUIDv7 (RFC 9562)."""
        return uuid7()
