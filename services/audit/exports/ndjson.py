"""Entries with their proofs, one JSON line each: docs/log-format.md, "Many entries with their proofs"."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

from pydantic_core import to_json

from services.audit.exports.proofs import Prover
from services.audit.exports.writing import Told
from services.audit.queries import StoredEntry

FORMAT: Final = "lagspill.no/entries@v1"


class NdjsonWriter:
    """Writes entries that anybody with the public key can verify."""

    media_type = "application/x-ndjson"
    suffix = "ndjson"
    unreadable = 0

    def __init__(self, told: Told, prover: Prover) -> None:
        """Take the proofs from `prover`."""
        self._told = told
        self._prover = prover

    def opening(self) -> bytes:
        """Return the line with the signed checkpoint, which says whether it is a witnessed one."""
        opening = {"export": FORMAT, "checkpoint": self._told.note, "witnessed": self._told.witnessed}
        return to_json(opening) + b"\n"

    async def write(self, entries: Sequence[StoredEntry]) -> Sequence[bytes]:
        """Return a line for each entry."""
        proofs = await self._prover.prove([entry.position for entry in entries])
        return [
            b'{"position":%d,"entry":"%s","proof":[%s]}\n'
            % (
                entry.position,
                base64.b64encode(entry.leaf),
                b",".join(b'"%s"' % base64.b64encode(each) for each in proof),
            )
            for entry, proof in zip(entries, proofs, strict=True)
        ]

    def closing(self, count: int, digest: bytes) -> bytes:
        """Return the last line."""
        return b'{"count":%d,"sha256":"%s"}\n' % (count, base64.b64encode(digest))
