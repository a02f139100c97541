"""Tiles (C2SP tlog-tiles): 256 hashes of one level in one piece, bundles of 256 entries, and their paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.merkle import EMPTY, HASH_SIZE, Frontier, Node, root_of

HEIGHT: Final = 8
"""Levels of the tree that one tile spans."""
WIDTH: Final = 1 << HEIGHT
"""Hashes of a full tile, entries of a full bundle."""
MAX_ENTRY: Final = 0xFFFF
"""Bytes of the longest entry a bundle can hold: its length is written in 16 bits."""
PATH: Final = re.compile(r"^((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?$")


class NoSuchTileError(ValueError):
    """No log of this size has such a tile, or the path is not how it is written."""


class TileAddress(NamedTuple):
    """A full tile: the `number`-th of its `level`. Level 0 holds leaf hashes, each level above the roots of 256 tiles below."""

    level: int
    number: int


class Slice(NamedTuple):
    """The first `width` (1 to 256) hashes of the tile at `number`, or entries of that bundle."""

    number: int
    width: int


def write_path(part: Slice) -> str:
    """Return `<N>[.p/<W>]`, for example `x001/x234/067` or `000.p/12`."""
    groups = f"{part.number:03d}"
    if len(groups) % 3:
        groups = groups.zfill(len(groups) + 3 - len(groups) % 3)
    pieces = [groups[at : at + 3] for at in range(0, len(groups), 3)]
    path = "/".join([*(f"x{piece}" for piece in pieces[:-1]), pieces[-1]])
    return path if part.width == WIDTH else f"{path}.p/{part.width}"


def read_path(path: str) -> Slice:
    """Read `<N>[.p/<W>]`.

    Raises:
        NoSuchTileError: it is written in another way than `write_path` does.
    """
    match = PATH.fullmatch(path)
    if match is None:
        raise NoSuchTileError("not the path of a tile")
    part = Slice(int(match[1].replace("x", "").replace("/", "")), int(match[2] or WIDTH))
    if part.width > WIDTH or write_path(part) != path:
        raise NoSuchTileError("not the path of a tile")
    return part


def width_at(level: int, number: int, size: int) -> int:
    """Return how many hashes the tile has in a tree of `size` leaves: 256, fewer at the right edge, 0 where there is none."""
    return max(0, min(WIDTH, (size >> (HEIGHT * level)) - number * WIDTH))


def slices(level: int, size: int) -> Iterator[Slice]:
    """Yield the tiles of one level in a tree of `size` leaves, the partial one last."""
    count = size >> (HEIGHT * level)
    for number in range(-(-count // WIDTH)):
        yield Slice(number, min(WIDTH, count - number * WIDTH))


def write_bundle(entries: Iterable[bytes]) -> bytes:
    """Return the entries, each behind its length in two bytes.

    Raises:
        ValueError: an entry is longer than 65,535 bytes.
    """
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise ValueError("an entry of a bundle has at most 65,535 bytes")
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def read_bundle(bundle: bytes) -> list[bytes]:
    """Return the entries of a bundle.

    Raises:
        ValueError: it ends within an entry.
    """
    entries = []
    at = 0
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2], "big")
        entry = bundle[at + 2 : at + 2 + length]
        if at + 2 + length > len(bundle) or len(entry) != length:
            raise ValueError("the bundle ends within an entry")
        entries.append(entry)
        at += 2 + length
    return entries


def holding(node: Node) -> tuple[TileAddress, int, int]:
    """Return the tile from which `node` can be computed, and the first and how many of its hashes it is the root of."""
    level, height = divmod(node.level, HEIGHT)
    first = node.number << height
    return TileAddress(level, first // WIDTH), first % WIDTH, 1 << height


def hash_of(node: Node, tiles: Mapping[TileAddress, Sequence[bytes]]) -> bytes:
    """Return the hash of `node`, computed from the tile that holds it.

    Raises:
        NoSuchTileError: the tile is not among `tiles`, or is too short.
    """
    address, first, count = holding(node)
    hashes = tiles.get(address, ())[first : first + count]
    if len(hashes) != count:
        raise NoSuchTileError(f"tile {address.level}/{address.number} is missing or cut short")
    return root_of(hashes)


@dataclass(frozen=True, slots=True)
class FullTile:
    """A tile that will never change again, with the hash that stands for it one level up."""

    address: TileAddress
    hashes: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """What is kept of a growing log: the frontier, and the leaf hashes of its last, not yet full tile."""

    frontier: Frontier
    edge: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse an edge that does not belong to the size."""
        if len(self.edge) != self.frontier.size % WIDTH:
            raise ValueError(
                f"the last tile of a log with {self.frontier.size} entries is not of {len(self.edge)} hashes"
            )


