"""The verifier and the service's own hashing against the naive oracle and the constants of the specifications."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import lagspill_verify
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import merkle
from shared.merkle import InvalidProofError
from tests.property import rfc6962

LEAVES = [f"entry {number}".encode() for number in range(600)]
SHAPES = [1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300]
ROOTS = {size: rfc6962.mth(LEAVES[:size]) for size in [*SHAPES, 0]}

# The example of RFC 6962's own implementation (certificate-transparency): eight leaves, and the root after each.
CT_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_constants() -> None:
    """The empty tree, the empty leaf, and eight roots; for the oracle, the product and the verifier alike."""
    leaves = [bytes.fromhex(leaf) for leaf in CT_LEAVES]
    assert rfc6962.mth([]).hex() == merkle.root_of([]).hex() == lagspill_verify.Tree().root().hex() == EMPTY
    for size, root in enumerate(CT_ROOTS, start=1):
        assert rfc6962.mth(leaves[:size]).hex() == root
        assert merkle.root_of(map(merkle.leaf_hash, leaves[:size])).hex() == root
        assert lagspill_verify.tree_over(map(lagspill_verify.leaf_hash, leaves[:size])).root().hex() == root
    path = rfc6962.path(0, leaves)
    assert [part.hex()[:16] for part in path] == ["96a296d224f285c6", "5f083f0a1a33ca07", "6b47aaf29ee3c2af"]


@pytest.mark.parametrize("size", SHAPES)
def test_every_root_and_every_path(size: int) -> None:
    """Of every size named, every index."""
    leaves = LEAVES[:size]
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    assert merkle.root_of(hashes) == ROOTS[size] == lagspill_verify.root_over(b"".join(hashes))
    for index in range(0, size, max(1, size // 20)):
        path = rfc6962.path(index, leaves)
        spans = merkle.inclusion_path(index, size)
        assert [rfc6962.mth(leaves[span.start : span.end]) for span in spans] == path
        merkle.verify_inclusion(hashes[index], index, size, path, ROOTS[size])
        assert lagspill_verify.proved_root(hashes[index], index, size, path) == ROOTS[size]
    for old in range(1, size, max(1, size // 20)):
        steps = rfc6962.proof(old, leaves)
        found = merkle.consistency_path(old, size)
        assert [rfc6962.mth(leaves[span.start : span.end]) for span in found] == steps
        merkle.verify_consistency(old, size, rfc6962.mth(leaves[:old]), ROOTS[size], steps)


Proof = tuple[int, int, tuple[bytes, ...]]


@st.composite
def mutations(draw: st.DrawFn) -> tuple[int, int, bytes, Proof]:
    """A true proof of one entry, and one that is another: (size, index, leaf, (index, size, path))."""
    size = draw(st.sampled_from(SHAPES[1:]))
    index = draw(st.integers(0, size - 1))
    path = tuple(rfc6962.path(index, LEAVES[:size]))
    leaf = rfc6962.sha(b"\x00" + LEAVES[index])
    kind = draw(st.sampled_from(["bit", "drop", "double", "swap", "add", "index", "size", "leaf", "short", "root"]))
    at = draw(st.integers(0, len(path) - 1))
    other_index, other_size, other, given = index, size, list(path), leaf
    if kind == "bit":
        bit = draw(st.integers(0, 255))
        other[at] = (int.from_bytes(path[at], "big") ^ 1 << bit).to_bytes(32, "big")
    elif kind == "drop":
        del other[at]
    elif kind == "double":
        other.insert(at, path[at])
    elif kind == "swap":
        second = draw(st.integers(0, len(path) - 1))
        other[at], other[second] = path[second], path[at]
    elif kind == "add":
        other.insert(draw(st.integers(0, len(path))), draw(st.binary(min_size=32, max_size=32)))
    elif kind == "index":
        other_index = draw(st.integers(-3, size + 300))
    elif kind == "size":
        other_size = draw(st.integers(0, 600))
    elif kind == "leaf":
        given = draw(st.binary(min_size=32, max_size=32))
    elif kind == "short":
        other[at] = path[at][:-1]
    else:
        given = ROOTS[size]
    return size, index, given, (other_index, other_size, tuple(other))


@settings(max_examples=1500, deadline=None)
@given(mutations())
def test_every_mutated_inclusion_proof_is_refused(mutated: tuple[int, int, bytes, Proof]) -> None:
    """Unless the mutation changed nothing of what is proved: another size with the same path leads to the same root at times."""
    size, true_index, leaf, (index, other_size, path) = mutated
    true = rfc6962.sha(b"\x00" + LEAVES[true_index])
    if (leaf, index, path) == (true, true_index, tuple(rfc6962.path(true_index, LEAVES[:size]))):
        return  # only the size is another: the root is signed together with it, so no such pair is ever signed
    assert lagspill_verify.proved_root(leaf, index, other_size, path) != ROOTS[size]
    with pytest.raises(InvalidProofError):
        merkle.verify_inclusion(leaf, index, other_size, path, ROOTS[size])


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(SHAPES[1:]), st.data())
def test_every_mutated_consistency_proof_is_refused(size: int, draw: st.DataObject) -> None:
    """A bit, a hash less, more, or twice; another old size; another root on either side."""
    old = draw.draw(st.integers(1, size - 1))
    leaves = LEAVES[:size]
    steps = rfc6962.proof(old, leaves)
    old_root, new_root = rfc6962.mth(leaves[:old]), ROOTS[size]
    at = draw.draw(st.integers(0, len(steps) - 1))
    changes: dict[str, Callable[[], Sequence[bytes]]] = {
        "bit": lambda: [*steps[:at], bytes([steps[at][0] ^ 1]) + steps[at][1:], *steps[at + 1 :]],
        "drop": lambda: [*steps[:at], *steps[at + 1 :]],
        "double": lambda: [*steps[: at + 1], *steps[at:]],
        "none": list,
    }
    merkle.verify_consistency(old, size, old_root, new_root, steps)
    for change in changes.values():
        with pytest.raises(InvalidProofError):
            merkle.verify_consistency(old, size, old_root, new_root, change())
    for roots in ((rfc6962.sha(old_root), new_root), (old_root, rfc6962.sha(new_root)), (new_root, old_root)):
        with pytest.raises(InvalidProofError):
            merkle.verify_consistency(old, size, *roots, steps)


def test_what_is_no_hash_proves_nothing() -> None:
    """A leaf, or a root, of another length than a hash has, among the probes published with transparency-dev/merkle."""
    assert lagspill_verify.proved_root(b"", 0, 1, []) is None
    assert lagspill_verify.proved_root(bytes(33), 0, 1, []) is None
    for leaf, root in ((b"", b""), (bytes(33), bytes(33)), (bytes(32), b"")):
        with pytest.raises(InvalidProofError):
            merkle.verify_inclusion(leaf, 0, 1, [], root)
    for root in (b"", b"don't care 2", bytes(33)):
        with pytest.raises(InvalidProofError):
            merkle.verify_consistency(0, 1, merkle.EMPTY_ROOT, root, [])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=8), st.data())
def test_the_verifiers_memory_of_the_past(steps: list[int], draw: st.DataObject) -> None:
    """However the leaves arrive, the root of every size that was passed is the oracle's."""
    past = lagspill_verify.Past()
    for step in steps:
        size = past.size
        leaves = [rfc6962.sha(b"\x00" + LEAVES[at % 600]) for at in range(size, size + step)]
        past.extend(b"".join(leaves))
    size = draw.draw(st.integers(0, past.size))
    assert past.root_at(size) == rfc6962.mth([LEAVES[at % 600] for at in range(size)])
    assert past.root_at(past.size + 1) is None


def test_what_is_too_long_ago_is_forgotten() -> None:
    """The memory is of constant size."""
    past = lagspill_verify.Past()
    block = b"".join(rfc6962.sha(bytes([at])) for at in range(256))
    root = lagspill_verify.full_root(block)
    for _ in range(300):
        past.extend(block, root)
    assert past.root_at(1000) is None
    assert past.root_at(300 * 256) == past.root()
