"""The report as a PDF by PDF/UA-1 (ISO 14289-1): tagged, with language, title, and its fonts inside.

Typst sets it. What the report says goes in as JSON and is only ever text there: nothing of it is read as markup. The fonts are
those that the typst wheel brings, so that it looks the same wherever it is made.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Final

import typst

from services.audit.innsyn.document import Document

TEMPLATE: Final = Path(__file__).with_name("templates") / "report.typ"
STANDARD: Final = "ua-1"
UNKNOWN_SIGN: Final = "?"
_FONTS: Final = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
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


def render_pdf(document: Document, *, large: bool, made_at: datetime) -> bytes:
    """Return the PDF; `large` for large print. It takes the processor: call it in a thread.

    The same document gives the same bytes.
    """
    report = _displayable(document.model_dump(mode="json"))
    compiler = typst.Compiler(
        input=TEMPLATE, root=TEMPLATE.parent, font_paths=_FONTS, ignore_system_fonts=True, sys_inputs={}
    )
    made = compiler.compile(
        format="pdf",
        sys_inputs={"report": json.dumps({"document": report, "large": large})},
        pdf_standards=[STANDARD],
        timestamp=made_at,
    )
    if not isinstance(made, bytes):
        raise TypeError("a PDF is one file")
    return made


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
