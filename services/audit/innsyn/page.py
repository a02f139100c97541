"""The report as a page. It is saved and read anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from services.audit.innsyn.document import Document
from shared.web.still import StillPage

_TEMPLATES: Final = Path(__file__).with_name("templates")
PAGE: Final = StillPage(_TEMPLATES / "report.html", _TEMPLATES / "report.css")


def render_page(document: Document, *, large: bool) -> str:
    """Return the page; `large` for large print."""
    return PAGE.render(document=document, large=large)
