"""Checkpoints (C2SP tlog-checkpoint): a log's name, its size and its root, in the text of a signed note."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from shared.merkle import HASH_SIZE

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class MalformedCheckpointError(ValueError):
    """The text is no checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: what the log called `origin` looked like when it had `size` entries."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse what the three lines could not hold."""
        if not self.origin or "\n" in self.origin or self.size < 0 or len(self.root) != HASH_SIZE:
            raise MalformedCheckpointError("a checkpoint has an origin, a size and a root of 32 bytes")

    def text(self) -> str:
        """Return the note's text: three lines. No extension lines are written."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a checkpoint from a note's text; extension lines are ignored.

        Raises:
            MalformedCheckpointError: a line is missing or of the wrong form.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise MalformedCheckpointError("a checkpoint has at least three non-empty lines")
        origin, size, root = lines[:3]
        if _SIZE.fullmatch(size) is None:
            raise MalformedCheckpointError("a tree size is a decimal number without leading zeroes")
        try:
            decoded = base64.b64decode(root, validate=True)
        except ValueError as error:
            raise MalformedCheckpointError("a root is base64") from error
        if base64.b64encode(decoded).decode() != root:
            raise MalformedCheckpointError("a root is written in the one way that there is (RFC 4648 § 3.5)")
        return cls(origin, int(size), decoded)
