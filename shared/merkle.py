"""RFC 6962 Merkle trees: hashing, a compact right edge that grows, and proofs. Pure; no tree is ever held in memory.

A tree of n leaves is kept as its *frontier*: the roots of the complete subtrees that n's binary digits describe, largest
first. Appending and taking the root need nothing else. A proof names the subtrees it needs as ranges of leaves; whoever
stores hashes looks them up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

HASH_SIZE: Final = 32
"""Bytes of a SHA-256 hash."""
EMPTY_ROOT: Final = sha256(b"").digest()
"""MTH({}): the root of the tree without leaves (RFC 6962 § 2.1)."""
_LEAF: Final = sha256(b"\x00")


class InvalidProofError(ValueError):
    """The proof does not show what it claims."""


class Span(NamedTuple):
    """The leaves `start` (included) to `end` (excluded) of a tree: D[start:end] in RFC 6962's words."""

    start: int
    end: int


class Node(NamedTuple):
    """The root of the complete subtree over the leaves `number * 2**level` up to `(number + 1) * 2**level`."""

    level: int
    number: int


def leaf_hash(data: bytes) -> bytes:
    """Return MTH({data}): the hash of a leaf, told apart from an inner node by its first byte (RFC 6962 § 2.1)."""
    hashed = _LEAF.copy()  # in three quarters of the time that beginning anew takes
    hashed.update(data)
    return hashed.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node over its two children (RFC 6962 § 2.1)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree with `size` leaves: the roots of its complete subtrees, largest first.

    Raises:
        ValueError: `hashes` are not as many as the size has binary ones, or not of 32 bytes each.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an edge that no tree has."""
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} leaves does not have an edge of {len(self.hashes)} hashes")
        if any(len(part) != HASH_SIZE for part in self.hashes):
            raise ValueError("a hash has 32 bytes")

    def append(self, leaf_hashes: Iterable[bytes]) -> Frontier:
        """Return the frontier after the leaves with these hashes were added at the right."""
        edge = list(self.hashes)
        level = list(leaf_hashes)
        size = self.size + len(level)
        rest = self.size
        right: list[bytes] = []
        while level or rest:
            if rest & 1:
                level.insert(0, edge.pop())
            if len(level) & 1:
                right.append(level.pop())
            level = _joined(level)
            rest >>= 1
        return Frontier(size, tuple(reversed(right)))

    def root(self) -> bytes:
        """Return the tree's root: MTH(D[n]) of RFC 6962 § 2.1."""
        return fold(self.hashes)

    def pack(self) -> bytes:
        """Return the hashes in one piece, to be stored beside the size."""
        return b"".join(self.hashes)

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Frontier:
        """Return the frontier that `pack` wrote.

        Raises:
            ValueError: `packed` is not the edge of a tree of `size` leaves.
        """
        return cls(size, split(packed))


EMPTY: Final = Frontier()
"""The frontier of the tree without leaves."""


def split(packed: bytes) -> tuple[bytes, ...]:
    """Return the 32-byte hashes that stand in `packed` one after the other.

    Raises:
        ValueError: the length is no multiple of 32.
    """
    if len(packed) % HASH_SIZE:
        raise ValueError("hashes have 32 bytes each")
    return tuple(packed[at : at + HASH_SIZE] for at in range(0, len(packed), HASH_SIZE))


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root over adjoining complete subtrees, largest first, as RFC 6962 joins them: from the right."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root of the tree whose leaves have these hashes.

    Level by level, where a last one without a sibling goes up as it is: the tree of RFC 6962 § 2.1.
    """
    level = list(leaf_hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        alone = level[-1:] if len(level) & 1 else []
        level = _joined(level)
        level += alone
    return level[0]


def _joined(level: Sequence[bytes]) -> list[bytes]:
    """Return the nodes over pairs of adjoining ones; a last one without a sibling is left out."""
    halves = iter(level)
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(halves, halves, strict=False)]


def subtrees(span: Span) -> list[Node]:
    """Return the complete subtrees that `span` falls into, left to right; `fold` over their hashes is the span's root.

    Raises:
        ValueError: the span is empty, or is not one that a tree or a proof has (its start is not a multiple of the
            largest power of two in it).
    """
    start, end = span
    if not 0 <= start < end or start % _largest_power(end - start):
        raise ValueError(f"no tree has a subtree over the leaves {start} to {end}")
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def inclusion_path(index: int, size: int) -> list[Span]:
    """Return the spans whose roots prove leaf `index` in a tree of `size`, the leaf's sibling first (RFC 6962 § 2.1.1).

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[Span] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split_point(end - start)
        if index < middle:
            path.append(Span(middle, end))
            end = middle
        else:
            path.append(Span(start, middle))
            start = middle
    path.reverse()
    return path


