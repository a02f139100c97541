"""How a page is made: templates that escape every value, one style sheet by its hash, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from services.audit.domain.sentences import sentence
from services.audit.pages.texts import Texts
from services.audit.pages.visits import Visit
from shared.clock import OSLO, oslo_time
from shared.preferences import NAMES

_TEMPLATES: Final = Path(__file__).resolve().parents[1] / "templates"
STYLE: Final = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        f"style-src 'sha256-{base64.b64encode(sha256(STYLE.encode()).digest()).decode()}'"
    ),
    # With no referrer at all, browsers would not say where a form comes from either.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Vary": "Accept-Language, Cookie",
}
"""Of every page: only this one style sheet, by its hash, and forms that lead nowhere but here."""
_SEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def oslo(moment: datetime) -> str:
    """Return the moment as people in Norway write it; where the calendar ends before Norway's time, in UTC, which is said."""
    local = oslo_time(moment)
    return f"{local:%d.%m.%Y %H:%M:%S}{'' if local.tzinfo is OSLO else ' UTC'}"


def number(value: int) -> str:
    """Return the number with gaps between the thousands."""
    return f"{value:,}".replace(",", "\N{NO-BREAK SPACE}")


def visible(text: str) -> str:
    """Return the text with what has no form of its own written out: controls, direction marks, lone surrogates.

    So that nothing in it can turn what stands beside it around, or hide (Unicode TR 36 § 2.10, TR 9 § 3.3).
    """
    return "".join(
        letter if letter == "\n" or unicodedata.category(letter) not in _SEEN else f"\\u{ord(letter):04x}"
        for letter in text
    )


def short(value: bytes) -> str:
    """Return the beginning of a hash, in hexadecimal."""
    return f"{value[:5].hex()}…"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["oslo"] = oslo
    environment.filters["number"] = number
    environment.filters["path"] = lambda text: quote(str(text), safe="")
    environment.filters["visible"] = visible
    environment.filters["short"] = short
    environment.filters["base64"] = lambda value: base64.b64encode(value).decode()
    return environment


_ENVIRONMENT: Final = _environment()


def render(template: str, visit: Visit, **values: object) -> str:
    """Return the page."""
    return _ENVIRONMENT.get_template(template).render(
        t=Texts(visit.language),
        say=lambda entry: sentence(entry, visit.language),
        visit=visit,
        languages=NAMES,
        style=STYLE,
        **values,
    )


def page(template: str, visit: Visit, *, status: int = 200, **values: object) -> Response:
    """Return the response with the page."""
    return Response(render(template, visit, **values), status, {**HEADERS, "Content-Language": visit.language})
