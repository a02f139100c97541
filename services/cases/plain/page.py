"""The overview as a page, in large type."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from services.cases.plain.writing import Document
from shared.web.still import StillPage

_TEMPLATES: Final = Path(__file__).with_name("templates")
PAGE: Final = StillPage(_TEMPLATES / "overview.html", _TEMPLATES / "overview.css")


def render_page(document: Document) -> str:
    """Return the page."""
    return PAGE.render(document=document)
