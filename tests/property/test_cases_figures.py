"""Figures: no count under five is shown, and none can be worked out from what is (seed rules 89, 179)."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cases.domain.acting import Acting
from services.cases.domain.figures import (
    UNKNOWN_AGE,
    Figures,
    FirstHelp,
    Told,
    View,
    age_band,
    count_first_help,
    decide_view,
    figures_of,
    median,
    period_of,
    published,
)
from services.cases.domain.grantors import age_on
from services.cases.errors import FiguresForbiddenError, PeriodNotOverError, PeriodUnknownError
from shared.contracts.cases import ForWhom
from shared.contracts.codes import Role
from shared.refs import CaseRef, UnitId
from shared.small_numbers import THRESHOLD, Counts, suppress
from tests.unit.cases_town import CHILD, COORDINATOR, NOTIFY, PPT, REKTOR, STYRER, TEACHER, guardian

tables = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(min_value=0, max_value=40), min_size=1)


@pytest.mark.rule(179)
@given(parts=tables)
def test_nothing_under_five_is_shown_and_what_is_shown_is_true(parts: dict[str, int]) -> None:
    shown = suppress(parts)
    assert shown.parts.keys() == parts.keys()
    assert all(count is None or count == parts[key] >= THRESHOLD for key, count in shown.parts.items())
    assert shown.total in {None, sum(parts.values())}
    hidden = [parts[key] for key, count in shown.parts.items() if count is None]
    if shown.total is not None and hidden:
        assert len(hidden) >= 2
        assert sum(hidden) >= THRESHOLD
    if min(parts.values()) >= THRESHOLD:
        assert shown == Counts(total=sum(parts.values()), parts=dict(parts)), "nothing is hidden without need"


@pytest.mark.rule(179)
@pytest.mark.parametrize("size", [2, 3])
def test_nobody_works_out_a_count_under_five_from_the_others_and_the_total(size: int) -> None:
    """Every table of small counts, by what is shown of it: who knows the rule knows no hidden count."""
    behind: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for counts in product(range(14), repeat=size):
        shown = suppress({str(place): count for place, count in enumerate(counts)})
        behind[shown.model_dump_json()].append(counts)
    for line, possible in behind.items():
        shown = Counts.model_validate_json(line)
        for place in range(size):
            if shown.parts[str(place)] is None:
                assert len({counts[place] for counts in possible}) > 1, line


@pytest.mark.rule(102, 179)
@given(days=st.lists(st.floats(min_value=0, max_value=400), max_size=30))
def test_a_median_is_of_five_or_more_and_lies_among_them(days: list[float]) -> None:
    middle = median(days)
    assert (middle is None) == (len(days) < THRESHOLD)
    if middle is not None:
        assert min(days) - 0.5 <= middle <= max(days) + 0.5


def test_a_term_is_shown_when_it_is_over_in_norway() -> None:
    with pytest.raises(PeriodNotOverError):
        period_of("2026-autumn", datetime(2026, 12, 31, 22, 59, tzinfo=UTC))
    autumn = period_of("2026-autumn", datetime(2026, 12, 31, 23, tzinfo=UTC))
    spring = period_of("2027-spring", datetime(2027, 8, 1, tzinfo=UTC))
    assert autumn.ends == spring.begins == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert autumn.begins == datetime(2026, 7, 31, 22, tzinfo=UTC)
    for nothing in ("2026", "2026-winter", "1999-autumn", "2026-autumn ", "autumn"):
        with pytest.raises(PeriodUnknownError):
            period_of(nothing, datetime(2027, 8, 1, tzinfo=UTC))


@pytest.mark.rule(95)
def test_the_coordinator_sees_the_municipality_a_leader_the_unit_and_nobody_else_anything() -> None:
    assert decide_view(COORDINATOR).unit is None
    assert decide_view(STYRER).unit == STYRER.unit
    assert decide_view(REKTOR).unit == REKTOR.unit
    for by in (TEACHER, PPT, CHILD, NOTIFY, guardian(1), STYRER.model_copy(update={"unit": None})):
        with pytest.raises(FiguresForbiddenError):
            decide_view(by)


@given(
    by=st.builds(
        Acting,
        actor=st.just(STYRER.actor),
        kind=st.sampled_from(("user", "user", "guardian", "child", "service_account")),
        roles=st.frozensets(st.sampled_from((Role.COORDINATOR, Role.LEADER, Role.TEACHER, Role.PRIVACY_OFFICER))),
        unit=st.sampled_from((None, STYRER.unit, REKTOR.unit)),
    )
)
@pytest.mark.rule(95, 179)
def test_nobody_but_an_employee_who_coordinates_or_leads_sees_figures_and_a_leader_no_others(by: Acting) -> None:
    all_of_them = by.kind == "user" and Role.COORDINATOR in by.roles
    own = by.kind == "user" and Role.LEADER in by.roles and by.unit is not None
    try:
        view = decide_view(by)
    except FiguresForbiddenError:
        assert not any((all_of_them, own))
        return
    assert all_of_them or own
    assert view.unit == (None if all_of_them else by.unit)


@pytest.mark.rule(131)
@given(
    st.dates(date(2080, 1, 1), date(2099, 12, 31)),
    st.dates(date(2080, 1, 1), date(2125, 12, 31)),
)
def test_a_child_is_first_helped_in_the_one_band_of_its_age(born: date, day: date) -> None:
    band, age = age_band(born, day), age_on(born, day)
    first, last = {"0-5": (0, 5), "6-12": (6, 12), "13-15": (13, 15), "16-17": (16, 17), "from-18": (18, 200)}[band]
    assert first <= age <= last or (age < 0 and band == "0-5")


@pytest.mark.rule(131)
def test_more_that_are_helped_early_are_more_in_the_first_band_and_at_the_first_level() -> None:
    autumn = period_of("2026-autumn", datetime(2027, 1, 2, tzinfo=UTC))
    cases = [CaseRef(f"cas_{number:026}") for number in range(30)]
    born = {one: date(2083, 5, 1) if number < 20 else date(2071, 5, 1) for number, one in enumerate(cases[:29])}
    first = [
        FirstHelp(case=one, unit=UnitId("unit:a"), level=1 if number < 24 else 3, day=date(2086, 9, 1))
        for number, one in enumerate(cases)
    ]
    before = Told(planned=Counter({("unit:a", "level-1"): 1}))
    told = count_first_help(before, first, born)
    whole = figures_of(told, autumn, None, 14)
    assert told.planned == before.planned
    assert not before.first_levels
    assert whole.first_help_by_level == suppress({"level-0": 0, "level-1": 24, "level-2": 0, "level-3": 6})
    # Nine are fifteen years old, and of one nobody can read when it was born.
    by_age = {"0-5": 20, "6-12": 0, "13-15": 9, "16-17": 0, "from-18": 0, UNKNOWN_AGE: 1}
    assert whole.first_help_by_age == suppress(by_age)
    assert (whole.first_help_by_age.total, whole.first_help_by_age.parts["0-5"]) == (30, 20)
    assert published(told, autumn, 14).seen_by(View(unit=UnitId("unit:a"))).first_help_by_level.parts["level-2"] is None


@pytest.mark.rule(131, 157)
def test_a_term_that_was_published_before_it_was_counted_stands_without_it() -> None:
    autumn = period_of("2026-autumn", datetime(2027, 1, 2, tzinfo=UTC))
    stored = published(Told(), autumn, 14).municipality.model_dump(mode="json")
    del stored["first_help_by_level"], stored["first_help_by_age"]
    assert Figures.model_validate(stored).first_help_by_age == Counts(total=None, parts={})


UNITS = tuple(UnitId(f"unit:{letter}") for letter in "abc")
PARTS = tuple(ForWhom)


@pytest.mark.rule(95, 179)
@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(UNITS), st.sampled_from(PARTS)),
        st.one_of(st.integers(0, 6), st.integers(0, 30)),
        max_size=len(UNITS) * len(PARTS),
    )
)
def test_a_leader_who_subtracts_the_own_figures_from_the_municipalitys_learns_no_small_count(
    counts: dict[tuple[UnitId, ForWhom], int],
) -> None:
    """Nor do several leaders who put theirs together."""
    autumn = period_of("2026-autumn", datetime(2027, 1, 2, tzinfo=UTC))
    told = Told(for_whom=Counter({(unit, part.value): count for (unit, part), count in counts.items()}))
    told_once = published(told, autumn, 14)
    whole = told_once.seen_by(View(unit=None))
    units = {unit: told_once.seen_by(View(unit=unit)) for unit in UNITS}
    for size in range(1, len(UNITS) + 1):
        for together in combinations(UNITS, size):
            for part in PARTS:
                others = [whole.for_whom.parts[part], *(units[one].for_whom.parts[part] for one in together)]
                assert not small_rest(others), "of a part"
            assert not small_rest([whole.for_whom.total, *(units[one].for_whom.total for one in together)])
            assert not small_rest([whole.concerns.total, *(units[one].concerns.total for one in together)])
            shown = [units[one].concerns.total for one in together]
            assert [whole.concerns.parts.get(one) for one in together] == shown, (
                "the number, or gap, that all are shown"
            )
    for unit, figures in units.items():
        mine = figures.for_whom
        for part in PARTS:
            assert mine.parts[part] in {None, counts.get((unit, part), 0)}
        # Nor from the own total.
        hidden = [part for part in PARTS if mine.parts[part] is None]
        assert mine.total is None or len(hidden) != 1


@pytest.mark.rule(95, 157, 179)
def test_a_unit_of_which_nothing_was_counted_is_told_what_every_such_unit_is_told() -> None:
    autumn = period_of("2026-autumn", datetime(2027, 1, 2, tzinfo=UTC))
    told = Told(for_whom=Counter({("unit:a", "child"): 30, ("unit:b", "child"): 20}))
    told_once = published(told, autumn, 14)
    assert told_once.seen_by(View(unit=UNITS[0])).for_whom.total == 30
    nobody = told_once.seen_by(View(unit=UNITS[2]))
    assert nobody == figures_of(told, autumn, UNITS[2], 14)
    assert nobody.unit == UNITS[2]
    assert nobody.for_whom.total is None, "zero is hidden like one"


def small_rest(shown: list[int | None]) -> bool:
    """Return whether what is left when the others are taken from the first is a count under five, other than of nobody at all."""
    whole, *parts = shown
    if whole is None or None in parts:
        return False
    rest = whole - sum(part for part in parts if part is not None)
    return 0 < rest < THRESHOLD


def test_the_units_figures_are_of_the_unit() -> None:
    autumn = period_of("2026-autumn", datetime(2027, 1, 2, tzinfo=UTC))
    days = {"unit:a": [1.0] * 20 + [30.0] * 10, "unit:b": [10.0] * 40, "unit:c": [2.0] * 6}
    told = Told(days_to_action=days)
    whole, a, c = (figures_of(told, autumn, unit, 14) for unit in (None, UNITS[0], UNITS[2]))
    assert whole.to_action == Counts(total=76, parts={"within-7-days": 26, "in-time": 40, "late": 10})
    assert (a.to_action.total, a.median_days_to_action, whole.median_days_to_action) == (30, 1, 10)
    # The smallest is hidden beside those that have none, and its median with it.
    assert (c.to_action.total, c.median_days_to_action) == (None, None)
    assert set(c.to_action.parts.values()) == {None}
