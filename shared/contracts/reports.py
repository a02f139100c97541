"""What the cases service publishes of a concern report (bekymringsmelding) to child welfare: that it was made, and its course.

Nothing of its content, of the child, or of the ground in words or codes is on the bus: who reads the topic learns that a report
went its way in time, and no more (barnevernsloven § 13-1).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.base import Moment
from shared.contracts.cases import CaseEvent, Party
from shared.contracts.codes import LegalBasis
from shared.refs import ConcernReportRefField


class ConcernReportEvent(CaseEvent):
    """An event of one concern report."""

    report: ConcernReportRefField


class ConcernReportSent(ConcernReportEvent):
    """Somebody with the duty to report did; that goes before confidentiality and consent (barnevernsloven § 13-2; seed rule 93)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.sent.v1"

    reporter: Party
    basis: LegalBasis
    channel: Literal["digital", "letter"]
    deliver_by: Moment
    """Until when the digital channel is tried before it goes by letter."""
    feedback_by: Moment
    """Three weeks: until then child welfare answers a public reporter (barnevernsloven § 13-3)."""
    guardians_informed: bool
    """False: telling them would endanger the child, and nothing of the report is shown to them."""
    sent_at: Moment


class ConcernReportReceived(ConcernReportEvent):
    """The channel has receipted it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.received.v1"

    channel: Literal["digital", "letter"]
    received_at: Moment


class ConcernReportFailed(ConcernReportEvent):
    """The channel did not take it; it goes by letter."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.failed.v1"

    reason: Literal["refused", "unreachable"]
    attempts: int = Field(ge=1)
    fallback: Literal["letter"] = "letter"


class ConcernReportPosted(ConcernReportEvent):
    """The letter was printed and posted."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.posted.v1"

    by: Party


class ConcernReportFeedback(ConcernReportEvent):
    """Child welfare has answered (barnevernsloven § 13-3)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.feedback.v1"

    kind: Literal["received", "investigating", "dismissed", "investigation-ended"]
    late: bool = False


class ConcernReportGuardiansInformed(ConcernReportEvent):
    """The guardians have been told of it after it was sent: from now on they are shown that it went, and never its words."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.guardians-informed.v1"


class ConcernReportUnanswered(ConcernReportEvent):
    """Three weeks have passed without an answer: the reporter and the unit's leader are told."""

    TYPE: ClassVar[str] = "no.lagspill.cases.concern-report.unanswered.v1"

    reporter: Party


EVENTS: tuple[type[CaseEvent], ...] = (
    ConcernReportSent,
    ConcernReportReceived,
    ConcernReportFailed,
    ConcernReportPosted,
    ConcernReportFeedback,
    ConcernReportGuardiansInformed,
    ConcernReportUnanswered,
)