EMPTY_HEAD: Final = Head(Frontier(), ())


def edges_needed(old: int, new: int) -> list[Slice]:
    """Return which upper tiles growing from `old` to `new` leaves completes, as what they hold already: level l at index l - 1.

    A slice (number, width) at index l - 1 says: the first `width` hashes of tile `number` of level l stand already as roots
    of tiles of level l - 1. The list ends where no tile is completed.
    """
    needed: list[Slice] = []
    level = 1
    while True:
        held, held_then = old >> (HEIGHT * level), new >> (HEIGHT * level)
        if held // WIDTH == held_then // WIDTH:
            return needed
        needed.append(Slice(held // WIDTH, held % WIDTH))
        level += 1


def grow(
    head: Head, leaf_hashes: Sequence[bytes], edges: Sequence[Sequence[bytes]] = ()
) -> tuple[Head, list[FullTile]]:
    """Return the head after these leaves, and the tiles that they filled.

    Args:
        head: the log before.
        leaf_hashes: the hashes of the new leaves, in order.
        edges: for each slice of `edges_needed`, the roots that it asks for.

    Raises:
        ValueError: `edges` are not those that `edges_needed` asks for.
    """
    size = head.frontier.size
    needed = edges_needed(size, size + len(leaf_hashes))
    if [part.width for part in needed] != [len(edge) for edge in edges]:
        raise ValueError("the upper edges are not those that this growth needs")
    full: list[FullTile] = []
    level, hashes, first = 0, [*head.edge, *leaf_hashes], size // WIDTH
    edge = tuple(hashes[len(hashes) - len(hashes) % WIDTH :])
    while True:
        filled = [
            FullTile(TileAddress(level, first + at // WIDTH), b"".join(part), root_of(part))
            for at in range(0, len(hashes) - len(hashes) % WIDTH, WIDTH)
            if (part := hashes[at : at + WIDTH])
        ]
        full += filled
        if level >= len(needed):
            return Head(_extended(head.frontier, leaf_hashes, full, edge), edge), full
        hashes = [*edges[level], *(tile.root for tile in filled)]
        first = needed[level].number
        level += 1


def _extended(
    frontier: Frontier, leaf_hashes: Sequence[bytes], full: Sequence[FullTile], edge: Sequence[bytes]
) -> Frontier:
    """Return what `frontier.append(leaf_hashes)` returns, from the roots of the tiles that these leaves filled.

    A tile of level 0 is a complete subtree: the frontier is that over the tiles, and behind it that of the last, not yet full one.
    """
    whole = frontier.size >> HEIGHT
    above = frontier.hashes[: whole.bit_count()]
    filled = [tile.root for tile in full if tile.address.level == 0]
    if filled:
        tiles, last = Frontier(whole, above).append(filled), EMPTY.append(edge)
    else:
        tiles = Frontier(whole, above)
        last = Frontier(frontier.size % WIDTH, frontier.hashes[len(above) :]).append(leaf_hashes)
    return Frontier(frontier.size + len(leaf_hashes), (*tiles.hashes, *last.hashes))


def size_in_bytes(part: Slice) -> int:
    """Return how long the tile is when served."""
    return part.width * HASH_SIZE
