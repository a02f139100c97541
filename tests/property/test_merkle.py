"""shared/merkle.py against a second, naive implementation, written straight from the definitions of RFC 6962 § 2.1."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.merkle import (
    EMPTY,
    EMPTY_ROOT,
    Frontier,
    InvalidProofError,
    Span,
    consistency_path,
    fold,
    inclusion_path,
    leaf_hash,
    root_of,
    subtrees,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves and the roots of the trees over the first 1, 2, .. 8 of them that Certificate Transparency's own
# implementations are tested with (google/certificate-transparency, `merkle_tree_test`; repeated in transparency-dev/merkle).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(data: list[bytes]) -> bytes:
    """MTH(D[n])."""
    if not data:
        return sha256().digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    k = naive_k(len(data))
    return sha256(b"\x01" + naive_root(data[:k]) + naive_root(data[k:])).digest()


def naive_k(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def naive_path(m: int, data: list[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(data) == 1:
        return []
    k = naive_k(len(data))
    if m < k:
        return [*naive_path(m, data[:k]), naive_root(data[k:])]
    return [*naive_path(m - k, data[k:]), naive_root(data[:k])]


def naive_proof(m: int, data: list[bytes]) -> list[bytes]:
    """PROOF(m, D[n])."""
    return naive_subproof(m, data, known=True)


def naive_subproof(m: int, data: list[bytes], *, known: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b)."""
    if m == len(data):
        return [] if known else [naive_root(data)]
    k = naive_k(len(data))
    if m <= k:
        return [*naive_subproof(m, data[:k], known=known), naive_root(data[k:])]
    return [*naive_subproof(m - k, data[k:], known=False), naive_root(data[:k])]


def roots(spans: list[Span], data: list[bytes]) -> list[bytes]:
    """The roots of the spans, by the oracle."""
    return [naive_root(data[span.start : span.end]) for span in spans]


trees = st.lists(st.binary(max_size=6), min_size=1, max_size=70)
sizes = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65])


def numbered(size: int) -> list[bytes]:
    """`size` leaves that differ."""
    return [str(number).encode() for number in range(size)]


def test_the_constants_of_certificate_transparency() -> None:
    """Known leaves give the roots that the first implementation published."""
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [root_of(map(leaf_hash, LEAVES[: size + 1])).hex() for size in range(8)] == ROOTS


@given(trees, st.data())
def test_a_frontier_grown_in_any_steps_has_the_definitions_root(data: list[bytes], draw: st.DataObject) -> None:
    """However the leaves are split into batches, and through storage and back."""
    frontier = EMPTY
    at = 0
    while at < len(data):
        step = draw.draw(st.integers(1, len(data) - at))
        frontier = frontier.append(leaf_hash(leaf) for leaf in data[at : at + step])
        frontier = Frontier.unpack(frontier.size, frontier.pack())
        at += step
        assert frontier.size == at
        assert frontier.root() == naive_root(data[:at])


@given(st.integers(0, 600))
def test_a_root_level_by_level_is_the_frontiers(count: int) -> None:
    """With and without leaves that have no sibling, on any level."""
    hashes = [leaf_hash(leaf) for leaf in numbered(count)]
    assert root_of(hashes) == EMPTY.append(hashes).root()


@given(trees, st.data())
def test_inclusion_paths_are_the_definitions(data: list[bytes], draw: st.DataObject) -> None:
    """PATH(m, D[n]), and it verifies."""
    index = draw.draw(st.integers(0, len(data) - 1))
    proof = roots(inclusion_path(index, len(data)), data)
    assert proof == naive_path(index, data)
    verify_inclusion(leaf_hash(data[index]), index, len(data), proof, naive_root(data))


@given(trees, st.data())
def test_consistency_paths_are_the_definitions(data: list[bytes], draw: st.DataObject) -> None:
    """PROOF(m, D[n]), and it verifies."""
    old = draw.draw(st.integers(1, len(data)))
    proof = roots(consistency_path(old, len(data)), data)
    assert proof == naive_proof(old, data)
    verify_consistency(old, len(data), naive_root(data[:old]), naive_root(data), proof)


