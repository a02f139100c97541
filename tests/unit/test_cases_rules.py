"""Code lists by day and age, and national numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.codelists import CodeListError, read_rules
from services.cases.domain.national_number import born_on
from services.cases.domain.rules import CONSENT, age_on
from services.cases.errors import NationalNumberError, NoLegalBasisError
from shared.contracts.codes import GrantorClass, InformationCategory
from shared.testing.people import People
from tests.unit.cases_town import RULES, START

BORN = date(2010, 3, 15)
GUARDIAN, CHILD = GrantorClass.GUARDIAN, GrantorClass.CHILD


@pytest.mark.parametrize(
    ("day", "health", "needed"),
    [
        (date(2015, 3, 15), False, {GUARDIAN: 2}),
        (date(2025, 3, 14), False, {GUARDIAN: 2}),
        (date(2025, 3, 15), False, {GUARDIAN: 2, CHILD: 1}),
        (date(2025, 3, 15), True, {GUARDIAN: 2, CHILD: 1}),
        (date(2026, 3, 15), True, {CHILD: 1}),
        (date(2026, 3, 15), False, {GUARDIAN: 2, CHILD: 1}),
        (date(2028, 3, 15), False, {CHILD: 1}),
        (date(2028, 3, 15), True, {CHILD: 1}),
    ],
)
@pytest.mark.rule(4, 99)
def test_who_must_grant_follows_age_and_kind_of_information(
    day: date, health: bool, needed: dict[GrantorClass, int]
) -> None:
    """The boundaries 15, 16 and 18 fall on the birthday (law-and-standards 3.3)."""
    category = InformationCategory.HEALTH if health else InformationCategory.LANGUAGE
    day = max(day, date(2018, 7, 20)) if day.year < 2018 else day
    assert RULES.needed_grantors(born=BORN, day=day, categories=[category], guardians=2) == needed


def test_the_strictest_category_decides() -> None:
    both = [InformationCategory.HEALTH, InformationCategory.LANGUAGE]
    needed = RULES.needed_grantors(born=BORN, day=date(2026, 4, 1), categories=both, guardians=1)
    assert needed == {GUARDIAN: 1, CHILD: 1}


def test_before_the_lists_begin_there_is_no_row() -> None:
    with pytest.raises(NoLegalBasisError):
        RULES.needed_grantors(
            born=date(2010, 1, 1), day=date(2018, 7, 19), categories=[InformationCategory.HEALTH], guardians=2
        )
    with pytest.raises(NoLegalBasisError):
        RULES.basis(CONSENT, datetime(2018, 7, 19, 21, 59, tzinfo=UTC))


def test_a_basis_is_dated_by_the_day_in_norway() -> None:
    assert RULES.basis(CONSENT, datetime(2018, 7, 19, 22, 0, tzinfo=UTC)).version == "2018-07-20"
    ended = RULES.model_copy(
        update={"bases": tuple(row.model_copy(update={"valid_to": date(2026, 9, 6)}) for row in RULES.bases)}
    )
    with pytest.raises(NoLegalBasisError):
        ended.basis(CONSENT, START)


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2012, 2, 29), date(2027, 2, 28), 14),
        (date(2012, 2, 29), date(2027, 3, 1), 15),
        (date(2012, 2, 29), date(2028, 2, 29), 16),
        (date(2010, 12, 31), date(2025, 12, 30), 14),
        (date(2010, 12, 31), date(2025, 12, 31), 15),
    ],
)
def test_ages_are_full_on_the_birthday(born: date, day: date, age: int) -> None:
    assert age_on(born, day) == age


def test_a_code_list_that_cannot_be_used_says_which(tmp_path: Path) -> None:
    with pytest.raises(CodeListError, match=r"legal-bases\.yaml"):
        read_rules(tmp_path)
    (tmp_path / "legal-bases.yaml").write_text("bases: [{code: consent}]")
    with pytest.raises(CodeListError, match="valid_from"):
        read_rules(tmp_path)


@given(st.integers(min_value=0, max_value=500), st.integers(min_value=0, max_value=17))
def test_a_national_number_tells_the_birthday(seed: int, age: int) -> None:
    child = People(seed).child(age=age)
    assert born_on(child.national_number) == child.born
    grown = People(seed).guardian()
    assert born_on(grown.national_number) == grown.born


@given(st.integers(min_value=0, max_value=200), st.integers(0, 10), st.integers(1, 9))
def test_any_single_mistyped_digit_is_found(seed: int, place: int, by: int) -> None:
    number = People(seed).child().national_number
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    with pytest.raises(NationalNumberError):
        born_on(wrong)


@pytest.mark.parametrize(
    "number", ["", "1234567890", "123456789012", "abcdefghijk", "00000000000", "１５９１２１９９９７２"]
)
def test_what_is_no_national_number(number: str) -> None:
    with pytest.raises(NationalNumberError):
        born_on(number)
