"""Sets a letter as a PDF by PDF/UA-1 (ISO 14289-1): tagged, with language, title, and its fonts inside.

    python -m services.cases.typesetting < asked.json > letter.pdf

A process of its own, started for one letter by `letters.py`. What the letter says comes in as JSON and is only ever text in Typst:
nothing of it is read as markup.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

import typst

TEMPLATE: Final = Path(__file__).with_name("templates") / "letter.typ"
STANDARD: Final = "ua-1"


def typeset(asked: bytes) -> bytes:
    """Return the PDF of what `letters.make_letter` wrote; the same words give the same bytes.

    Raises:
        typst.TypstError: it cannot be set.
    """
    wanted = json.loads(asked)
    compiler = typst.Compiler(
        input=TEMPLATE,
        root=TEMPLATE.parent,
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=True),
        ignore_system_fonts=True,
    )
    made = compiler.compile(
        format="pdf",
        sys_inputs={"letter": json.dumps(wanted["letter"])},
        pdf_standards=[STANDARD],
        timestamp=datetime.fromisoformat(wanted["made_at"]),
    )
    if not isinstance(made, bytes):
        raise TypeError("a PDF is one file")
    return made


if __name__ == "__main__":
    sys.stdout.buffer.write(typeset(sys.stdin.buffer.read()))
