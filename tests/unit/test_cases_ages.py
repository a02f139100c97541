"""What a child's age brings, day by day: each birthday once, whenever somebody looks, and nothing of it before."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain import ending, reassessment
from services.cases.domain.ages import Passed, nothing_to_come, passed
from services.cases.domain.course import ref_of
from services.cases.domain.evolution import fold
from services.cases.domain.grantors import age_on, birthday
from services.cases.domain.reassessment import Reassess
from shared.calendar import add_days
from shared.clock import oslo_day
from shared.contracts.cases import ReassessmentReason
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Service
from shared.contracts.safekeeping import IdentityCorrected
from tests.unit.cases_town import RULES, Town, scope

DAY = date(2026, 9, 7)
AGES = RULES.consent.ages(DAY)
births = st.one_of(
    st.dates(date(2000, 1, 1), date(2020, 12, 31)),
    st.sampled_from([date(2004, 2, 29), date(2008, 2, 29), date(2012, 2, 29), date(2010, 3, 28), date(2011, 10, 30)]),
)


@given(births, st.dates(date(2012, 1, 1), date(2040, 12, 31)), st.lists(st.integers(1, 900), min_size=1, max_size=25))
def test_looks_that_follow_each_other_miss_and_repeat_nothing(born: date, first: date, pauses: list[int]) -> None:
    """Invariant 10: however long nothing ran in between, born on 29 February or when clocks change."""
    since, reasons, soon, of_age = first, list[ReassessmentReason](), 0, 0
    for pause in pauses:
        today = since + timedelta(days=pause)
        found = passed(born, since, today, AGES)
        assert all(age <= age_on(born, today) for age, reason in AGES.items() if reason in found.reasons)
        reasons += found.reasons
        soon += found.soon_of_age
        of_age += found.of_age
        since = today
    assert reasons == [reason for age, reason in AGES.items() if age_on(born, first) < age <= age_on(born, since)]
    assert soon == (first < oslo_day(ending.told_at(born)) <= since)
    assert of_age == (age_on(born, first) < 18 <= age_on(born, since))
    assert nothing_to_come(born, since, AGES) == (age_on(born, since) >= 18)


@given(births)
def test_whoever_looks_every_day_finds_each_on_its_day(born: date) -> None:
    told = oslo_day(ending.told_at(born))
    for age, reason in AGES.items():
        day = birthday(born, age)
        found = passed(born, day - timedelta(days=1), day, AGES)
        assert found == Passed(reasons=(reason,), of_age=age == 18)
        assert passed(born, day, day + timedelta(days=1), AGES).reasons == ()
    assert passed(born, told - timedelta(days=1), told, AGES) == Passed(soon_of_age=True)
    assert not passed(born, told, told, AGES)


def test_a_consent_is_reassessed_once_for_an_age_and_again_when_the_birth_date_was_wrong() -> None:
    town = Town().lift()
    consent = town.consented(scope((Service.PPT,), (InformationCategory.LANGUAGE,), (Purpose.ASSESSMENT,)))
    command = Reassess(
        reason=ReassessmentReason.AGE_15,
        needed={consent: {GrantorClass.GUARDIAN: 2, GrantorClass.CHILD: 1}},
        guardians=frozenset({1, 2}),
    )
    assert reassessment.not_asked_before(town.state, command) == command
    town.take(reassessment.decide_reassess(town.state, command, town.now, RULES))
    left = reassessment.not_asked_before(town.state, command)
    assert reassessment.decide_reassess(town.state, left, town.now, RULES) == []
    other = command.model_copy(update={"reason": ReassessmentReason.AGE_16})
    assert reassessment.not_asked_before(town.state, other) == other
    corrected = fold(town.state, [IdentityCorrected(case=ref_of(town.state), parts=frozenset({"name"}), version=2)])
    assert reassessment.not_asked_before(corrected, command) == left
    corrected = fold(corrected, [IdentityCorrected(case=ref_of(town.state), parts=frozenset({"born"}), version=3)])
    assert reassessment.not_asked_before(corrected, command) == command


def test_the_holder_is_told_once_that_the_child_is_soon_of_age_and_again_when_the_birth_date_was_wrong() -> None:
    town = Town().lift()
    town.take(ending.decide_adulthood_approaching(town.state))
    assert ending.decide_adulthood_approaching(town.state) == []
    corrected = fold(town.state, [IdentityCorrected(case=ref_of(town.state), parts=frozenset({"born"}), version=2)])
    assert len(ending.decide_adulthood_approaching(corrected)) == 1


def test_who_was_of_age_by_a_birth_date_that_was_wrong_comes_of_age_on_the_right_one() -> None:
    town = Town().lift()
    town.take(ending.decide_adulthood(town.state, town.now, RULES))
    town.later(days=91)
    town.take([IdentityCorrected(case=ref_of(town.state), parts=frozenset({"born"}), version=2)])
    assert (town.state.of_age, ending.decide_adulthood_overdue(town.state, town.now)) == (False, [])
    [reached] = town.take(ending.decide_adulthood(town.state, town.now, RULES))
    assert reached.model_dump()["end_by"] == town.state.end_by == add_days(town.now, 90)
