"""What a witness decides, against a naive oracle: RFC 6962's proofs from its definitions, and the protocol's rules as a list."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import assume, given
from hypothesis import strategies as st

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.cosignature import CosignatureKey, Cosigner, parse_log_key, statement
from services.audit.domain.note import MalformedKeyError, Note, SignatureLine, Signer
from services.audit.domain.witness import (
    NEVER,
    Accepted,
    AddCheckpoint,
    Known,
    MalformedRequestBodyError,
    OtherSize,
    Refusal,
    Refused,
    decide_add_checkpoint,
    read_trusted,
)
from tests.property.test_merkle import naive_proof, naive_root, numbered

ORIGIN = "town.example/log"
LOG = Signer(ORIGIN, b"\1" * 32)
THIEF = Signer(ORIGIN, b"\2" * 32)
sizes = st.integers(min_value=0, max_value=70)


def signed(size: int, root: bytes, signer: Signer = LOG, origin: str = ORIGIN) -> Note:
    """A checkpoint of that tree."""
    return Note.parse(signer.sign(Checkpoint(origin, size, root).text()).encode())


def known(size: int, data: list[bytes]) -> Known:
    """What a witness remembers that has cosigned the tree of the first `size` leaves."""
    return Known(size, naive_root(data[:size])) if size else NEVER


def proof(old: int, data: list[bytes]) -> tuple[bytes, ...]:
    """The consistency proof by RFC 6962's definition; none from the empty tree."""
    return tuple(naive_proof(old, data)) if 0 < old < len(data) else ()


def decided(state: Known, request: AddCheckpoint) -> object:
    """What becomes of the request."""
    trusted = read_trusted(request, [LOG.verifier])
    return trusted if isinstance(trusted, Refused) else decide_add_checkpoint(state, request, trusted)


@given(sizes, sizes)
def test_a_tree_that_begins_with_the_last_one_is_cosigned(one: int, other: int) -> None:
    old, new = sorted((one, other))
    data = numbered(new)
    request = AddCheckpoint(old, proof(old, data), signed(new, naive_root(data)))
    assert decided(known(old, data), request) == Accepted(Checkpoint(ORIGIN, new, naive_root(data)))


@given(sizes, sizes, sizes)
def test_another_old_size_is_told_the_right_one_and_nothing_is_cosigned(held: int, said: int, new: int) -> None:
    assume(said <= new and said != held)
    data = numbered(max(new, held))
    request = AddCheckpoint(said, proof(said, data[:new]), signed(new, naive_root(data[:new])))
    assert decided(known(held, data), request) == OtherSize(held)


@given(st.integers(1, 70), st.integers(0, 69), st.integers(1, 70), st.data())
def test_a_tree_with_another_past_is_never_cosigned(old: int, changed: int, more: int, drawn: st.DataObject) -> None:
    """Whatever proof is sent: the one for the other tree, the one for the true tree, or any mixture of their hashes."""
    assume(changed < old)
    data = numbered(old + more)
    other = [*data[:changed], b"something else", *data[changed + 1 :]]
    root = naive_root(other)
    hashes = [*proof(old, data), *proof(old, other)]
    mixture = tuple(drawn.draw(st.lists(st.sampled_from(hashes), max_size=12))) if hashes else ()
    for sent in (proof(old, data), proof(old, other), mixture):
        assert decided(known(old, data), AddCheckpoint(old, sent, signed(old + more, root))) == Refused(
            Refusal.INCONSISTENT
        )


