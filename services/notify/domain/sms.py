"""What fits into one SMS, and how a telephone number is written. A message that takes two is paid twice, and may come in pieces.

The GSM alphabet (3GPP TS 23.038) has room for 160 characters, those of its extension counted twice; whatever is not in it makes the
whole message UCS-2, with room for 70 UTF-16 units. The Norwegian letters are in it.
"""

from __future__ import annotations

import re
from typing import Final

GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION: Final = frozenset("\f^{}\\[~]|€")
GSM_ROOM: Final = 160
UCS2_ROOM: Final = 70
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")
NORWAY: Final = "+47"
_NORWEGIAN_DIGITS: Final = 8


def is_gsm(text: str) -> bool:
    """Return whether every character is in the GSM alphabet or its extension."""
    return set(text) <= GSM | EXTENSION


def room_taken(text: str) -> int:
    """Return how much of one message `text` takes: septets of the GSM alphabet, or UTF-16 units."""
    if is_gsm(text):
        return len(text) + sum(each in EXTENSION for each in text)
    return len(text.encode("utf-16-be")) // 2


def fits(text: str) -> bool:
    """Return whether `text` is one message."""
    return room_taken(text) <= (GSM_ROOM if is_gsm(text) else UCS2_ROOM)


def normal_number(written: str) -> str | None:
    """Return a telephone number as ITU-T E.164 has it, with + and country; None when it is none.

    Eight digits without a country are Norway's.
    """
    bare = re.sub(r"[\s().-]", "", written)
    if bare.startswith("00"):
        bare = "+" + bare[2:]
    if re.fullmatch(rf"[0-9]{{{_NORWEGIAN_DIGITS}}}", bare):
        bare = NORWAY + bare
    return bare if _NUMBER.fullmatch(bare) else None
