"""The report as a PDF."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from pydantic import JsonValue

from services.audit.innsyn.document import Document
from services.audit.innsyn.errors import PdfTooLongError, PdfUnavailableError
from shared.typesetting import NotSetError, set_pdf

TEMPLATE: Final = Path(__file__).with_name("templates") / "report.typ"
LONGEST: Final = 1000
"""Lines. Setting so many takes about half a gigabyte for some seconds."""

log = structlog.get_logger(__name__)


def inputs(document: Document, *, large: bool) -> dict[str, JsonValue]:
    """Return what the template is told; `large` for large print."""
    return {"report": {"document": document.model_dump(mode="json"), "large": large}}


async def make_pdf(document: Document, *, large: bool, made_at: datetime) -> bytes:
    """Return the PDF, set by a process of its own; `made_at` is its own date.

    Raises:
        PdfTooLongError: it has more than a thousand lines.
        PdfUnavailableError: it was not set, or not in time.
    """
    if len(document.lines) > LONGEST:
        raise PdfTooLongError
    try:
        return await set_pdf(TEMPLATE, inputs(document, large=large), made_at=made_at)
    except NotSetError as error:
        log.warning("a report could not be set as a PDF", status=error.status)
        raise PdfUnavailableError from None
