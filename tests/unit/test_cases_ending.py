"""The end of a case: of age, kept, erased. Every class, every hold, every day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain import course, ending
from services.cases.domain.access_table import TABLE
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.ended import evolve_ended
from services.cases.domain.evolution import fold
from services.cases.domain.grantors import age_on
from services.cases.domain.retention import HEALTH_SERVICES, class_of
from services.cases.domain.state import CaseState, HandoverStatus, Stage
from services.cases.errors import (
    CaseNotClosedError,
    CaseNotOpenError,
    LegalHoldError,
    NoLegalBasisError,
    NoLegalHoldError,
    NotInvolvedError,
    NotPermittedError,
)
from shared.clock import oslo_day
from shared.contracts.codes import InformationCategory, Purpose, Service
from shared.contracts.endings import AdulthoodReached, HoldReason
from shared.contracts.safekeeping import DocumentAdded, ErasureReason, MediaType, RecordWritten
from shared.refs import DocumentRef, RecordRef
from tests.unit.cases_town import CURIOUS, NURSE, PPT, RULES, STYRER, TEACHER, Town, guardian, party, scope
from tests.unit.test_cases_access import accepted
from tests.unit.test_cases_decisions import planned

OSLO = ZoneInfo("Europe/Oslo")


def closed(town: Town) -> Town:
    town.take(course.decide_close(town.state, course.CloseCase(by=TEACHER, outcome="goal-reached"), town.now))
    return town


# --- 18 years ---------------------------------------------------------------------------------------------------------


@given(born=st.dates(date(2000, 1, 1), date(2030, 12, 31)))
def test_somebody_is_of_age_from_the_first_moment_of_the_day_and_not_before(born: date) -> None:
    """Invariant 10, with 29 February."""
    moment = ending.of_age_at(born)
    assert age_on(born, oslo_day(moment)) == 18
    assert age_on(born, oslo_day(moment - timedelta(seconds=1))) == 17
    assert moment.astimezone(OSLO).timetz().replace(tzinfo=None).isoformat() == "00:00:00"
    told = ending.told_at(born)
    assert 89 <= (oslo_day(moment) - oslo_day(told)).days <= 123
    assert oslo_day(told).day == 1, "the day of the month is not given away"


@pytest.mark.parametrize(
    ("born", "told", "of_age"),
    [
        (date(2010, 5, 31), date(2028, 2, 1), date(2028, 5, 31)),
        (date(2008, 2, 29), date(2025, 12, 1), date(2026, 3, 1)),
        (date(2009, 1, 15), date(2026, 10, 1), date(2027, 1, 15)),
        (date(2009, 3, 31), date(2026, 12, 1), date(2027, 3, 31)),
    ],
)
def test_the_days_by_hand(born: date, told: date, of_age: date) -> None:
    assert (oslo_day(ending.told_at(born)), oslo_day(ending.of_age_at(born))) == (told, of_age)


def test_on_the_day_the_guardians_part_ends_and_the_case_has_a_time_to_end() -> None:
    town = Town().lift()
    town.take(ending.decide_adulthood_approaching(town.state))
    town.take(ending.decide_adulthood(town.state, town.now, RULES))
    assert town.types()[-3:] == ["case.adulthood-approaching", "case.adulthood-reached", "case.guardians-changed"]
    assert (town.state.of_age, town.state.guardians, town.state.responsible) == (True, 0, frozenset())
    assert town.state.end_by == town.now + timedelta(days=90, hours=1), "ninety days, over the end of summer time"
    assert ending.decide_adulthood(town.state, town.now, RULES) == []
    assert ending.decide_adulthood_approaching(town.state) == []
    assert ending.decide_adulthood_overdue(town.state, town.now) == []
    town.later(days=91)
    town.take(ending.decide_adulthood_overdue(town.state, town.now))
    assert town.types()[-1] == "case.adulthood-overdue"
    done = closed(town).state
    assert ending.decide_adulthood_overdue(done, town.now) == []


def test_who_is_of_age_in_a_closed_case_has_nothing_to_end() -> None:
    town = closed(Town().lift())
    [reached, changed] = ending.decide_adulthood(town.state, town.now, RULES)
    assert isinstance(reached, AdulthoodReached)
    assert (reached.end_by, reached.holder) == (None, None)
    assert changed.model_dump()["guardians"] == 0
    assert ending.decide_adulthood(CaseState(), town.now, RULES) == []


# --- how long it is kept ----------------------------------------------------------------------------------------------


def test_a_case_is_kept_by_the_class_it_belongs_to() -> None:
    assert class_of(Town().state) == "concern"
    town = Town().lift()
    assert class_of(town.state) == "ordinary"
    town.consented(scope((Service.PPT,), (InformationCategory.LANGUAGE,), (Purpose.ASSESSMENT,)))
    planned(town, Service.PPT)
    assert class_of(town.state) == "ordinary"
    for service in sorted(HEALTH_SERVICES):
        other = Town().lift()
        other.consented(scope((service,), (InformationCategory.LANGUAGE,), (Purpose.ASSESSMENT,)))
        planned(other, service)
        assert class_of(other.state) == "health"
    assert closed(Town().lift()).history[-1].model_dump()["retention"] == "ordinary"


def test_what_a_health_service_wrote_or_held_is_kept_as_its_own_after_it_has_left() -> None:
    """By what is kept, and not by who is there on the last day (pasientjournalloven § 25)."""
    town = Town().lift()
    assert class_of(town.state) == "ordinary"
    about = {"case": town.case, "category": InformationCategory.HEALTH, "by": party(NURSE)}
    wrote = RecordWritten(**about, record=RecordRef(town.ids.ref("rec")), version=1)
    assert class_of(fold(town.state, [wrote])) == "health"
    # Somebody else's correction makes it no other's.
    corrected = wrote.model_copy(update={"version": 2, "by": party(TEACHER)})
    assert class_of(fold(town.state, [wrote, corrected])) == "health"
    put_in = DocumentAdded(**about, document=DocumentRef(town.ids.ref("doc")), media=MediaType.PDF, size=8)
    assert class_of(fold(town.state, [put_in])) == "health"
    held = accepted()
    assert class_of(held.state) == "ordinary"
    [handover] = held.state.handovers.values()
    from_nurse = handover.model_copy(update={"sender": party(NURSE)})
    assert class_of(held.state.model_copy(update={"handovers": {handover.ref: from_nurse}})) == "health"
    never = from_nurse.model_copy(update={"status": HandoverStatus.REJECTED})
    assert class_of(held.state.model_copy(update={"handovers": {handover.ref: never}})) == "ordinary"


@given(
    ended=st.datetimes(datetime(2020, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    years=st.integers(0, 30),
)
def test_nothing_is_erased_before_the_years_are_over(ended: datetime, years: int) -> None:
    due = ending.erase_at(ended, years)
    assert due > ended
    assert oslo_day(due) > ending.years_after(oslo_day(ended), years) or (
        oslo_day(ended).month,
        oslo_day(ended).day,
    ) == (2, 29)
    assert due.astimezone(OSLO).hour == 0


def test_the_list_has_a_row_for_every_class_and_no_case_is_kept_without_one() -> None:
    for code in ("concern", "ordinary", "health", "moved"):
        assert RULES.retention_row(code, Town().now).years >= 1
    with pytest.raises(NoLegalBasisError):
        RULES.retention_row("for-ever", Town().now)
    town = Town().lift()
    assert ending.erase_after(town.state, town.now, RULES) == datetime(2031, 9, 7, 22, 0, tzinfo=UTC)


# --- holds and erasure ------------------------------------------------------------------------------------------------


def hold(town: Town, reason: HoldReason | None = HoldReason.ARCHIVE) -> None:
    town.take(ending.decide_hold(town.state, STYRER, reason, town.now))


def test_only_what_has_ended_is_erased_and_nothing_that_is_held() -> None:
    town = Town().lift()
    for reason in ErasureReason:
        with pytest.raises(CaseNotClosedError):
            ending.decide_erase(town.state, reason)
    assert ending.decide_retention_over(town.state) == []
    hold(closed(town))
    assert ending.decide_hold(town.state, STYRER, HoldReason.ARCHIVE, town.now) == []
    with pytest.raises(LegalHoldError) as held:
        ending.decide_erase(town.state, ErasureReason.REQUEST)
    assert held.value.extensions == {"reason": "archive"}
    assert ending.decide_retention_over(town.state) == []
    hold(town, None)
    with pytest.raises(NoLegalHoldError):
        hold(town, None)
    town.take(ending.decide_retention_over(town.state))
    assert town.state.stage is Stage.ERASED
    assert town.history[-1].model_dump()["reason"] == "retention"
    assert ending.decide_retention_over(town.state) == []
    with pytest.raises(CaseNotClosedError):
        ending.decide_erase(town.state, ErasureReason.REQUEST)
    with pytest.raises(CaseNotOpenError):
        hold(town)


def test_a_reopened_case_is_not_erased() -> None:
    town = closed(Town().lift())
    town.take(course.decide_reopen(town.state, course.ReopenCase(by=TEACHER), town.now, RULES))
    assert ending.decide_retention_over(town.state) == []


@pytest.mark.rule(79, 144)
@pytest.mark.parametrize("of_age", [False, True])
def test_a_reopened_case_does_not_rest(of_age: bool) -> None:
    """Something is decided by a day; and who has come of age has no case without an end."""
    town = Town().lift()
    if of_age:
        town.take(ending.decide_adulthood(town.state, town.now, RULES))
    closed(town)
    town.now += timedelta(days=1000)
    town.take(course.decide_reopen(town.state, course.ReopenCase(by=TEACHER), town.now, RULES))
    end_by = town.now + timedelta(days=RULES.end_within_days_of_age) if of_age else None
    assert town.state.decide_by == town.now + timedelta(days=14)
    assert (town.state.meeting_by, town.state.end_by) == (None, end_by)
    town.now += timedelta(days=RULES.end_within_days_of_age)
    assert bool(ending.decide_adulthood_overdue(town.state, town.now)) == of_age


def test_the_leader_of_the_unit_holds_and_nobody_else() -> None:
    town = Town().lift()
    for who in (TEACHER, guardian(1)):
        with pytest.raises(NotPermittedError):
            ending.decide_hold(town.state, who, HoldReason.ARCHIVE, town.now)
    for who in (CURIOUS, PPT):
        with pytest.raises(NotInvolvedError):
            ending.decide_hold(town.state, who, HoldReason.ARCHIVE, town.now)
    assert Action.HOLD_CASE in TABLE[Relation.LEADER]
    assert evolve_ended(town.state, town.history[0]) == town.state
