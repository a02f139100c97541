"""Text that others wrote, as text that does nothing: no terminal, no spreadsheet, no bidirectional trick takes it for more."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

MARK: Final = "\N{REPLACEMENT CHARACTER}"
_ACTIVE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what is not shown, or changes how other things are: controls, formats, surrogates, separators of lines."""
_FORMULA: Final = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""What spreadsheets begin a formula with, and its full-width forms (OWASP, CSV injection)."""
_BEGINS: Final = re.compile(r'(?<=[,;|])(?=[\s"]*[=+\-@\uff1d\uff0b\uff0d\uff20])')
"""Where a spreadsheet that separates cells by another sign than we do would begin one with a formula: Norway's, at a semicolon."""
_QUOTED: Final = re.compile(r'[",;|\r\n]')


def inert(text: str) -> str:
    """Return the text with a visible mark in place of every character that could act."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(MARK if unicodedata.category(letter) in _ACTIVE else letter for letter in text)


def cell(text: str) -> str:
    """Return the text for a cell of a spreadsheet: what would begin a formula has an apostrophe before it, also within it."""
    safe = _BEGINS.sub("'", inert(text))
    return f"'{safe}" if safe.lstrip()[:1] in _FORMULA else safe


def line_of_cells(fields: Iterable[str]) -> str:
    """Return a line of a spreadsheet (RFC 4180); quoted is also what others would take for a separator."""
    return ",".join(_written(cell(field)) for field in fields) + "\r\n"


def _written(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if _QUOTED.search(text) else text
