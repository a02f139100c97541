"""Verifies a Lagspill confidentiality log with public keys only.

    lagspill-verify https://audit.example.no/logs/4005 --key VKEY [--policy FILE] [--since CHECKPOINT]

It trusts nothing that it is given but the keys: it hashes every entry, builds the tree, compares its root with the one in the
signed checkpoint, checks the witnesses' cosignatures, compares the log with older checkpoints, and counts, for each service
that publishes, that no number is missing and that what the service said of its own journal (its seals) is what the log holds.
The first thing wrong is named.

This module stands alone, on purpose: it shares no code with the services, so that a mistake there is not repeated here. The
formats are not ours: RFC 6962 hashing; C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-proof, tlog-cosignature and
tlog-policy.

Its memory does not grow with the log: entries are read in spans of a few thousand, by as many processes as there are cores,
and what must be kept of the whole (a hash for every 256 entries, a count for each subject) goes to a file when it is much.
"""

from __future__ import annotations

import argparse
import base64
import gc
import gzip
import io
import json
import multiprocessing
import os
import re
import signal
import sqlite3
import stat
import struct
import sys
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from array import array
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from itertools import pairwise, product
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket
from time import monotonic
from types import ModuleType
from typing import BinaryIO, Protocol, runtime_checkable

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = [
    "Bulk", "Checkpoint", "Demands", "Finding", "Holder", "Key", "Kind", "Policy", "Report", "Source",
    "UnreadableError", "main", "read_demands", "verify", "verify_log",
]  # fmt: skip

WIDTH = 256
"""Hashes of a full tile, entries of a full bundle (tlog-tiles)."""
SPAN = 8
"""Bundles that are examined in one piece of work."""
BULK_SPAN = 32
"""The same where many are read at once."""
WINDOW = 256 * WIDTH
"""How many of the newest hashes are kept, so that a root can be told for a size that was passed already."""
LARGEST_NUMBER = 2**62
"""A `sourcesequence` beyond this is nobody's, and neither is the size of a log."""
NUMBER_WIDTH = 20
"""`sequence` and `sourcesequence` are texts of so many digits."""
LANE_LENGTH = 15
"""Letters of a lane's name."""
MAX_ENDS = 500
"""Lanes of which one seal says how far they go."""
ATTEMPTS = 3
FETCHERS = 4
"""Pieces that are fetched over HTTP at the same time, by each process."""
TIMEOUT_SECONDS = 30.0
"""How long an answer may be silent."""
PIECE_SECONDS = 300.0
"""How long a whole answer may take, however much it says meanwhile."""
MAX_BUNDLE = WIDTH * (2 + 0xFFFF)
MAX_TILE = WIDTH * 32
MAX_NOTE = 128 * 1024
"""Bytes of the largest checkpoint, policy or proof that is read: 16 post-quantum signatures fit."""
MAX_LINE = 256 * 1024
"""Bytes of the longest line of an export."""
MAX_SIGNATURES = 100
MAX_DIRECTORY = 256 * 1024 * 1024
"""Bytes of the largest table of contents of a zip file that is read."""
MAX_RATIO = 200
"""How many times larger than itself an archive may be when it is unpacked."""
MAX_FINDINGS = 1000
MAX_SOURCES = 1000
MAX_RANGES = 100_000
MAX_SEALS = 10_000
MAX_SUBJECTS = 100_000
MAX_LANES = 500_000
MAX_LANE_RUNS = 1000
"""Of each kind of thing that is kept in memory while a log is read, the most: an honest log has far fewer at a time.

What is beyond these is not counted, and that is a finding: whoever writes that much into a log must not keep everybody from being
told whether it is what was signed.
"""
MAX_NAME = 120
"""Characters of a name that are kept."""
SMALL = 65_536
"""Entries up to which starting more processes is not worth while."""

EXIT_VERIFIED = 0
EXIT_NOT_WHAT_WAS_SIGNED = 1
EXIT_CANNOT_TELL = 2
EXIT_INCOMPLETE = 3
EXIT_NOT_WITNESSED = 4
EXIT_INTERRUPTED = 130
EPILOG = f"""exit status:
  {EXIT_VERIFIED}  verified: every entry is as it was signed, and nothing that the services published is missing
  {EXIT_NOT_WHAT_WAS_SIGNED}  not what was signed: something was changed, taken out, put in, moved, cut off or replaced
  {EXIT_CANNOT_TELL}  cannot tell: the log, a key, the policy or a file cannot be read
  {EXIT_INCOMPLETE}  as it was signed, but incomplete: a service's numbers have a hole, contradict its seal, or cannot be counted
  {EXIT_NOT_WITNESSED}  as it was signed, but not witnessed as the policy demands: whoever has the log's key may have replaced it

SOURCE is the address of a log; a folder, a .zip, a .tar or a .tar.gz with a copy of one (checkpoint, tile/.. and
tile/entries/..); or a file: a checkpoint, a .tlog-proof, or an export of entries with their proofs (NDJSON).
LAGSPILL_TOKEN, if set, is sent as the bearer token: entries are pseudonymous personal data, so a service gives them
to the municipality's auditors only. --hashes needs none: checkpoints and hashes are public.
"""


class UnreadableError(Exception):
    """What is needed for an answer cannot be read."""


class Kind(Enum):
    """What can be wrong with a log."""

    CHANGED = "changed"
    """An entry has other bytes than those that were signed."""
    MISSING = "missing"
    """An entry that was signed is not there."""
    INSERTED = "inserted"
    """There is an entry that was never signed."""
    REORDERED = "reordered"
    """An entry stands in another place than where it was signed."""
    TRUNCATED = "truncated"
    """The end of what was signed is not there."""
    REWRITTEN = "rewritten"
    """The log agrees with itself, but not with a signature of this key."""
    ROLLED_BACK = "rolled back"
    """The log is shorter than a checkpoint that it has signed before."""
    FORKED = "forked"
    """The log has signed two checkpoints of which one is not a continuation of the other."""
    UNWITNESSED = "unwitnessed"
    """The checkpoint has not the cosignatures that the policy demands."""
    INCOMPLETE = "incomplete"
    """Something that a service published is not in the log, or contradicts what the service said of it."""


_WORST_FIRST = ((EXIT_NOT_WITNESSED, Kind.UNWITNESSED), (EXIT_INCOMPLETE, Kind.INCOMPLETE))
_VERDICTS = {
    EXIT_VERIFIED: "VERIFIED",
    EXIT_NOT_WHAT_WAS_SIGNED: "NOT WHAT WAS SIGNED",
    EXIT_INCOMPLETE: "NOT COMPLETE",
    EXIT_NOT_WITNESSED: "NOT WITNESSED",
}


@dataclass(frozen=True)
class Finding:
    """What is wrong, and where."""

    kind: Kind
    position: int | None
    """The first entry concerned (the first is number 0); None where no single one can be named."""
    detail: str

    def __str__(self) -> str:
        """Return one line for a person."""
        where = "" if self.position is None else f" at entry {self.position}"
        return shown(f"{self.kind.value}{where}: {self.detail}")


@dataclass
class Report:
    """What was looked at, and what was found; nothing found means verified."""

    origin: str = ""
    size: int = 0
    root: bytes = b""
    signed_by: str = ""
    witnesses: list[str] = field(default_factory=list)
    """Who has cosigned, of those that the policy knows, and when."""
    entries: int = 0
    pruned: int = 0
    """Entries that are not there any more because a policy said so; their hashes are."""
    retention: dict[str, None] = field(default_factory=dict)
    """The digests of the retention policies by which they went, in the order of the entries."""
    retention_given: bool = False
    """Whether these are policies that whoever verifies had named; else nothing says so but the log's own audit service."""
    anchors: int = 0
    """Older checkpoints, given or found in the log itself, that the log was compared with."""
    journals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    more: int = 0
    """Findings beyond these, which were only counted."""
    more_kinds: set[Kind] = field(default_factory=set)
    """What kinds those are."""

    def found(self, kind: Kind, position: int | None, detail: str) -> None:
        """Add a finding; beyond a thousand they are only counted."""
        self.add(Finding(kind, position, detail))

    def add(self, finding: Finding) -> None:
        """Add a finding in the same way."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)
        else:
            self.count(finding.kind, 1)

    def count(self, kind: Kind, findings: int) -> None:
        """Count findings that are not told one by one."""
        if findings:
            self.more += findings
            self.more_kinds.add(kind)

    def note(self, line: str) -> None:
        """Add a remark, at most a thousand."""
        if len(self.notes) < MAX_FINDINGS:
            self.notes.append(line)

    @property
    def exit_status(self) -> int:
        """Return what the command ends with."""
        kinds = {found.kind for found in self.findings} | self.more_kinds
        if not kinds:
            return EXIT_VERIFIED
        if kinds - {kind for _, kind in _WORST_FIRST}:
            return EXIT_NOT_WHAT_WAS_SIGNED
        return next(status for status, kind in _WORST_FIRST if kind in kinds)

    @property
    def verdict(self) -> str:
        """Return the last line of the report."""
        return _VERDICTS[self.exit_status]

    def __str__(self) -> str:
        """Return the report for a person, one printable line for each thing."""
        lines = [
            self.origin or "(unknown log)",
            f"  size       {self.size}",
            f"  root       {base64.b64encode(self.root).decode()}",
            f"  signed by  {self.signed_by or 'nobody known'}",
        ]
        lines += [f"  witnessed  {line}" for line in self.witnesses]
        lines.append(f"  entries    {self.entries} read")
        if self.pruned:
            lines.append(f"  pruned     {self.pruned}, of which the hashes are still there")
            lines += [f"  retention  policy {digest}" for digest in [*self.retention][:MAX_FINDINGS]]
            if not self.retention_given:
                lines.append(
                    "  retention  nothing but the word of the log's own audit service says that these might go: name the policy"
                    " with --retention"
                )
        lines.append(f"  compared   with {self.anchors} older checkpoints")
        lines += [f"  journal    {line}" for line in self.journals]
        lines += [f"  note       {line}" for line in self.notes]
        lines += [f"{found}" for found in self.findings]
        if self.more:
            lines.append(f"and {self.more} more {'finding' if self.more == 1 else 'findings'}")
        return "\n".join(map(shown, [*lines, self.verdict]))


def shown(text: str) -> str:
    """Return `text` so that no terminal takes any of it for a command or another direction of writing."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


# --- RFC 6962 ---------------------------------------------------------------------------------------------------------


def leaf_hash(entry: bytes) -> bytes:
    """Return MTH({entry})."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class _State(Protocol):
    """A hash that has taken in something already."""

    def copy(self) -> _State:
        """Return another that has taken in the same."""

    def update(self, data: bytes, /) -> None:
        """Take in more."""

    def digest(self) -> bytes:
        """Return the hash of what it has taken in."""


_LEAF: _State = sha256(b"\x00")
_NODE: _State = sha256(b"\x01")
"""With the byte before every leaf, and before every inner node: going on is faster than beginning."""


def _each_behind(begun: _State, pieces: Iterable[bytes]) -> list[bytes]:
    """Return the hash of each piece behind what the state has taken in."""
    begin = begun.copy
    found = []
    for piece in pieces:
        state = begin()
        state.update(piece)
        found.append(state.digest())
    return found


def full_root(packed: bytes) -> bytes:
    """Return the root over hashes in one piece, of which there is a power of two."""
    while len(packed) > 32:
        packed = b"".join(_each_behind(_NODE, struct.unpack("64s" * (len(packed) // 64), packed)))
    return packed


class Tree:
    """The roots of a growing tree's complete subtrees, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.edge: list[bytes] = []

    def add(self, root: bytes, level: int = 0) -> None:
        """Append a complete subtree of 2**level leaves; the tree's size must be a multiple of that."""
        rest = self.size >> level
        while rest & 1:
            root = node_hash(self.edge.pop(), root)
            rest >>= 1
        self.edge.append(root)
        self.size += 1 << level

    def root(self) -> bytes:
        """Return MTH(D[size])."""
        return fold(self.edge)

    def copy(self) -> Tree:
        """Return the tree as it stands."""
        other = Tree()
        other.size, other.edge = self.size, list(self.edge)
        return other


def fold(edge: Sequence[bytes]) -> bytes:
    """Return the root over adjoining complete subtrees, largest first."""
    if not edge:
        return sha256(b"").digest()
    root = edge[-1]
    for left in reversed(edge[:-1]):
        root = node_hash(left, root)
    return root


def tree_over(hashes: Iterable[bytes]) -> Tree:
    """Return the tree whose leaves have these hashes."""
    tree = Tree()
    for part in hashes:
        tree.add(part)
    return tree


def split(packed: bytes) -> list[bytes]:
    """Return the hashes that stand in one piece."""
    return [packed[at : at + 32] for at in range(0, len(packed), 32)]


def root_over(packed: bytes) -> bytes:
    """Return the root over hashes in one piece."""
    count = len(packed) // 32
    return full_root(packed) if count and not count & (count - 1) else tree_over(split(packed)).root()


