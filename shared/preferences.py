"""What a client prefers of what there is: the headers Accept and Accept-Language (RFC 9110 § 12.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from shared.contracts.codes import Language

T = TypeVar("T")

QVALUE: Final = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)
"""A weight (RFC 9110 § 12.4.2): 0 to 1, with at most three decimals."""
LANGUAGES: Final = {**{language.value: language for language in Language}, "no": Language.NB}
"""The written languages by their tags; Norwegian without more is Bokmål."""
NAMES: Final[Mapping[Language, str]] = {Language.NB: "Bokmål", Language.NN: "Nynorsk", Language.EN: "English"}
"""What each language calls itself."""


def preferred(header: str, known: Mapping[str, T], default: T) -> T:
    """Return what `header` wants most of `known`; the first of several that it wants equally, `default` if none of them.

    Args:
        header: ranges with their weights, as in `nn;q=0.9, en`. One whose weight is none (`QVALUE`) is passed over.
        known: by media type or language tag, in small letters; a tag's first part stands for all its varieties.
        default: when the header asks for none of them.
    """
    best, weight = default, 0.0
    for part in header.split(",")[:20]:
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        found = known.get(name) if "/" in name else known.get(name, known.get(name.partition("-")[0]))
        wanted = _weight(parameters)
        if found is not None and wanted > weight:
            best, weight = found, wanted
    return best


def preferred_language(header: str) -> Language:
    """Return the language that `Accept-Language` asks for (RFC 9110 § 12.5.4); Bokmål where it asks for none of ours."""
    return preferred(header, LANGUAGES, Language.NB)


def _weight(parameters: list[str]) -> float:
    """Return how much a range with these parameters is wanted: 1 when it does not say, 0 when what it says is no weight."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if QVALUE.fullmatch(value) else 0.0
    return 1.0
