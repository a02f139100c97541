"""Cosignatures (C2SP tlog-cosignature) with Ed25519 keys: a witness's word that a checkpoint is consistent with all before it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.audit.domain.note import MalformedKeyError, MalformedNoteError, SignatureLine, Verifier

COSIGNATURE: Final = 0x04
"""The signature type of a timestamped Ed25519 cosignature (signed-note § Signature types)."""
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
        """Refuse what a signature line could not hold."""
        Verifier(self.name, self.public_key)

    @property
    def key_id(self) -> bytes:
        """Return the four bytes by which a signature line names this key; another than for the same bytes as a log's key."""
        return sha256(self.name.encode() + b"\n" + bytes([COSIGNATURE]) + self.public_key).digest()[:4]

    @property
    def vkey(self) -> str:
        """Return `<name>+<key id in hex>+<base64 of type and key>`."""
        return f"{self.name}+{self.key_id.hex()}+{_encode(self.public_key)}"

    @classmethod
    def parse(cls, vkey: str) -> CosignatureKey:
        """Read a verifier key.

        Raises:
            MalformedKeyError: it is none, is of another type, or its identifier is another key's.
        """
        name, _, rest = vkey.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        key = cls(name, _decode(encoded))
        if key.key_id.hex() != key_id:
            raise MalformedKeyError("the key's identifier belongs to another key")
        return key

    def signed(self, text: str, signature: bytes) -> bool:
        """Return whether `signature` (timestamp and signature, without key id) is this key's over the checkpoint `text`."""
        if len(signature) != _STAMP + 64:
            return False
        moment = int.from_bytes(signature[:_STAMP], "big")
        if moment > LATEST:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature[_STAMP:], message(text, moment))
        except InvalidSignature:
            return False
        return True


def message(text: str, moment: int) -> bytes:
    """Return what is signed over the checkpoint `text` at `moment` (POSIX seconds): header, time, and the whole text."""
    return f"cosignature/v1\ntime {moment}\n{text}".encode()


def moment_of(line: SignatureLine) -> int:
    """Return the time, in POSIX seconds, that a cosignature's line states; it is signed too.

    Raises:
        MalformedNoteError: the line is too short to be a cosignature.
    """
    if len(line.signature) <= _STAMP:
        raise MalformedNoteError("a cosignature begins with its time")
    return int.from_bytes(line.signature[:_STAMP], "big")


class Cosigner:
    """A witness's private key. It shows neither in its representation nor in an error."""

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
        cosigner = cls(name, _decode(encoded))
        if cosigner.key.key_id.hex() != key_id:
            raise MalformedKeyError("the key's identifier belongs to another key")
        return cosigner

    def skey(self) -> str:
        """Return the private key as it is kept in a file."""
        return f"{_PRIVATE}{self.key.name}+{self.key.key_id.hex()}+{_encode(self._seed)}"

    def cosign(self, text: str, moment: int) -> SignatureLine:
        """Return the cosignature over the checkpoint `text` at `moment`.

        Raises:
            ValueError: the moment is none that a cosignature can state.
        """
        if not 0 < moment <= LATEST:
            raise ValueError("a cosignature states its time")
        signature = moment.to_bytes(_STAMP, "big") + self._key.sign(message(text, moment))
        return SignatureLine(self.key.name, self.key.key_id, signature)


def _encode(material: bytes) -> str:
    return base64.b64encode(bytes([COSIGNATURE]) + material).decode()


def _decode(encoded: str) -> bytes:
    try:
        material = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise MalformedKeyError("a key is base64") from error
    if len(material) != 33 or material[0] != COSIGNATURE:
        raise MalformedKeyError("not a witness's Ed25519 key (type 4)")
    return material[1:]