@given(st.integers(1, 69), st.integers(1, 40), st.data())
def test_every_changed_proof_is_refused(old: int, more: int, drawn: st.DataObject) -> None:
    """A bit turned, a hash dropped, doubled, swapped with another or put in."""
    data = numbered(old + more)
    true = list(proof(old, data))
    at = drawn.draw(st.integers(0, len(true) - 1))
    bit = drawn.draw(st.integers(0, 255))
    turned = bytearray(true[at])
    turned[bit // 8] ^= 1 << (bit % 8)
    changed = [
        [*true[:at], bytes(turned), *true[at + 1 :]],
        [*true[:at], *true[at + 1 :]],
        [*true[:at], true[at], *true[at:]],
        [*true, sha256(b"more").digest()],
        [],
        true[::-1],
    ]
    for sent in changed:
        if sent != true:
            request = AddCheckpoint(old, tuple(sent), signed(old + more, naive_root(data)))
            assert decided(known(old, data), request) == Refused(Refusal.INCONSISTENT)


@given(st.integers(1, 70))
def test_two_roots_for_one_size_are_a_fork(size: int) -> None:
    data = numbered(size)
    request = AddCheckpoint(size, (), signed(size, sha256(b"another").digest()))
    assert decided(known(size, data), request) == Refused(Refusal.FORKED)


def test_the_empty_tree_has_one_root_and_needs_no_proof() -> None:
    assert decided(NEVER, AddCheckpoint(0, (), signed(0, NEVER.root))) == Accepted(Checkpoint(ORIGIN, 0, NEVER.root))
    assert decided(NEVER, AddCheckpoint(0, (), signed(0, b"\0" * 32))) == Refused(Refusal.INCONSISTENT)
    data = numbered(3)
    request = AddCheckpoint(0, (naive_root(data),), signed(3, naive_root(data)))
    assert decided(NEVER, request) == Refused(Refusal.INCONSISTENT)


def test_only_the_log_s_own_keys_count() -> None:
    data = numbered(4)
    root = naive_root(data)
    for note in (signed(4, root, THIEF), signed(4, root, Signer("other.example/log", b"\1" * 32))):
        assert decided(NEVER, AddCheckpoint(0, (), note)) == Refused(Refusal.UNTRUSTED)
    # A key of another log, trusted for that one, is not trusted for this one.
    foreign = Signer("other.example/log", b"\3" * 32)
    request = AddCheckpoint(0, (), signed(4, root, foreign))
    assert read_trusted(request, [LOG.verifier, foreign.verifier]) == Refused(Refusal.UNTRUSTED)
    # A line under a trusted key's name and id that is not its signature spoils the note, whoever else has signed it.
    good = signed(4, root)
    spoilt = Note(Checkpoint(ORIGIN, 5, root).text(), good.lines)
    assert decided(NEVER, AddCheckpoint(0, (), spoilt)) == Refused(Refusal.UNTRUSTED)
    mixed = Note(good.text, (*signed(4, root, THIEF).lines, *good.lines))
    assert isinstance(decided(NEVER, AddCheckpoint(0, (), mixed)), Accepted)


def test_a_log_may_sign_with_ml_dsa_44() -> None:
    """What tlog-checkpoint advises for new logs; a line below the three would be signed by nobody, and is not cosigned."""
    private = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    key = CosignatureKey(ORIGIN, private.public_key().public_bytes_raw())
    text = Checkpoint(ORIGIN, 4, naive_root(numbered(4))).text()
    line = SignatureLine(ORIGIN, key.key_id, bytes(7) + b"\1" + private.sign(statement(ORIGIN, text, 1)))
    trusted = [LOG.verifier, parse_log_key(key.vkey)]
    request = AddCheckpoint(0, (), Note(text, (line,)))
    assert read_trusted(request, trusted) == Checkpoint.parse(text)
    assert read_trusted(request, [LOG.verifier]) == Refused(Refusal.UNTRUSTED)
    for other in (text + "more\n", Checkpoint(ORIGIN, 5, naive_root(numbered(4))).text()):
        assert read_trusted(AddCheckpoint(0, (), Note(other, (line,))), trusted) == Refused(Refusal.UNTRUSTED)


def test_a_watched_log_s_key_is_none_of_a_witness() -> None:
    """Ed25519 as type 1, ML-DSA-44 as type 6: an Ed25519 cosignature says nothing in a log's name."""
    assert parse_log_key(LOG.verifier.vkey) == LOG.verifier
    for vkey in (Cosigner(ORIGIN, bytes(32)).key.vkey, "no key", ""):
        with pytest.raises(MalformedKeyError):
            parse_log_key(vkey)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n{'9' * 5000}\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n{2**63}\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n04\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n4\nAAAA\n",
        f"{ORIGIN}\n4\n",
    ],
)
def test_what_the_log_signed_must_be_a_checkpoint(text: str) -> None:
    request = AddCheckpoint(0, (), Note.parse(LOG.sign(text).encode()))
    assert decided(NEVER, request) == Refused(Refusal.MALFORMED)


def test_an_old_size_is_not_greater_than_the_new_one() -> None:
    data = numbered(4)
    assert decided(known(4, data), AddCheckpoint(5, (), signed(4, naive_root(data)))) == Refused(Refusal.MALFORMED)
    assert decided(known(4, data), AddCheckpoint(4, (), signed(3, naive_root(data[:3])))) == Refused(Refusal.MALFORMED)


@given(sizes, sizes)
def test_a_request_is_read_as_it_was_written(one: int, other: int) -> None:
    old, new = sorted((one, other))
    data = numbered(new)
    request = AddCheckpoint(old, proof(old, data), signed(new, naive_root(data)))
    assert AddCheckpoint.parse(request.body()) == request
    lines = request.body().split(b"\n")
    assert lines[0] == b"old " + str(old).encode()
    assert lines[1 + len(request.proof)] == b""


NOTE = LOG.sign(Checkpoint(ORIGIN, 2, b"\7" * 32).text()).encode()
HASH = base64.b64encode(b"\7" * 32)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old 0" + NOTE,
        b"old 00\n\n" + NOTE,
        b"old 01\n\n" + NOTE,
        b"old -1\n\n" + NOTE,
        b"old +1\n\n" + NOTE,
        b"old  1\n\n" + NOTE,
        b"old 1 \n\n" + NOTE,
        b"old \xd9\xa1\n\n" + NOTE,
        b"Old 1\n\n" + NOTE,
        b"old\n\n" + NOTE,
        b"old 1\r\n\n" + NOTE,
        b"old 9223372036854775808\n\n" + NOTE,
        b"old " + b"9" * 6000 + b"\n\n" + NOTE,
        b"old 1\n" + HASH[:-4] + b"\n\n" + NOTE,
        b"old 1\n" + HASH + b"!\n\n" + NOTE,
        b"old 1\n" + (HASH + b"\n") * 64 + b"\n" + NOTE,
        b"old 1\n\n" + NOTE[:-1],
        b"old 1\n\n" + NOTE.partition(b"\n\n")[0] + b"\n",
        b"old 1\n\n" + NOTE.replace(b"town", b"to\0n"),
        b"old 1\n\n" + NOTE.replace(b"town", b"to\xffn"),
    ],
)
def test_what_is_no_request_is_not_read(body: bytes) -> None:
    with pytest.raises(MalformedRequestBodyError):
        AddCheckpoint.parse(body)


def test_sixty_three_hashes_are_read() -> None:
    assert len(AddCheckpoint.parse(b"old 1\n" + (HASH + b"\n") * 63 + b"\n" + NOTE).proof) == 63


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    with pytest.raises(MalformedRequestBodyError):
        AddCheckpoint.parse(body)
