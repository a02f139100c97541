"""The pages' texts: one table for each language, the same keys in each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shared.contracts.codes import Language
from shared.plain_yaml import read_yaml

FOLDER: Final = Path(__file__).with_name("texts")


class TextError(ValueError):
    """The tables do not fit each other."""


def _flat(table: object, prefix: str = "") -> dict[str, str]:
    if not isinstance(table, dict):
        raise TextError(f"{prefix} is no table of texts")
    found: dict[str, str] = {}
    for name, text in table.items():
        if isinstance(text, str):
            found[f"{prefix}{name}"] = text.strip()
        else:
            found |= _flat(text, f"{prefix}{name}.")
    return found


def load(language: Language) -> Mapping[str, str]:
    """Return the table of a language: text by key.

    Raises:
        TextError: the file is no table of texts.
    """
    return _flat(read_yaml((FOLDER / f"{language}.yaml").read_text(encoding="utf-8")))


TABLES: Final[Mapping[Language, Mapping[str, str]]] = {language: load(language) for language in Language}


class Texts:
    """The texts of one language."""

    def __init__(self, language: Language) -> None:
        self.language: Final = language
        self._table = TABLES[language]

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of `key` with `values` in its gaps.

        Raises:
            KeyError: there is no such text, or no value for a gap in it.
        """
        text = self._table[key]
        return text.format(**values) if values else text

    def code(self, group: str, code: str) -> str:
        """Return what a code of `group` is called; the code itself where it has no name here."""
        return self._table.get(f"{group}.{code}", code)
