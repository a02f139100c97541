"""What a header asks for, over whatever it may say (RFC 9110 § 12.4.2, 12.5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codes import Language
from shared.preferences import preferred, preferred_language

WEIGHTS = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


@given(st.text(st.characters(codec=None)))
def test_any_header_gives_a_language(accepted: str) -> None:
    assert preferred_language(accepted) in set(Language)


@given(st.permutations(list(Language)), st.lists(WEIGHTS, min_size=3, max_size=3))
def test_the_heaviest_is_wanted_and_the_first_of_equals(order: list[Language], weights: list[float]) -> None:
    """What weighs nothing is not wanted at all."""
    asked = dict(zip(order, weights, strict=True))
    wanted = [language for language in order if asked[language] > 0]
    best = max(wanted, key=lambda language: asked[language], default=Language.NB)
    assert preferred_language(", ".join(f"{tag};q={weight:.3f}" for tag, weight in asked.items())) is best


@pytest.mark.parametrize(
    "weight", ["1.5", "2", "1.001", "-1", "0.1234", "", "x", "nan", "inf", "1e-1", ".5", " 1", "٠.٥", '"1"']
)
def test_what_is_no_weight_is_passed_over(weight: str) -> None:
    """In a language and a kind alike; what else stands in the header counts."""
    assert preferred_language(f"en;q={weight}, nn;q=0.001") is Language.NN
    assert preferred(f"text/html;q={weight}, text/plain;q=0.001", {"text/html": 1, "text/plain": 2}, 0) == 2
    assert preferred_language(f"en;q={weight}") is Language.NB


@pytest.mark.parametrize("weight", ["1", "1.", "1.000", "0.999", "0.5", "0.001"])
def test_a_weight_is_read(weight: str) -> None:
    assert preferred_language(f"en ; Q={weight}, nn;q=0.0005, nb;q=0") is Language.EN
    assert preferred_language(f"text/html;level=1, no-NO;q={weight}, en;q=0.") is Language.NB


def test_no_more_than_twenty_ranges_are_read() -> None:
    assert preferred_language(", ".join(["sv"] * 19 + ["en"])) is Language.EN
    assert preferred_language(", ".join(["sv"] * 20 + ["en"])) is Language.NB
