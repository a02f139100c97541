"""Whether a webhook was signed by Lagspill just now: Standard Webhooks, version 1, symmetric."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from typing import Final

TOLERANCE: Final = 300
"""Seconds by which the two clocks may differ; an older request may be somebody's who has recorded it."""
PREFIX: Final = "whsec_"


class SignatureRefusedError(Exception):
    """Nobody who knows the secret has signed this, just now. Answer 401."""


def verify(secrets: str | Iterable[str], headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> None:
    """Return when one of the signatures was made with one of `secrets`, within five minutes of `now`, over exactly `body`.

    Args:
        secrets: What the subscription was answered with (`whsec_...`); several while one is being changed.
        headers: The request's; the case of their names does not matter.
        body: The bytes as they came, before anything has parsed them.
        now: Seconds since 1970; the system's clock when None.

    Raises:
        SignatureRefusedError: no such signature.
        ValueError: a secret is not one.
    """
    given = {name.lower(): value for name, value in headers.items()}
    identity, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not identity or not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 12:
        raise SignatureRefusedError("it says no id and time")
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE:
        raise SignatureRefusedError("it was signed more than five minutes from now")
    signed = f"{identity}.{stamp}.".encode() + body
    signatures = [each.encode("utf-8", "replace") for each in given.get("webhook-signature", "").split(" ")]
    good = False
    for secret in [secrets] if isinstance(secrets, str) else secrets:
        made = b"v1," + base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256))
        for each in signatures:
            good |= hmac.compare_digest(made, each)
    if not good:
        raise SignatureRefusedError("no signature is of a secret that is known")


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret.

    Raises:
        ValueError: it is not one.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError("a secret is `whsec_` and base64")
    return key