class Past:
    """A growing tree that can still tell its root for the newest 65,536 sizes, in constant memory."""

    def __init__(self) -> None:
        self.size = 0
        self._blocks: deque[tuple[Tree, bytearray]] = deque([(Tree(), bytearray())])
        """The tree before each block of up to 256 leaves, and their hashes."""
        self._known: bytes | None = None
        """The root over the newest block, if it is whole and somebody has told it."""

    def extend(self, packed: bytes, root: bytes | None = None) -> None:
        """Append leaves by their hashes in one piece.

        Args:
            packed: the hashes.
            root: the root over them, if it is known already; used where they make up a whole block.
        """
        at = 0
        while at < len(packed):
            start, leaves = self._blocks[-1]
            if len(leaves) == WIDTH * 32:
                start = start.copy()
                start.add(self._known or full_root(bytes(leaves)), level=8)
                leaves = bytearray()
                self._blocks.append((start, leaves))
                if len(self._blocks) > WINDOW // WIDTH:
                    self._blocks.popleft()
            part = packed[at : at + WIDTH * 32 - len(leaves)]
            self._known = root if len(part) == len(packed) == WIDTH * 32 else None
            leaves += part
            self.size += len(part) // 32
            at += len(part)

    def root(self) -> bytes:
        """Return the root over all of it."""
        root = self.root_at(self.size)
        assert root is not None, "the newest block is always there"
        return root

    def root_at(self, size: int) -> bytes | None:
        """Return the root when the tree had `size` leaves; None if that was too long ago, or is yet to come."""
        if size > self.size or size < self._blocks[0][0].size:
            return None
        for start, leaves in reversed(self._blocks):
            if start.size <= size:
                tree = start.copy()
                at, rest = 0, (size - start.size) * 32
                while at < rest:
                    level = ((rest - at) // 32).bit_length() - 1
                    tree.add(full_root(bytes(leaves[at : at + (32 << level)])), level=level)
                    at += 32 << level
                return tree.root()
        return None


def proved_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to (RFC 9162 § 2.1.3.2); None if it is no proof for this place."""
    if not 0 <= index < size or len(leaf) != 32:
        return None
    first, last = index, size - 1
    for sibling in proof:
        if last == 0 or len(sibling) != 32:
            return None
        if first & 1 or first == last:
            leaf = node_hash(sibling, leaf)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            leaf = node_hash(leaf, sibling)
        first, last = first >> 1, last >> 1
    return leaf if last == 0 else None


# --- signed notes, checkpoints and cosignatures -----------------------------------------------------------------------

NOTE_KEY = 0x01
"""Ed25519 over the note's text (signed-note)."""
COSIGNATURE = 0x04
"""Ed25519 over a time and the note's text (tlog-cosignature)."""
COSIGNATURE_ML_DSA = 0x06
"""ML-DSA-44 over a time and what the checkpoint says (tlog-cosignature)."""
_KEY_BYTES = {NOTE_KEY: 32, COSIGNATURE: 32, COSIGNATURE_ML_DSA: 1312}


@dataclass(frozen=True)
class Signature:
    """One signature line of a note."""

    name: str
    key_id: bytes
    raw: bytes


@dataclass(frozen=True)
class Note:
    """A text and the signatures below it; nothing of it is true before a signature was verified."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, content: bytes) -> Note | None:
        """Read a signed note; None if it is none."""
        try:
            whole = content.decode()
        except UnicodeDecodeError:
            return None
        text, blank, block = whole.rpartition("\n\n")
        lines = block.split("\n")
        if not blank or len(content) > MAX_NOTE or lines.pop() or not 1 <= len(lines) <= MAX_SIGNATURES:
            return None
        if any(sign < " " and sign != "\n" for sign in whole):
            return None
        signatures = []
        for line in lines:
            mark, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            raw = decoded(encoded)
            if mark != "\N{EM DASH}" or not _is_key_name(name) or raw is None or len(raw) < 5:
                return None
            signatures.append(Signature(name, raw[:4], raw[4:]))
        return cls(f"{text}\n", tuple(signatures))


def _is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(sign.isspace() for sign in name)


def decoded(text: str) -> bytes | None:
    """Return what the base64 says; None if it is none, or not written in the one way that there is."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if base64.b64encode(raw).decode() == text else None


@dataclass(frozen=True)
class Key:
    """A verifier key (vkey): who signs, how, and the public key."""

    name: str
    key_id: bytes
    kind: int
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> Key:
        """Read `<name>+<key id>+<base64>`.

        Raises:
            UnreadableError: it is not such a key, or of a kind that this program does not know.
        """
        name, _, rest = vkey.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        material = decoded(encoded)
        if material is None or not material or not _is_key_name(name):
            raise UnreadableError("the key is not a verifier key (name+id+base64)")
        if len(material) - 1 != _KEY_BYTES.get(material[0]):
            raise UnreadableError("the key is not an Ed25519 or ML-DSA-44 verifier key (name+id+base64)")
        true_id = sha256(name.encode() + b"\n" + material).digest()[:4]
        if key_id != true_id.hex():
            raise UnreadableError("the key is not the one that its id says (name+id+base64)")
        return cls(name, true_id, material[0], material[1:])

    def __str__(self) -> str:
        """Return the name and the id."""
        return f"{self.name}+{self.key_id.hex()}"

    def signatures(self, note: Note) -> list[Signature]:
        """Return the note's lines that say they are of this key."""
        return [line for line in note.signatures if (line.name, line.key_id) == (self.name, self.key_id)]

    def verifies(self, text: str, raw: bytes) -> bool:
        """Return whether `raw` is this key's signature of the text.

        Raises:
            UnreadableError: this machine's cryptography library does not know the algorithm.
        """
        try:
            if self.kind == NOTE_KEY:
                Ed25519PublicKey.from_public_bytes(self.public).verify(raw, text.encode())
            elif len(raw) <= 8 or raw[0] & 0x80:
                return False
            elif self.kind == COSIGNATURE:
                said = f"cosignature/v1\ntime {int.from_bytes(raw[:8], 'big')}\n{text}"
                Ed25519PublicKey.from_public_bytes(self.public).verify(raw[8:], said.encode())
            else:
                _verify_ml_dsa(self.public, raw[8:], _subtree_statement(self.name, raw[:8], text))
        except (InvalidSignature, ValueError):
            return False
        except (ImportError, UnsupportedAlgorithm) as error:
            raise UnreadableError("this machine's cryptography library does not know ML-DSA-44") from error
        return True

    def signed(self, note: Note) -> bool | None:
        """Return whether this key has signed the note; None if no line says so."""
        lines = self.signatures(note)
        return all(self.verifies(note.text, line.raw) for line in lines) if lines else None


def _subtree_statement(name: str, time: bytes, text: str) -> bytes:
    """Return the message that an ML-DSA-44 cosigner signs.

    Raises:
        ValueError: the text is no checkpoint.
    """
    checkpoint = Checkpoint.parse(text)
    if checkpoint is None:
        raise ValueError("not a checkpoint")
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    return b"".join(
        [
            b"subtree/v1\n\x00",
            len(cosigner).to_bytes(1, "big") + cosigner,
            time,
            len(origin).to_bytes(1, "big") + origin,
            bytes(8) + checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        ]
    ) if max(len(cosigner), len(origin)) < 256 else b""  # fmt: skip


def _verify_ml_dsa(public: bytes, signature: bytes, message: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

    MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)


@dataclass(frozen=True)
class Checkpoint:
    """A log's name, size and root."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Checkpoint | None:
        """Read a checkpoint; None if the text is none."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            return None
        size, root = read_decimal(lines[1]), decoded(lines[2])
        if size is None or root is None or len(root) != 32:
            return None
        return cls(lines[0], size, root)


def read_decimal(text: str) -> int | None:
    """Return the number that digits without leading zeroes say; None for anything else, and for one that nobody has."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or (text[0] == "0" and text != "0"):
        return None
    return number if (number := int(text)) <= LARGEST_NUMBER else None


def open_note(note: Note, keys: Sequence[Key]) -> list[Key]:
    """Return those of the keys that have signed the note; none if a line in the name of one of them is false (signed-note)."""
    verdicts = [(key, key.signed(note)) for key in keys]
    if any(verdict is False for _, verdict in verdicts):
        return []
    return [key for key, verdict in verdicts if verdict]


# --- the policy -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Policy:
    """Which logs are accepted, which witnesses are known, and which of them are enough (C2SP tlog-policy)."""

    logs: tuple[Key, ...]
    witnesses: Mapping[bytes, Key]
    groups: Mapping[bytes, tuple[int, tuple[bytes, ...]]]
    quorum: bytes | None
    """A witness or a group; None where no cosignature is demanded."""

    @classmethod
    def parse(cls, content: bytes) -> Policy:
        """Read a policy file.

        Raises:
            UnreadableError: it is none.
        """
        if any((byte < 0x20 and byte not in b"\t\n") or byte == 0x7F for byte in content):
            raise UnreadableError("the policy has a control character in it")
        reader = _PolicyReader()
        for number, line in enumerate(content.split(b"\n"), start=1):
            words = [word for word in re.split(rb"[ \t]+", line) if word]
            if words and not words[0].startswith(b"#"):
                try:
                    reader.read(words[0], words[1:])
                except (UnreadableError, IndexError, UnicodeDecodeError) as error:
                    raise UnreadableError(f"line {number} of the policy is not as it should be ({error})") from error
        return reader.policy()

    def cosigned(self, note: Note) -> tuple[dict[bytes, int], list[bytes]]:
        """Return the witnesses that have cosigned the note, each with the time it says; and those in whose name a line is false."""
        times: dict[bytes, int] = {}
        false = []
        for name, key in self.witnesses.items():
            verdict = key.signed(note)
            if verdict is False:
                false.append(name)
            elif verdict:
                times[name] = max(int.from_bytes(line.raw[:8], "big") for line in key.signatures(note))
        return times, false

    def met(self, cosigners: Iterable[bytes]) -> bool:
        """Return whether these witnesses are enough."""
        if self.quorum is None:
            return True
        witnessed = set(cosigners) & self.witnesses.keys()
        for name, (
            threshold,
            members,
        ) in self.groups.items():  # in the order of their lines: none refers to a later one
            if sum(member in witnessed for member in members) >= threshold:
                witnessed.add(name)
        return self.quorum in witnessed


class _PolicyReader:
    """Reads a policy line by line."""

    def __init__(self) -> None:
        self._logs: dict[bytes, Key] = {}
        self._witnesses: dict[bytes, Key] = {}
        self._groups: dict[bytes, tuple[int, tuple[bytes, ...]]] = {}
        self._members: set[bytes] = set()
        self._quorums: list[bytes | None] = []

    def read(self, word: bytes, rest: list[bytes]) -> None:
        """Take one line."""
        if word == b"log" and len(rest) in (1, 2):
            key = Key.parse(rest[0].decode())
            if key.kind == COSIGNATURE or key.public in self._logs:
                raise UnreadableError("the key is none of a log, or was named before")
            self._logs[key.public] = key
        elif word == b"witness" and len(rest) in (2, 3):
            key = Key.parse(rest[1].decode())
            if key.kind == NOTE_KEY or key.public in {known.public for known in self._witnesses.values()}:
                raise UnreadableError("the key is none of a witness, or was named before")
            self._witnesses[self._new(rest[0])] = key
        elif word == b"group" and len(rest) >= 3:
            self._read_group(rest[0], rest[1], tuple(rest[2:]))
        elif word == b"quorum" and len(rest) == 1:
            if rest[0] != b"none" and rest[0] not in self._witnesses and rest[0] not in self._groups:
                raise UnreadableError("nothing of this name stands above")
            self._quorums.append(None if rest[0] == b"none" else rest[0])
        else:
            raise UnreadableError("nothing that a policy says")

    def _read_group(self, name: bytes, threshold: bytes, members: tuple[bytes, ...]) -> None:
        for member in members:
            if member not in self._witnesses and member not in self._groups:
                raise UnreadableError("a member is not named above")
            if member in self._members:
                raise UnreadableError("a member belongs to a group already")
            self._members.add(member)
        words = {b"any": 1, b"all": len(members)}
        needed = words[threshold] if threshold in words else read_decimal(threshold.decode())
        if needed is None or not 1 <= needed <= len(members):
            raise UnreadableError("the threshold is not between one and the number of members")
        self._groups[self._new(name)] = (needed, members)

    def _new(self, name: bytes) -> bytes:
        if name == b"none" or name in self._witnesses or name in self._groups:
            raise UnreadableError("the name is taken")
        return name

    def policy(self) -> Policy:
        """Return what was read."""
        if len(self._quorums) != 1:
            raise UnreadableError("a policy has exactly one quorum line")
        return Policy(tuple(self._logs.values()), self._witnesses, self._groups, self._quorums[0])


# --- where the log is -------------------------------------------------------------------------------------------------

_PIECE = r"(?:checkpoint|tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/){0,6}[0-9]{3}(?:\.p/[0-9]{1,3})?)"
_MEMBER = re.compile(rf"(?:\./)?(?:([^/.][^/]*)/)?({_PIECE})")
"""A piece of a log in an archive: at its top, or in one folder there."""


class Source(Protocol):
    """Where the pieces of a log are read from. It is given to other processes, so it must be one that can be pickled."""

    def get(self, path: str) -> bytes | None:
        """Return the piece at `path`; None if there is none.

        Raises:
            UnreadableError: there is one and it cannot be read.
        """


@runtime_checkable
class Bulk(Source, Protocol):
    """A source that gives many bundles at once, faster than one by one."""

    def many(self, numbers: range, size: int) -> Iterator[tuple[int, list[bytes] | None, bytes | None]]:
        """Yield (number, entries, tile of leaf hashes) for these bundles of a log of this size; None for what is not there.

        Raises:
            UnreadableError: it cannot be read.
        """


@runtime_checkable
class Holder(Source, Protocol):
    """A source that can hold more than the log, because it is where the log is kept."""

    def stray(self) -> int | None:
        """Return the first position behind the end that the log has by now at which something stands; None if nothing does.

        Raises:
            UnreadableError: it cannot be read.
        """


def limit_of(path: str) -> int:
    """Return how many bytes the piece at `path` may have."""
    if path.startswith("tile/entries/"):
        return MAX_BUNDLE
    return MAX_TILE if path.startswith("tile/") else MAX_NOTE


class Folder:
    """A log as files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, path: str) -> bytes | None:
        """Return the file's contents; None if there is no such file."""
        return read_file(self._folder / path, limit_of(path))


def read_file(path: Path, limit: int) -> bytes | None:
    """Return the contents of a file; None if there is none.

    Raises:
        UnreadableError: it cannot be read, is no file (a pipe, a device), or has more than `limit` bytes.
    """
    try:
        opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(opened, "rb", buffering=0) as file:  # noqa: PTH123 - it is open already
            found = os.fstat(opened)
            if not stat.S_ISREG(found.st_mode):
                raise UnreadableError(f"{path}: not a file")
            content = file.read(min(found.st_size, limit) + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path}: {getattr(error, 'strerror', error)}") from error
    if len(content) > limit:
        raise UnreadableError(f"{path}: larger than such a file may be")
    return content


