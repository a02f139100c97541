"""The overview as a page: large type, no script, nothing from elsewhere, every value escaped."""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.cases.plain.writing import Document

_TEMPLATES: Final = Path(__file__).with_name("templates")
STYLE: Final = (_TEMPLATES / "overview.css").read_text(encoding="utf-8")
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        f"style-src 'sha256-{base64.b64encode(sha256(STYLE.encode()).digest()).decode()}'"
    ),
    "Referrer-Policy": "no-referrer",
}
"""Only this one style sheet, by its hash."""

_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_page(document: Document) -> str:
    """Return the page."""
    return _ENVIRONMENT.get_template("overview.html").render(document=document, style=STYLE)
