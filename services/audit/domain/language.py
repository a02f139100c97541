"""Which of the written languages whoever asks wants to read."""

from __future__ import annotations

from typing import Final

from shared.contracts.codes import Language

DEFAULT: Final = Language.NB
_TAGS: Final = {**{language.value: language for language in Language}, "no": Language.NB}


def preferred(accepted: str) -> Language:
    """Return the language that an Accept-Language header asks for (RFC 9110 § 12.5.4), Bokmål where it asks for none of ours."""
    best, weight = DEFAULT, 0.0
    for part in accepted.split(",")[:20]:
        tag, _, quality = part.strip().partition(";")
        language = _TAGS.get(tag.strip().lower().partition("-")[0])
        try:
            asked = float(quality.strip().removeprefix("q=")) if quality.strip() else 1.0
        except ValueError:
            continue
        if language is not None and weight < asked <= 1.0:
            best, weight = language, asked
    return best
