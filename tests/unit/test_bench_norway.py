"""The country that the bench plans: a small one is made the same way, and its year is planned whole."""

from __future__ import annotations

from collections import Counter

import pytest

from services.meetings.domain.organisation import UnitKind
from services.meetings.domain.planning import NOTHING, OVERBOOKED, cost, plan, staff_of
from services.meetings.domain.wheel import wishes
from tests.bench.norway import SHARED, TOGETHER, YEAR, country, measure_norway


@pytest.mark.rule(52, 64, 77)
def test_a_small_country_has_shared_services_and_its_year_is_planned_without_anybody_in_two_places() -> None:
    profiles = country(12, 90)
    assert country(12, 90) == profiles, "the same one every time"
    shared = Counter(unit.id for profile in profiles for unit in profile.units if unit.service in SHARED)
    assert 1 < max(shared.values()) <= TOGETHER
    assert all(sum(unit.service is service for unit in each.units) == 1 for each in profiles for service in SHARED)
    near = {unit.id for each in profiles for unit in each.units if unit.kind in {UnitKind.BARNEHAGE, UnitKind.SKOLE}}
    assert 80 <= len(near) <= 110
    asked = [wish for profile in profiles for wish in wishes(profile, YEAR)]
    placed = plan(asked, staff_of(profiles))
    assert placed.keys() == {wish.key for wish in asked}
    assert {unit for key in placed if key.arena_type == "tst" for unit in key.units} == near
    assert cost(asked, placed, staff_of(profiles), NOTHING) < OVERBOOKED


def test_what_is_measured_is_said_with_how_many_there_were() -> None:
    measured = measure_norway(3, 12)
    assert measured.void == ""
    assert measured.rates[0] > 0
    assert "0 minutes for which" in measured.notes[-1]