class Zip:
    """A log as a zip file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: zipfile.ZipFile | None = None
        self._names: dict[str, str] = {}

    def __getstate__(self) -> Path:
        """Return what another process needs: it opens the file itself."""
        return self._path

    def __setstate__(self, path: Path) -> None:
        """Begin anew in another process."""
        self.__init__(path)  # type: ignore[misc]

    def get(self, path: str) -> bytes | None:
        """Return the member's contents; None if there is no such member."""
        try:
            archive = self._open()
            name = self._names.get(path)
            if name is None:
                return None
            with archive.open(name) as member:
                content = member.read(limit_of(path) + 1)
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            raise UnreadableError(f"{self._path}: {error}") from error
        if len(content) > limit_of(path):
            raise UnreadableError(f"{self._path}: {path} is larger than such a file may be")
        return content

    def _open(self) -> zipfile.ZipFile:
        if self._opened is None:
            with self._path.open("rb") as file:
                file.seek(max(0, self._path.stat().st_size - 65_557))
                end = file.read()
            at = end.rfind(b"PK\x05\x06")
            if at >= 0 and int.from_bytes(end[at + 12 : at + 16], "little") > MAX_DIRECTORY:
                raise UnreadableError(f"{self._path}: its table of contents is too large")
            self._opened = zipfile.ZipFile(self._path)
            members = _Members()
            for name in self._opened.namelist():
                if (piece := members.piece(name)) is not None:
                    self._names[piece] = name
        return self._opened


class _Members:
    """The pieces of one log among an archive's names."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._seen: set[str] = set()

    def piece(self, name: str) -> str | None:
        """Return which piece the member is; None if it is none.

        Raises:
            UnreadableError: the archive holds it twice, or holds two logs: others might read the other one.
        """
        match = _MEMBER.fullmatch(name)
        if match is None:
            return None
        folder, piece = match[1] or "", match[2]
        if piece in self._seen or self._folder not in (None, folder):
            raise UnreadableError(f"the archive has {piece} twice")
        self._folder = folder
        self._seen.add(piece)
        return str(piece)


class _Bounded(io.RawIOBase):
    """What is unpacked of an archive, until it is more than any honest one could hold."""

    def __init__(self, file: io.BufferedIOBase, limit: int) -> None:
        self._file = file
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes.

        Raises:
            UnreadableError: too many at once, or altogether.
        """
        if not 0 <= size <= MAX_BUNDLE or self._left < 0:
            raise UnreadableError("the archive is larger than any honest one, unpacked")
        content = self._file.read(size)
        self._left -= len(content)
        return content

    def tell(self) -> int:
        """Return how far it was read."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Pass over bytes."""
        if whence != os.SEEK_SET or offset - self.tell() > self._left:
            raise UnreadableError("the archive is larger than any honest one, unpacked")
        return self._file.seek(offset)


def unpack(path: Path, folder: Path) -> Folder:
    """Write the pieces of a log that a .tar or .tar.gz file holds into a new folder: nothing else, and nowhere else.

    Raises:
        UnreadableError: it is no such file, or not an honest one.
    """
    members = _Members()
    try:
        size = path.stat().st_size
        with ExitStack() as stack:
            file: io.BufferedIOBase = stack.enter_context(path.open("rb"))
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if packed:
                file = stack.enter_context(gzip.open(file))
            bounded = _Bounded(file, max(MAX_BUNDLE, size * MAX_RATIO if packed else size))
            archive = stack.enter_context(tarfile.open(fileobj=bounded, mode="r:"))
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # it would remember each
                piece = members.piece(member.name) if member.isreg() and not member.issparse() else None
                if piece is None:
                    continue
                content = archive.extractfile(member)
                if content is None or member.size > limit_of(piece):
                    raise UnreadableError(f"{path}: {piece} is larger than such a file may be")
                target = folder / piece
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
        raise UnreadableError(f"{path}: {error}") from error
    return Folder(folder)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to another http(s) address, never from https to http, and never with the token to another host."""

    max_redirections = 5

    def redirect_request(
        self, req: urllib.request.Request, fp: object, code: int, msg: str, headers: object, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request to go on with.

        Raises:
            UnreadableError: it leads where it must not.
        """
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if new.scheme not in ("http", "https") or (old.scheme, new.scheme) == ("https", "http"):
            raise UnreadableError(f"{req.full_url} leads to {newurl}, which is not followed")
        following = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        if following is not None and (old.scheme, old.netloc) != (new.scheme, new.netloc):
            following.remove_header("Authorization")
        return following


class Web:
    """A log over HTTP."""

    def __init__(self, prefix: str, token: str | None) -> None:
        self._prefix = prefix.rstrip("/")
        self._headers = {"User-Agent": "lagspill-verify", "Accept-Encoding": "gzip, identity"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> bytes | None:
        """Return the body of the answer; None for 404 and 410."""
        request = urllib.request.Request(f"{self._prefix}/{path}", headers=self._headers)  # noqa: S310  # http(s) only
        trouble = ""
        for _ in range(ATTEMPTS):
            try:
                with _opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
                    return _body(answer, limit_of(path))
            except urllib.error.HTTPError as error:
                error.close()
                if error.code in (404, 410):
                    return None
                trouble = f"answered with {error.code}"
                if error.code in (401, 403):
                    trouble += " (entries need a token of an auditor: set LAGSPILL_TOKEN, or read --hashes only)"
                if error.code < 500 and error.code != 429:
                    break
            except (OSError, ValueError, EOFError, zlib.error, HTTPException) as error:
                trouble = f"does not answer ({getattr(error, 'reason', error)})"
        raise UnreadableError(f"{self._prefix}/{path} {trouble}")


class _Timely(io.RawIOBase):
    """What comes over a connection, until its time is out: of interim answers, headers and trailers there may be any number."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._end = monotonic() + PIECE_SECONDS

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: object) -> int | None:
        """Read what is there.

        Raises:
            TimeoutError: the time is out.
        """
        if monotonic() > self._end:
            raise TimeoutError("it takes too long")
        return self._raw.readinto(buffer)  # type: ignore[arg-type]

    def close(self) -> None:
        """Let the connection go."""
        self._raw.close()
        super().close()


class _TimelyAnswer(HTTPResponse):
    def __init__(self, sock: socket, *given: object, **named: object) -> None:
        super().__init__(sock, *given, **named)  # type: ignore[arg-type]
        self.fp = io.BufferedReader(_Timely(self.fp.detach()))


class _Http(urllib.request.HTTPHandler):
    class Connection(HTTPConnection):
        response_class = _TimelyAnswer

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        """Open it."""
        return self.do_open(self.Connection, req)


class _Https(urllib.request.HTTPSHandler):
    class Connection(HTTPSConnection):
        response_class = _TimelyAnswer

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        """Open it."""
        return self.do_open(self.Connection, req)


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens http and https and nothing else: no file, no ftp, no data."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Http(),
        _Https(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


class _Answer(Protocol):
    """What is used of an HTTP answer."""

    headers: Mapping[str, str]
    length: int | None
    """How many bytes are still to come, where the server has said so."""

    def read1(self, size: int) -> bytes:
        """Return some bytes."""


def _body(answer: _Answer, limit: int) -> bytes:
    """Return the body, unpacked, within the limit of size.

    Raises:
        ValueError: it is larger than such a piece may be.
        zlib.error: it is not packed as it says.
    """
    packed = answer.headers.get("Content-Encoding", "identity").lower()
    if packed not in ("identity", "gzip"):
        raise ValueError(f"packed as {packed!r}")
    expand = zlib.decompressobj(wbits=31) if packed == "gzip" else None
    body = bytearray()
    while part := answer.read1(65_536):
        body += part if expand is None else expand.decompress(part, limit + 1 - len(body))
        if len(body) > limit or (expand is not None and expand.unconsumed_tail):
            raise ValueError("it is larger than such a piece may be")
    if answer.length or (expand is not None and not expand.eof):
        raise EOFError("the answer ends too early")
    return bytes(body)


def tile_path(kind: str, number: int, width: int) -> str:
    """Return the path of a tile (kind `0`, `1`, ..) or a bundle (kind `entries`)."""
    text = str(number)
    text = text.zfill(-(-len(text) // 3) * 3)
    groups = [text[at : at + 3] for at in range(0, len(text), 3)]
    name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{kind}/{name}" if width == WIDTH else f"tile/{kind}/{name}.p/{width}"


@dataclass
class Log:
    """The pieces of one log of a given size."""

    source: Source
    size: int

    @property
    def bundles(self) -> int:
        """Return how many bundles it has."""
        return -(-self.size // WIDTH)

    def width(self, level: int, number: int) -> int:
        """Return how many hashes the tile has in a log of this size."""
        return max(0, min(WIDTH, (self.size >> (8 * level)) - number * WIDTH))

    def tile(self, level: int, number: int) -> bytes | None:
        """Return a tile's hashes in one piece; None if it is not there or not of its length."""
        width = self.width(level, number)
        tile = self._piece(str(level), number, width) if width else None
        return None if tile is None or len(tile) < 32 * width else tile[: 32 * width]

    def hashes(self, level: int, number: int) -> list[bytes] | None:
        """Return a tile's hashes; None if it is not there or not of its length."""
        tile = self.tile(level, number)
        return None if tile is None else split(tile)

    def entries(self, number: int) -> list[bytes] | None:
        """Return a bundle's entries, as many as can be read of it; None if it is not there."""
        width = self.width(0, number)
        bundle = self._piece("entries", number, width) if width else None
        return None if bundle is None else read_bundle(bundle)

    def _piece(self, kind: str, number: int, width: int) -> bytes | None:
        piece = self.source.get(tile_path(kind, number, width))
        if piece is None and width < WIDTH:
            piece = self.source.get(tile_path(kind, number, WIDTH))
            if piece is not None and kind == "entries":
                return _first_entries(piece, width)
        return piece

    def fetch(self, numbers: range, *, hashes_only: bool) -> Iterator[tuple[int, list[bytes] | None, bytes | None]]:
        """Yield (number, entries, tile of leaf hashes) for these bundles."""
        if isinstance(self.source, Bulk) and not hashes_only:
            yield from self.source.many(numbers, self.size)
            return
        if not isinstance(self.source, Web):
            for number in numbers:
                yield number, None if hashes_only else self.entries(number), self.tile(0, number)
            return
        with ThreadPoolExecutor(max_workers=FETCHERS) as pool:
            waiting: deque[tuple[int, Future[list[bytes] | None] | None, Future[bytes | None]]] = deque()
            try:
                for number in numbers:
                    entries = None if hashes_only else pool.submit(self.entries, number)
                    waiting.append((number, entries, pool.submit(self.tile, 0, number)))
                    if len(waiting) >= FETCHERS:  # no more: a server decides how large they are
                        yield _fetched(*waiting.popleft())
                while waiting:
                    yield _fetched(*waiting.popleft())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def _fetched(
    number: int, entries: Future[list[bytes] | None] | None, tile: Future[bytes | None]
) -> tuple[int, list[bytes] | None, bytes | None]:
    return number, entries.result() if entries is not None else None, tile.result()


def read_bundle(bundle: bytes) -> list[bytes]:
    """Return the entries of a bundle. What is no whole entry at its end comes last: it was never signed, nor to be passed over."""
    found: list[bytes] = []
    at, end = 0, len(bundle)
    while at + 2 <= end:
        following = at + 2 + (bundle[at] << 8 | bundle[at + 1])
        if following > end:
            break
        found.append(bundle[at + 2 : following])
        at = following
    if at < end:
        found.append(bundle[at:])
    return found


def _first_entries(bundle: bytes, count: int) -> bytes:
    at = 0
    for _ in range(count):
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    return bundle[:at]


# --- what entries say -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pruning:
    """That a policy has let entries go: the first and the last, which policy and rule, and the numbers that they had."""

    first: int
    last: int
    policy: str
    why: str
    numbers: tuple[tuple[str, int, int], ...]
    """Of each source, from which number to which."""
    holds: frozenset[str] = frozenset()
    """The holds that were in force, and are said to have been kept."""


@dataclass(frozen=True)
class Hold:
    """That something must not be pruned from here on, or may be again."""

    name: str
    whole: bool
    """All of the log, and not one case in it."""
    placed: bool


@dataclass(frozen=True)
class Said:
    """What an entry says that matters here. Everything else in it is nobody's business."""

    source: str
    number: int | None
    """None where it has none that a service gives."""
    seal: tuple[int, bytes] | None = None
    note: bytes | None = None
    nth: tuple[str, int] | None = None
    """The subject that it is about, and the how manieth of that subject's events it is."""
    lane: tuple[str, int] | None = None
    """The lane that it was written in, and the how manieth of that lane's records it is."""
    ends: tuple[tuple[str, int], ...] = ()
    """Of a seal: lanes, and how far they go."""
    hold: Hold | None = None
    pruned: Pruning | None = None
    foreign: str | None = None
    """The type of an event that is not its source's to publish. What it says is not heard."""


_SEAL = ".journal.sealed.v1"
_CHECKPOINT_SIGNED = "no.lagspill.audit.checkpoint.signed.v1"
_PRUNED = "no.lagspill.audit.entries.pruned.v1"
_HOLDS = {"no.lagspill.audit.hold.placed.v1": True, "no.lagspill.audit.hold.lifted.v1": False}
_TOLD = (_SEAL, _CHECKPOINT_SIGNED, _PRUNED, *_HOLDS)
"""Types of the events whose data matters too."""


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_int=str, parse_float=str)
"""Numbers stay texts: none but a seal's matters, and a very long one must not make an event unreadable."""
_NUMBERS = json.JSONDecoder(parse_constant=_refuse)


class _Event(msgspec.Struct, gc=False):
    """What matters of an ordinary event; everything else in it is passed over, if it is JSON."""

    source: str
    type: str
    municipality: str
    sourcesequence: str
    subject: str | None = None
    sequence: str | None = None
    lane: str | None = None


_decode = msgspec.json.Decoder(_Event).decode


def read_entry(entry: bytes, log_name: str) -> Said | None:
    """Return what an entry says; None if it is no event of this log."""
    plain = read_plainly(entry, log_name)
    if plain is None:
        return _read_slowly(entry, log_name)
    source, number, nth, subject, lane = plain
    return Said(
        source, number, nth=(subject, nth) if nth is not None else None, lane=_read_lane(lane) if lane else None
    )


