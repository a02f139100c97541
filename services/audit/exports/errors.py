"""What ordering and fetching an export refuses."""

from __future__ import annotations

from services.audit.errors import AuditError
from shared.errors import InvalidInputError, NotFoundError


class NoSuchExportError(AuditError, NotFoundError):
    """There is no such export."""

    code = "export-unknown"
    status = 404


class ExportNamesPlaceError(AuditError, InvalidInputError):
    """An order is an entry itself, and no entry of this log may name a unit or an organisation."""

    code = "export-names-place"
    status = 422
