"""The report as a PDF: what is asked of the process that sets it, and that process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import datetime
from typing import Final

import structlog

from services.audit.innsyn.document import Document
from services.audit.innsyn.errors import PdfTooLongError, PdfUnavailableError

LONGEST: Final = 1000
"""Lines. Setting so many takes about half a gigabyte for some seconds."""
PATIENCE_SECONDS: Final = 60.0
UNKNOWN_SIGN: Final = "?"
_INHERITED: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
"""What the setting process is told of this one's environment: nothing that is secret."""
_SPANS: Final = (
    (0x20, 0x7E),
    (0xA0, 0x24F),  # Latin, with every letter of the Sami languages
    (0x1E00, 0x1EFF),
    (0x391, 0x3A1),
    (0x3A3, 0x3C9),
    (0x400, 0x45F),
    (0x2010, 0x2015),
    (0x2018, 0x201E),
    (0x2026, 0x2026),
)
"""Signs that the typeface has for certain. A PDF/UA may not hold one that it cannot show, so others become a `?`."""

log = structlog.get_logger(__name__)


def asked(document: Document, *, large: bool, made_at: datetime) -> bytes:
    """Return what `typesetting.typeset` takes; `large` for large print, `made_at` is the PDF's own date."""
    report = {"document": _displayable(document.model_dump(mode="json")), "large": large}
    return json.dumps({"report": report, "made_at": made_at.isoformat()}).encode()


async def make_pdf(document: Document, *, large: bool, made_at: datetime) -> bytes:
    """Return the PDF, set by a process of its own.

    Raises:
        PdfTooLongError: it has more than a thousand lines.
        PdfUnavailableError: it was not set, or not in time.
    """
    if len(document.lines) > LONGEST:
        raise PdfTooLongError
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.audit.innsyn.typesetting",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # a diagnostic would quote the report
        env={name: os.environ[name] for name in _INHERITED if name in os.environ},
    )
    try:
        content, _ = await asyncio.wait_for(
            process.communicate(asked(document, large=large, made_at=made_at)), PATIENCE_SECONDS
        )
    except TimeoutError:
        raise PdfUnavailableError from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        log.warning("a report could not be set as a PDF", status=process.returncode)
        raise PdfUnavailableError
    return content


def _displayable(value: object) -> object:
    """Return the same with every text as far as the typeface goes."""
    if isinstance(value, str):
        return "".join(sign if _has(ord(sign)) else UNKNOWN_SIGN for sign in value)
    if isinstance(value, list):
        return [_displayable(part) for part in value]
    if isinstance(value, dict):
        return {key: _displayable(part) for key, part in value.items()}
    return value


def _has(sign: int) -> bool:
    return any(first <= sign <= last for first, last in _SPANS)
