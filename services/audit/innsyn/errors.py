"""What an innsyn report is refused for."""

from __future__ import annotations

from services.audit.errors import AuditError
from shared.errors import ConflictError, ForbiddenError, NotFoundError, UnavailableError


class NoSuchReportError(AuditError, NotFoundError):
    """There is nothing here that the actor may see."""

    code = "not-found"
    status = 404


class NoInsightRightError(AuditError, ForbiddenError):
    """Only a guardian, or the child from the age at which it may ask alone, is told who has seen the case."""

    code = "insight-not-permitted"
    status = 403


class RightUnknownError(AuditError, UnavailableError):
    """The cases service does not say now whether you may be told; nothing is shown on a guess."""

    code = "insight-right-unknown"


class LogBehindError(AuditError, UnavailableError):
    """The log does not hold this case yet."""

    code = "log-behind"


class PdfTooLongError(AuditError, ConflictError):
    """The report is too long for a PDF: read it as a page."""

    code = "pdf-too-long"
    status = 409


class PdfUnavailableError(AuditError, UnavailableError):
    """The report cannot be set as a PDF now: read it as a page, or try again."""

    code = "pdf-unavailable"
