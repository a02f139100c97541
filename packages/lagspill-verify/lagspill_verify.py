"""Verifies a Lagspill confidentiality log with public keys only.

    lagspill-verify https://audit.example.no/logs/4005 --key VKEY [--since CHECKPOINT]

It trusts nothing that it is given but the key: it hashes every entry, builds the tree, compares its root with the one in the
signed checkpoint, compares the log with older checkpoints, and counts, for each service that publishes, that no number is
missing and that what the service said of its own journal (its seals) is what the log holds. The first thing wrong is named.

This module stands alone, on purpose: it shares no code with the services, so that a mistake there is not repeated here. The
formats are not ours: RFC 6962 hashing; C2SP signed-note, tlog-checkpoint, tlog-tiles and tlog-proof.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["Finding", "Kind", "Report", "UnreadableError", "main", "verify"]

WIDTH = 256
"""Hashes of a full tile, entries of a full bundle (tlog-tiles)."""
WINDOW = 256 * WIDTH
"""How many of the newest hashes are kept, so that a root can be told for a size that was passed already."""
AHEAD = 16
"""How many pieces are fetched in advance."""
LARGEST_NUMBER = 2**62
"""A `sourcesequence` beyond this is nobody's."""
NUMBER_WIDTH = 20
"""`sequence` and `sourcesequence` are texts of so many digits."""
ATTEMPTS = 3
TIMEOUT_SECONDS = 30.0
MAX_PIECE = 32 * 1024 * 1024
"""Bytes of the largest piece that is read: a bundle has at most 256 entries of 65,535 bytes."""

EXIT_VERIFIED = 0
EXIT_NOT_WHAT_WAS_SIGNED = 1
EXIT_CANNOT_TELL = 2
EXIT_INCOMPLETE = 3
EPILOG = f"""exit status:
  {EXIT_VERIFIED}  verified: every entry is as it was signed, and nothing that the services published is missing
  {EXIT_NOT_WHAT_WAS_SIGNED}  not what was signed: something was changed, taken out, put in, moved, cut off or replaced
  {EXIT_CANNOT_TELL}  cannot tell: the log, the key or a file cannot be read
  {EXIT_INCOMPLETE}  as it was signed, but incomplete: a service's numbers have a hole, or contradict its seal

LAGSPILL_TOKEN, if set, is sent as the bearer token: entries are pseudonymous personal data, so a service gives them
to the municipality's auditors only. A folder is a copy of the log as files: checkpoint, tile/... and tile/entries/...
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
    INCOMPLETE = "incomplete"
    """Something that a service published is not in the log, or contradicts what the service said of it."""


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
        return f"{self.kind.value}{where}: {self.detail}"


@dataclass
class Report:
    """What was looked at, and what was found; nothing found means verified."""

    origin: str = ""
    size: int = 0
    root: bytes = b""
    signed_by: str = ""
    entries: int = 0
    anchors: int = 0
    """Older checkpoints, given or found in the log itself, that the log was compared with."""
    journals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def exit_status(self) -> int:
        """Return what the command ends with."""
        if not self.findings:
            return EXIT_VERIFIED
        if all(found.kind is Kind.INCOMPLETE for found in self.findings):
            return EXIT_INCOMPLETE
        return EXIT_NOT_WHAT_WAS_SIGNED

    def __str__(self) -> str:
        """Return the report for a person."""
        lines = [
            self.origin or "(unknown log)",
            f"  size       {self.size}",
            f"  root       {base64.b64encode(self.root).decode()}",
            f"  signed by  {self.signed_by or 'nobody known'}",
            f"  entries    {self.entries} read",
            f"  compared   with {self.anchors} older checkpoints",
        ]
        lines += [f"  journal    {line}" for line in self.journals]
        lines += [f"  note       {line}" for line in self.notes]
        lines += [f"{found}" for found in self.findings]
        lines.append(
            {EXIT_VERIFIED: "VERIFIED", EXIT_INCOMPLETE: "NOT COMPLETE"}.get(self.exit_status, "NOT WHAT WAS SIGNED")
        )
        return "\n".join(lines)


# --- RFC 6962 ---------------------------------------------------------------------------------------------------------


def leaf_hash(entry: bytes) -> bytes:
    """Return MTH({entry})."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """The roots of a growing tree's complete subtrees, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.edge: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append a leaf's hash."""
        rest = self.size
        while rest & 1:
            leaf = node_hash(self.edge.pop(), leaf)
            rest >>= 1
        self.edge.append(leaf)
        self.size += 1

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


class Past:
    """A growing tree that can still tell its root for the newest 65,536 sizes, in constant memory."""

    def __init__(self) -> None:
        self.tree = Tree()
        self._blocks: deque[tuple[Tree, list[bytes]]] = deque([(Tree(), [])])

    def add(self, leaf: bytes) -> None:
        """Append a leaf's hash."""
        if len(self._blocks[-1][1]) == WIDTH:
            self._blocks.append((self.tree.copy(), []))
            if len(self._blocks) > WINDOW // WIDTH:
                self._blocks.popleft()
        self._blocks[-1][1].append(leaf)
        self.tree.add(leaf)

    def root_at(self, size: int) -> bytes | None:
        """Return the root when the tree had `size` leaves; None if that was too long ago, or is yet to come."""
        if size > self.tree.size or size < self._blocks[0][0].size:
            return None
        for start, leaves in reversed(self._blocks):
            if start.size <= size:
                tree = start.copy()
                for leaf in leaves[: size - start.size]:
                    tree.add(leaf)
                return tree.root()
        return None


