"""What a witness decides (C2SP tlog-witness): it cosigns a checkpoint that begins with the last one it cosigned, and no other.

Pure: the caller keeps each log's last checkpoint locked from the decision until the new one is committed, and answers only then.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.audit.domain.checkpoint import Checkpoint, MalformedCheckpointError
from services.audit.domain.note import ForgedNoteError, MalformedNoteError, Note, NoteKey
from shared.merkle import EMPTY_ROOT, HASH_SIZE, InvalidProofError, verify_consistency

PREFIX: Final = "/witness"
"""The submission prefix and the monitoring prefix of a deployment's witness, under the service's address."""
MAX_PROOF: Final = 63
"""Lines of a consistency proof at most."""
MAX_SIZE: Final = 2**63 - 1
"""Entries of a log at most: what the database's number can hold."""
_SIZE: Final = re.compile(r"(?:0|[1-9][0-9]{0,18})")


class MalformedRequestBodyError(ValueError):
    """The body is not an old size, a proof, an empty line and a checkpoint."""


@dataclass(frozen=True, slots=True)
class Known:
    """The last checkpoint of a log that was cosigned."""

    size: int
    root: bytes


NEVER: Final = Known(0, EMPTY_ROOT)
"""Nothing was cosigned for the log so far."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign a checkpoint."""

    old: int
    """The size of the checkpoint that the client believes was cosigned last."""
    proof: tuple[bytes, ...]
    note: Note
    """The checkpoint; nothing of it is verified yet."""

    @property
    def origin(self) -> str:
        """Return which log it says it is of."""
        return self.note.text.partition("\n")[0]

    def body(self) -> bytes:
        """Return the request as it is sent."""
        lines = [f"old {self.old}\n", *(f"{base64.b64encode(part).decode()}\n" for part in self.proof)]
        signatures = "".join(line.text() for line in self.note.lines)
        return "".join([*lines, "\n", self.note.text, "\n", signatures]).encode()

    @classmethod
    def parse(cls, body: bytes) -> AddCheckpoint:
        """Read the body of a request.

        Raises:
            MalformedRequestBodyError: it is not written as such a body is.
        """
        head, blank, note = body.partition(b"\n\n")
        if not blank:
            raise MalformedRequestBodyError("there is no empty line above a checkpoint")
        try:
            first, *lines = head.decode("ascii").split("\n")
            proof = tuple(base64.b64decode(line, validate=True) for line in lines)
            read = Note.parse(note)
        except (MalformedNoteError, ValueError) as error:
            raise MalformedRequestBodyError("the proof is no base64, or the checkpoint no signed note") from error
        word, _, old = first.partition(" ")
        if word != "old" or _SIZE.fullmatch(old) is None or int(old) > MAX_SIZE:
            raise MalformedRequestBodyError("the first line is not `old` and a size")
        if len(proof) > MAX_PROOF or any(len(part) != HASH_SIZE for part in proof):
            raise MalformedRequestBodyError("a proof has at most 63 lines, of one hash each")
        return cls(int(old), proof, read)


class Refusal(StrEnum):
    """Why a checkpoint is not cosigned."""

    MALFORMED = "checkpoint-malformed"
    """The signed text is no checkpoint, or the old size is greater than the new one."""
    UNTRUSTED = "checkpoint-untrusted"
    """No key that is trusted for the log has signed it, or a signature under such a key's name is not that key's."""
    INCONSISTENT = "checkpoint-inconsistent"
    """The proof does not show that the tree begins with the one that was cosigned last."""
    FORKED = "checkpoint-forked"
    """A tree of the size that was cosigned last has another root: with the one cosigned, proof that the log has two pasts."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The checkpoint may be cosigned."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not."""

    why: Refusal


@dataclass(frozen=True, slots=True)
class OtherSize:
    """The client believes in another last size than the witness knows: it may ask again from this one."""

    size: int


Decision = Accepted | Refused | OtherSize


def read_trusted(request: AddCheckpoint, keys: Sequence[NoteKey]) -> Checkpoint | Refused:
    """Return the request's checkpoint, if one of the log's own keys has signed it.

    This needs no state, so that whoever holds no log's key costs the witness no lock.
    """
    try:
        signed = request.note.signed_by(key for key in keys if key.name == request.origin)
    except ForgedNoteError:
        return Refused(Refusal.UNTRUSTED)
    if not signed:
        return Refused(Refusal.UNTRUSTED)
    try:
        checkpoint = Checkpoint.parse(request.note.text)
    except MalformedCheckpointError:
        return Refused(Refusal.MALFORMED)
    return checkpoint if request.old <= checkpoint.size <= MAX_SIZE else Refused(Refusal.MALFORMED)


def decide_add_checkpoint(known: Known, request: AddCheckpoint, checkpoint: Checkpoint) -> Decision:
    """Return what becomes of a request whose checkpoint `read_trusted` has returned.

    Args:
        known: the last checkpoint of this log that was cosigned; nobody may change it until the decision has been carried out.
        request: what is asked for.
        checkpoint: its checkpoint, signed by the log.
    """
    if request.old != known.size:
        return OtherSize(known.size)
    if checkpoint.size == known.size and checkpoint.size > 0 and checkpoint.root != known.root:
        return Refused(Refusal.FORKED)
    try:  # of the empty tree too, which has one root and no proof
        verify_consistency(known.size, checkpoint.size, known.root, checkpoint.root, request.proof)
    except InvalidProofError:
        return Refused(Refusal.INCONSISTENT)
    return Accepted(checkpoint)
