"""A page that is saved and read anywhere: no script, nothing from elsewhere, every value escaped, one style sheet inside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined


class StillPage:
    """A Jinja template with its style sheet; the template writes the sheet, `style`, into the page."""

    def __init__(self, template: Path, style: Path, *, forms: bool = False) -> None:
        """Read both; what `template` includes stands in its folder. `forms`, if it has any, lead nowhere but where it came from."""
        self.style: Final = style.read_text(encoding="utf-8")
        digest = base64.b64encode(sha256(self.style.encode()).digest()).decode()
        self.headers: Final[Mapping[str, str]] = {
            "Content-Security-Policy": (
                f"default-src 'none'; base-uri 'none'; form-action '{'self' if forms else 'none'}'; frame-ancestors 'none'; "
                f"style-src 'sha256-{digest}'"
            ),
            # With no referrer at all, browsers would not say where a form comes from either.
            "Referrer-Policy": "same-origin" if forms else "no-referrer",
        }
        """What it is sent with: only this one style sheet, by its hash."""
        environment = Environment(
            loader=FileSystemLoader(template.parent),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template(template.name)

    def render(self, **values: object) -> str:
        """Return the page.

        Raises:
            jinja2.UndefinedError: the template names a value that is not there.
        """
        return self._template.render(**values, style=self.style)