def proved_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to (RFC 9162 § 2.1.3.2); None if it has the wrong length."""
    first, last = index, size - 1
    for sibling in proof:
        if last == 0:
            return None
        if first & 1 or first == last:
            leaf = node_hash(sibling, leaf)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            leaf = node_hash(leaf, sibling)
        first, last = first >> 1, last >> 1
    return leaf if last == 0 else None


# --- signed notes and checkpoints -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """A verifier key of a signed note: Ed25519."""

    name: str
    key_id: bytes
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> Key:
        """Read `<name>+<key id>+<base64>`.

        Raises:
            UnreadableError: it is not such a key.
        """
        name, _, rest = vkey.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            material = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise UnreadableError("the key is not a verifier key (name+id+base64)") from error
        true_id = sha256(name.encode() + b"\n" + material).digest()[:4]
        if not name or len(material) != 33 or material[0] != 1 or key_id != true_id.hex():
            raise UnreadableError("the key is not an Ed25519 verifier key (name+id+base64)")
        return cls(name, true_id, material[1:])

    def signed(self, note: bytes) -> str | None:
        """Return the note's text if this key has signed it, and None otherwise."""
        try:
            whole = note.decode()
        except UnicodeDecodeError:
            return None
        text, blank, block = whole.rpartition("\n\n")
        if not blank or not block.endswith("\n"):
            return None
        for line in block.split("\n")[:-1]:
            mark, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            try:
                raw = base64.b64decode(encoded, validate=True)
            except ValueError:
                return None
            if (mark, name, raw[:4]) != ("\N{EM DASH}", self.name, self.key_id):
                continue
            try:
                Ed25519PublicKey.from_public_bytes(self.public).verify(raw[4:], f"{text}\n".encode())
            except InvalidSignature:
                return None
            return f"{text}\n"
        return None


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
        if len(lines) < 4 or lines[-1] or not lines[0] or not (lines[1].isascii() and lines[1].isdigit()):
            return None
        try:
            root = base64.b64decode(lines[2], validate=True)
        except ValueError:
            return None
        if len(root) != 32 or str(int(lines[1])) != lines[1]:
            return None
        return cls(lines[0], int(lines[1]), root)


# --- where the log is -------------------------------------------------------------------------------------------------


class Source(Protocol):
    """Where the pieces of a log are read from."""

    def get(self, path: str) -> bytes | None:
        """Return the piece at `path`; None if there is none."""


