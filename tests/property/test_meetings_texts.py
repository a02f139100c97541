"""The anonymous-text check under any text at all."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.meetings.domain.linter import Trace, find
from services.meetings.domain.vocabulary import GIVEN_NAMES
from shared.testing.people import synthetic_number

ORDINARY = st.sampled_from(["Vi ser at", "Hva gjør vi når", "Barnet sier at", "Det er fint når", "Kanskje bør"])
AFTER = st.sampled_from(["leker alene.", "strever med språk.", "er her", "og de andre", ", som er fem", ""])


@settings(deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_read_to_its_end(text: str) -> None:
    for found in find(text):
        assert found.word


@pytest.mark.rule(2)
@settings(deadline=None)
@given(ORDINARY, st.sampled_from(sorted(GIVEN_NAMES)), AFTER)
def test_a_given_name_with_its_capital_is_found_inside_any_sentence(before: str, name: str, after: str) -> None:
    written = name.capitalize()
    assert any(written in found.word for found in find(f"{before} {written} {after}"))


@pytest.mark.rule(2)
@settings(deadline=None)
@given(
    ORDINARY,
    st.dates(date(1940, 1, 1), date(2039, 12, 31)),
    st.integers(0, 2**32),
    st.sampled_from(["", " ", "-", ".", "/", "\u200b", "\u2060"]),
    st.integers(1, 10),
    st.sampled_from([0, 40, 65, 80]),
    AFTER,
)
def test_a_national_number_of_any_form_is_found_inside_any_text(
    before: str, born: date, seed: int, gap: str, place: int, added: int, after: str
) -> None:
    number = synthetic_number(born, Random(seed))
    form = f"{number[:2]}{born.month + added:02}{number[4:]}"
    written = form[:place] + gap + form[place:]
    traces = {found.trace for found in find(f"{before} {written} {after}")}
    assert traces & {Trace.NATIONAL_NUMBER, Trace.DATE, Trace.LONG_NUMBER, Trace.PHONE}
