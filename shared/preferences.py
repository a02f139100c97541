"""What a client prefers of what there is: the headers Accept and Accept-Language (RFC 9110 § 12.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def preferred(header: str, known: Mapping[str, T], default: T) -> T:
    """Return what `header` wants most of `known`; the first of several that it wants equally, `default` if none of them.

    Args:
        header: ranges with their weights, as in `nn;q=0.9, en`. What cannot be read is passed over.
        known: by media type or language tag, in small letters; a tag's first part stands for all its varieties.
        default: when the header asks for none of them.
    """
    best, weight = default, 0.0
    for part in header.split(",")[:20]:
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        found = known.get(name) if "/" in name else known.get(name, known.get(name.partition("-")[0]))
        quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        try:
            wanted = min(float(quality), 1.0)
        except ValueError:
            continue
        if found is not None and wanted > weight:
            best, weight = found, wanted
    return best
