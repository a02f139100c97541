"""What the audit service refuses, and why it may stop."""

from __future__ import annotations

from shared.errors import ForbiddenError, InvalidInputError, LagspillError, NotFoundError


class AuditError(LagspillError):
    """Something went wrong in the confidentiality log."""

    code = "audit-error"


class NoSuchLogError(AuditError, NotFoundError):
    """There is no such log."""

    code = "log-unknown"
    status = 404


class NoSuchEntryError(AuditError, NotFoundError):
    """The log has no such entry, or not yet."""

    code = "entry-unknown"
    status = 404


class NotYourLogError(AuditError, ForbiddenError):
    """Only the municipality's auditor or privacy officer may look into its log."""

    code = "log-forbidden"
    status = 403


class PeriodTooLongError(AuditError, InvalidInputError):
    """A search without a case or an actor needs a period of at most 31 days."""

    code = "period-too-long"
    status = 422


class FencedError(AuditError):
    """Another instance has taken these records; this one begins again where the log stands."""

    code = "fenced"


class HeadDamagedError(AuditError):
    """The stored head of a log is not the one that was signed last: nothing more is signed until somebody has looked."""

    code = "tree-damaged"


class PositionLostError(AuditError):
    """The broker's partition ends before the log's position in it: the topic was made anew, or has lost records."""

    code = "position-lost"
