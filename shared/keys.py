"""Key-encryption keys: what data keys are wrapped with. Kept outside the database, so that a copy of it opens nothing."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import LagspillError, UnavailableError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
"""96 random bits (NIST SP 800-38D § 8.2.2): a data key seals far fewer than the 2**32 contents that this allows."""


class TamperedError(LagspillError):
    """A stored content is not what was stored: it was changed, moved or sealed under another key."""

    code = "vault-tampered"


class KeyUnavailableError(UnavailableError):
    """The key that the content is sealed under is not at hand."""

    code = "vault-key-unavailable"


class VaultKeyError(ValueError):
    """The vault's keys are not usable; the service does not start."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it is stored."""

    key_id: str
    data: bytes = field(repr=False)


class KeyWrapping(Protocol):
    """Wraps data keys: `LocalKeys` here, a key management service elsewhere. `context` is bound to what is wrapped."""

    @property
    def current(self) -> str:
        """The id of the key that new wrappings use."""

    async def wrap(self, key: bytes, context: bytes) -> WrappedKey:
        """Return `key` wrapped under the current key."""

    async def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """Return the key.

        Raises:
            KeyUnavailableError: the key-encryption key is not known, or cannot be reached now.
            TamperedError: it was not wrapped so.
        """


_KEY_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class LocalKeys:
    """Key-encryption keys from a file or the environment. The first is current; the others open what they once wrapped."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """Use `keys` (32 bytes each, by id), the first for new wrappings.

        Raises:
            VaultKeyError: there is none, or one is not 32 bytes.
        """
        if not keys:
            raise VaultKeyError("the vault needs at least one key-encryption key")
        for key_id, key in keys.items():
            if not _KEY_ID.fullmatch(key_id):
                raise VaultKeyError("a key id is made of small letters, digits and hyphens, at most 40")
            if len(key) != KEY_BYTES:
                raise VaultKeyError(f"key-encryption key {key_id} is not {KEY_BYTES} bytes")
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = next(iter(keys))

    @classmethod
    def parse(cls, text: str) -> LocalKeys:
        """Return the keys in `text`: `<id>:<base64>` separated by commas or line breaks, the current one first.

        Raises:
            VaultKeyError: it is not so written. The message never repeats a key.
        """
        keys: dict[str, bytes] = {}
        for entry in re.split(r"[,\n]", text):
            if not entry.strip():
                continue
            key_id, separator, encoded = entry.strip().partition(":")
            if not separator or key_id in keys:
                raise VaultKeyError("VAULT_KEY is written <id>:<base64 of 32 bytes>, each id once")
            try:
                keys[key_id] = base64.b64decode(encoded.strip(), validate=True)
            except (binascii.Error, ValueError):
                raise VaultKeyError("a key in VAULT_KEY is not base64") from None
        return cls(keys)

    @property
    def current(self) -> str:
        """The id of the key that new wrappings use."""
        return self._current

    async def wrap(self, key: bytes, context: bytes) -> WrappedKey:
        """Return `key` wrapped under the current key (AES-256-GCM, random nonce)."""
        nonce = os.urandom(NONCE_BYTES)
        return WrappedKey(self._current, nonce + self._keys[self._current].encrypt(nonce, key, context))

    async def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """Return the key; see `KeyWrapping`."""
        key = self._keys.get(wrapped.key_id)
        if key is None:
            raise KeyUnavailableError
        try:
            return key.decrypt(wrapped.data[:NONCE_BYTES], wrapped.data[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise TamperedError from None
