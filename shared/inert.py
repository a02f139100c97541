"""Text that others wrote, as text that does nothing: no terminal, no spreadsheet, no bidirectional trick takes it for more."""

from __future__ import annotations

import unicodedata
from typing import Final

MARK: Final = "\N{REPLACEMENT CHARACTER}"
_ACTIVE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what is not shown, or changes how other things are: controls, formats, surrogates, separators of lines."""
_FORMULA: Final = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""What spreadsheets begin a formula with, and its full-width forms (OWASP, CSV injection)."""


def inert(text: str) -> str:
    """Return the text with a visible mark in place of every character that could act."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(MARK if unicodedata.category(letter) in _ACTIVE else letter for letter in text)


def cell(text: str) -> str:
    """Return the text for a cell of a spreadsheet: what would begin a formula has an apostrophe before it."""
    safe = inert(text)
    return f"'{safe}" if safe.lstrip()[:1] in _FORMULA else safe