class Folder:
    """A log as files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, path: str) -> bytes | None:
        """Return the file's contents; None if there is no such file.

        Raises:
            UnreadableError: there is one and it cannot be read.
        """
        try:
            with (self._folder / path).open("rb") as file:
                return file.read(MAX_PIECE)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise UnreadableError(f"{path}: {error.strerror}") from error


class Web:
    """A log over HTTP."""

    def __init__(self, prefix: str, token: str | None) -> None:
        self._prefix = prefix.rstrip("/")
        self._headers = {"User-Agent": "lagspill-verify", "Accept-Encoding": "identity"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> bytes | None:
        """Return the body of the answer; None for 404 and 410.

        Raises:
            UnreadableError: there is no answer, or a refusal.
        """
        request = urllib.request.Request(f"{self._prefix}/{path}", headers=self._headers)  # noqa: S310  # http(s) only
        trouble = ""
        for _ in range(ATTEMPTS):
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                    body: bytes = answer.read(MAX_PIECE)
                    return body
            except urllib.error.HTTPError as error:
                error.close()
                if error.code in (404, 410):
                    return None
                trouble = f"answered with {error.code}"
                if error.code in (401, 403):
                    trouble += " (entries need a token of an auditor: set LAGSPILL_TOKEN)"
                if error.code < 500 and error.code != 429:
                    break
            except (OSError, urllib.error.URLError) as error:
                trouble = f"does not answer ({getattr(error, 'reason', error)})"
        raise UnreadableError(f"{self._prefix}/{path} {trouble}")


def open_source(source: str, token: str | None) -> Source:
    """Return where `source` leads: an http(s) address, or a folder.

    Raises:
        UnreadableError: neither.
    """
    if urllib.parse.urlsplit(source).scheme in ("http", "https"):
        return Web(source, token)
    if Path(source).is_dir():
        return Folder(Path(source))
    raise UnreadableError(f"{source} is neither an http(s) address nor a folder nor a file")


def tile_path(kind: str, number: int, width: int) -> str:
    """Return the path of a tile (kind `0`, `1`, ..) or a bundle (kind `entries`)."""
    text = str(number)
    text = text.zfill(-(-len(text) // 3) * 3)
    groups = [text[at : at + 3] for at in range(0, len(text), 3)]
    name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{kind}/{name}" if width == WIDTH else f"tile/{kind}/{name}.p/{width}"


class Log:
    """The pieces of one log of a given size."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self.size = size

    def width(self, level: int, number: int) -> int:
        """Return how many hashes the tile has in a log of this size."""
        return max(0, min(WIDTH, (self.size >> (8 * level)) - number * WIDTH))

    def hashes(self, level: int, number: int) -> list[bytes] | None:
        """Return a tile's hashes; None if it is not there or not of its length."""
        width = self.width(level, number)
        tile = self._piece(str(level), number, width) if width else None
        if tile is None or len(tile) < 32 * width:
            return None
        return [tile[at : at + 32] for at in range(0, 32 * width, 32)]

    def entries(self, number: int) -> list[bytes] | None:
        """Return a bundle's entries, as many as can be read of it; None if it is not there."""
        width = self.width(0, number)
        bundle = self._piece("entries", number, width) if width else None
        if bundle is None:
            return None
        found: list[bytes] = []
        at = 0
        while at + 2 <= len(bundle):
            length = int.from_bytes(bundle[at : at + 2], "big")
            if at + 2 + length > len(bundle):
                break
            found.append(bundle[at + 2 : at + 2 + length])
            at += 2 + length
        if at < len(bundle):
            found.append(bundle[at:])  # not an entry that was signed, and not to be passed over either
        return found

    def _piece(self, kind: str, number: int, width: int) -> bytes | None:
        piece = self._source.get(tile_path(kind, number, width))
        if piece is None and width < WIDTH:
            piece = self._source.get(tile_path(kind, number, WIDTH))
            if piece is not None and kind == "entries":
                return _first_entries(piece, width)
        return piece

    def chunks(self) -> Iterator[tuple[int, list[bytes] | None, list[bytes] | None]]:
        """Yield (number, entries, leaf hashes that the tile has) for every bundle, fetched a little in advance."""
        count = -(-self.size // WIDTH)
        with ThreadPoolExecutor(max_workers=4) as pool:
            waiting: deque[tuple[int, Future[list[bytes] | None], Future[list[bytes] | None]]] = deque()
            for number in range(count):
                waiting.append((number, pool.submit(self.entries, number), pool.submit(self.hashes, 0, number)))
                if len(waiting) >= AHEAD:
                    first, entries, hashes = waiting.popleft()
                    yield first, entries.result(), hashes.result()
            for first, entries, hashes in waiting:
                yield first, entries.result(), hashes.result()


def _first_entries(bundle: bytes, count: int) -> bytes:
    at = 0
    for _ in range(count):
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    return bundle[:at]


# --- completeness -----------------------------------------------------------------------------------------------------


class Journal:
    """What the log holds of one service's own journal: numbers, and the tree over the records in the order of the numbers."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.past = Past()
        self.seals = 0
        self.sealed = 0
        self._waiting: dict[int, tuple[bytes, int]] = {}
        self._unsettled: list[tuple[int, bytes, int]] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._subjects: dict[str, tuple[int, int, int, int]] = {}

    def count(self, subject: str, nth: int, position: int) -> None:
        """Note that the entry at `position` is the `nth` event of `subject`, in whatever order they come."""
        count, total, highest, at = self._subjects.get(subject, (0, 0, 0, 0))
        highest, at = (nth, position) if nth > highest else (highest, at)
        self._subjects[subject] = (count + 1, total + nth, highest, at)

    def missed(self) -> Iterator[Finding]:
        """Name each subject of which an event is not there: one that was taken away before the service had numbered it."""
        for subject, (count, total, highest, at) in self._subjects.items():
            if count < highest:
                what = f"and only {count} of the first {highest} are in the log"
            elif count > highest or total != highest * (highest + 1) // 2:
                what = f"and has used one of the first {highest} counts twice"
            else:
                continue
            detail = f"{self.source} published event {highest} of {subject}, {what}"
            yield Finding(Kind.INCOMPLETE, at, detail)

    def add(self, number: int, leaf: bytes, position: int) -> Finding | None:
        """Take a record with its number; return what is wrong with it."""
        at = bisect_right(self._starts, number) - 1
        if at >= 0 and number <= self._ends[at]:
            return Finding(Kind.INCOMPLETE, position, f"{self.source} has used its number {number} before")
        self._remember(at, number)
        self._waiting[number] = (leaf, position)
        while (following := self._waiting.pop(self.past.tree.size + 1, None)) is not None:
            self.past.add(following[0])
        if len(self._waiting) > WINDOW:
            self._waiting.clear()  # behind a hole this old nothing can be compared; the hole itself is reported
        return None

    def seal(self, last: int, root: bytes, position: int) -> None:
        """Take what the service says of its records 1 to `last`."""
        self.seals += 1
        self.sealed = max(self.sealed, last)
        self._unsettled.append((last, root, position))

    def settle(self) -> Iterator[Finding]:
        """Compare the seals that can be compared by now."""
        rest = []
        for last, root, position in self._unsettled:
            if last > self.past.tree.size:
                rest.append((last, root, position))
                continue
            if self.past.root_at(last) != root:
                yield Finding(
                    Kind.INCOMPLETE,
                    position,
                    f"{self.source} sealed its first {last} records with another root than the log has for them",
                )
        self._unsettled = rest

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

    def _remember(self, at: int, number: int) -> None:
        """Add a number to the ranges; `at` is the range that begins at or before it, or -1."""
        joins_before = at >= 0 and self._ends[at] == number - 1
        joins_after = at + 1 < len(self._starts) and self._starts[at + 1] == number + 1
        if joins_before and joins_after:
            self._ends[at] = self._ends.pop(at + 1)
            del self._starts[at + 1]
        elif joins_before:
            self._ends[at] = number
        elif joins_after:
            self._starts[at + 1] = number
        else:
            self._starts.insert(at + 1, number)
            self._ends.insert(at + 1, number)


@dataclass(frozen=True)
class Said:
    """What an entry says that matters here. Everything else in it is nobody's business."""

    source: str
    number: int | None
    """None where it has none that a service gives."""
    seal: tuple[int, bytes] | None = None
    note: str | None = None
    nth: tuple[str, int] | None = None
    """The subject that it is about, and the how manieth of that subject's events it is."""


def read_entry(entry: bytes, log_name: str) -> Said | None:
    """Return what an entry says; None if it is no event of this log."""
    try:
        event = json.loads(entry)
        if event["municipality"] != log_name:
            return None
        source, kind = event["source"], event["type"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(source, str) or not isinstance(kind, str):
        return None
    subject, nth = event.get("subject"), _read_number(event.get("sequence"))
    found = event.get("data")
    data = found if isinstance(found, dict) else {}
    note = data.get("note") if kind == "no.lagspill.audit.checkpoint.signed.v1" else None
    return Said(
        source,
        _read_number(event.get("sourcesequence")),
        seal=_read_seal(data) if kind.endswith(".journal.sealed.v1") else None,
        note=note if isinstance(note, str) else None,
        nth=(subject, nth) if isinstance(subject, str) and nth is not None else None,
    )


def _read_number(said: object) -> int | None:
    """Return the number that a text of digits says; None for anything that no service writes."""
    if not isinstance(said, str) or not said.isascii() or not said.isdigit() or len(said) > NUMBER_WIDTH:
        return None
    return number if 0 < (number := int(said)) <= LARGEST_NUMBER else None


def _read_seal(data: dict[str, object]) -> tuple[int, bytes] | None:
    last, root = data.get("last_number"), data.get("root")
    if not isinstance(last, int) or not isinstance(root, str):
        return None
    try:
        return last, base64.b64decode(root, validate=True)
    except ValueError:
        return None


# --- the verification -------------------------------------------------------------------------------------------------


class Verification:
    """One pass over a log."""

    def __init__(
        self, source: Source, key: Key, since: Sequence[Checkpoint], progress: Callable[[int, int], None]
    ) -> None:
        self._source = source
        self._key = key
        self._since = sorted(since, key=lambda one: one.size)
        self._progress = progress
        self.report = Report()
        self._past = Past()
        self._journals: dict[str, Journal] = {}
        self._trusted_size = 0
        """The largest size whose root an older signature confirms."""
        self._contradicted: Finding | None = None
        self._contradicted_size: int | None = None
        self._bundle_roots: list[bytes] = []
        self._tile_differs: tuple[int, bool, int] | None = None
        """The first tile of leaf hashes that is not as the entries are: its number, whether it is missing, where it differs."""
        self._numbers: list[Finding] = []
        self._last_chunk = -1

    def run(self) -> Report:
        """Verify and return the report.

        Raises:
            UnreadableError: the log cannot be read.
        """
        note = self._source.get("checkpoint")
        if note is None:
            raise UnreadableError("the log has no checkpoint")
        text = self._key.signed(note)
        unsigned = text is None
        if text is None:
            text = note.decode(errors="replace").rpartition("\n\n")[0] + "\n"
        checkpoint = Checkpoint.parse(text)
        if checkpoint is None:
            raise UnreadableError("what the log gives as its checkpoint is none")
        self.report.origin, self.report.size, self.report.root = checkpoint.origin, checkpoint.size, checkpoint.root
        if checkpoint.origin != self._key.name:
            raise UnreadableError(f"the checkpoint is of {checkpoint.origin!r}, the key of {self._key.name!r}")
        log = Log(self._source, checkpoint.size)
        self._read(log)
        if unsigned:
            self._found(
                Kind.REWRITTEN, self._trusted_size, "the checkpoint is not signed by this key; what is in the log from here on "
                "has no signature, and may be anybody's"
            )  # fmt: skip
            return self.report
        self.report.signed_by = f"{self._key.name}+{self._key.key_id.hex()}"
        if self._past.tree.size != checkpoint.size or self._past.tree.root() != checkpoint.root:
            self.report.findings.append(self._locate(log))
            return self.report
        if self._contradicted is not None:
            self.report.findings.append(self._contradicted)
        self._check_tiles(log)
        newer = [older for older in self._since if older.size > checkpoint.size]
        if newer:
            self._found(
                Kind.ROLLED_BACK, checkpoint.size, f"the log has signed size {newer[-1].size} before, and now ends here"
            )
        self._complete()
        return self.report

    def _check_tiles(self, log: Log) -> None:
        """Compare the tiles with the entries, which are as they were signed: who is given a proof made of them relies on them."""
        if self._tile_differs is not None:
            number, missing, at = self._tile_differs
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

    def _tile_found(self, level: int, number: int, at: int, *, missing: bool) -> None:
        position = (number * WIDTH + at) * WIDTH**level
        if missing:
            detail = f"the entries are as they were signed, but the tile {level}/{number} of their hashes is not there"
            self._found(Kind.MISSING, position, detail)
        else:
            detail = f"the entry is as it was signed, but the tile {level}/{number} has another hash for it"
            self._found(Kind.CHANGED, position, detail)

    def _found(self, kind: Kind, position: int | None, detail: str) -> None:
        self.report.findings.append(Finding(kind, position, detail))

    # --- reading ------------------------------------------------------------------------------------------------------

    def _read(self, log: Log) -> None:
        """Hash and read every entry that is there, in order."""
        name = self.report.origin.rpartition("/")[2]
        given = deque(self._since)
        for number, entries, hashes in log.chunks():
            if entries:
                self._last_chunk = number
            leaves = [leaf_hash(entry) for entry in entries or ()]
            if self._tile_differs is None and leaves != hashes:
                self._tile_differs = number, hashes is None, _first_difference(leaves, hashes or ())
            self._bundle_roots.append(tree_over(leaves).root())
            for leaf, entry in zip(leaves, entries or (), strict=True):
                position = self._past.tree.size
                self._past.add(leaf)
                while given and given[0].size <= position + 1:
                    self._compare(given.popleft(), "the checkpoint given")
                said = read_entry(entry, name)
                if said is not None:
                    self._hear(said, leaf, position)
            for journal in self._journals.values():
                self._numbers.extend(journal.settle())
            self.report.entries = self._past.tree.size
            self._progress(self.report.entries, log.size)
        while given and given[0].size <= self._past.tree.size:
            self._compare(given.popleft(), "the checkpoint given")

    def _hear(self, said: Said, leaf: bytes, position: int) -> None:
        if said.number is None:
            detail = f"an event in the name of {said.source} without a number: nothing says that it published it"
            self._numbers.append(Finding(Kind.INCOMPLETE, position, detail))
            return
        journal = self._journals.setdefault(said.source, Journal(said.source))
        if said.nth is not None:
            journal.count(*said.nth, position)
        wrong = journal.add(said.number, leaf, position)
        if wrong is not None:
            self._numbers.append(wrong)
        if said.seal is not None:
            journal.seal(*said.seal, position)
        if said.note is not None:
            self._hear_checkpoint(said.note, position)

    def _hear_checkpoint(self, note: str, position: int) -> None:
        """The log publishes its checkpoints, and so holds older ones: each is a signature that a forger cannot renew."""
        text = self._key.signed(note.encode())
        older = Checkpoint.parse(text) if text is not None else None
        if older is not None and older.origin == self._key.name and older.size <= position:
            self._compare(older, f"the checkpoint in entry {position}")

    def _compare(self, older: Checkpoint, what: str) -> None:
        root = self._past.root_at(older.size)
        if root is None:
            self.report.notes.append(f"{what}, of size {older.size}, is too old to be compared")
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

    # --- what is wrong, and where -------------------------------------------------------------------------------------

    def _locate(self, log: Log) -> Finding:
        """Return the first thing that differs from what was signed, found from the signed root downwards."""
        edges: list[list[bytes]] = []
        level = 0
        while log.size >> (8 * level):
            width = (log.size >> (8 * level)) % WIDTH
            hashes = log.hashes(level, (log.size >> (8 * level)) // WIDTH) if width else []
            if hashes is None:
                return self._rewritten(0, log.size, f"tile {level} at the right edge is not there")
            edges.append(hashes)
            level += 1
        if fold([part for hashes in reversed(edges) for part in tree_over(hashes).edge]) != self.report.root:
            return self._rewritten(0, log.size, "the tiles do not lead to the signed root either")
        for level in range(len(edges) - 1, 0, -1):
            first = (log.size >> (8 * level)) // WIDTH * WIDTH
            for at, signed in enumerate(edges[level]):
                if self._root_of_tile(level - 1, first + at) != signed:
                    return self._descend(log, level - 1, first + at, signed)
        last = log.size // WIDTH
        return self._align(log, last, edges[0])

    def _descend(self, log: Log, level: int, number: int, signed: bytes) -> Finding:
        """Return what differs below a tile whose root is known to be `signed`."""
        hashes = log.hashes(level, number)
        if hashes is None or tree_over(hashes).root() != signed:
            span = WIDTH ** (level + 1)
            return self._rewritten(number * span, (number + 1) * span, f"tile {level}/{number} was changed as well")
        if level == 0:
            return self._align(log, number, hashes)
        for at, part in enumerate(hashes):
            if self._root_of_tile(level - 1, number * WIDTH + at) != part:
                return self._descend(log, level - 1, number * WIDTH + at, part)
        raise AssertionError("a tree differs, so one of its subtrees does")

    def _root_of_tile(self, level: int, number: int) -> bytes:
        """Return the root that the entries that were read give a tile."""
        span = WIDTH**level
        return tree_over(self._bundle_roots[number * span : (number + 1) * span]).root()

    def _rewritten(self, first: int, end: int, why: str) -> Finding:
        first, end = max(first, self._trusted_size), min(end, self._contradicted_size or end)
        if self._past.tree.size < self.report.size and self._last_chunk * WIDTH < self._past.tree.size:
            here = self._past.tree.size
            return Finding(Kind.TRUNCATED, here, f"{self.report.size} entries were signed, {here} are there; {why}")
        return Finding(Kind.REWRITTEN, first, f"{why}: the first other entry is one of {first} to {end - 1}")

    def _align(self, log: Log, number: int, signed: list[bytes]) -> Finding:
        """Name the first difference between a bundle and the leaf hashes that were signed for it."""
        # With the bundle after it: what is missing or too much at the end of this one shows in that one.
        leaves = [leaf_hash(entry) for part in (number, number + 1) for entry in log.entries(part) or ()]
        signed = [*signed, *(log.hashes(0, number + 1) or ())]
        at = _first_difference(leaves, signed)
        position = number * WIDTH + at
        here, there = leaves[at:], signed[at:]
        if not here and number >= self._last_chunk:
            kind, detail = Kind.TRUNCATED, f"{self.report.size} entries were signed, {self.report.entries} are there"
        elif not here:
            kind, detail = Kind.MISSING, "the entry that was signed here is not there"
        elif here[0] in there and there[0] in here:
            other = position + there.index(here[0])
            kind, detail = Kind.REORDERED, f"here stands the entry that was signed as number {other}"
        elif here[0] in there:
            gone = there.index(here[0])
            kind, detail = Kind.MISSING, f"{_entries(gone)} that {_were(gone)} signed here {_are(gone)} not there"
        elif not there or there[0] in here:
            more = here.index(there[0]) if there else len(here)
            kind, detail = Kind.INSERTED, f"{_entries(more)} {_are(more)} here that {_were(more)} never signed"
        elif (elsewhere := self._find(log, here[0])) is not None:
            kind, detail = Kind.REORDERED, f"here stands the entry that was signed as number {elsewhere}"
        else:
            kind, detail = Kind.CHANGED, "its bytes are not those that were signed"
        return Finding(kind, position, detail)

    def _find(self, log: Log, leaf: bytes) -> int | None:
        """Return where the tiles have this leaf hash."""
        for number in range(-(-log.size // WIDTH)):
            hashes = log.hashes(0, number) or []
            if leaf in hashes:
                return number * WIDTH + hashes.index(leaf)
        return None

    # --- completeness -------------------------------------------------------------------------------------------------

    def _complete(self) -> None:
        for journal in self._journals.values():
            self._numbers.extend(journal.missed())
        self.report.findings.extend(sorted(self._numbers, key=lambda found: found.position or 0))
        for source, journal in sorted(self._journals.items()):
            gone = journal.holes()
            sealed = [hole for hole in gone if hole[0] <= journal.sealed]
            for first, last in sealed:
                what = (
                    f"number {first} of {source} is" if first == last else f"numbers {first} to {last} of {source} are"
                )
                self._found(Kind.INCOMPLETE, None, f"{what} not in the log")
            for first, last in gone:
                if first > journal.sealed:
                    self.report.notes.append(f"{source} {first} to {last}: not here yet, and not sealed yet")
            top = journal.past.tree.size
            state = "without a hole" if not gone else "up to the first hole"
            self.report.journals.append(
                f"{source} 1 to {top} {state}, {journal.seals} seals, sealed to {journal.sealed}"
            )


def _entries(count: int) -> str:
    return "one entry" if count == 1 else f"{count} entries"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _silence(_done: int, _size: int) -> None:
    """Say nothing of the progress."""


def _first_difference(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    for at, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return at
    return min(len(one), len(other))


def verify(
    source: str,
    key: str,
    *,
    since: Sequence[str] = (),
    token: str | None = None,
    entry: bytes | None = None,
    progress: Callable[[int, int], None] = _silence,
) -> Report:
    """Verify a log, or the proof of a single entry, and return what was found.

    Args:
        source: the http(s) address of a log, a folder with a copy of one, or a `.tlog-proof` file.
        key: the log's verifier key. Get it from somewhere else than the log.
        since: files with older checkpoints of the log, which it must be a continuation of.
        token: a bearer token for the address.
        entry: the entry that a `.tlog-proof` file proves, if it is not in it.
        progress: called with the number of entries read and how many there are.

    Raises:
        UnreadableError: no answer can be given.
    """
    known = Key.parse(key)
    if Path(source).is_file():
        return _verify_proof(Path(source).read_bytes(), known, entry)
    older = []
    for name in since:
        try:
            note = Path(name).read_bytes()
        except OSError as error:
            raise UnreadableError(f"{name}: {error.strerror}") from error
        text = known.signed(note)
        checkpoint = Checkpoint.parse(text) if text is not None else None
        if checkpoint is None or checkpoint.origin != known.name:
            raise UnreadableError(f"{name} is no checkpoint that this key has signed")
        older.append(checkpoint)
    return Verification(open_source(source, token), known, older, progress).run()


def _verify_proof(content: bytes, key: Key, entry: bytes | None) -> Report:
    try:
        head, blank, note = content.decode().partition("\n\n")
        lines = head.split("\n")
        if not blank or lines.pop(0) != "c2sp.org/tlog-proof@v1":
            raise UnreadableError("the file is no tlog-proof")
        if lines and lines[0].startswith("extra "):
            held = base64.b64decode(lines.pop(0)[6:], validate=True)
            entry = held if entry is None else entry
        index = int(lines.pop(0).removeprefix("index "))
        proof = [base64.b64decode(line, validate=True) for line in lines]
    except (ValueError, IndexError) as error:
        raise UnreadableError("the file is no tlog-proof") from error
    if entry is None:
        raise UnreadableError("the proof does not hold its entry; give it with --entry")
    report = Report(entries=1)
    text = key.signed(note.encode())
    checkpoint = Checkpoint.parse(text) if text is not None else None
    if checkpoint is None or checkpoint.origin != key.name:
        report.findings.append(Finding(Kind.REWRITTEN, index, "the proof's checkpoint is not signed by this key"))
        return report
    report.origin, report.size, report.root = checkpoint.origin, checkpoint.size, checkpoint.root
    report.signed_by = f"{key.name}+{key.key_id.hex()}"
    if index >= checkpoint.size or proved_root(leaf_hash(entry), index, checkpoint.size, proof) != checkpoint.root:
        report.findings.append(Finding(Kind.CHANGED, index, "this is not the entry that was signed here"))
    else:
        report.notes.append(f"entry {index} is in the log")
    return report


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the `lagspill-verify` command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="lagspill-verify",
        description="Verify a Lagspill confidentiality log with its public key only.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", help="the log's address, a folder with a copy of it, or a .tlog-proof file")
    parser.add_argument("--key", required=True, help="the log's verifier key, name+id+base64")
    parser.add_argument(
        "--since",
        action="append",
        default=[],
        metavar="FILE",
        help="an older checkpoint to compare with; may be repeated",
    )
    parser.add_argument("--entry", metavar="FILE", help="the entry that a .tlog-proof file proves, if it is not in it")
    parser.add_argument("--quiet", action="store_true", help="print nothing; only the exit status tells")
    asked = parser.parse_args(arguments)
    try:
        entry = Path(asked.entry).read_bytes() if asked.entry else None
        report = verify(
            asked.source,
            asked.key,
            since=asked.since,
            token=os.environ.get("LAGSPILL_TOKEN"),
            entry=entry,
            progress=_silence if asked.quiet else ProgressLine(),
        )
    except (UnreadableError, OSError) as error:
        sys.stderr.write(f"lagspill-verify: {error}\n")
        return EXIT_CANNOT_TELL
    if not asked.quiet:
        sys.stdout.write(f"{report}\n")
    return report.exit_status


if __name__ == "__main__":
    sys.exit(main())
