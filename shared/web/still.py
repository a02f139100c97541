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

    def __init__(self, template: Path, style: Path) -> None:
        """Read both; what `template` includes stands in its folder."""
        self.style: Final = style.read_text(encoding="utf-8")
        digest = base64.b64encode(sha256(self.style.encode()).digest()).decode()
        self.headers: Final[Mapping[str, str]] = {
            "Content-Security-Policy": (
                "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                f"style-src 'sha256-{digest}'"
            ),
            "Referrer-Policy": "no-referrer",
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
