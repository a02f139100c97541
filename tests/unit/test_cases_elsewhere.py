"""Double work across two cases of one child: nothing is told, and nothing is shown, without a basis in the other case."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain import elsewhere
from services.cases.domain.acting import Acting
from services.cases.domain.relations import relations
from services.cases.domain.state import CaseState
from shared.contracts.cases import MeasureOverlapElsewhereSuspected
from shared.contracts.codes import InformationCategory, Service
from shared.refs import ConsentRef
from tests.unit.cases_town import (
    BARNEVERN,
    CHILD,
    COLLEAGUE,
    CURIOUS,
    EMPLOYEES,
    NOTIFY,
    NURSE,
    NURSES_LEADER,
    PPT,
    PROFILE,
    STRANGER,
    STYRER,
    TEACHER,
    Town,
    guardian,
    scope,
)
from tests.unit.test_cases_ladder import plan, stop

pytestmark = pytest.mark.rule(49, 161)

SOME: Final = (Service.PPT, Service.HELSESTASJON, Service.BARNEHAGE, Service.BARNEVERN)
MEASURES: Final = (InformationCategory.MEASURES,)
EVERYBODY: Final = (*EMPLOYEES, STYRER, NURSES_LEADER, NOTIFY, STRANGER, CHILD, guardian(1), guardian(2))


def case_of(holder: Acting, code: str, *, seed: int, **more: bool) -> Town:
    """Return a case that `holder` has, with a measure of the holder's own."""
    town = Town(seed=seed, by=holder, **more).lift()
    assert holder.service is not None
    plan(town, code, holder.service)
    return town


def two_cases() -> tuple[Town, Town]:
    """Return two cases of one child: language training at the barnehage, and at the helsestasjon."""
    return case_of(TEACHER, "ekstratimer", seed=1), case_of(NURSE, "sprakgruppe", seed=2)


def told(town: Town, *others: Town) -> list[MeasureOverlapElsewhereSuspected]:
    """Return what is told in a case because of others, and let it have happened."""
    events = elsewhere.decide_tell(town.state, [other.state for other in others], town.now, PROFILE)
    return [event for event in town.take(events) if isinstance(event, MeasureOverlapElsewhereSuspected)]


def both(town: Town, other: Town, acting: Acting) -> bool:
    """Return whether somebody sees what the two do twice."""
    seen = [elsewhere.may_see(one.state, acting, town.now) for one in (town, other)]
    return None not in seen and bool(elsewhere.alike(town.state, other.state, PROFILE))


def test_without_a_basis_nobody_is_told_and_only_the_family_sees_both() -> None:
    barnehage, helsestasjon = two_cases()
    assert told(barnehage, helsestasjon) == told(helsestasjon, barnehage) == []
    assert [one for one in EVERYBODY if both(barnehage, helsestasjon, one)] == [CHILD, guardian(1), guardian(2)]


def test_a_consent_tells_whom_it_covers_and_not_the_other_way_round() -> None:
    barnehage, helsestasjon = two_cases()
    consent = barnehage.consented(scope((Service.HELSESTASJON,), MEASURES))
    assert told(barnehage, helsestasjon) == [], "the helsestasjon's case lets nobody know"
    [event] = told(helsestasjon, barnehage)
    assert (event.case, event.overlap) == (helsestasjon.case, "language")
    assert barnehage.case not in event.model_dump_json(), "nothing ties the two together on the bus"
    assert told(helsestasjon, barnehage) == [], "once"
    assert both(barnehage, helsestasjon, NURSE)
    assert not both(barnehage, helsestasjon, TEACHER)
    barnehage.withdraw(consent)
    assert not both(barnehage, helsestasjon, NURSE)


def test_a_consent_that_does_not_cover_measures_tells_nothing() -> None:
    barnehage, helsestasjon = two_cases()
    barnehage.consented(scope((Service.HELSESTASJON,)))
    assert told(helsestasjon, barnehage) == []
    assert not both(barnehage, helsestasjon, NURSE)