def read_plainly(entry: bytes, log_name: str) -> tuple[str, int, int | None, str, str | None] | None:
    """Return the source, the number, the count, the subject and the lane of an ordinary event, in a tenth of the time.

    None says nothing of the entry: it is then to be read as any JSON is. What is read here means the same there: a text that is
    passed over is not looked at for invalid UTF-8, so only ASCII is read here, where there is none.
    """
    if not entry.isascii():
        return None
    try:
        event = _decode(entry)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if event.municipality != log_name or event.type.endswith(_TOLD):
        return None
    number = _read_number(event.sourcesequence)
    if number is None:
        return None
    if event.sequence is None or event.subject is None:
        return event.source, number, None, "", event.lane
    return event.source, number, _read_number(event.sequence), event.subject, event.lane


@dataclass
class Ordinary:
    """What is told by entries that are all ordinary events."""

    events: list[_Event]
    numbers: list[int]
    """Of each its number."""
    lanes: list[tuple[tuple[str, str], list[int], list[int]]]
    """Of each lane (source and name): which of the events were written in it, and the how manieth of its records each is."""


def read_together(entries: Sequence[bytes], log_name: str) -> Ordinary | None:
    """Return what ordinary events say, in less time than one after the other; None if any of them is to be looked at by itself.

    What it reads it reads as `read_plainly` does.
    """
    try:
        events = list(map(_decode, entries))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if (
        not all(map(bytes.isascii, entries))
        or {event.municipality for event in events} != {log_name}
        or any(kind.endswith(_TOLD) for kind in {event.type for event in events})
    ):
        return None
    numbers = _read_numbers([event.sourcesequence for event in events])
    if numbers is None:
        return None
    written: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for at, event in enumerate(events):
        if event.lane is not None:
            written[event.source[:MAX_NAME], event.lane[: LANE_LENGTH + 1]].append(at)
    lanes = []
    for (source, name), places in written.items():
        counts = _read_numbers([(events[at].lane or "")[LANE_LENGTH + 1 :] for at in places])
        lane = _read_lane(f"{name}1")
        if counts is None or lane is None:
            return None
        lanes.append(((source, lane[0]), places, counts))
    return Ordinary(events, numbers, lanes)


def _read_slowly(entry: bytes, log_name: str) -> Said | None:
    """Read an event that is not written the way that services write them, or that says something that matters here."""
    try:
        event = _DECODER.decode(entry.decode())
        if event["municipality"] != log_name:
            return None
        source, kind = _written(event["source"]), _written(event["type"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    subject, nth, number, lane = map(event.get, ("subject", "sequence", "sourcesequence", "lane"))
    counted = _read_number(nth) if isinstance(nth, str) and isinstance(subject, str) else None
    said = Said(
        source,
        _read_number(number) if isinstance(number, str) else None,
        nth=(_written(subject), counted) if counted is not None else None,
        lane=_read_lane(lane) if isinstance(lane, str) else None,
    )
    if not kind.endswith(_TOLD):
        return said
    if not _is_own(kind, source):
        return replace(said, foreign=kind[:MAX_NAME])
    try:
        data = _NUMBERS.decode(entry.decode()).get("data")
    except (ValueError, RecursionError):
        return None
    members = data if isinstance(data, dict) else {}
    note = members.get("note") if kind == _CHECKPOINT_SIGNED else None
    return replace(
        said,
        seal=_read_seal(members) if kind.endswith(_SEAL) else None,
        ends=_read_ends(members) if kind.endswith(_SEAL) else (),
        note=note.encode(errors="replace") if isinstance(note, str) else None,
        pruned=_read_pruning(members) if kind == _PRUNED else None,
        hold=_read_hold(members, placed=_HOLDS[kind]) if kind in _HOLDS else None,
    )


def _written(text: object) -> str:
    """Return a text that can be written: JSON can name half of a sign.

    Raises:
        TypeError: it is no text.
    """
    if not isinstance(text, str):
        raise TypeError
    return text.encode(errors="replace").decode()


def _is_own(kind: str, source: str) -> bool:
    """Return whether a type is its source's: `no.lagspill.<service>.…` is published by `/services/<service>` alone."""
    parts = kind.split(".", 3)
    return len(parts) > 3 and parts[:2] == ["no", "lagspill"] and source == f"/services/{parts[2]}"


def _read_number(said: str) -> int | None:
    """Return the number that a text of digits says; None for anything that no service writes."""
    if not said.isdigit() or not said.isascii() or len(said) > NUMBER_WIDTH:
        return None
    return number if 0 < (number := int(said)) <= LARGEST_NUMBER else None


def _read_numbers(said: Sequence[str]) -> list[int] | None:
    """Return what `_read_number` returns of each; None if it would return None of any of them."""
    digits = "".join(said)
    if (
        not digits.isdigit()
        or not digits.isascii()
        or not 0 < min(map(len, said)) <= max(map(len, said)) <= NUMBER_WIDTH
    ):
        return None
    numbers = list(map(int, said))
    return numbers if 0 < min(numbers) <= max(numbers) <= LARGEST_NUMBER else None


def _read_seal(data: Mapping[str, object]) -> tuple[int, bytes] | None:
    last, root = data.get("last_number"), data.get("root")
    if type(last) is not int or not 0 < last <= LARGEST_NUMBER or not isinstance(root, str):
        return None
    raw = decoded(root)
    return None if raw is None or len(raw) != 32 else (last, raw)


def _read_lane(said: str) -> tuple[str, int] | None:
    """Return the name of a lane and the count in it; None for anything that no service writes."""
    name, _, count = said.partition("/")
    nth = _read_number(count)
    return None if nth is None or len(name) != LANE_LENGTH or not name.isascii() or not name.isalpha() else (name, nth)


def _read_ends(data: Mapping[str, object]) -> tuple[tuple[str, int], ...]:
    listed = data.get("lanes")
    told = [member for member in listed if isinstance(member, dict)] if isinstance(listed, list) else []
    ends = (_read_lane(f"{member.get('lane')}/{member.get('last')}") for member in told[:MAX_ENDS])
    return tuple(end for end in ends if end is not None)


def _read_pruning(data: Mapping[str, object]) -> Pruning | None:
    span = _read_range(data)
    if span is None:
        return None
    why = ", ".join(f"{name} {str(data[name])[:MAX_NAME]}" for name in ("rule", "policy") if name in data)
    listed = data.get("numbers")
    numbers = []
    for member in listed if isinstance(listed, list) else ():
        found = _read_range(member) if isinstance(member, dict) else None
        if found is not None:
            numbers.append((str(member.get("source"))[:MAX_NAME], *found))
    kept = data.get("holds")
    names = frozenset(str(name)[:MAX_NAME] for name in (kept if isinstance(kept, list) else ()))
    return Pruning(*span, str(data.get("policy"))[:MAX_NAME], why, tuple(numbers), names)


def _read_hold(data: Mapping[str, object], *, placed: bool) -> Hold | None:
    name = data.get("hold")
    return Hold(name[:MAX_NAME], data.get("case") is None, placed) if isinstance(name, str) else None


def _read_range(data: Mapping[str, object]) -> tuple[int, int] | None:
    first, last = data.get("first"), data.get("last")
    if type(first) is not int or type(last) is not int or not 0 <= first <= last <= LARGEST_NUMBER:
        return None
    return first, last


# --- one piece of work ------------------------------------------------------------------------------------------------


class State(Enum):
    """How a bundle was found."""

    READ = 1
    """Its entries are there, as many as there should be."""
    HASHED = 2
    """Its entries are not there; its tile of hashes is, and is taken for them until the root has shown whether that is right."""
    BROKEN = 3
    """Its entries are not as many as there should be, or neither they nor their hashes are there: no tree can be built of it."""


@dataclass
class Bundle:
    """The leaf hashes of one bundle."""

    number: int
    leaves: bytes
    root: bytes
    state: State


@dataclass
class Run:
    """Records of one service with numbers that follow each other."""

    first: int
    leaves: bytes
    positions: array[int]


@dataclass
class Word:
    """Something said in the entry at `position` that matters for the whole."""

    position: int
    source: str
    seal: tuple[int, bytes] | None = None
    older: Checkpoint | None = None
    pruned: Pruning | None = None
    foreign: str | None = None
    number: int = 0
    """Of a seal: its own `sourcesequence`."""
    ends: tuple[tuple[str, int], ...] = ()
    hold: Hold | None = None


Lanes = dict[tuple[str, str], "Lane"]
"""For each (source, lane): what of it was seen."""
Subjects = dict[tuple[str, str], list[int]]
"""For each (source, subject): how many events, the sum of their counts, the highest count, and where that is."""


Numbered = tuple[list[int], list[bytes], list[int]]
"""The numbers of one service's records, their leaf hashes, and their positions."""


@dataclass
class Span:
    """What a few thousand entries come to."""

    bundles: list[Bundle]
    differs: tuple[int, bool, int] | None
    """The first tile of leaf hashes that is not as the entries are: its number, whether it is missing, where it differs."""
    runs: list[tuple[str, Run]]
    words: list[Word]
    """In the order of their positions; a word without content is an event without a number."""
    subjects: Subjects
    lanes: Lanes
    strange: int = 0
    """Entries that are no event of this log, and so have no service's number."""


@dataclass
class Examiner:
    """Reads a span of a log. It is given to other processes."""

    log: Log
    name: str
    keys: Sequence[Key]
    hashes_only: bool

    def examine(self, numbers: range) -> Span:
        """Hash and read these bundles, up to the first that is broken.

        Raises:
            UnreadableError: the log cannot be read.
        """
        span = Span([], None, [], [], {}, {})
        numbered: dict[str, Numbered] = {}
        for number, entries, tile in self.log.fetch(numbers, hashes_only=self.hashes_only):
            width = self.log.width(0, number)
            if entries is None:
                state = State.BROKEN if tile is None else State.HASHED
                leaves = tile or b""
            else:
                hashes = _each_behind(_LEAF, entries)
                leaves = b"".join(hashes)
                state = State.READ if len(hashes) == width else State.BROKEN
                if span.differs is None and leaves != tile:
                    span.differs = number, tile is None, _first_difference(hashes, split(tile or b""))
                self._hear(entries, hashes, number * WIDTH, numbered, span)
            span.bundles.append(Bundle(number, leaves, root_over(leaves), state))
            if state is State.BROKEN:
                break
        for source, (nths, hashes, positions) in numbered.items():
            span.runs.extend((source[:MAX_NAME], run) for run in _runs(nths, hashes, positions))
        return span

    def _hear(
        self, entries: list[bytes], hashes: list[bytes], first: int, numbered: dict[str, Numbered], span: Span
    ) -> None:
        ordinary = read_together(entries, self.name)
        if ordinary is None:
            self._hear_each(entries, hashes, first, numbered, span)
        else:
            _take_together(ordinary, hashes, first, numbered, span)

    def _hear_each(
        self, entries: list[bytes], hashes: list[bytes], first: int, numbered: dict[str, Numbered], span: Span
    ) -> None:
        name = self.name
        for position, (entry, leaf) in enumerate(zip(entries, hashes, strict=True), start=first):
            plain = read_plainly(entry, name)
            if plain is not None:  # as nearly all are
                source, number, nth, subject, lane = plain
                if lane is not None and (counted := _read_lane(lane)) is not None:
                    _count_lane(span.lanes, (source[:MAX_NAME], counted[0]), counted[1], number, position)
                if nth is not None:
                    _count(span.subjects, (source[:MAX_NAME], subject), nth, position)
                if (lists := numbered.get(source)) is None:
                    lists = numbered[source] = ([], [], [])
                lists[0].append(number)
                lists[1].append(leaf)
                lists[2].append(position)
                continue
            said = _read_slowly(entry, name)
            if said is None:
                span.strange += 1
                continue
            source = said.source[:MAX_NAME]
            if said.number is None:
                span.words.append(Word(position, source))
                continue
            lists = numbered.setdefault(source, ([], [], []))
            lists[0].append(said.number)
            lists[1].append(leaf)
            lists[2].append(position)
            if said.nth is not None:
                _count(span.subjects, (source, said.nth[0]), said.nth[1], position)
            if said.lane is not None:
                _count_lane(span.lanes, (source, said.lane[0]), said.lane[1], said.number, position)
            older = self._open(said.note, position) if said.note is not None else None
            if (said.seal, older, said.pruned, said.foreign, said.hold) != (None,) * 5:
                word = Word(position, source, said.seal, older, said.pruned, said.foreign, said.number, said.ends)
                word.hold = said.hold
                span.words.append(word)

    def _open(self, content: bytes, position: int) -> Checkpoint | None:
        """The log publishes its checkpoints, and so holds older ones: each is a signature that a forger cannot renew."""
        note = Note.parse(content)
        older = Checkpoint.parse(note.text) if note is not None and open_note(note, self.keys) else None
        return older if older is not None and older.origin == self.keys[0].name and older.size <= position else None


def _take_together(
    ordinary: Ordinary, hashes: list[bytes], first: int, numbered: dict[str, Numbered], span: Span
) -> None:
    """Take in what a bundle of ordinary events says."""
    for key, places, counts in ordinary.lanes:
        lane = span.lanes.get(key)
        if lane is None:
            lane = span.lanes[key] = Lane(first + places[0])
        if counts == list(range(counts[0], counts[0] + len(counts))):  # as nearly always
            lane.add(counts[0], counts[-1])
        else:
            for nth in counts:
                lane.add(nth, nth)
        highest = max(counts)
        if highest > lane.highest:
            at = places[counts.index(highest)]
            lane.highest, lane.number, lane.at = highest, ordinary.numbers[at], first + at
    events, numbers = ordinary.events, ordinary.numbers
    for at, event in enumerate(events):
        if event.sequence is not None and event.subject is not None:
            counted = _read_number(event.sequence)
            if counted is not None:
                _count(span.subjects, (event.source[:MAX_NAME], event.subject), counted, first + at)
    sources = {event.source for event in events}
    if len(sources) == 1:
        lists = numbered.setdefault(sources.pop(), ([], [], []))
        lists[0].extend(numbers)
        lists[1].extend(hashes)
        lists[2].extend(range(first, first + len(events)))
        return
    for position, (event, number, leaf) in enumerate(zip(events, numbers, hashes, strict=True), start=first):
        lists = numbered.setdefault(event.source, ([], [], []))
        lists[0].append(number)
        lists[1].append(leaf)
        lists[2].append(position)


def _count_lane(lanes: Lanes, key: tuple[str, str], nth: int, number: int, position: int) -> None:
    lane = lanes.get(key)
    if lane is None:
        lane = lanes[key] = Lane(position)
    lane.add(nth, nth)
    if nth > lane.highest:
        lane.highest, lane.number, lane.at = nth, number, position


def _count(subjects: Subjects, key: tuple[str, str], nth: int, position: int) -> None:
    if len(key[1]) > MAX_NAME:
        key = key[0], f"{key[1][:40]}..{sha256(key[1].encode(errors='replace')).hexdigest()}"
    known = subjects.get(key)
    if known is None:
        subjects[key] = [1, nth, nth, position]
        return
    known[0] += 1
    known[1] += nth
    if nth > known[2]:
        known[2:] = nth, position


def _runs(numbers: list[int], hashes: list[bytes], positions: list[int]) -> Iterator[Run]:
    """Yield what follows each other by number; what has a number that was used before comes last, each by itself."""
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))):  # as nearly always
        yield Run(numbers[0], b"".join(hashes), array("q", positions))
        return
    order = range(len(numbers))
    if any(right <= left for left, right in pairwise(numbers)):
        order = sorted(order, key=numbers.__getitem__)  # type: ignore[assignment]
    again = []
    begun: list[int] = []
    for at in order:
        if begun and numbers[at] == numbers[begun[-1]]:
            again.append(at)
            continue
        if begun and numbers[at] != numbers[begun[-1]] + 1:
            yield _run(begun, numbers, hashes, positions)
            begun = []
        begun.append(at)
    for chosen in (begun, *([at] for at in again)):
        yield _run(chosen, numbers, hashes, positions)


