"""Tiles against the definition in tlog-tiles: the n-th tile of level l is MTH(D[(n*256+i)*256**l : (n*256+i+1)*256**l])."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.domain.tiles import (
    EMPTY_HEAD,
    MAX_ENTRY,
    WIDTH,
    FullTile,
    Head,
    NoSuchTileError,
    Slice,
    TileAddress,
    edges_needed,
    grow,
    hash_of,
    read_bundle,
    read_path,
    slices,
    width_at,
    write_bundle,
    write_path,
)
from shared.merkle import (
    EMPTY,
    fold,
    inclusion_path,
    leaf_hash,
    root_of,
    split,
    subtrees,
    verify_inclusion,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(65_536 + 300)]


def grown(steps: list[int]) -> tuple[Head, dict[TileAddress, FullTile]]:
    """A log grown by these many leaves at a time, its tiles kept as the database keeps them."""
    head, stored = EMPTY_HEAD, dict[TileAddress, FullTile]()
    for step in steps:
        size = head.frontier.size
        edges = [
            [stored[TileAddress(level, part.number * WIDTH + at)].root for at in range(part.width)]
            for level, part in enumerate(edges_needed(size, size + step))
        ]
        head, full = grow(head, LEAVES[size : size + step], edges)
        for tile in full:
            assert tile.address not in stored
            stored[tile.address] = tile
    return head, stored


def check(size: int, head: Head, stored: dict[TileAddress, FullTile]) -> None:
    """Every full tile that a log of this size has is there, is right, and nothing else is."""
    assert head.frontier == EMPTY.append(LEAVES[:size])
    assert head.edge == tuple(LEAVES[size - size % WIDTH : size])
    expected = set()
    for level in range(3):
        span = WIDTH**level
        for number in range(size // (span * WIDTH)):
            address = TileAddress(level, number)
            expected.add(address)
            first = number * WIDTH * span
            hashes = [root_of(LEAVES[first + at * span : first + (at + 1) * span]) for at in range(WIDTH)]
            assert split(stored[address].hashes) == tuple(hashes)
            assert stored[address].root == root_of(LEAVES[first : first + WIDTH * span])
    assert set(stored) == expected


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 513, 1000])
@pytest.mark.parametrize("step", [1, 7, 255, 256, 257, 1000])
def test_tiles_do_not_depend_on_the_batches(size: int, step: int) -> None:
    """Around the edge of a tile."""
    steps = [step] * (size // step) + [size % step] * bool(size % step)
    check(size, *grown(steps))


@pytest.mark.parametrize("last", [1, 2, 3, 300])
def test_a_tile_of_tiles(last: int) -> None:
    """Around 65,536, where level 1 fills and level 2 begins."""
    size = 65_534 + last
    check(size, *grown([40_000, 25_000, 534, last]))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=8), st.data())
def test_any_batches_and_any_proof(steps: list[int], draw: st.DataObject) -> None:
    """Proofs computed from tiles, partial ones included, verify."""
    head, stored = grown(steps)
    size = head.frontier.size
    check(size, head, stored)
    if not size:
        return
    tiles = {address: split(tile.hashes) for address, tile in stored.items()}
    tiles[TileAddress(0, size // WIDTH)] = head.edge
    tiles[TileAddress(1, 0)] = tuple(stored[TileAddress(0, at)].root for at in range(size // WIDTH))
    index = draw.draw(st.integers(0, size - 1))
    proof = [fold([hash_of(node, tiles) for node in subtrees(span)]) for span in inclusion_path(index, size)]
    verify_inclusion(LEAVES[index], index, size, proof, head.frontier.root())


def test_the_specifications_example() -> None:
    """70,000 entries: 273 full tiles and one of 112; one full and one of 17; one of 1. And 256: one full, one of 1."""
    assert list(slices(0, 70_000))[272:] == [Slice(272, 256), Slice(273, 112)]
    assert list(slices(1, 70_000)) == [Slice(0, 256), Slice(1, 17)]
    assert list(slices(2, 70_000)) == [Slice(0, 1)]
    assert list(slices(3, 70_000)) == []
    assert [list(slices(level, 256)) for level in range(3)] == [[Slice(0, 256)], [Slice(0, 1)], []]
    assert [width_at(0, 273, 70_000), width_at(0, 274, 70_000), width_at(1, 1, 70_000)] == [112, 0, 17]


@given(st.integers(0, 10**15), st.integers(1, 256))
def test_paths_are_written_and_read(number: int, width: int) -> None:
    """Every tile's path leads back to it."""
    assert read_path(write_path(Slice(number, width))) == Slice(number, width)


def test_paths_are_the_specifications() -> None:
    """Index 1234067 is `x001/x234/067`."""
    assert write_path(Slice(1_234_067, 256)) == "x001/x234/067"
    assert write_path(Slice(0, 1)) == "000.p/1"
    assert write_path(Slice(999, 255)) == "999.p/255"
    assert write_path(Slice(1000, 256)) == "x001/000"


@pytest.mark.parametrize(
    "path",
    ["", "0", "00", "0000", "x000/000", "x001", "001/000", "x001/x000", "000.p/0", "000.p/256", "000.p/01", "000.p/",
     "000.p/999", "-01", "../000", "x001/000/", "٠٠٠", "000\n", "x001/x000/x000/x000/x000/x000/x000/000"],
)  # fmt: skip
def test_other_paths_are_refused(path: str) -> None:
    """One tile, one path."""
    with pytest.raises(NoSuchTileError):
        read_path(path)


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_are_written_and_read(entries: list[bytes]) -> None:
    """Two bytes of length before each entry; the empty one included."""
    assert read_bundle(write_bundle(entries)) == entries


def test_the_longest_entry() -> None:
    """65,535 bytes fit; one more does not."""
    assert read_bundle(write_bundle([b"a" * MAX_ENTRY])) == [b"a" * MAX_ENTRY]
    assert write_bundle([b"ab"]) == b"\x00\x02ab"
    with pytest.raises(ValueError, match="65,535"):
        write_bundle([b"a" * (MAX_ENTRY + 1)])


@pytest.mark.parametrize("bundle", [b"\x00", b"\x00\x02a", b"\x00\x01ab", b"\xff\xff"])
def test_a_bundle_cut_short(bundle: bytes) -> None:
    """Refused, not read as fewer entries."""
    with pytest.raises(ValueError, match="ends within"):
        read_bundle(bundle)


def test_growth_without_what_it_needs_is_refused() -> None:
    """A tile of tiles is not completed from nothing; an edge of the wrong length is nobody's."""
    head, _ = grown([40_000, 25_000])
    with pytest.raises(ValueError, match="upper edges"):
        grow(head, LEAVES[65_000:65_536])
    with pytest.raises(ValueError, match="last tile"):
        Head(head.frontier, ())
    with pytest.raises(NoSuchTileError):
        hash_of(subtrees(inclusion_path(0, 2)[0])[0], {})
