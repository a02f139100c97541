"""The sentence for a finding, in each language. Every pattern has one in each, or the service does not start."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, model_validator

from shared.contracts.audit import Pattern
from shared.contracts.codes import Language

OTHER: Final = "other"


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: dict[Pattern, str]
    log: dict[str, str]

    @model_validator(mode="after")
    def _whole(self) -> _Words:
        if set(self.pattern) != set(Pattern) or OTHER not in self.log:
            raise ValueError("every pattern has a sentence, and what has none has the sentence `other`")
        return self


_WORDS: Final[Mapping[Language, _Words]] = {
    Language(language): _Words.model_validate(words)
    for language, words in tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8")).items()
}


def finding_sentence(kind: str, language: Language, *, entries: int = 0, cases: int = 0) -> str:
    """Return what is said of a finding: about behaviour by its pattern, about the log by its kind."""
    words = _WORDS[language]
    if kind in set(Pattern):
        return words.pattern[Pattern(kind)].format(entries=entries, cases=cases)
    return words.log.get(kind, words.log[OTHER])
