"""What an innsyn report is refused for."""

from __future__ import annotations

from services.audit.errors import AuditError
from shared.errors import ForbiddenError, NotFoundError, UnavailableError


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
