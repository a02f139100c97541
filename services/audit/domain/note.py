"""Signed notes (C2SP signed-note) with Ed25519 keys, written as golang.org/x/mod/sumdb/note writes them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ED25519: Final = 0x01
"""The signature type of a plain Ed25519 signature over the text (signed-note § Signature types)."""
MAX_SIGNATURES: Final = 100
"""More signature lines than these are not read; signed-note asks for at least 16."""
_MARK: Final = "\N{EM DASH} "
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class MalformedNoteError(ValueError):
    """The bytes are no signed note."""


class MalformedKeyError(ValueError):
    """The text is no key of a signed note, or its identifier is another key's."""


class UnsignedNoteError(ValueError):
    """No signature on the note is one of the given keys'."""


class ForgedNoteError(ValueError):
    """A signature claims to be one of the given keys' and is not."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under a name: what `vkey` writes."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse a name that a signature line could not hold."""
        if not is_name(self.name) or len(self.public_key) != 32:
            raise MalformedKeyError("a key has a name without spaces and plus signs, and 32 bytes")

    @property
    def key_id(self) -> bytes:
        """Return the four bytes by which a signature names this key."""
        return sha256(self.name.encode() + b"\n" + bytes([ED25519]) + self.public_key).digest()[:4]

    @property
    def vkey(self) -> str:
        """Return `<name>+<key id in hex>+<base64 of type and key>`."""
        encoded = base64.b64encode(bytes([ED25519]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """Read a verifier key.

        Raises:
            MalformedKeyError: it is none, is of another type than Ed25519, or its identifier is wrong.
        """
        name, _, rest = vkey.strip().partition("+")
        verifier = cls(name, _key_bytes(rest))
        if verifier.key_id.hex() != rest.partition("+")[0]:
            raise MalformedKeyError("the key's identifier belongs to another key")
        return verifier

    def signed(self, text: str, signature: bytes) -> bool:
        """Return whether `signature` (without key id) is this key's over `text`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


class Signer:
    """A private key under a name. It shows neither in its representation nor in an error."""

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != 32:
            raise MalformedKeyError("an Ed25519 seed has 32 bytes")
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        """Return the public half."""
        return f"Signer({self.verifier.vkey})"

    @classmethod
    def parse(cls, skey: str) -> Signer:
        """Read `PRIVATE+KEY+<name>+<key id>+<base64 of type and seed>`.

        Raises:
            MalformedKeyError: it is no such key; the message does not repeat it.
        """
        private, _, rest = skey.strip().partition("+")
        key, _, rest = rest.partition("+")
        name, _, rest = rest.partition("+")
        if (private, key) != ("PRIVATE", "KEY"):
            raise MalformedKeyError("the signing key does not begin with PRIVATE+KEY+")
        signer = cls(name, _key_bytes(rest))
        if signer.verifier.key_id.hex() != rest.partition("+")[0]:
            raise MalformedKeyError("the key's identifier belongs to another key")
        return signer

    def named(self, name: str) -> Signer:
        """Return the same key under another name: one log signs with its own origin as the name (tlog-checkpoint)."""
        return Signer(name, self._seed)

    def derived(self, name: str) -> Signer:
        """Return a key that is this one's and that name's alone: nobody without this key can tell that they belong together.

        HKDF-SHA-256 (RFC 5869) over the seed, without salt; the name is in the context. Always the same.
        """
        context = b"lagspill.no/protected-log-key@v1\n" + name.encode()
        return Signer(name, HKDF(hashes.SHA256(), 32, None, context).derive(self._seed))

    def skey(self) -> str:
        """Return the private key as it is kept in a file."""
        encoded = base64.b64encode(bytes([ED25519]) + self._seed).decode()
        return f"PRIVATE+KEY+{self.verifier.name}+{self.verifier.key_id.hex()}+{encoded}"

    def sign(self, text: str) -> str:
        """Return the note: `text` (which ends in a newline), a blank line and this key's signature.

        Raises:
            MalformedNoteError: a note cannot hold this text.
        """
        return write_note(text, [(self.verifier, self.sign_bytes(text.encode()))])

    def sign_bytes(self, message: bytes) -> bytes:
        """Return the bare Ed25519 signature (RFC 8032) over `message`."""
        return self._key.sign(message)


def write_note(text: str, signatures: Sequence[tuple[Verifier, bytes]]) -> str:
    """Return the note: `text` (which ends in a newline), a blank line and one line for each key's signature over the text.

    Raises:
        MalformedNoteError: a note cannot hold this text, or has no signature.
    """
    if not text.endswith("\n") or _CONTROL.search(text):
        raise MalformedNoteError("a note's text ends in a newline and holds no other control character")
    if not signatures:
        raise MalformedNoteError("a note has at least one signature")
    lines = [SignatureLine(verifier.name, verifier.key_id, signature).text() for verifier, signature in signatures]
    return "".join([text, "\n", *lines])


class NoteKey(Protocol):
    """A public key that a signature line can name: of whatever type."""

    @property
    def name(self) -> str:
        """The name under which it signs."""

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature names it."""

    def signed(self, text: str, signature: bytes) -> bool:
        """Return whether `signature` (without key id) is this key's over `text`."""


K = TypeVar("K", bound=NoteKey)


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One line under a note, whoever it is of and whether it is right or not."""

    name: str
    key_id: bytes
    signature: bytes

    def text(self) -> str:
        """Return the line, with its end."""
        return f"{_MARK}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"

    @classmethod
    def parse(cls, line: str) -> SignatureLine:
        """Read a line, without its end.

        Raises:
            MalformedNoteError: it is none.
        """
        name, _, encoded = line.removeprefix(_MARK).partition(" ")
        try:
            signature = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise MalformedNoteError("a signature is base64") from error
        if not line.startswith(_MARK) or not is_name(name) or len(signature) < 5:
            raise MalformedNoteError("a signature line is a dash, a name and a signature")
        return cls(name, signature[:4], signature[4:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the lines under it. Nothing is verified yet: the text is to be trusted only when a known key has signed it."""

    text: str
    lines: tuple[SignatureLine, ...]

    @classmethod
    def parse(cls, note: bytes) -> Note:
        """Read a note (signed-note § Format).

        Raises:
            MalformedNoteError: the bytes are no signed note.
        """
        try:
            whole = note.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedNoteError("a note is UTF-8") from error
        text, blank, block = whole.rpartition("\n\n")
        if _CONTROL.search(whole) or not blank or not block.endswith("\n"):
            raise MalformedNoteError("a note is a text, a blank line and signature lines")
        lines = block[:-1].split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise MalformedNoteError("too many signatures")
        return cls(text + "\n", tuple(SignatureLine.parse(line) for line in lines))

    def signed_by(self, keys: Iterable[K]) -> list[tuple[K, SignatureLine]]:
        """Return those of `keys` that have signed, each with its line; unknown signatures are ignored.

        Raises:
            ForgedNoteError: a line names one of the keys and is not its signature.
        """
        known = {(key.name, key.key_id): key for key in keys}
        found = []
        for line in self.lines:
            key = known.get((line.name, line.key_id))
            if key is None:
                continue
            if not key.signed(self.text, line.signature):
                raise ForgedNoteError(f"the signature of {key.name} is not that key's")
            found.append((key, line))
        return found


def open_note(note: bytes, verifiers: Sequence[NoteKey]) -> str:
    """Return the note's text, once at least one of `verifiers` has signed it; unknown signatures are ignored.

    Raises:
        MalformedNoteError: the bytes are no signed note.
        ForgedNoteError: a line names one of the keys and is not its signature.
        UnsignedNoteError: no line is one of the keys'.
    """
    opened = Note.parse(note)
    if not opened.signed_by(verifiers):
        raise UnsignedNoteError("none of the given keys has signed the note")
    return opened.text


def is_name(name: str) -> bool:
    """Return whether a key can have this name: it is not empty, and has no space and no plus sign (signed-note)."""
    return bool(name) and "+" not in name and not any(letter.isspace() for letter in name)


def _key_bytes(text: str) -> bytes:
    """Return the key material of `<key id>+<base64>`, where it is Ed25519's."""
    key_id, _, encoded = text.partition("+")
    try:
        material = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise MalformedKeyError("a key is base64") from error
    if len(key_id) != 8 or len(material) != 33 or material[0] != ED25519:
        raise MalformedKeyError("not an Ed25519 key of a signed note")
    return material[1:]