def test_another_barnehage_is_not_let_in_by_a_consent_for_barnehager() -> None:
    helsestasjon, other = case_of(NURSE, "sprakgruppe", seed=1), case_of(CURIOUS, "ekstratimer", seed=2)
    helsestasjon.consented(scope((Service.BARNEHAGE,), MEASURES))
    assert told(other, helsestasjon) == []
    assert not both(helsestasjon, other, CURIOUS)


def test_only_what_runs_in_two_units_is_the_same() -> None:
    barnehage, helsestasjon = two_cases()
    barnehage.consented(scope((Service.HELSESTASJON,), MEASURES))
    assert elsewhere.alike(barnehage.state, barnehage.state, PROFILE) == []
    same_unit = case_of(COLLEAGUE, "sprakgruppe", seed=3)
    assert elsewhere.alike(barnehage.state, same_unit.state, PROFILE) == []
    other_thing = case_of(NURSE, "art", seed=4)
    assert elsewhere.alike(barnehage.state, other_thing.state, PROFILE) == []
    [running] = helsestasjon.state.measures
    stop(helsestasjon, running, by=NURSE)
    assert told(helsestasjon, barnehage) == []
    assert not both(barnehage, helsestasjon, NURSE)


@pytest.mark.parametrize("protected", [0, 1])
def test_nothing_is_compared_for_a_protected_child(protected: int) -> None:
    barnehage = case_of(TEACHER, "ekstratimer", seed=1, address_protected=protected == 0)
    helsestasjon = case_of(NURSE, "sprakgruppe", seed=2, address_protected=protected == 1)
    for town in (barnehage, helsestasjon):
        town.consented(scope(SOME, MEASURES))
    assert told(barnehage, helsestasjon) == told(helsestasjon, barnehage) == []
    assert not [one for one in EVERYBODY if both(barnehage, helsestasjon, one)]


def covers(state: CaseState, service: Service | None, town: Town) -> bool:
    """Return whether a consent in force covers the service for measures, said without the code that decides."""
    return service is not None and any(
        service in one.scope.services and InformationCategory.MEASURES in one.scope.categories
        for one in state.consents_in_force(town.now)
    )


@given(st.data())
def test_whatever_happens_nothing_is_told_or_shown_without_a_basis_in_the_other_case(data: st.DataObject) -> None:
    """Consents come, cover this or that, and go; after each step both cases are compared, both ways."""
    towns = two_cases()
    given_consents: list[tuple[Town, ConsentRef]] = []
    for _ in range(data.draw(st.integers(1, 5))):
        nth = data.draw(st.integers(0, 1))
        town, other = towns[nth], towns[1 - nth]
        step = data.draw(st.sampled_from(["consent", "withdraw", "stop", "later"]))
        if step == "consent":
            services = data.draw(st.sets(st.sampled_from(SOME), min_size=1))
            category = data.draw(st.sampled_from([InformationCategory.MEASURES, InformationCategory.LANGUAGE]))
            given_consents.append((town, town.consented(scope(sorted(services), (category,)))))
        elif step == "withdraw" and given_consents:
            where, consent = given_consents.pop()
            where.withdraw(consent)
        elif step == "stop" and any(one.runs for one in town.state.measures.values()):
            ref = next(one.ref for one in town.state.measures.values() if one.runs)
            stop(town, ref, by=town.holder())
        else:
            days = data.draw(st.integers(0, 200))
            for one in towns:
                one.later(days=days)
        for here, there in ((town, other), (other, town)):
            if told(here, there):
                assert covers(there.state, here.holder().service, there)
            for acting in EVERYBODY:
                permit = elsewhere.may_see(here.state, acting, here.now)
                if permit is not None and acting.kind == "user":
                    own = acting in {here.holder()} or (
                        acting in {STYRER, NURSES_LEADER} and acting.unit == here.holder().unit
                    )
                    assert own or covers(here.state, acting.service, here), relations(here.state, acting, here.now)
                elif permit is not None:
                    assert acting.guardian is not None or acting.child


def test_those_who_have_a_part_only_in_passing_see_no_overlap() -> None:
    """Child welfare, who was reported to; a service that was asked; a stranger: none of them."""
    barnehage, helsestasjon = two_cases()
    for acting in (BARNEVERN, PPT, CURIOUS, STRANGER, NOTIFY):
        assert not both(barnehage, helsestasjon, acting)
