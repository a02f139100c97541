"""Identifiers that a test can foresee: the same ones in the same order for the same seed."""

from __future__ import annotations

import random
from uuid import UUID

from shared.refs import ALPHABET, LENGTH

_START_MS = 1_788_739_200_000  # 7 September 2026, the first day of the story's concern
_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62


class SeededIds:
    """Identifiers from a seed; event ids are well-formed UUIDv7 and grow (RFC 9562)."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = random.Random(seed)
        self._count = 0

    def ref(self, prefix: str) -> str:
        """Return the next reference with `prefix`."""
        return f"{prefix}_{''.join(self._rng.choices(ALPHABET, k=LENGTH))}"

    def event_id(self) -> UUID:
        """Return the next event id, one millisecond after the one before."""
        self._count += 1
        random_a, random_b = self._rng.getrandbits(12), self._rng.getrandbits(62)
        return UUID(int=(_START_MS + self._count) << 80 | _VERSION | random_a << 64 | _VARIANT | random_b)
