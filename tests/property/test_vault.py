"""What holds of the vault's keys and hashes for any content, key and spelling."""

from __future__ import annotations

import asyncio
import base64
import unicodedata

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.keys import KeyUnavailableError, LocalKeys, TamperedError, VaultKeyError, WrappedKey
from shared.vault import LookupKind, Vault, _key_context, _place, normalise

keks = st.binary(min_size=32, max_size=32)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
places = st.tuples(texts, texts, texts, st.integers(1, 10))


@given(keks, st.binary(min_size=32, max_size=32), st.binary(max_size=60))
def test_a_wrapped_key_comes_back_and_only_in_its_place(kek: bytes, key: bytes, context: bytes) -> None:
    keys = LocalKeys({"one": kek})
    wrapped = asyncio.run(keys.wrap(key, context))
    assert key not in wrapped.data
    assert asyncio.run(keys.unwrap(wrapped, context)) == key
    with pytest.raises(TamperedError):
        asyncio.run(keys.unwrap(wrapped, context + b"x"))


@given(keks, keks, st.binary(min_size=32, max_size=32))
def test_another_key_encryption_key_opens_nothing(one: bytes, other: bytes, key: bytes) -> None:
    assume(one != other)
    wrapped = asyncio.run(LocalKeys({"one": one}).wrap(key, b""))
    with pytest.raises(TamperedError):
        asyncio.run(LocalKeys({"one": other}).unwrap(wrapped, b""))
    with pytest.raises(KeyUnavailableError):
        asyncio.run(LocalKeys({"other": one}).unwrap(wrapped, b""))


@given(keks, st.binary(max_size=100))
def test_any_bytes_in_place_of_a_wrapped_key_are_refused(kek: bytes, garbage: bytes) -> None:
    with pytest.raises(TamperedError):
        asyncio.run(LocalKeys({"one": kek}).unwrap(WrappedKey("one", garbage), b""))


@given(places, places, st.binary(max_size=100))
def test_no_two_places_are_bound_alike(
    one: tuple[str, str, str, int], other: tuple[str, str, str, int], content: bytes
) -> None:
    assume(one != other)
    assert _place(*one) != _place(*other)
    assert _place(*one) != _key_context(other[0], other[3])
    assert (_key_context(one[0], one[3]) == _key_context(other[0], other[3])) is (
        (one[0], one[3]) == (other[0], other[3])
    )
    key, nonce = AESGCM(b"k" * 32), b"n" * 12
    with pytest.raises(InvalidTag):
        key.decrypt(nonce, key.encrypt(nonce, content, _place(*one)), _place(*other))


@given(st.lists(keks, min_size=1, max_size=4))
def test_keys_are_read_as_they_are_written(written: list[bytes]) -> None:
    entries = [f"k-{number}:{base64.b64encode(key).decode()}" for number, key in enumerate(written)]
    for separator in (",", "\n", ", ", ",\n"):
        keys = LocalKeys.parse(separator.join(entries))
        assert keys.current == "k-0"
        for number, key in enumerate(written):
            wrapped = asyncio.run(LocalKeys({f"k-{number}": key}).wrap(b"d" * 32, b""))
            assert asyncio.run(keys.unwrap(wrapped, b"")) == b"d" * 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "no-separator",
        "k:not base64!",
        f"k:{base64.b64encode(b'short').decode()}",
        f"K:{base64.b64encode(b'x' * 32).decode()}",
        f":{base64.b64encode(b'x' * 32).decode()}",
        f"k:{base64.b64encode(b'x' * 32).decode()},k:{base64.b64encode(b'y' * 32).decode()}",
    ],
)
def test_keys_that_are_not_usable_are_refused_and_not_told(text: str) -> None:
    with pytest.raises(VaultKeyError) as refused:
        LocalKeys.parse(text)
    assert not text.strip() or text.partition(":")[2] not in str(refused.value) or not text.partition(":")[2]


def test_keys_are_never_shown() -> None:
    secret = "s" * 32
    assert secret not in repr(LocalKeys({"one": secret.encode()}))
    assert "data" not in repr(WrappedKey("one", b"data"))


def test_a_short_lookup_key_is_refused() -> None:
    with pytest.raises(VaultKeyError):
        Vault(LocalKeys({"one": b"x" * 32}), b"short")


@given(texts, st.booleans(), st.integers(1, 3))
def test_a_name_is_found_however_it_is_spelled(name: str, composed: bool, spaces: int) -> None:
    written = (" " * spaces).join(unicodedata.normalize("NFC" if composed else "NFD", name).split(" "))
    kind = LookupKind.NAME
    assert normalise(kind, normalise(kind, written)) == normalise(kind, written) == normalise(kind, name)


@given(st.from_regex(r"[0-9]{11}", fullmatch=True))
def test_a_number_is_found_however_it_is_spelled(number: str) -> None:
    vault = Vault(LocalKeys({"one": b"x" * 32}), b"l" * 32)
    kind = LookupKind.NATIONAL_NUMBER
    hashes = {
        vault.lookup(kind, spelling)
        for spelling in (number, f"{number[:6]} {number[6:]}", f" {number[:6]}-{number[6:]} ")
    }
    assert len(hashes) == 1
    assert number.encode() not in hashes.pop()
    assert vault.lookup(kind, number) != vault.lookup(LookupKind.NAME, number)
    assert vault.lookup(kind, number) != Vault(LocalKeys({"one": b"x" * 32}), b"m" * 32).lookup(kind, number)