@pytest.mark.parametrize("size", range(1, 66))
def test_every_index_and_every_older_size(size: int) -> None:
    """Exhaustive over small trees."""
    data = numbered(size)
    root = naive_root(data)
    for index in range(size):
        proof = roots(inclusion_path(index, size), data)
        verify_inclusion(leaf_hash(data[index]), index, size, proof, root)
        for other in {0, size // 2, size - 1} - {index}:
            with pytest.raises(InvalidProofError):
                verify_inclusion(leaf_hash(data[other]), index, size, proof, root)
            with pytest.raises(InvalidProofError):
                verify_inclusion(leaf_hash(data[index]), other, size, proof, root)
        verify_consistency(index, size, naive_root(data[:index]), root, roots(consistency_path(index, size), data))


def mutate(proof: list[bytes], draw: st.DataObject) -> list[bytes]:
    """Change the proof in one of the ways a forger has."""
    kind = draw.draw(st.sampled_from(["bit", "drop", "add", "double", "swap", "short"]))
    changed = list(proof)
    at = draw.draw(st.integers(0, max(0, len(changed) - 1)))
    if kind == "add" or not changed:
        changed.insert(at, draw.draw(st.binary(min_size=32, max_size=32)))
    elif kind == "drop":
        del changed[at]
    elif kind == "double":
        changed.insert(at, changed[at])
    elif kind == "short":
        changed[at] = changed[at][:-1]
    elif kind == "swap" and len(changed) > 1 and changed[at] != changed[at - 1]:
        changed[at], changed[at - 1] = changed[at - 1], changed[at]
    else:
        bit = draw.draw(st.integers(0, 255))
        flipped = int.from_bytes(changed[at], "big") ^ (1 << bit)
        changed[at] = flipped.to_bytes(32, "big")
    return changed


@given(sizes, st.data())
def test_every_mutated_inclusion_proof_is_refused(size: int, draw: st.DataObject) -> None:
    """A changed proof, index, size, leaf or root."""
    data = numbered(size)
    index = draw.draw(st.integers(0, size - 1))
    proof = naive_path(index, data)
    root = naive_root(data)
    with pytest.raises(InvalidProofError):
        verify_inclusion(leaf_hash(data[index]), index, size, mutate(proof, draw), root)
    with pytest.raises(InvalidProofError):
        verify_inclusion(leaf_hash(data[index] + b"."), index, size, proof, root)
    with pytest.raises(InvalidProofError):
        verify_inclusion(leaf_hash(data[index]), index, size, proof, sha256(root).digest())
    with pytest.raises(InvalidProofError):
        verify_inclusion(leaf_hash(data[index]), size, size, proof, root)


@given(sizes, st.data())
def test_every_mutated_consistency_proof_is_refused(size: int, draw: st.DataObject) -> None:
    """A changed proof or root; and a tree that does not begin with the old one."""
    data = numbered(size)
    old = draw.draw(st.integers(1, size))
    proof = naive_proof(old, data)
    old_root, root = naive_root(data[:old]), naive_root(data)
    with pytest.raises(InvalidProofError):
        verify_consistency(old, size, old_root, root, mutate(proof, draw))
    with pytest.raises(InvalidProofError):
        verify_consistency(old, size, sha256(old_root).digest(), root, proof)
    forked = [*data[: old - 1], b"rewritten", *data[old:]]
    with pytest.raises(InvalidProofError):
        verify_consistency(old, size, old_root, naive_root(forked), naive_proof(old, forked))
    with pytest.raises(InvalidProofError):
        verify_consistency(size + 1, size, old_root, root, proof)


@given(st.integers(0, 40), st.integers(1, 3000))
def test_a_spans_subtrees_fold_into_its_root(block: int, size: int) -> None:
    """The complete subtrees of a span adjoin, and join into the span's root."""
    start = block << size.bit_length()
    nodes = subtrees(Span(start, start + size))
    assert nodes[0].number << nodes[0].level == start
    assert sum(1 << node.level for node in nodes) == size
    if size <= 64:
        data = numbered(size)
        parts = []
        for node in nodes:
            first = (node.number << node.level) - start
            parts.append(naive_root(data[first : first + (1 << node.level)]))
        assert fold(parts) == naive_root(data)


@pytest.mark.parametrize(("size", "hashes"), [(0, 1), (1, 0), (3, 1), (4, 2), (-1, 1)])
def test_no_edge_that_no_tree_has(size: int, hashes: int) -> None:
    """A stored edge that cannot be is refused, not hashed on."""
    with pytest.raises(ValueError, match="does not have an edge"):
        Frontier(size, (EMPTY_ROOT,) * hashes)


def test_no_hash_of_another_length() -> None:
    """31 bytes are no hash, and 33 are not one and a bit."""
    with pytest.raises(ValueError, match="32 bytes"):
        Frontier(1, (bytes(31),))
    with pytest.raises(ValueError, match="32 bytes"):
        Frontier.unpack(1, bytes(33))


@pytest.mark.parametrize(("start", "end"), [(0, 0), (2, 1), (1, 3), (2, 6), (-2, 0)])
def test_no_span_that_no_tree_has(start: int, end: int) -> None:
    """A span that is no subtree has no root."""
    with pytest.raises(ValueError, match="no tree has"):
        subtrees(Span(start, end))


def test_no_leaf_and_no_beginning_outside_the_tree() -> None:
    """The paths refuse what the tree does not have."""
    for index, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(ValueError, match="no leaf"):
            inclusion_path(index, size)
    with pytest.raises(ValueError, match="cannot begin"):
        consistency_path(4, 3)


def test_nothing_is_proved_of_an_empty_or_equal_tree() -> None:
    """Only the roots are compared; a proof where none is due is refused."""
    root = root_of([leaf_hash(b"a")])
    verify_consistency(0, 1, EMPTY_ROOT, root, [])
    verify_consistency(1, 1, root, root, [])
    for old, old_root, proof in ((0, root, []), (0, EMPTY_ROOT, [root]), (1, EMPTY_ROOT, [])):
        with pytest.raises(InvalidProofError):
            verify_consistency(old, 1, old_root, root, proof)
