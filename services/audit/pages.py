"""Pages for people, rendered here: no script, nothing loaded from elsewhere, every value escaped."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.clock import OSLO

_TEMPLATES: Final = Path(__file__).with_name("templates")
STYLE: Final = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        f"style-src 'sha256-{base64.b64encode(sha256(STYLE.encode()).digest()).decode()}'"
    ),
    "Referrer-Policy": "no-referrer",
}
"""Of every page: only this one style sheet, by its hash."""


class ShownLog(Protocol):
    """What a page shows of a log."""

    @property
    def log(self) -> str:
        """Its short name."""

    @property
    def origin(self) -> str:
        """Its name in its checkpoints."""

    @property
    def size(self) -> int:
        """How many entries it has."""

    @property
    def root(self) -> str:
        """Base64 of its root."""

    @property
    def signed_at(self) -> datetime:
        """When its newest checkpoint was signed."""

    @property
    def vkey(self) -> str:
        """The key that signs it."""

    @property
    def note(self) -> str:
        """Its newest checkpoint."""


def _oslo(moment: datetime) -> str:
    """Return the moment as people in Norway write it."""
    return moment.astimezone(OSLO).strftime("%d.%m.%Y %H:%M:%S")


def _number(value: int) -> str:
    """Return the number with thin gaps between the thousands."""
    return f"{value:,}".replace(",", "\N{NO-BREAK SPACE}")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["oslo"] = _oslo
    environment.filters["number"] = _number
    environment.filters["path"] = lambda text: quote(text, safe="")
    return environment


_ENVIRONMENT: Final = _environment()


def index(logs: Sequence[ShownLog], address: str) -> str:
    """Return the page that shows the logs and tells how to verify them; `address` is where this service is reached."""
    return _ENVIRONMENT.get_template("index.html").render(logs=logs, address=address, style=STYLE)