def consistency_path(old: int, new: int) -> list[Span]:
    """Return the spans whose roots prove that the tree of `new` leaves begins with the one of `old` (RFC 6962 § 2.1.2).

    Raises:
        ValueError: `old` is not between 0 and `new`.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves cannot begin with one of {old}")
    if old in (0, new):
        return []
    path: list[Span] = []
    start, end = 0, new
    whole = True  # the subtree in hand is a subtree of the old tree from its first leaf on: its root is known already
    while end != old:
        middle = start + _split_point(end - start)
        if old <= middle:
            path.append(Span(middle, end))
            end = middle
        else:
            path.append(Span(start, middle))
            start = middle
            whole = False
    if not whole:
        path.append(Span(start, end))
    path.reverse()
    return path


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf with hash `leaf` is number `index` of the tree with `size` leaves and `root` (RFC 9162 § 2.1.3.2).

    Raises:
        InvalidProofError: it is not, or the proof has another length than such a proof has.
    """
    if not 0 <= index < size:
        raise InvalidProofError(f"a tree of {size} leaves has no leaf {index}")
    if len(leaf) != HASH_SIZE:
        raise InvalidProofError("the leaf is no hash")
    first, last = index, size - 1
    carried = leaf
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_SIZE:
            raise InvalidProofError("the proof is too long, or holds something that is no hash")
        if first & 1 or first == last:
            carried = node_hash(sibling, carried)
            while not first & 1 and first:
                first >>= 1
                last >>= 1
        else:
            carried = node_hash(carried, sibling)
        first >>= 1
        last >>= 1
    if last != 0:
        raise InvalidProofError("the proof is too short")
    if carried != root:
        raise InvalidProofError("the proof leads to another root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `new` leaves with `new_root` begins with that of `old` and `old_root` (RFC 9162 § 2.1.4.2).

    Raises:
        InvalidProofError: it does not, or the proof has another length than such a proof has.
    """
    if not 0 <= old <= new:
        raise InvalidProofError(f"a tree of {new} leaves cannot begin with one of {old}")
    if old in (0, new):
        _without_proof(old, old_root, new_root, proof, same=old == new)
        return
    hashes = list(proof)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes or any(len(part) != HASH_SIZE for part in hashes):
        raise InvalidProofError("the proof is empty, or holds something that is no hash")
    first, last = old - 1, new - 1
    while first & 1:
        first >>= 1
        last >>= 1
    begin = end = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise InvalidProofError("the proof is too long")
        if first & 1 or first == last:
            begin = node_hash(sibling, begin)
            end = node_hash(sibling, end)
            while not first & 1 and first:
                first >>= 1
                last >>= 1
        else:
            end = node_hash(end, sibling)
        first >>= 1
        last >>= 1
    if last != 0:
        raise InvalidProofError("the proof is too short")
    if begin != old_root or end != new_root:
        raise InvalidProofError("the proof leads to other roots")


def _without_proof(old: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes], *, same: bool) -> None:
    if proof:
        raise InvalidProofError("nothing is to be proved of an empty or an equal tree")
    if old == 0 and old_root != EMPTY_ROOT:
        raise InvalidProofError("the empty tree has another root")
    if old == 0 and len(new_root) != HASH_SIZE:
        raise InvalidProofError("the new root is no hash")
    if same and old_root != new_root:
        raise InvalidProofError("two roots for one size")


def _largest_power(number: int) -> int:
    """Return the largest power of two that is at most `number` (1 or more)."""
    return 1 << (number.bit_length() - 1)


def _split_point(size: int) -> int:
    """Return k of RFC 6962 § 2.1: the largest power of two smaller than `size` (2 or more)."""
    return _largest_power(size - 1)
