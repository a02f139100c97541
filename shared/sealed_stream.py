"""Sealing content that is too large to hold: in pieces, each bound to its place; none can be cut, moved, repeated or left out.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) over AES-256-GCM: the nonce of a piece is a random prefix, its
number, and whether it is the last. The key is the content's own, drawn from the data key (HKDF-SHA-256), so no nonce is used twice.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.keys import KEY_BYTES, TamperedError

PIECE: Final = 64 * 1024
"""Bytes of content in a piece; the last may be shorter."""
PREFIX_BYTES: Final = 7
MOST_PIECES: Final = 2**32


def new_prefix() -> bytes:
    """Return a random prefix for one content's nonces."""
    return os.urandom(PREFIX_BYTES)


class Sealer:
    """Seals and opens the pieces of one content."""

    def __init__(self, data_key: bytes, prefix: bytes, place: bytes) -> None:
        """Draw the content's own key from `data_key`; `place` says whose content it is, and is bound to every piece."""
        own = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=prefix, info=b"lagspill-stream\0" + place).derive(
            data_key
        )
        self._key = AESGCM(own)
        self._prefix = prefix
        self._place = place

    def seal(self, nth: int, piece: bytes, *, last: bool) -> bytes:
        """Return the piece sealed; they are numbered from 0 and sealed in order, each once."""
        return self._key.encrypt(self._nonce(nth, last=last), piece, self._place)

    def open(self, nth: int, sealed: bytes, *, last: bool) -> bytes:
        """Return the piece.

        Raises:
            TamperedError: it is not the piece that was sealed there, or not the last one where `last` says so.
        """
        try:
            return self._key.decrypt(self._nonce(nth, last=last), sealed, self._place)
        except InvalidTag:
            raise TamperedError from None

    def _nonce(self, nth: int, *, last: bool) -> bytes:
        if not 0 <= nth < MOST_PIECES:
            raise ValueError("a content has at most 2**32 pieces")
        return self._prefix + nth.to_bytes(4) + bytes([last])
