"""Who must consent, against a second model written down as nested questions, cell by cell; and the birthdays on which it changes."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cases.domain.grantors import (
    AreaOfLaw,
    Care,
    Responsibility,
    Standing,
    age_on,
    birthday,
)
from services.cases.errors import NoLegalBasisError
from shared.calendar import start_of_day
from shared.clock import oslo_day
from shared.contracts.cases import ReassessmentReason
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Scope, Service
from tests.unit.cases_town import RULES

CONSENT = RULES.consent
DAY = date(2026, 9, 7)
GUARDIAN, CHILD, WELFARE = GrantorClass.GUARDIAN, GrantorClass.CHILD, GrantorClass.CHILD_WELFARE


def standing(responsibility: Responsibility, guardians: int) -> Standing:
    return Standing(guardians=frozenset(range(1, guardians + 1)), responsibility=responsibility)


def scope(services: frozenset[Service], categories: frozenset[InformationCategory]) -> Scope:
    return Scope(services=services, categories=categories, purposes=frozenset({Purpose.ASSESSMENT}))


def areas(services: frozenset[Service], categories: frozenset[InformationCategory]) -> set[AreaOfLaw]:
    """Say anew which laws it falls under, pair by pair."""
    found = set()
    for service, category in product(services, categories):
        own = set()
        if category is InformationCategory.HEALTH:
            own.add(AreaOfLaw.HEALTH)
        if service is Service.BARNEVERN:
            own.add(AreaOfLaw.CHILD_WELFARE)
        if service in {Service.BARNEHAGE, Service.SKOLE, Service.PPT}:
            own.add(AreaOfLaw.EDUCATION)
        found |= own or {AreaOfLaw.DATA_PROTECTION}
    return found


def one_area(
    area: AreaOfLaw, age: int, responsibility: Responsibility, guardians: int, care: Care
) -> dict[GrantorClass, int]:
    """Say anew who must consent under one law (law-and-standards 3.3)."""
    if age >= 18:
        return {CHILD: 1}
    if area is AreaOfLaw.HEALTH and age >= 16:
        return {CHILD: 1}
    youth = {CHILD: 1} if age >= 15 else {}
    if responsibility is Responsibility.CARE_ORDER:
        return {WELFARE: 1, **youth}
    if responsibility is Responsibility.NONE:
        return {GUARDIAN: 1, **youth}
    if area is AreaOfLaw.HEALTH and care is Care.DAILY:
        return {GUARDIAN: 1, **youth}
    return {GUARDIAN: guardians, **youth}


def expected(
    asked: Scope, age: int, responsibility: Responsibility, guardians: int, care: Care
) -> dict[GrantorClass, int]:
    """The strictest of them counts, class by class."""
    needed: dict[GrantorClass, int] = {}
    for area in areas(asked.services, asked.categories):
        for kind, count in one_area(area, age, responsibility, guardians, care).items():
            needed[kind] = max(needed.get(kind, 0), count)
    return needed


SERVICES = [
    frozenset({Service.HELSESTASJON}),
    frozenset({Service.PPT}),
    frozenset({Service.BARNEVERN}),
    frozenset({Service.BUP, Service.SKOLE}),
]
CATEGORIES = [
    frozenset({InformationCategory.HEALTH}),
    frozenset({InformationCategory.LANGUAGE}),
    frozenset({InformationCategory.HEALTH, InformationCategory.FAMILY}),
]


@pytest.mark.rule(4, 14, 99)
@pytest.mark.parametrize("responsibility", Responsibility)
def test_who_must_grant_is_what_a_second_reading_says_for_every_age_law_and_care(
    responsibility: Responsibility,
) -> None:
    """Ages 0 to 20, each day around a birthday, one, two or three holders, every combination of services and categories."""
    holders = [0] if responsibility is Responsibility.NONE else [1, 2, 3]
    for age, guardians, care, services, categories in product(range(21), holders, Care, SERVICES, CATEGORIES):
        asked = scope(services, categories)
        for day, full in ((0, age), (-1, age - 1)):
            if full < 0:
                continue
            born = date(DAY.year - age, DAY.month, DAY.day)
            needed = CONSENT.needed(
                born=born,
                day=DAY + timedelta(days=day),
                scope=asked,
                standing=standing(responsibility, guardians),
                care=care,
            )
            assert needed == expected(asked, full, responsibility, guardians, care), (age, day, guardians, care, asked)


@given(
    st.frozensets(st.sampled_from(Service), min_size=1),
    st.frozensets(st.sampled_from(InformationCategory), min_size=1),
    st.integers(0, 20),
    st.sampled_from(Responsibility),
    st.integers(1, 4),
    st.sampled_from(Care),
)
def test_any_scope_is_as_strict_as_its_strictest_part(
    services: frozenset[Service],
    categories: frozenset[InformationCategory],
    age: int,
    responsibility: Responsibility,
    guardians: int,
    care: Care,
) -> None:
    asked, born = scope(services, categories), date(DAY.year - age, 1, 1)
    holders = standing(responsibility, 0 if responsibility is Responsibility.NONE else guardians)
    needed = CONSENT.needed(born=born, day=DAY, scope=asked, standing=holders, care=care)
    assert needed == expected(asked, age, responsibility, len(holders.guardians), care)
    assert CONSENT.areas_of(asked, DAY) == areas(services, categories)
    assert needed, "somebody always must"


def test_every_cell_of_the_table_has_exactly_one_row() -> None:
    for area, age, responsibility, care in product(AreaOfLaw, range(30), Responsibility, Care):
        rows = [
            row
            for row in CONSENT.grantors
            if area in row.areas
            and responsibility in row.responsibility
            and care in row.care
            and row.from_age <= age
            and (row.below_age is None or age < row.below_age)
        ]
        assert len(rows) == 1, (area, age, responsibility, care)


def test_who_has_the_say_follows_from_what_is_known() -> None:
    assert Standing.of([]).responsibility is Responsibility.NONE
    assert Standing.of([2]).responsibility is Responsibility.PARENTS
    assert Standing.of([1, 2], care_order=True).responsibility is Responsibility.CARE_ORDER


def test_before_the_table_begins_there_is_no_row() -> None:
    asked = scope(SERVICES[0], CATEGORIES[0])
    with pytest.raises(NoLegalBasisError):
        CONSENT.needed(born=date(2010, 1, 1), day=date(2018, 7, 19), scope=asked, standing=Standing.of([1]))
    with pytest.raises(NoLegalBasisError):
        CONSENT.reassessment(ReassessmentReason.AGE_15, date(2018, 7, 19))


births = st.one_of(
    st.dates(date(1990, 1, 1), date(2040, 12, 31)),
    st.sampled_from([date(year, 2, 29) for year in range(1992, 2041, 4)]),
    # The days on which clocks change, and their neighbours.
    st.sampled_from([date(2011, 3, 27), date(2011, 10, 30), date(2008, 3, 30), date(2014, 10, 26)]),
)


@pytest.mark.rule(4)
@settings(max_examples=400, deadline=None)
@given(births, st.sampled_from(sorted(CONSENT.ages(DAY))))
def test_the_promise_comes_true_at_midnight_of_the_birthday_in_norway(born: date, age: int) -> None:
    """Invariant 10: born on 29 February, on a day that clocks change, at any time of year."""
    due = start_of_day(birthday(born, age))
    assert oslo_day(due) == birthday(born, age)
    assert age_on(born, oslo_day(due)) == age
    before = due - timedelta(seconds=1)
    assert age_on(born, oslo_day(before)) == age - 1
    if (born.month, born.day) == (2, 29):
        leap = birthday(born, age).year % 4 == 0
        assert (birthday(born, age).month, birthday(born, age).day) == ((2, 29) if leap else (3, 1))


def test_every_birth_date_of_a_leap_cycle_has_its_four_days() -> None:
    day, last = date(2004, 1, 1), date(2008, 1, 1)
    while day < last:
        ahead = {age: birthday(day, age) for age in CONSENT.ages(DAY)}
        assert list(ahead) == [12, 15, 16, 18]
        assert all(age_on(day, due) == age for age, due in ahead.items())
        day += timedelta(days=1)
