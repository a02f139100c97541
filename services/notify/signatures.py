"""Standard Webhooks signatures (version 1, symmetric): HMAC-SHA-256 over id, timestamp and body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

SECRET_BYTES: Final = 32
"""The specification asks for 24 to 64."""
PREFIX: Final = "whsec_"


def new_secret() -> bytes:
    """Return a new secret, from the operating system's randomness."""
    return secrets.token_bytes(SECRET_BYTES)


def written(secret: bytes) -> str:
    """Return the secret as its owner is given it: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secret).decode()


def key_of(text: str) -> bytes:
    """Return the secret that is written so.

    Raises:
        ValueError: it is none.
    """
    secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    if not secret:
        raise ValueError("an empty secret")
    return secret


def signature(secret: bytes, message: str, timestamp: int, body: bytes) -> str:
    """Return the signature of one secret: `v1,` and base64; `timestamp` is in seconds since 1970."""
    signed = b"%b.%d.%b" % (message.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def headers(keys: Sequence[bytes], message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a message; while a secret is being changed there are two signatures, the newer first."""
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, message, timestamp, body) for key in keys),
    }
