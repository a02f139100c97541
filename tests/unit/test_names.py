"""How names are cut for searching: Norwegian letters, beginnings, other scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.names import LONGEST, SHORTEST, beginnings, tokens


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Åse Bjørk", ("aase", "bjoerk")),
        ("AASE  bjoerk", ("aase", "bjoerk")),
        ("Ase", ("ase",)),
        ("Bjørk Årstad-Prøvesen", ("bjoerk", "aarstad", "proevesen")),
        ("René O'Test", ("rene", "o", "test")),
        ("A\u030ase", ("aase",)),
        ("Æsop æsop", ("aesop",)),
        ("王", ()),
        ("", ()),
    ],
)
def test_tokens(name: str, expected: tuple[str, ...]) -> None:
    assert tokens(name) == expected


def test_beginnings() -> None:
    assert beginnings("Åse Bo") == ("aas", "aase", "bo")
    assert max(map(len, beginnings("Oppdiktstad" * 3))) == LONGEST


@given(st.text(max_size=60))
def test_whatever_is_written_finds_itself_by_each_of_its_beginnings(name: str) -> None:
    """Every token, and every beginning of it from three letters on, is among what the name is found by; nothing else is."""
    found = set(beginnings(name))
    wanted = {token[:length] for token in tokens(name) for length in range(min(SHORTEST, len(token)), len(token) + 1)}
    assert found == wanted
    assert all(tokens(part) == (part,) for part in found)
    assert set(tokens(name)) <= found
