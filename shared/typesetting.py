"""Sets a document as a PDF by PDF/UA-1 (ISO 14289-1): tagged, with language, title, and its fonts inside.

    content = await set_pdf(TEMPLATE, {"letter": letter}, made_at=now)

A process of its own for each document: setting takes memory that grows with the document, and a process that keeps keys has nothing
to do with it. What the document says comes in as JSON and is only ever text in Typst: nothing of it is read as markup. The fonts
are those that the typst wheel brings, so that it looks the same wherever it is made.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import JsonValue

STANDARD: Final = "ua-1"
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


class NotSetError(Exception):
    """The document was not set, or not in time."""

    def __init__(self, status: int | None = None) -> None:
        """Say how the setting process ended; None when it was not waited for any longer."""
        super().__init__()
        self.status = status


def asked(template: Path, inputs: Mapping[str, JsonValue], *, made_at: datetime) -> bytes:
    """Return what `typeset` takes: each of `inputs` is JSON to the Typst file `template`; `made_at` is the PDF's own date."""
    told = {name: json.dumps(_displayable(value)) for name, value in inputs.items()}
    return json.dumps({"template": str(template), "inputs": told, "made_at": made_at.isoformat()}).encode()


def typeset(wanted: bytes) -> bytes:
    """Return the PDF of what `asked` wrote; the same words give the same bytes.

    Raises:
        typst.TypstError: it cannot be set.
    """
    import typst  # in the setting process only: it is large

    document = json.loads(wanted)
    template = Path(document["template"])
    compiler = typst.Compiler(
        input=template,
        root=template.parent,
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=True),
        ignore_system_fonts=True,
    )
    made = compiler.compile(
        format="pdf",
        sys_inputs=document["inputs"],
        pdf_standards=[STANDARD],
        timestamp=datetime.fromisoformat(document["made_at"]),
    )
    if not isinstance(made, bytes):
        raise TypeError("a PDF is one file")
    return made


async def set_pdf(template: Path, inputs: Mapping[str, JsonValue], *, made_at: datetime) -> bytes:
    """Return the PDF, set by a process of its own that is told nothing else.

    Raises:
        NotSetError: it was not set, or not in time.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "shared.typesetting",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # a diagnostic would quote the document
        env={name: os.environ[name] for name in _INHERITED if name in os.environ},
    )
    try:
        content, _ = await asyncio.wait_for(
            process.communicate(asked(template, inputs, made_at=made_at)), PATIENCE_SECONDS
        )
    except TimeoutError:
        raise NotSetError from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise NotSetError(process.returncode)
    return content


def _displayable(value: JsonValue) -> JsonValue:
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


if __name__ == "__main__":
    sys.stdout.buffer.write(typeset(sys.stdin.buffer.read()))
