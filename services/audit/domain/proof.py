"""Inclusion proofs of single entries in the offline form of C2SP tlog-proof."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HEADER: Final = "c2sp.org/tlog-proof@v1"


class MalformedProofError(ValueError):
    """The text is no tlog-proof."""


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That an entry is number `index` of the log whose signed checkpoint is `note`.

    `extra` is the entry's own bytes, so that the file is all that a verifier needs. It is not authenticated by standing
    there: the verifier hashes it, and the hash is what the proof leads from the leaf to the root.
    """

    index: int
    hashes: Sequence[bytes]
    note: str
    extra: bytes | None = None

    def text(self) -> str:
        """Return the contents of a `.tlog-proof` file."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(part).decode() for part in self.hashes]
        return "\n".join(lines) + "\n\n" + self.note

    @classmethod
    def parse(cls, text: str) -> InclusionProof:
        """Read a `.tlog-proof` file.

        Raises:
            MalformedProofError: it is none.
        """
        head, blank, note = text.partition("\n\n")
        lines = head.split("\n")
        if not blank or lines.pop(0) != HEADER or not lines:
            raise MalformedProofError("not a tlog-proof of version 1")
        try:
            extra = None
            if lines[0].startswith("extra "):
                extra = base64.b64decode(lines.pop(0).removeprefix("extra "), validate=True)
            index = lines.pop(0).removeprefix("index ")
            hashes = [base64.b64decode(line, validate=True) for line in lines]
        except (ValueError, IndexError) as error:
            raise MalformedProofError("a line of the proof is not as it should be") from error
        if not (index.isascii() and index.isdigit()) or str(int(index)) != index:
            raise MalformedProofError("the proof names no index")
        return cls(int(index), tuple(hashes), note, extra)
