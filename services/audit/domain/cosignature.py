"""Cosignatures (C2SP tlog-cosignature): a witness's word that a checkpoint is consistent with all before it.

Those with Ed25519 keys are read and made, those with ML-DSA-44 keys are read.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from services.audit.domain.checkpoint import Checkpoint, MalformedCheckpointError
from services.audit.domain.note import MalformedKeyError, MalformedNoteError, SignatureLine, Verifier, is_name

COSIGNATURE: Final = 0x04
"""The signature type of a timestamped Ed25519 cosignature (signed-note § Signature types)."""
ML_DSA: Final = 0x06
"""The signature type of a timestamped ML-DSA-44 cosignature."""
_TYPES: Final = {32: COSIGNATURE, 1312: ML_DSA}
"""The signature type by the bytes that a public key has."""
LATEST: Final = 2**63 - 1
"""No timestamp is greater (tlog-cosignature § Format)."""
_STAMP: Final = 8
_PRIVATE: Final = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class CosignatureKey:
    """A witness's public key under its name."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse what a signature line could not hold, and what this machine cannot verify."""
        if not is_name(self.name) or len(self.public_key) not in _TYPES:
            raise MalformedKeyError("a witness's key has a name without spaces and plus signs, and 32 or 1312 bytes")
        if self.type == ML_DSA:
            try:
                MLDSA44PublicKey.from_public_bytes(self.public_key)
            except UnsupportedAlgorithm as error:
                raise MalformedKeyError("this machine's cryptography library does not know ML-DSA-44") from error

    @property
    def type(self) -> int:
        """Return the signature type: Ed25519's or ML-DSA-44's."""
        return _TYPES[len(self.public_key)]

    @property
    def key_id(self) -> bytes:
        """Return the four bytes by which a signature line names this key; another than for the same bytes as a log's key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public_key).digest()[:4]

    @property
    def vkey(self) -> str:
        """Return `<name>+<key id in hex>+<base64 of type and key>`."""
        return f"{self.name}+{self.key_id.hex()}+{_encode(self.type, self.public_key)}"

    @classmethod
    def parse(cls, vkey: str) -> CosignatureKey:
        """Read a verifier key.

        Raises:
            MalformedKeyError: it is none, is of another type, its identifier is another key's, or nothing here verifies with it.
        """
        name, _, rest = vkey.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        key = cls(name, _decode(encoded, (COSIGNATURE, ML_DSA)))
        if key.key_id.hex() != key_id:
            raise MalformedKeyError("the key's identifier belongs to another key")
        return key

    def signed(self, text: str, signature: bytes) -> bool:
        """Return whether `signature` (timestamp and signature, without key id) is this key's over the checkpoint `text`."""
        moment = int.from_bytes(signature[:_STAMP], "big")
        if len(signature) <= _STAMP or moment > LATEST:
            return False
        try:
            if self.type == COSIGNATURE:
                Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature[_STAMP:], message(text, moment))
            else:
                said = statement(self.name, text, moment)
                MLDSA44PublicKey.from_public_bytes(self.public_key).verify(signature[_STAMP:], said)
        except (InvalidSignature, MalformedCheckpointError):
            return False
        return True


def parse_log_key(vkey: str) -> Verifier | CosignatureKey:
    """Read the key of somebody else's log: Ed25519 (type 1), or ML-DSA-44 (type 6; tlog-checkpoint § Signatures).

    Raises:
        MalformedKeyError: it is none of these.
    """
    try:
        key = CosignatureKey.parse(vkey)
    except MalformedKeyError:
        return Verifier.parse(vkey)
    if key.type != ML_DSA:
        raise MalformedKeyError("a witness's Ed25519 key (type 4) signs no log")
    return key


def message(text: str, moment: int) -> bytes:
    """Return what is signed over the checkpoint `text` at `moment` (POSIX seconds): header, time, and the whole text."""
    return f"cosignature/v1\ntime {moment}\n{text}".encode()


def statement(name: str, text: str, moment: int) -> bytes:
    """Return what the witness `name` signs with ML-DSA-44 over the checkpoint `text` at `moment` (POSIX seconds).

    Raises:
        MalformedCheckpointError: the text is no checkpoint, has lines that would not be signed, or a name longer than 255 bytes.
    """
    checkpoint = Checkpoint.parse(text)
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    if text != checkpoint.text() or max(len(cosigner), len(origin)) > 255:
        raise MalformedCheckpointError("an ML-DSA-44 cosignature says three lines, and names of up to 255 bytes")
    return b"".join(
        [
            b"subtree/v1\n\0",
            bytes([len(cosigner)]) + cosigner,
            moment.to_bytes(_STAMP, "big"),
            bytes([len(origin)]) + origin,
            bytes(8) + checkpoint.size.to_bytes(8, "big"),  # the whole tree: from leaf 0 to its size
            checkpoint.root,
        ]
    )


def moment_of(line: SignatureLine) -> int:
    """Return the time, in POSIX seconds, that a cosignature's line states; it is signed too.

    Raises:
        MalformedNoteError: the line is too short to be a cosignature.
    """
    if len(line.signature) <= _STAMP:
        raise MalformedNoteError("a cosignature begins with its time")
    return int.from_bytes(line.signature[:_STAMP], "big")


class Cosigner:
    """A witness's private Ed25519 key. It shows neither in its representation nor in an error."""

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != 32:
            raise MalformedKeyError("an Ed25519 seed has 32 bytes")
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = CosignatureKey(name, self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        """Return the public half."""
        return f"Cosigner({self.key.vkey})"

    @classmethod
    def parse(cls, skey: str) -> Cosigner:
        """Read `PRIVATE+KEY+<name>+<key id>+<base64 of type and seed>`.

        Raises:
            MalformedKeyError: it is no such key; the message does not repeat it.
        """
        stripped = skey.strip()
        if not stripped.startswith(_PRIVATE):
            raise MalformedKeyError("the witness's key does not begin with PRIVATE+KEY+")
        name, _, rest = stripped.removeprefix(_PRIVATE).partition("+")
        key_id, _, encoded = rest.partition("+")
        cosigner = cls(name, _decode(encoded, (COSIGNATURE,)))
        if cosigner.key.key_id.hex() != key_id:
            raise MalformedKeyError("the key's identifier belongs to another key")
        return cosigner

    def skey(self) -> str:
        """Return the private key as it is kept in a file."""
        return f"{_PRIVATE}{self.key.name}+{self.key.key_id.hex()}+{_encode(COSIGNATURE, self._seed)}"

    def cosign(self, text: str, moment: int) -> SignatureLine:
        """Return the cosignature over the checkpoint `text` at `moment`.

        Raises:
            ValueError: the moment is none that a cosignature can state.
        """
        if not 0 < moment <= LATEST:
            raise ValueError("a cosignature states its time")
        signature = moment.to_bytes(_STAMP, "big") + self._key.sign(message(text, moment))
        return SignatureLine(self.key.name, self.key.key_id, signature)


def _encode(kind: int, material: bytes) -> str:
    return base64.b64encode(bytes([kind]) + material).decode()


def _decode(encoded: str, types: Collection[int]) -> bytes:
    try:
        material = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise MalformedKeyError("a key is base64") from error
    if _TYPES.get(len(material) - 1) not in types or material[0] != _TYPES[len(material) - 1]:
        raise MalformedKeyError(
            "not a witness's key (Ed25519, type 4, or of a witness that is asked also ML-DSA-44, type 6)"
        )
    return material[1:]