def _run(chosen: list[int], numbers: list[int], hashes: list[bytes], positions: list[int]) -> Run:
    return Run(
        numbers[chosen[0]], b"".join([hashes[at] for at in chosen]), array("q", [positions[at] for at in chosen])
    )


def _work(connection: Connection, examiner: Examiner) -> None:
    """Examine spans for another process until it has no more, or is no more."""
    gc.set_threshold(200_000)  # what is made of an entry is gone with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is at the terminal speaks to that process
    try:
        while (numbers := connection.recv()) is not None:
            try:
                connection.send(examiner.examine(numbers))
            except UnreadableError as error:
                connection.send(error)
    except (EOFError, OSError):
        return


def examined(examiner: Examiner, workers: int) -> Iterator[Span]:
    """Yield every span of the log in its order.

    Args:
        examiner: who reads a span.
        workers: how many processes; with one, or a small log, all is done in this one.

    Raises:
        UnreadableError: the log cannot be read.
    """
    count = examiner.log.bundles
    step = BULK_SPAN if isinstance(examiner.log.source, Bulk) else SPAN
    numbers = (range(first, min(first + step, count)) for first in range(0, count, step))
    if workers <= 1 or examiner.log.size <= SMALL:
        yield from map(examiner.examine, numbers)
        return
    context = multiprocessing.get_context("spawn")  # a process that has threads cannot be forked safely
    with ExitStack() as stack:
        team = []
        for _ in range(workers):
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(there, examiner), daemon=True)
            with _main_left_out(examiner.log.source):
                process.start()
            there.close()
            stack.callback(process.join)
            stack.callback(process.terminate)
            stack.callback(here.close)
            team.append(here)
        waiting: deque[Connection] = deque()
        for turn, span in enumerate(numbers):
            if len(waiting) >= 3 * workers:
                yield _received(waiting.popleft())
            member = team[turn % workers]
            member.send(span)
            waiting.append(member)
        for member in waiting:
            yield _received(member)


@contextmanager
def _main_left_out(source: Source) -> Iterator[None]:
    """Let a process begin with this module alone: what else the program consists of takes a second to import, and is not needed."""
    main = sys.modules["__main__"]
    if type(source).__module__ != "__main__":
        sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _received(member: Connection) -> Span:
    try:
        span = member.recv()
    except (EOFError, OSError) as error:
        raise UnreadableError("a process that reads the log has ended") from error
    if isinstance(span, UnreadableError):
        raise span
    assert isinstance(span, Span)
    return span


# --- completeness -----------------------------------------------------------------------------------------------------


class Journal:
    """What the log holds of one service's own journal: numbers, and the tree over the records in the order of the numbers."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.past = Past()
        self.seals = 0
        self.sealed = 0
        self.uncompared = 0
        self._waiting: dict[int, bytes] = {}
        self._waiting_bytes = 0
        self._unsettled: deque[tuple[int, bytes, int]] = deque()
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.lost: int | None = None
        """The entry from which on its numbers are not counted any more; None while they are."""

    def take(self, run: Run) -> Iterator[Finding]:
        """Take records with their numbers, and name those whose number was used before."""
        if self.lost is not None:
            return
        last = run.first + len(run.positions) - 1
        at = bisect_right(self._starts, last) - 1
        if at >= 0 and self._ends[at] >= run.first:
            if len(run.positions) == 1:
                detail = f"{self.source} has used its number {run.first} before"
                yield Finding(Kind.INCOMPLETE, run.positions[0], detail)
                return
            for nth, position in enumerate(run.positions):
                one = Run(run.first + nth, run.leaves[nth * 32 : nth * 32 + 32], array("q", [position]))
                yield from self.take(one)
            return
        self._remember(at, run.first, last)
        if len(self._starts) > MAX_RANGES:
            self.lost = run.positions[0]
            self._starts, self._ends, self._waiting = [], [], {}
            return
        self._waiting[run.first] = run.leaves
        self._waiting_bytes += len(run.leaves)
        while (leaves := self._waiting.pop(self.past.size + 1, None)) is not None:
            self._waiting_bytes -= len(leaves)
            self.past.extend(leaves)
        if self._waiting_bytes > 4 * WINDOW * 32:
            self._waiting.clear()  # behind a hole this old nothing can be compared; the hole itself is reported
            self._waiting_bytes = 0

    def seal(self, last: int, root: bytes, position: int) -> None:
        """Take what the service says of its records 1 to `last`."""
        self.seals += 1
        self.sealed = max(self.sealed, last)
        self._unsettled.append((last, root, position))
        if len(self._unsettled) > MAX_SEALS:
            self._unsettled.popleft()
            self.uncompared += 1

    def settle(self) -> Iterator[Finding]:
        """Compare the seals that can be compared by now."""
        for _ in range(len(self._unsettled)):
            last, root, position = self._unsettled.popleft()
            if last > self.past.size:
                self._unsettled.append((last, root, position))
                continue
            true = self.past.root_at(last)
            if true is None:
                self.uncompared += 1
            elif true != root:
                yield Finding(
                    Kind.INCOMPLETE,
                    position,
                    f"{self.source} sealed its first {last} records with another root than the log has for them",
                )

    @property
    def unsettled(self) -> int:
        """Return how many seals could not be compared."""
        return self.uncompared + len(self._unsettled)

    def holes(self) -> list[tuple[int, int]]:
        """Return the numbers that are missing, up to the highest seen or sealed."""
        missing = []
        expected = 1
        for first, last in zip(self._starts, self._ends, strict=True):
            if first > expected:
                missing.append((expected, first - 1))
            expected = last + 1
        if self.sealed >= expected:
            missing.append((expected, self.sealed))
        return missing

    def _remember(self, at: int, first: int, last: int) -> None:
        """Add numbers to the ranges; `at` is the range that begins before them, or -1."""
        joins_before = at >= 0 and self._ends[at] == first - 1
        joins_after = at + 1 < len(self._starts) and self._starts[at + 1] == last + 1
        if joins_before and joins_after:
            self._ends[at] = self._ends.pop(at + 1)
            del self._starts[at + 1]
        elif joins_before:
            self._ends[at] = last
        elif joins_after:
            self._starts[at + 1] = first
        else:
            self._starts.insert(at + 1, first)
            self._ends.insert(at + 1, last)


class Lane:
    """What the log holds of one lane: the records that one session of a service's database wrote into the log."""

    __slots__ = ("at", "highest", "lost", "number", "reused", "runs", "since", "told")

    def __init__(self, since: int) -> None:
        self.since = since
        """The first entry that was seen of it, or of it in a span."""
        self.lost: int | None = None
        """The entry from which on it is not counted any more; None while it is."""
        self.runs: list[list[int]] = []
        """The counts seen, as ranges [first, last], ascending."""
        self.highest = self.number = self.at = 0
        """The highest count seen, the `sourcesequence` of that record, and its position."""
        self.told: list[tuple[int, int, int]] = []
        """How far seals say that it goes: the count, the seal's own `sourcesequence`, and its position."""
        self.reused = False

    def add(self, first: int, last: int) -> None:
        """Take records with these counts."""
        runs = self.runs
        if runs and runs[-1][1] + 1 == first:  # as nearly always
            runs[-1][1] = last
            return
        at = bisect_right(runs, [first, LARGEST_NUMBER])
        if (at > 0 and runs[at - 1][1] >= first) or (at < len(runs) and runs[at][0] <= last):
            self.reused = True
        begin = at - 1 if at > 0 and runs[at - 1][1] + 1 >= first else at
        end = at
        while end < len(runs) and runs[end][0] <= last + 1:
            end += 1
        joined = [[first, last], *runs[begin:end]]
        runs[begin:end] = [[min(run[0] for run in joined), max(run[1] for run in joined)]]

    def extend(self, more: Lane) -> None:
        """Take what was seen of it in another span."""
        if self.lost is not None:
            return
        for first, last in more.runs:
            self.add(first, last)
        if len(self.runs) > MAX_LANE_RUNS:
            self._lose(more.since)
        self.reused = self.reused or more.reused
        if more.highest > self.highest:
            self.highest, self.number, self.at = more.highest, more.number, more.at

    def tell(self, end: int, number: int, position: int, sealed: int) -> None:
        """Take how far the seal with that number, at that position, says that it goes; of those sealed by now the farthest does."""
        if self.lost is not None:
            return
        settled = [each for each in self.told if each[1] <= sealed]
        self.told = [each for each in self.told if each[1] > sealed]
        self.told += [max(settled)] if settled else []
        self.told.append((end, number, position))
        if len(self.told) > MAX_LANE_RUNS:
            self._lose(position)

    def _lose(self, position: int) -> None:
        self.lost, self.runs, self.told = position, [], []

    def missing(self, sealed: int) -> tuple[list[tuple[int, int]], int]:
        """Return the counts that are missing, and an entry that shows it, when the service has sealed its records to `sealed`.

        A service numbers a lane's records in the order of their counts, and after them the seal that says how far it goes. So what
        is missing before a record, or a seal, that is sealed itself, is not on its way.
        """
        if self.lost is not None:
            return [], self.lost
        end, at = (self.highest, self.at) if self.number <= sealed else (0, 0)
        for told, number, position in self.told:
            if told > end and number <= sealed:
                end, at = told, position
        gone = []
        expected = 1
        for first, last in [*self.runs, [end + 1, end + 1]]:
            if expected < first and expected <= end:
                gone.append((expected, min(first - 1, end)))
            expected = max(expected, last + 1)
        return gone, at


class Counts:
    """How many events of each subject were seen: in memory, and in a file when they are many."""

    def __init__(self) -> None:
        self._seen: Subjects = {}
        self._file: sqlite3.Connection | None = None

    def add(self, subjects: Subjects) -> None:
        """Take what a span came to."""
        for key, (count, total, highest, at) in subjects.items():
            known = self._seen.get(key)
            if known is None:
                self._seen[key] = [count, total, highest, at]
                continue
            known[0] += count
            known[1] += total
            if highest > known[2]:
                known[2:] = highest, at
        if len(self._seen) > MAX_SUBJECTS:
            self._spill()

    def missed(self) -> Iterator[tuple[int, Finding]]:
        """Name each subject of which an event is not there: one that was taken away before the service had numbered it.

        With each comes how many are not there; 0 where what is wrong is something else, which no pruning explains.
        """
        rows: Iterable[tuple[str, str, int, int, int, int]]
        if self._file is None:
            rows = ((*key, seen[0], seen[1], seen[2], seen[3]) for key, seen in self._seen.items())
        else:
            self._spill()
            rows = (
                (*key, count, int(total), highest, at)
                for *key, count, total, highest, at in self._file.execute("SELECT * FROM counts")
            )
        for source, subject, count, total, highest, at in rows:
            if count < highest:
                what = f"and only {count} of the first {highest} are in the log"
            elif count > highest or total != highest * (highest + 1) // 2:
                what = f"and has used one of the first {highest} counts twice"
            else:
                continue
            finding = Finding(Kind.INCOMPLETE, at, f"{source} published event {highest} of {subject}, {what}")
            yield max(0, highest - count), finding

    def _spill(self) -> None:
        if self._file is None:
            self._file = sqlite3.connect("")  # a file that nobody else sees, gone when it is closed
            self._file.execute("PRAGMA synchronous = OFF")
            self._file.execute(
                "CREATE TABLE counts (source, subject, count, total, highest, at, PRIMARY KEY (source, subject)) WITHOUT ROWID"
            )
        self._file.executemany(
            "INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count,"
            " total = min(total + excluded.total, 9e18), at = iif(excluded.highest > highest, excluded.at, at),"
            " highest = max(highest, excluded.highest)",
            ((*key, seen[0], min(seen[1], 2**62), seen[2], seen[3]) for key, seen in self._seen.items()),
        )
        self._seen = {}

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()


