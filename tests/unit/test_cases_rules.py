"""Code lists by day and age, and national numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.codelists import CodeListError, read_rules
from services.cases.domain.grantors import age_on
from services.cases.domain.national_number import born_on
from services.cases.domain.rules import CONSENT
from services.cases.errors import MunicipalityUnknownError, NationalNumberError, NoLegalBasisError
from shared.refs import LogScope
from shared.testing.people import People
from tests.unit.cases_town import RULES, START


def test_before_the_lists_begin_there_is_no_row() -> None:
    with pytest.raises(NoLegalBasisError):
        RULES.consent.time(date(2018, 7, 19))
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


@pytest.mark.rule(107)
def test_a_municipality_is_there_when_the_list_or_this_deployment_has_it() -> None:
    assert sum(len(row.numbers) for row in RULES.municipalities) == 357
    assert len({number for row in RULES.municipalities for number in row.numbers}) == 357
    for number in ("0301", "1580", "5636"):
        RULES.require_municipality(LogScope(number), START)
    # 5637 has never been one, 1507 was parted, 1142 is a part of Stavanger, and 2100 is Svalbard.
    for number in ("0000", "5637", "1507", "1142", "2100"):
        with pytest.raises(MunicipalityUnknownError) as refused:
            RULES.require_municipality(LogScope(number), START)
        assert refused.value.extensions == {"municipality": number}
    with pytest.raises(MunicipalityUnknownError):
        RULES.require_municipality(LogScope("0301"), datetime(2023, 12, 31, 22, 59, tzinfo=UTC))
    served = RULES.model_copy(update={"served": frozenset({LogScope("1142")})})
    served.require_municipality(LogScope("1142"), START)


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
