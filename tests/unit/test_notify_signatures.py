"""Standard Webhooks signatures: the specification's published vector, and what a receiver checks."""

from __future__ import annotations

import base64
import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from services.notify.signatures import PREFIX, headers, new_secret, signature, written

PUBLISHED = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The secret, message, time, body and signature that the specification's reference implementations are tested with."""
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_vector() -> None:
    body = b'{"test": 2432232314}'
    assert signature(base64.b64decode(PUBLISHED), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == SIGNED


def test_a_secret_is_written_as_the_specification_has_it() -> None:
    secret = new_secret()
    assert 24 <= len(secret) <= 64
    assert written(secret).startswith(PREFIX)
    assert base64.b64decode(written(secret).removeprefix(PREFIX), validate=True) == secret
    assert new_secret() != secret


@given(st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=2, unique=True), st.binary(max_size=200))
def test_whoever_has_one_of_the_secrets_finds_it_among_the_signatures(keys: list[bytes], body: bytes) -> None:
    """Computed here by the specification's words, not by our function."""
    sent = headers(keys, "an-id", 1790000000, body)
    assert set(sent) == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    signed = b".".join([sent["webhook-id"].encode(), sent["webhook-timestamp"].encode(), body])
    for key in keys:
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert f"v1,{expected}" in sent["webhook-signature"].split(" ")
    assert len(sent["webhook-signature"].split(" ")) == len(keys)
