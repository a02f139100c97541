"""Cosignatures in the exact bytes of C2SP tlog-cosignature."""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.cosignature import LATEST, CosignatureKey, Cosigner, moment_of
from services.audit.domain.note import MalformedKeyError, Note, SignatureLine, Signer, open_note
from services.audit.domain.policy import Policy

WRITTEN = Path(__file__).parents[1] / "go" / "others" / "written"
SEED = bytes(range(32))
NAME = "witness.example/w1"
WITNESS = Cosigner(NAME, SEED)
TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_the_bytes_that_are_signed_are_those_of_the_specification() -> None:
    """Header, time line, the whole note body; the time in eight bytes before the signature."""
    line = WITNESS.cosign(TEXT, 1679315147)
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    message = (
        b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    assert line.signature == (1679315147).to_bytes(8, "big") + private.sign(message)
    public = private.public_key().public_bytes_raw()
    assert line.key_id == sha256(NAME.encode() + b"\n\x04" + public).digest()[:4]
    assert line.text().startswith(f"\u2014 {NAME} ")
    assert moment_of(line) == 1679315147
    material = base64.b64encode(b"\x04" + public).decode()
    assert WITNESS.key.vkey == f"{NAME}+{line.key_id.hex()}+{material}"


def test_a_note_is_opened_with_a_log_s_and_a_witness_s_key() -> None:
    log = Signer("example.com/behind-the-sofa", b"\1" * 32)
    note = log.sign(TEXT) + WITNESS.cosign(TEXT, 5).text()
    assert open_note(note.encode(), [log.verifier]) == TEXT
    assert open_note(note.encode(), [WITNESS.key]) == TEXT
    assert [key.name for key, _ in Note.parse(note.encode()).signed_by([WITNESS.key])] == [NAME]


@given(st.integers(1, LATEST), st.integers(0, 71), st.integers(1, 255))
def test_any_byte_changed_is_another_cosignature(moment: int, at: int, change: int) -> None:
    good = WITNESS.cosign(TEXT, moment).signature
    assert WITNESS.key.signed(TEXT, good)
    changed = bytearray(good)
    changed[at] ^= change
    assert not WITNESS.key.signed(TEXT, bytes(changed))
    assert not WITNESS.key.signed(TEXT + "more\n", good)


@pytest.mark.parametrize("signature", [b"", b"\0" * 8, b"\0" * 71, b"\0" * 72, b"\0" * 73, b"\xff" * 72])
def test_what_is_no_cosignature_is_none(signature: bytes) -> None:
    assert not WITNESS.key.signed(TEXT, signature)


def test_a_time_after_the_last_one_is_none_even_if_it_is_signed() -> None:
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    late = LATEST + 1
    signature = late.to_bytes(8, "big") + private.sign(f"cosignature/v1\ntime {late}\n{TEXT}".encode())
    assert not WITNESS.key.signed(TEXT, signature)
    for moment in (0, -1, late):
        with pytest.raises(ValueError, match="time"):
            WITNESS.cosign(TEXT, moment)


def test_a_plain_signature_of_the_same_key_is_no_cosignature() -> None:
    """The types are told apart by the key's identifier, and by the header in what is signed."""
    log = Signer(NAME, SEED)
    assert log.verifier.key_id != WITNESS.key.key_id
    stolen = SignatureLine(NAME, WITNESS.key.key_id, (5).to_bytes(8, "big") + log.sign_bytes(TEXT.encode()))
    assert not WITNESS.key.signed(TEXT, stolen.signature)


def lattice(text: str, moment: int, name: str = NAME) -> tuple[CosignatureKey, bytes]:
    """A witness's ML-DSA-44 key, and its cosignature of `text`, written from tlog-cosignature: nothing of the product's own."""
    private = MLDSA44PrivateKey.from_seed_bytes(SEED)
    origin, size, root = text.split("\n")[:3]
    statement = b"".join(
        [
            b"subtree/v1\n\0",
            bytes([len(name)]) + name.encode(),
            moment.to_bytes(8, "big"),
            bytes([len(origin)]) + origin.encode(),
            bytes(8) + int(size).to_bytes(8, "big"),
            base64.b64decode(root),
        ]
    )
    return CosignatureKey(NAME, private.public_key().public_bytes_raw()), moment.to_bytes(8, "big") + private.sign(
        statement
    )


def test_ml_dsa_44_cosignatures_are_read() -> None:
    """What tlog-cosignature recommends for new witnesses: the statement names the witness, the log, the size and the root."""
    key, good = lattice(TEXT, 1679315147)
    assert key.key_id == sha256(NAME.encode() + b"\n\x06" + key.public_key).digest()[:4]
    assert CosignatureKey.parse(key.vkey) == key
    assert key.signed(TEXT, good)
    for at in (0, 7, 8, len(good) - 1):
        assert not key.signed(TEXT, good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    assert not key.signed(TEXT, good[:-1])
    assert not key.signed(TEXT, good + b"x")
    assert not key.signed(TEXT.replace("20852163", "20852164"), good)
    assert not key.signed(TEXT + "an extension, which is not signed\n", good)
    assert not key.signed("no checkpoint\n", good)
    assert not key.signed(TEXT, lattice(TEXT, 1679315147, "witness.example/w2")[1])
    assert not key.signed(TEXT, lattice(TEXT, LATEST + 1)[1])
    long = "x" * 256 + TEXT[TEXT.index("\n") :]
    assert not key.signed(long, good)


def test_what_torchwood_cosigned_meets_the_policy_that_it_reads() -> None:
    """One witness with an Ed25519 key and one with ML-DSA-44 (tests/go/others); each alone is not both."""
    policy = Policy.parse((WRITTEN / "policy").read_bytes())
    note = (WRITTEN / "checkpoint").read_text()
    assert (policy.evaluate(note.encode()).met, policy.text()) == (
        True,
        (WRITTEN / "policy").read_text().replace("all", "2"),
    )
    for name in ("elliptic", "lattice"):
        line = next(line for line in note.splitlines(keepends=True) if f" {name}.example/" in line)
        verdict = policy.evaluate(note.replace(line, "").encode())
        assert (verdict.met, len(verdict.cosigned)) == (False, 1)


def test_keys_are_read_as_they_were_written() -> None:
    assert CosignatureKey.parse(WITNESS.key.vkey) == WITNESS.key
    assert Cosigner.parse(WITNESS.skey()).key == WITNESS.key
    assert base64.b64encode(SEED).decode() not in repr(WITNESS)


@pytest.mark.parametrize(
    "skey",
    [
        "",
        "PRIVATE+KEY+",
        Signer(NAME, SEED).skey(),
        WITNESS.skey().replace("w1", "w2"),
        WITNESS.skey()[:-4],
        WITNESS.key.vkey,
    ],
)
def test_what_is_no_witness_s_key_is_refused_without_repeating_it(skey: str) -> None:
    with pytest.raises(MalformedKeyError) as refused:
        Cosigner.parse(skey)
    assert not skey or skey[-20:] not in str(refused.value)
    with pytest.raises(MalformedKeyError):
        CosignatureKey.parse(Signer(NAME, SEED).verifier.vkey)