class Roots:
    """The root of every bundle, in their order: in memory, and in a file when they are many."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=4 * 1024 * 1024)  # noqa: SIM115 - closed by `close`
        self.count = 0

    def append(self, root: bytes) -> None:
        """Add the next one."""
        self._file.seek(self.count * 32)
        self._file.write(root)
        self.count += 1

    def over(self, first: int, end: int) -> bytes:
        """Return the root over these bundles, as many of them as there are."""
        tree = Tree()
        for at in range(first, min(end, self.count), WIDTH):
            self._file.seek(at * 32)
            packed = self._file.read(32 * min(WIDTH, end - at))
            if len(packed) == WIDTH * 32:
                tree.add(full_root(packed), level=8)
            else:
                for root in split(packed):
                    tree.add(root)
        return tree.root()

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


# --- the verification -------------------------------------------------------------------------------------------------


class Verification:
    """One pass over a log."""

    def __init__(
        self,
        source: Source,
        keys: Sequence[Key],
        since: Sequence[Checkpoint],
        progress: Callable[[int, int], None],
        *,
        policy: Policy | None = None,
        retention: Sequence[str] = (),
        workers: int = 1,
        hashes_only: bool = False,
    ) -> None:
        self._source = source
        self._keys = keys
        self._since = sorted(since, key=lambda one: one.size)
        self._progress = progress
        self._policy = policy
        self._retention = frozenset(retention)
        self._workers = workers
        self._hashes_only = hashes_only
        self.report = Report(retention_given=bool(retention))
        self._past = Past()
        self._journals: dict[str, Journal] = {}
        self._counts = Counts()
        self._lanes: Lanes = {}
        self._roots = Roots()
        self._trusted_size = 0
        """The largest size whose root an older signature confirms."""
        self._contradicted: Finding | None = None
        self._contradicted_size: int | None = None
        self._differs: tuple[int, bool, int] | None = None
        self._strange = 0
        self._numbers: list[Finding] = []
        """What is wrong with what services say, at most a thousand findings."""
        self._beyond: dict[str, Finding] = {}
        """Of each kind of thing of which there is more than is kept: from where on it is not counted."""
        self._more_numbers = 0
        """How many there are beyond these."""
        self._absent: list[tuple[int, int]] = []
        """Entries that are not there though their hashes are: the first, and the one after the last."""
        self._prunings: list[tuple[int, Pruning]] = []
        """With the position of the entry that says so."""
        self._holds: list[tuple[int, Hold]] = []
        """The same of holds, in the order of the entries."""
        self._told = 0
        """In how many pieces, and runs of numbers, these say that it was pruned."""
        self._there = 0
        """How many entries were there before something made it useless to read on."""
        self._broken = False
        """Whether something did: a bundle has more or fewer entries than it should, or neither it nor its hashes are there."""

    def run(self) -> Report:
        """Verify and return the report.

        Raises:
            UnreadableError: the log cannot be read.
        """
        try:
            self._run()
        finally:
            self._counts.close()
            self._roots.close()
        return self.report

    def _run(self) -> None:
        content = self._source.get("checkpoint")
        if content is None:
            raise UnreadableError("the log has no checkpoint")
        checkpoint, signers = read_checkpoint(content, self._keys)
        self.report.origin, self.report.size, self.report.root = checkpoint.origin, checkpoint.size, checkpoint.root
        log = Log(self._source, checkpoint.size)
        self._read(log)
        if not signers:
            self._found(
                Kind.REWRITTEN, self._trusted_size, "the checkpoint is not signed by this key; what is in the log from here on "
                "has no signature, and may be anybody's"
            )  # fmt: skip
            return
        self.report.signed_by = ", ".join(map(str, signers))
        if self._broken or self._past.size != checkpoint.size or self._past.root() != checkpoint.root:
            wrong = self._locate(log)
            self.report.add(wrong)
            for first, end in self._absent if not self._hashes_only else ():
                if wrong.position is not None and first < wrong.position:
                    self.report.note(
                        f"entries {first} to {min(end, wrong.position) - 1} are not there, but their hashes are: whether a policy"
                        " let them go was not looked at, as what would say so is not what was signed"
                    )
            return
        if self._contradicted is not None:
            self.report.add(self._contradicted)
        self._check_absent(log)
        self._check_tiles(log)
        self._check_behind()
        newer = [older for older in self._since if older.size > checkpoint.size]
        if newer:
            self._found(
                Kind.ROLLED_BACK, checkpoint.size, f"the log has signed size {newer[-1].size} before, and now ends here"
            )
        if self._policy is not None:
            check_policy(self.report, self._policy, content, signers, self._trusted_size)
        if self._hashes_only:
            self.report.note(
                "only hashes were read: they are what was signed, but what the entries say was not looked at"
            )
        else:
            self._complete()

    def _found(self, kind: Kind, position: int | None, detail: str) -> None:
        self.report.found(kind, position, detail)

    def _contradict(self, findings: Iterable[Finding]) -> None:
        """Keep what is wrong with what services say until it is known whether the entries are what was signed."""
        for finding in findings:
            if len(self._numbers) < MAX_FINDINGS:
                self._numbers.append(finding)
            else:
                self._more_numbers += 1

    # --- reading ------------------------------------------------------------------------------------------------------

    def _read(self, log: Log) -> None:
        """Hash and read every entry that is there, in order, until no tree can be built of them."""
        given = deque(self._since)
        examiner = Examiner(log, self.report.origin.rpartition("/")[2], self._keys, self._hashes_only)
        for span in examined(examiner, self._workers):
            for bundle in span.bundles:
                self._take(bundle)
            self._differs = self._differs or span.differs
            self._strange += span.strange
            for source, run in span.runs:
                journal = self._journal(source, run.positions[0])
                if journal is not None:
                    self._contradict(journal.take(run))
            self._counts.add(span.subjects)
            for key, more in span.lanes.items():
                if (lane := self._lane(key, more.since)) is not None:
                    lane.extend(more)
            for word in span.words:
                while given and given[0].size <= min(word.position + 1, self._past.size):
                    self._compare(given.popleft(), "the checkpoint given")
                self._hear(word)
            while given and given[0].size <= self._past.size:
                self._compare(given.popleft(), "the checkpoint given")
            for journal in self._journals.values():
                self._contradict(journal.settle())
            self._progress(self._there, log.size)
            if self._broken:
                break
        while given and given[0].size <= self._past.size:
            self._compare(given.popleft(), "the checkpoint given")

    def _take(self, bundle: Bundle) -> None:
        count = len(bundle.leaves) // 32
        self._roots.append(bundle.root)
        self._there = bundle.number * WIDTH + count
        self._broken = bundle.state is State.BROKEN
        if bundle.state is State.HASHED:
            first = bundle.number * WIDTH
            if self._absent and self._absent[-1][1] == first:
                first = self._absent.pop()[0]
            self._absent.append((first, self._there))
        else:
            self.report.entries += count
        self._past.extend(bundle.leaves[: WIDTH * 32], bundle.root)

    def _journal(self, source: str, position: int) -> Journal | None:
        """Return what is known of a service's numbers; None if there are too many services to count those of this one."""
        journal = self._journals.get(source)
        if journal is None:
            if len(self._journals) >= MAX_SOURCES:
                detail = (
                    f"the log has events of more than {MAX_SOURCES} services: those of {source}, and of every other that comes"
                    " after, are not counted"
                )
                self._lose("services", position, detail)
                return None
            journal = self._journals[source] = Journal(source)
        return journal

    def _lane(self, key: tuple[str, str], position: int) -> Lane | None:
        """Return what is known of a lane; None if it is not counted."""
        lane = self._lanes.get(key)
        if lane is None:
            source, name = key
            if source not in self._journals:
                return None
            if len(self._lanes) >= MAX_LANES:
                detail = (
                    f"the log has records of more than {MAX_LANES} lanes: those of lane {name} of {source}, and of every other that"
                    " comes after, are not counted"
                )
                self._lose("lanes", position, detail)
                return None
            lane = self._lanes[key] = Lane(position)
        return lane

    def _lose(self, what: str, position: int, detail: str) -> None:
        """Say once, where it begins, that something is not counted."""
        self._beyond.setdefault(what, Finding(Kind.INCOMPLETE, position, detail))

    def _hear(self, word: Word) -> None:
        if word.foreign is not None:
            detail = f"an event of type {word.foreign} in the name of {word.source}, whose it is not: it is not heard"
            self._contradict([Finding(Kind.INCOMPLETE, word.position, detail)])
            return
        if word.hold is not None:
            if len(self._holds) < MAX_RANGES:
                self._holds.append((word.position, word.hold))
            else:
                detail = (
                    f"more than {MAX_RANGES} holds were placed and lifted: this and every later one is not heard, nor is it known"
                    " which of them later prunings went over"
                )
                self._lose("holds", word.position, detail)
            return
        if word.seal is None and word.older is None and word.pruned is None:
            detail = f"an event in the name of {word.source} without a number: nothing says that it published it"
            self._contradict([Finding(Kind.INCOMPLETE, word.position, detail)])
            return
        if word.seal is not None and (journal := self._journal(word.source, word.position)) is not None:
            journal.seal(*word.seal, word.position)
            for name, end in word.ends:
                if (lane := self._lane((word.source, name), word.position)) is not None:
                    lane.tell(end, word.number, word.position, journal.sealed)
        if word.older is not None:
            self._compare(word.older, f"the checkpoint in entry {word.position}")
        if word.pruned is not None and word.pruned.last < word.position:
            told = self._told + 1 + len(word.pruned.numbers)
            if told > MAX_RANGES or "prunings" in self._beyond:
                detail = (
                    f"the log was pruned in more than {MAX_RANGES} pieces: this and every later pruning is not heard, and what went"
                    " by them is taken for missing"
                )
                self._lose("prunings", word.position, detail)
            else:
                self._told = told
                self._prunings.append((word.position, word.pruned))

    def _compare(self, older: Checkpoint, what: str) -> None:
        root = self._past.root_at(older.size)
        if root is None:
            self.report.note(f"{what}, of size {older.size}, is too old to be compared")
            return
        self.report.anchors += 1
        if root == older.root:
            if self._contradicted is None:
                self._trusted_size = max(self._trusted_size, older.size)
        elif self._contradicted is None:
            self._contradicted_size = older.size
            self._contradicted = Finding(
                Kind.FORKED,
                self._trusted_size,
                f"{what} has another root for size {older.size}: the first other entry is one of {self._trusted_size} to "
                f"{older.size - 1}",
            )

    # --- what is there beside the entries -----------------------------------------------------------------------------

    def _check_absent(self, log: Log) -> None:
        """Say of the entries of which only the hashes are there whether a policy let them go."""
        if self._hashes_only:
            return
        self._check_holds()
        self._prunings.sort(key=lambda told: (told[1].first, -told[1].last))
        refused = [told for told in self._prunings if self._retention and told[1].policy not in self._retention]
        if refused:
            self._prunings = [told for told in self._prunings if told[1].policy in self._retention]
        for first, end in self._absent:
            at = first
            for position, pruning in self._prunings:
                if pruning.first <= at <= pruning.last:
                    until = min(pruning.last + 1, end)
                    self.report.note(
                        f"entries {at} to {until - 1} were pruned, as entry {position} says: {pruning.why}"
                    )
                    self.report.pruned += until - at
                    self.report.retention[pruning.policy] = None
                    at = until
            if at >= end:
                continue
            other = next((told for told in refused if told[1].first <= at <= told[1].last), None)
            if other is not None:
                detail = f"pruned, as entry {other[0]} says, by a retention policy that was not given: {other[1].why}"
                self._found(Kind.MISSING, at, detail)
                continue
            here = f"{_entries(end - at)} that {_were(end - at)} signed here {_are(end - at)} not there"
            if end == log.size:
                self._found(Kind.TRUNCATED, at, f"{log.size} entries were signed, {at} are there")
            else:
                self._found(Kind.MISSING, at, f"{here}; only their hashes are")

    def _check_holds(self) -> None:
        """Say which prunings went over a hold: one of the whole log, or one that the pruning does not say it has kept."""
        lost = self._beyond.get("holds")
        end = LARGEST_NUMBER if lost is None or lost.position is None else lost.position
        told: list[tuple[int, Pruning | Hold]] = [each for each in self._prunings if each[0] < end]
        told += self._holds
        standing: dict[str, tuple[int, bool]] = {}
        for position, said in sorted(told, key=lambda each: each[0]):
            if isinstance(said, Hold):
                if said.placed:
                    standing[said.name] = position, said.whole
                else:
                    standing.pop(said.name, None)
                continue
            for name, (since, whole) in standing.items():
                if whole or name not in said.holds:
                    detail = (
                        f"entries {said.first} to {said.last} were pruned, as entry {position} says, under the hold {name}, which"
                        f" entry {since} placed{'' if whole else ', and which that pruning does not say it has kept'}"
                    )
                    self._found(Kind.MISSING, said.first, detail)

    def _check_tiles(self, log: Log) -> None:
        """Compare the tiles with the entries, which are as they were signed: who is given a proof made of them relies on them."""
        if self._differs is not None:
            number, missing, at = self._differs
            self._tile_found(0, number, at, missing=missing)
        level = 1
        while log.size >> (8 * level):
            for number in range(-(-(log.size >> (8 * level)) // WIDTH)):
                hashes = log.hashes(level, number)
                first = number * WIDTH
                true = [self._root_of_tile(level - 1, first + at) for at in range(log.width(level, number))]
                if hashes != true:
                    at = _first_difference(hashes or (), true)
                    self._tile_found(level, number, at, missing=hashes is None)
                    return
            level += 1

    def _check_behind(self) -> None:
        """Find what was put behind the log's end, where the source is what keeps the log."""
        stray = self._source.stray() if isinstance(self._source, Holder) else None
        if stray is not None:
            self._found(Kind.INSERTED, stray, "this stands behind the end of the log, and nobody has signed it")

    def _tile_found(self, level: int, number: int, at: int, *, missing: bool) -> None:
        position = (number * WIDTH + at) * WIDTH**level
        if missing:
            detail = f"the entries are as they were signed, but the tile {level}/{number} of their hashes is not there"
            self._found(Kind.MISSING, position, detail)
        else:
            detail = f"the entry is as it was signed, but the tile {level}/{number} has another hash for it"
            self._found(Kind.CHANGED, position, detail)

    # --- what is wrong, and where -------------------------------------------------------------------------------------

    def _locate(self, log: Log) -> Finding:
        """Return the first thing that differs from what was signed, found from the signed root downwards."""
        edges = next((edges for edges in self._edges(log) if _root_of_edges(edges) == self.report.root), None)
        if edges is None:
            return self._rewritten(log, 0, log.size, "the tiles do not lead to the signed root either")
        for level in range(len(edges) - 1, 0, -1):
            first = (log.size >> (8 * level)) // WIDTH * WIDTH
            for at, signed in enumerate(edges[level]):
                if self._root_of_tile(level - 1, first + at) != signed:
                    return self._descend(log, level - 1, first + at, signed)
        last = log.size // WIDTH
        return self._align(log, last, edges[0])

    def _edges(self, log: Log) -> Iterator[Sequence[list[bytes]]]:
        """Yield what the hashes of the incomplete tiles, from level 0 upwards, may have been; the signed root tells which are true.

        First as they are there; then each as it is there or as the level below has it.
        """
        places: list[tuple[int, int]] = []
        while log.size >> (8 * len(places)):
            places.append((len(places), (log.size >> (8 * len(places))) // WIDTH))
        there = [log.hashes(*place) if log.width(*place) else [] for place in places]
        whole = [hashes for hashes in there if hashes is not None]
        if len(whole) == len(places):
            yield whole
        below = [self._from_below(log, *place) for place in places]
        yield from product(*([part for part in pair if part is not None] for pair in zip(there, below, strict=True)))

    def _from_below(self, log: Log, level: int, number: int) -> list[bytes] | None:
        """Return the hashes of a tile as what lies below it gives them; None if something there is missing.

        Nothing says that they were signed, until they lead to a hash that was.
        """
        width = log.width(level, number)
        if level == 0:
            entries = (log.entries(number) or []) if width else []
            return [leaf_hash(entry) for entry in entries[:width]] if len(entries) >= width else None
        found = []
        for each in range(number * WIDTH, number * WIDTH + width):
            hashes = log.hashes(level - 1, each) or self._from_below(log, level - 1, each)
            if hashes is None:
                return None
            found.append(full_root(b"".join(hashes)))
        return found

    def _descend(self, log: Log, level: int, number: int, signed: bytes) -> Finding:
        """Return what differs below a tile whose root is known to be `signed`."""
        hashes = there = log.hashes(level, number)
        if hashes is None or tree_over(hashes).root() != signed:
            hashes = self._from_below(log, level, number)
        if hashes is None or tree_over(hashes).root() != signed:
            span = WIDTH ** (level + 1)
            why = f"tile {level}/{number} {'is not there either' if there is None else 'was changed as well'}"
            return self._rewritten(log, number * span, (number + 1) * span, why)
        if level == 0:
            return self._align(log, number, hashes)
        for at, part in enumerate(hashes):
            if self._root_of_tile(level - 1, number * WIDTH + at) != part:
                return self._descend(log, level - 1, number * WIDTH + at, part)
        raise AssertionError("a tree differs, so one of its subtrees does")

    def _root_of_tile(self, level: int, number: int) -> bytes:
        """Return the root that the entries that were read give a tile."""
        span = WIDTH**level
        return self._roots.over(number * span, (number + 1) * span)

    def _rewritten(self, log: Log, first: int, end: int, why: str) -> Finding:
        """Return what is known where no hashes that were signed tell which of these entries differ."""
        gone = first  # where it was read to its end, what was read in place of a bundle was wrong
        if first <= self._there < end:
            gone = self._there
        elif end == log.size and self._absent and self._absent[-1][1] == end:
            gone = max(first, self._absent[-1][0])
        first, end = max(first, self._trusted_size), min(end, self._contradicted_size or end)
        if gone < log.size and self._nothing_from(log, -(-gone // WIDTH)):
            return Finding(Kind.TRUNCATED, gone, f"{log.size} entries were signed, {gone} are there; {why}")
        if gone < end and gone % WIDTH == 0 and log.entries(gone // WIDTH) is None and not self._is_pruned(gone):
            count = min(WIDTH, log.size - gone)
            detail = f"{_entries(count)} that {_were(count)} signed here {_are(count)} not there; {why}"
            return Finding(Kind.MISSING, gone, detail)
        return Finding(Kind.REWRITTEN, first, f"{why}: the first other entry is one of {first} to {end - 1}")

    def _is_pruned(self, position: int) -> bool:
        """Return whether an entry that was read says that a policy let this one go."""
        return any(told.first <= position <= told.last for _, told in self._prunings)

    def _nothing_from(self, log: Log, number: int) -> bool:
        """Return whether no bundle from this one on is there, as far as a few looks can tell: each is twice as far as the last."""
        looks, step = set[int](), 1
        while number < log.bundles:
            looks |= {number, log.bundles - 1}
            number, step = number + step, 2 * step
        return not any(log.entries(look) for look in sorted(looks))

    def _align(self, log: Log, number: int, signed: list[bytes]) -> Finding:
        """Name the first difference between a bundle and the leaf hashes that were signed for it."""
        # With the bundle after it: what is missing or too much at the end of this one shows in that one.
        following = log.hashes(0, number + 1) or []
        parts = (number, number + 1) if following else (number,)
        leaves = [leaf_hash(entry) for part in parts for entry in log.entries(part) or ()]
        signed = [*signed, *following]
        at = _first_difference(leaves, signed)
        position = number * WIDTH + at
        here, there = leaves[at:], signed[at:]
        copied = bool(here) and here.count(here[0]) > there.count(here[0])
        behind = here[here.index(there[0]) :] if there and there[0] in here else []
        goes_on = bool(behind) and _first_difference(behind, there) == min(len(behind), len(there))
        if not here and self._nothing_from(log, number + 1):
            kind, detail = Kind.TRUNCATED, f"{self.report.size} entries were signed, {position} are there"
        elif not here:
            kind, detail = Kind.MISSING, "the entry that was signed here is not there"
        elif here[0] in there and (behind if not copied else not goes_on):
            other = position + there.index(here[0])
            kind, detail = Kind.REORDERED, f"here stands the entry that was signed as number {other}"
        elif here[0] in there and not copied:
            gone = there.index(here[0])
            kind, detail = Kind.MISSING, f"{_entries(gone)} that {_were(gone)} signed here {_are(gone)} not there"
        elif not there or behind:
            more = here.index(there[0]) if there else len(here)
            kind, detail = Kind.INSERTED, f"{_entries(more)} {_are(more)} here that {_were(more)} never signed"
        elif (elsewhere := self._find(log, here[0])) is not None:
            kind, detail = Kind.REORDERED, f"here stands the entry that was signed as number {elsewhere}"
        else:
            kind, detail = Kind.CHANGED, "its bytes are not those that were signed"
        return Finding(kind, position, detail)

    def _find(self, log: Log, leaf: bytes) -> int | None:
        """Return where the tiles have this leaf hash."""
        for number in range(log.bundles):
            hashes = log.hashes(0, number) or []
            if leaf in hashes:
                return number * WIDTH + hashes.index(leaf)
        return None

    # --- completeness -------------------------------------------------------------------------------------------------

    def _complete(self) -> None:
        if self._strange:
            self.report.note(
                f"{_entries(self._strange)} {_are(self._strange)} no event of this log: whether another such is missing, no number"
                " tells"
            )
        for found in self._uncounted():
            self.report.add(found)
        self._count_subjects()
        self._count_lanes()
        for found in sorted(self._numbers, key=lambda each: each.position or 0):
            self.report.add(found)
        self.report.count(Kind.INCOMPLETE, self._more_numbers)
        excused = self.report.pruned  # each of these was the record of at most one number
        for source, journal in sorted(self._journals.items()):
            if journal.lost is not None:
                self.report.journals.append(
                    f"{source} 1 to {journal.past.size}, not counted from entry {journal.lost} on, {journal.seals} seals, sealed to"
                    f" {journal.sealed}"
                )
                continue
            gone = journal.holes()
            missing = [(first, min(last, journal.sealed)) for first, last in gone if first <= journal.sealed]
            if self.report.pruned:
                missing, excused = self._excuse(source, missing, excused)
            for first, last in missing:
                numbers = (
                    f"number {first} of {source} is" if first == last else f"numbers {first} to {last} of {source} are"
                )
                self._found(Kind.INCOMPLETE, None, f"{numbers} not in the log")
            for first, last in gone:
                if last > journal.sealed:
                    begins = max(first, journal.sealed + 1)
                    self.report.note(f"{source} {begins} to {last}: not here yet, and not sealed yet")
            if journal.unsettled:
                self.report.note(f"{source}: {journal.unsettled} seals could not be compared")
            state = "without a hole" if not gone else "up to the first hole"
            self.report.journals.append(
                f"{source} 1 to {journal.past.size} {state}, {journal.seals} seals, sealed to {journal.sealed}"
            )

    def _uncounted(self) -> Iterator[Finding]:
        """Name what could not be counted: what is missing there is not known."""
        yield from self._beyond.values()
        for source, journal in sorted(self._journals.items()):
            if journal.lost is not None:
                detail = f"the numbers of {source} have more than {MAX_RANGES} holes: not counted from here on"
                yield Finding(Kind.INCOMPLETE, journal.lost, detail)
        for (source, name), lane in sorted(self._lanes.items()):
            if lane.lost is not None:
                many = f"more than {MAX_LANE_RUNS} holes, or ends that are not sealed"
                detail = f"lane {name} of {source} has {many}: not counted from here on"
                yield Finding(Kind.INCOMPLETE, lane.lost, detail)

    def _count_subjects(self) -> None:
        """Name the subjects of which an event is not there, but for as many events as entries were pruned.

        Which events those were is not known; no more are excused than can have been.
        """
        excused, subjects = 0, 0
        for absent, finding in self._counts.missed():
            if 0 < absent <= self.report.pruned - excused:
                excused += absent
                subjects += 1
            else:
                self._contradict([finding])
        if excused:
            self.report.note(
                f"{excused} events of {subjects} subjects are not there: that is no finding, as they may be among the"
                f" {_entries(self.report.pruned)} pruned"
            )

    def _count_lanes(self) -> None:
        """Name the lanes of which a record is not there, but for as many records as entries were pruned."""
        excused, lanes = 0, 0
        for (source, name), lane in sorted(self._lanes.items()):
            journal = self._journals.get(source)
            gone, at = lane.missing(0 if journal is None else journal.sealed)
            absent = sum(last - first + 1 for first, last in gone)
            if 0 < absent <= self.report.pruned - excused:
                excused += absent
                lanes += 1
                gone = []
            details = [
                f"{'record' if first == last else 'records'} {first if first == last else f'{first} to {last}'} of lane {name} of"
                f" {source} {'is' if first == last else 'are'} not in the log: taken away before the service had numbered it"
                for first, last in gone
            ]
            if lane.reused:
                details.append(f"{source} has used a count of lane {name} twice")
            self._contradict(Finding(Kind.INCOMPLETE, at, detail) for detail in details)
        if excused:
            self.report.note(
                f"{excused} records of {lanes} lanes are not there: that is no finding, as they may be among the"
                f" {_entries(self.report.pruned)} pruned"
            )

    def _excuse(self, source: str, missing: list[tuple[int, int]], excused: int) -> tuple[list[tuple[int, int]], int]:
        """Return which numbers are missing for another reason than that their records were pruned.

        What a pruning lists is believed as far as there are pruned entries that can have had these numbers. One that lists none
        excuses none.

        Args:
            source: the service.
            missing: its missing numbers.
            excused: how many pruned entries have no number yet.
        """
        listed = sorted(
            (first, last) for _, told in self._prunings for name, first, last in told.numbers if name == source
        )
        left = []
        for first, last in missing:
            count = sum(end - begin + 1 for begin, end in _overlaps((first, last), listed))
            if count == last - first + 1 and count <= excused:
                excused -= count
                self.report.note(f"{source} {first} to {last}: pruned")
            else:
                left.append((first, last))
        return left, excused


def _overlaps(span: tuple[int, int], ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the parts of `span` that lie in one of the ranges, which are in ascending order; each part once."""
    at, end = span
    for first, last in ranges:
        begin, stop = max(first, at), min(last, end)
        if begin <= stop:
            yield begin, stop
            at = stop + 1


def _entries(count: int) -> str:
    return "one entry" if count == 1 else f"{count} entries"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _silence(_done: int, _size: int) -> None:
    """Say nothing of the progress."""


def _root_of_edges(edges: Sequence[Sequence[bytes]]) -> bytes:
    """Return the root over incomplete tiles, from level 0 upwards."""
    return fold([part for hashes in reversed(edges) for part in tree_over(hashes).edge])


def _first_difference(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    for at, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return at
    return min(len(one), len(other))


def read_checkpoint(content: bytes, keys: Sequence[Key]) -> tuple[Checkpoint, list[Key]]:
    """Return what a signed note says as a checkpoint, and which of the keys have signed it.

    Raises:
        UnreadableError: it is no checkpoint, or one of another log.
    """
    note = Note.parse(content)
    checkpoint = Checkpoint.parse(note.text) if note is not None else None
    if note is None or checkpoint is None:
        raise UnreadableError("what the log gives as its checkpoint is none")
    if checkpoint.origin != keys[0].name:
        raise UnreadableError(f"the checkpoint is of {checkpoint.origin!r}, the key of {keys[0].name!r}")
    return checkpoint, open_note(note, keys)


def check_policy(report: Report, policy: Policy, content: bytes, signers: Sequence[Key], position: int) -> None:
    """Add to the report who has cosigned a checkpoint, and whether that is what the policy demands.

    Args:
        report: what is added to.
        policy: what is demanded.
        content: the signed note.
        signers: the keys of the log that have signed it.
        position: up to where an older checkpoint confirms the log.
    """
    note = Note.parse(content)
    assert note is not None
    if policy.logs and not any(key in policy.logs for key in signers):
        detail = "the checkpoint is signed by the key given, which is none of a log that the policy accepts"
        report.found(Kind.UNWITNESSED, position, detail)
        return
    times, false = policy.cosigned(note)
    for name, time in sorted(times.items()):
        report.witnesses.append(f"{_named(name)} at {_moment(time)} ({policy.witnesses[name]})")
    for name in false:
        detail = f"what stands on the checkpoint as the cosignature of {_named(name)} is not its own"
        report.found(Kind.REWRITTEN, position, detail)
    if not policy.met(times):
        report.found(
            Kind.UNWITNESSED,
            position,
            f"signed by the log, but cosigned by {', '.join(map(_named, sorted(times))) or 'no witness'} only, which is not the "
            f"quorum {_named(policy.quorum or b'none')}: from here on the log may have been replaced by who has its key",
        )


def _named(name: bytes) -> str:
    return name.decode(errors="replace")


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} seconds after 1970"


# --- files ------------------------------------------------------------------------------------------------------------

_PROOF_HEADER = "c2sp.org/tlog-proof@v1"
_EXPORT = "lagspill.no/entries@v1"


@dataclass(frozen=True)
class Demands:
    """What a file is verified against."""

    keys: Sequence[Key]
    policy: Policy | None
    since: Sequence[Checkpoint]
    retention: Sequence[str] = ()
    """The digests of the retention policies that may let entries go; with none, any may."""

    def open(self, content: bytes, report: Report) -> Checkpoint | None:
        """Take a checkpoint into the report; None, with a finding, if nobody known has signed it."""
        checkpoint, signers = read_checkpoint(content, self.keys)
        report.origin, report.size, report.root = checkpoint.origin, checkpoint.size, checkpoint.root
        if not signers:
            report.found(Kind.REWRITTEN, None, "the checkpoint is not signed by this key")
            return None
        report.signed_by = ", ".join(map(str, signers))
        for older in self.since:
            report.anchors += 1
            if older.size > checkpoint.size:
                report.note(f"the checkpoint of size {older.size} is newer than this")
            elif older.size < checkpoint.size:
                report.note(f"whether size {older.size} is continued here, only the log itself shows")
            elif older.root != checkpoint.root:
                report.found(Kind.FORKED, None, f"the log has signed another root for size {older.size}")
        if self.policy is not None:
            check_policy(report, self.policy, content, signers, 0)
        return checkpoint


def verify_checkpoint(content: bytes, demands: Demands) -> Report:
    """Verify a checkpoint by itself: who has signed and cosigned it."""
    report = Report()
    if demands.open(content, report) is not None:
        report.note("only the checkpoint was looked at; whether the log is as it says, the log itself shows")
    return report


def verify_proof(content: bytes, demands: Demands, entry: bytes | None) -> Report:
    """Verify a `.tlog-proof` file.

    Raises:
        UnreadableError: it is none, or does not hold its entry and none was given.
    """
    head, blank, note = content.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise UnreadableError("the file is no tlog-proof") from error
    if not blank or lines.pop(0) != _PROOF_HEADER:
        raise UnreadableError("the file is no tlog-proof")
    if lines and lines[0].startswith("extra "):
        held = decoded(lines.pop(0)[6:])
        entry = held if entry is None else entry
    index = read_decimal(lines.pop(0)[6:]) if lines and lines[0].startswith("index ") else None
    proof = [decoded(line) for line in lines]
    if index is None or len(proof) > 64:
        raise UnreadableError("the file is no tlog-proof")
    if entry is None:
        raise UnreadableError("the proof does not hold its entry; give it with --entry")
    report = Report(entries=1)
    checkpoint = demands.open(note, report)
    if checkpoint is None:
        return report
    path = [part for part in proof if part is not None]
    if len(path) != len(proof) or proved_root(leaf_hash(entry), index, checkpoint.size, path) != checkpoint.root:
        report.found(Kind.CHANGED, index, "this is not the entry that was signed here")
    else:
        report.note(f"entry {index} is in the log")
    return report


def verify_export(file: BinaryIO, demands: Demands, progress: Callable[[int, int], None]) -> Report:
    """Verify an export of entries with their proofs, line by line.

    Raises:
        UnreadableError: it is none.
    """
    report = Report()
    digest = sha256()
    head = _object(file.readline(MAX_LINE + 1), digest)
    note = head.get("checkpoint")
    if head.get("export") != _EXPORT or not isinstance(note, str):
        raise UnreadableError("the file is no export of entries with their proofs")
    checkpoint = demands.open(note.encode(errors="replace"), report)
    if checkpoint is None:
        return report
    before = -1
    while True:
        said = digest.digest()
        line = file.readline(MAX_LINE + 1)
        if not line.endswith(b"\n") and len(line) <= MAX_LINE:
            report.found(Kind.TRUNCATED, None, f"the export ends after {report.entries} entries, without its last line")
            break
        members = _object(line, digest)
        if "position" not in members:
            _end_export(report, members, said, file)
            break
        position = members["position"]
        if type(position) is not int or not before < position < checkpoint.size:
            raise UnreadableError(
                f"entry {report.entries + 1} of the export has no position, or not one after the one before"
            )
        report.entries += 1
        before = position
        if not _is_proved(members, position, checkpoint):
            report.found(Kind.CHANGED, position, "this is not the entry that was signed here")
        if report.entries % 1000 == 0:
            progress(position, checkpoint.size)
    return report


def _end_export(report: Report, members: Mapping[str, object], digest: bytes, file: BinaryIO) -> None:
    if members.get("count") != report.entries or file.read(1):
        report.found(
            Kind.INCOMPLETE,
            None,
            f"the export says that it has {members.get('count')} entries; it has {report.entries}",
        )
    elif members.get("sha256") != base64.b64encode(digest).decode():
        report.found(Kind.CHANGED, None, "the export has another hash than its last line says")
    else:
        report.note(
            "each of these entries is in the log; whether they are all that was asked for, only the log itself shows"
        )


def _is_proved(members: Mapping[str, object], position: int, checkpoint: Checkpoint) -> bool:
    text, proof = members.get("entry"), members.get("proof")
    entry = decoded(text) if isinstance(text, str) else None
    if entry is None or not isinstance(proof, list) or len(proof) > 64:
        return False
    path = [decoded(part) for part in proof if isinstance(part, str)]
    hashes = [part for part in path if part is not None]
    if len(hashes) != len(proof):
        return False
    return proved_root(leaf_hash(entry), position, checkpoint.size, hashes) == checkpoint.root


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None:
        """Take more bytes."""


def _object(line: bytes, digest: _Digest) -> Mapping[str, object]:
    """Return a line's members.

    Raises:
        UnreadableError: it is too long, no JSON object, or names one of them twice.
    """
    digest.update(line)
    try:
        found = _LINES.decode(line.decode()) if len(line) <= MAX_LINE else None
    except (ValueError, RecursionError) as error:
        raise UnreadableError("a line of the export is no JSON object, or names a member twice") from error
    if not isinstance(found, dict):
        raise UnreadableError("a line of the export is no JSON object, or too long")
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members


_LINES = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)


# --- the whole --------------------------------------------------------------------------------------------------------


def verify(  # noqa: PLR0911 - one for each kind of thing that can be verified
    source: str,
    key: str | Sequence[str],
    *,
    policy: str | None = None,
    since: Sequence[str] = (),
    retention: Sequence[str] = (),
    token: str | None = None,
    entry: bytes | None = None,
    progress: Callable[[int, int], None] = _silence,
    workers: int = 1,
    hashes_only: bool = False,
) -> Report:
    """Verify a log, or a file that proves something of one, and return what was found.

    Args:
        source: the http(s) address of a log, a folder or an archive (.zip, .tar, .tar.gz) with a copy of one, a checkpoint, a
            `.tlog-proof` file, or an export of entries with their proofs.
        key: the log's verifier key, or several while it is being changed. Get it from somewhere else than the log.
        policy: a file that says which witnesses' cosignatures are demanded (C2SP tlog-policy).
        since: files with older checkpoints of the log, which it must be a continuation of.
        retention: the digests of the retention policies by which entries may have been pruned; with none, any is believed.
        token: a bearer token for the address.
        entry: the entry that a `.tlog-proof` file proves, if it is not in it.
        progress: called with the number of entries read and how many there are.
        workers: how many processes read the entries of a large log. With more than one the calling program must be one that
            can be imported (`if __name__ == "__main__"`).
        hashes_only: read no entries, but their hashes, which are public: whether they are what was signed and witnessed, and
            continue what was signed before.

    Raises:
        UnreadableError: no answer can be given.
    """
    demands = read_demands([key] if isinstance(key, str) else key, policy, since, retention)
    if urllib.parse.urlsplit(source).scheme in ("http", "https"):
        return verify_log(Web(source, token), demands, progress=progress, workers=workers, hashes_only=hashes_only)
    path = Path(source)
    if path.is_dir():
        return verify_log(Folder(path), demands, progress=progress, workers=workers, hashes_only=hashes_only)
    if not path.is_file():
        raise UnreadableError(f"{source} is neither an http(s) address nor a folder nor a file")
    with path.open("rb") as file:
        begins = file.read(512)
        file.seek(0)
        if begins.startswith(b"{"):
            return verify_export(file, demands, progress)
    if begins.startswith(b"PK"):
        return verify_log(Zip(path), demands, progress=progress, workers=workers, hashes_only=hashes_only)
    if begins.startswith(b"\x1f\x8b") or begins[257:262] == b"ustar":
        with tempfile.TemporaryDirectory(prefix="lagspill-verify-") as folder:
            unpacked = unpack(path, Path(folder))
            return verify_log(unpacked, demands, progress=progress, workers=workers, hashes_only=hashes_only)
    content = read_file(path, MAX_NOTE + 2 * 0xFFFF) or b""
    if content.startswith(_PROOF_HEADER.encode()):
        return verify_proof(content, demands, entry)
    if Note.parse(content) is None:
        raise UnreadableError(f"{source} is no checkpoint, tlog-proof, export or archive")
    return verify_checkpoint(content, demands)


def verify_log(
    source: Source,
    demands: Demands,
    *,
    progress: Callable[[int, int], None] = _silence,
    workers: int = 1,
    hashes_only: bool = False,
) -> Report:
    """Verify a log wherever its pieces are read from; see `verify`."""
    return Verification(
        source,
        demands.keys,
        demands.since,
        progress,
        policy=demands.policy,
        retention=demands.retention,
        workers=workers,
        hashes_only=hashes_only,
    ).run()


def read_demands(
    vkeys: Sequence[str], policy: str | None = None, since: Sequence[str] = (), retention: Sequence[str] = ()
) -> Demands:
    """Read the keys, the files of the policy and of older checkpoints, and the digests of retention policies.

    Raises:
        UnreadableError: one of them is not what it should be.
    """
    keys = [Key.parse(vkey) for vkey in vkeys]
    if len({key.name for key in keys}) != 1:
        raise UnreadableError("the keys given are of different logs, or none was given")
    demanded = Policy.parse(_read(policy)) if policy is not None else None
    older = []
    for name in since:
        note = Note.parse(_read(name))
        checkpoint = Checkpoint.parse(note.text) if note is not None and open_note(note, keys) else None
        if checkpoint is None or checkpoint.origin != keys[0].name:
            raise UnreadableError(f"{name} is no checkpoint that this key has signed")
        older.append(checkpoint)
    if not all(_DIGEST.fullmatch(digest) for digest in retention):
        raise UnreadableError("a retention policy is named by its digest: 64 hexadecimal digits, small letters")
    return Demands(keys, demanded, older, retention)


_DIGEST = re.compile(r"[0-9a-f]{64}")


def _read(name: str) -> bytes:
    content = read_file(Path(name), MAX_NOTE)
    if content is None:
        raise UnreadableError(f"{name}: there is no such file")
    return content


# --- the command ------------------------------------------------------------------------------------------------------


class ProgressLine:
    """One line on standard error, only where somebody watches."""

    def __init__(self) -> None:
        self._next = 0.0
        self._watched = sys.stderr.isatty()

    def __call__(self, done: int, size: int) -> None:
        """Say how far it has come, at most five times a second."""
        if self._watched and (monotonic() >= self._next or done == size):
            self._next = monotonic() + 0.2
            end = "\n" if done == size else ""
            sys.stderr.write(f"\r{done} of {size} entries{end}")
            sys.stderr.flush()


Opener = Callable[[str, Demands], Source]
Comparer = Callable[[Source, Report, Callable[[int, int], None]], None]


def main(
    arguments: Sequence[str] | None = None,
    *,
    program: str = "lagspill-verify",
    opener: Opener | None = None,
    comparer: Comparer | None = None,
) -> int:
    """Entry point of the `lagspill-verify` command; returns the exit status.

    Args:
        arguments: those of the command line.
        program: what the command is called.
        opener: returns where a log is read from, for who reads it from somewhere else than `verify` does.
        comparer: adds to the report what is wrong with the columns beside the entries, where `opener` reads them from a table, and
            says how far it has come.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        description="Verify a Lagspill confidentiality log with its public key only.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SOURCE", help="the log: an address, a folder or a file; see below")
    parser.add_argument(
        "--key",
        required=True,
        action="append",
        metavar="VKEY",
        help="the log's verifier key, name+id+base64; the old and the new one while it is being changed",
    )
    parser.add_argument("--policy", metavar="FILE", help="which witnesses must have cosigned (C2SP tlog-policy)")
    parser.add_argument(
        "--since",
        action="append",
        default=[],
        metavar="FILE",
        help="an older checkpoint to compare with; may be repeated",
    )
    parser.add_argument(
        "--retention",
        action="append",
        default=[],
        metavar="DIGEST",
        help="the retention policy by which entries may have been pruned; may be repeated (default: believe the log)",
    )
    parser.add_argument("--entry", metavar="FILE", help="the entry that a .tlog-proof file proves, if it is not in it")
    parser.add_argument(
        "--hashes", action="store_true", help="read only the hashes, which takes no token, and no entries"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes to read with (default: %(default)s)",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing; only the exit status tells")
    if comparer is not None:
        parser.add_argument(
            "--columns",
            action="store_true",
            help="compare also the columns that each entry is found by with the entry, which takes several times as long",
        )
    asked = parser.parse_args(arguments)
    progress: Callable[[int, int], None] = _silence if asked.quiet else ProgressLine()
    try:
        if opener is not None:
            demands = read_demands(asked.key, asked.policy, asked.since, asked.retention)
            source = opener(asked.source, demands)
            report = verify_log(source, demands, progress=progress, workers=asked.workers, hashes_only=asked.hashes)
            if comparer is not None and asked.columns:
                comparer(source, report, progress)
        else:
            report = verify(
                asked.source,
                asked.key,
                policy=asked.policy,
                since=asked.since,
                retention=asked.retention,
                token=os.environ.get("LAGSPILL_TOKEN"),
                entry=Path(asked.entry).read_bytes() if asked.entry else None,
                progress=progress,
                workers=asked.workers,
                hashes_only=asked.hashes,
            )
    except (UnreadableError, OSError) as error:
        sys.stderr.write(f"{program}: {shown(str(error))}\n")
        return EXIT_CANNOT_TELL
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    if not asked.quiet:
        sys.stdout.write(f"{report}\n")
    return report.exit_status


if __name__ == "__main__":
    sys.exit(main())
