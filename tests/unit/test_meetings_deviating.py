"""When leaders are told that a meeting is not called, and of what was not as the rules say; and whose leaders."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import pytest

from services.meetings.domain.conformity import Absent, Deviation, KnownMeeting
from services.meetings.domain.deviating import (
    NOTICE_DAYS,
    RECORD_DAYS,
    FoundState,
    decide_found,
    evolve,
    next_look,
    to_tell,
    years_seen,
)
from services.meetings.domain.meeting import Status
from services.meetings.domain.profile import Profile
from shared.calendar import at_oslo
from shared.contracts.codes import Service
from shared.contracts.deviations import DeviationFound, DeviationKind
from shared.refs import DeviationRef, UnitId
from tests.unit.test_meetings_conformity import AS_IT_SHOULD, LIA, NOTODDEN, TYNSET, meeting

YEAR: Final = NOTODDEN.calendar.school_year(2026)
LAST_OPEN: Final = {"autumn": date(2026, 12, 18), "spring": date(2027, 6, 18)}
REF: Final = DeviationRef("dev_" + "b" * 26)


def told(profile: Profile, known: list[KnownMeeting], today: date, begins: int = 2026) -> list[tuple[str, Deviation]]:
    return to_tell(profile, profile.calendar.school_year(begins), known, today)


def of(found: list[tuple[str, Deviation]], arena: str, unit: UnitId | None = None) -> set[DeviationKind]:
    return {each.kind for _, each in found if (each.arena_type, each.unit) == (arena, unit)}


@pytest.mark.rule(8, 95)
@pytest.mark.parametrize("term", ["autumn", "spring"])
def test_six_weeks_before_its_last_open_day_a_term_without_its_meeting_is_told_of_and_not_before(term: str) -> None:
    notice = LAST_OPEN[term] - timedelta(days=NOTICE_DAYS)
    held = [
        meeting("ressursteam", day, unit=LIA, status=Status.HELD, held=AS_IT_SHOULD)
        for name, day in (("autumn", date(2026, 9, 22)), ("spring", date(2027, 4, 6)))
        if name != term
    ]
    assert of(told(NOTODDEN, [*held], notice - timedelta(days=1)), "ressursteam", LIA) == set()
    assert of(told(NOTODDEN, [*held], notice), "ressursteam", LIA) == {DeviationKind.TOO_FEW_PLANNED}
    called = meeting("ressursteam", LAST_OPEN[term], unit=LIA)
    assert of(told(NOTODDEN, [*held, called], notice), "ressursteam", LIA) == set()


@pytest.mark.rule(8, 95)
def test_when_the_term_is_over_that_is_another_thing_and_after_two_months_no_news() -> None:
    over = date(2027, 1, 4)
    assert of(told(NOTODDEN, [], over), "ressursteam", LIA) == {DeviationKind.TOO_FEW_HELD}
    before = {key for key, each in told(NOTODDEN, [], date(2026, 12, 14)) if each.unit == LIA}
    after = {key for key, each in told(NOTODDEN, [], over) if each.unit == LIA}
    assert not before & after
    assert DeviationKind.TOO_FEW_HELD not in of(told(NOTODDEN, [], date(2027, 3, 15)), "ressursteam", LIA)


@pytest.mark.rule(95)
def test_a_week_is_left_to_record_that_a_meeting_was_held() -> None:
    day = date(2026, 10, 6)
    known = [meeting("bup-samarbeid", day)]
    assert DeviationKind.NOT_HELD not in of(
        told(NOTODDEN, [*known], day + timedelta(days=RECORD_DAYS - 1)), "bup-samarbeid"
    )
    assert DeviationKind.NOT_HELD in of(told(NOTODDEN, [*known], day + timedelta(days=RECORD_DAYS)), "bup-samarbeid")


@pytest.mark.rule(95)
def test_the_same_thing_has_the_same_key_however_often_is_looked_and_no_two_have_one() -> None:
    known = [meeting("bup-samarbeid", date(2026, 10, 6)), meeting("lederforum", date(2026, 9, 24))]
    first = dict(told(NOTODDEN, [*known], date(2026, 11, 9)))
    later = dict(told(NOTODDEN, [*known], date(2026, 11, 16)))
    assert first.keys() <= later.keys()
    assert len(told(NOTODDEN, [*known], date(2026, 11, 16))) == len(later)
    for begins in (2026, 2027):
        looked = told(TYNSET, [], TYNSET.calendar.school_year(begins).last, begins)
        assert len(dict(looked)) == len(looked)


@pytest.mark.rule(52, 95)
def test_a_unit_without_an_arena_is_told_of_once_in_a_school_year() -> None:
    year = TYNSET.calendar.school_year(2026)
    keys = [
        {key for key, each in told(TYNSET, [], day) if each.kind is DeviationKind.UNIT_WITHOUT_ARENA}
        for day in (year.first + timedelta(days=20), year.first + timedelta(days=200))
    ]
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (datetime(2026, 8, 3, 5, 59, tzinfo=UTC), "2026-08-03"),
        (datetime(2026, 8, 3, 6, 0, tzinfo=UTC), "2026-08-10"),
        (datetime(2026, 10, 25, 12, tzinfo=UTC), "2026-10-26"),
    ],
)
def test_it_is_looked_on_mondays_at_eight_and_after_a_look_a_week_later(now: datetime, then: str) -> None:
    look = next_look(now)
    assert look > now
    assert look == at_oslo(date.fromisoformat(then), time(8))


def test_early_in_a_school_year_the_one_before_is_looked_at_too() -> None:
    assert years_seen(NOTODDEN, date(2027, 8, 9)) == [YEAR, NOTODDEN.calendar.school_year(2027)]
    assert years_seen(NOTODDEN, date(2027, 5, 3)) == [YEAR]
    assert years_seen(NOTODDEN, date(2035, 5, 3)) == [], "no holidays are stated, so nothing is known to be due"


@pytest.mark.rule(54, 95)
def test_the_units_leaders_are_told_the_administrations_of_its_own_and_of_what_a_notice_did_not_help() -> None:
    def led(kind: DeviationKind, unit: UnitId | None, *absent: Service) -> tuple[set[str], set[str]]:
        found = Deviation(
            kind=kind,
            arena_type="ressursteam",
            unit=unit,
            period="autumn",
            day=date(2026, 12, 31),
            absent=tuple(Absent(service=each, reason="ill") for each in absent),
            rule=8,
        )
        [event] = decide_found(FoundState(), REF, found, NOTODDEN, date(2027, 1, 4))
        assert isinstance(event, DeviationFound)
        assert decide_found(evolve(FoundState(), event), REF, found, NOTODDEN, date(2027, 1, 4)) == []
        return set(event.led_by), set(event.absent)

    assert led(DeviationKind.TOO_FEW_PLANNED, LIA) == ({LIA}, set())
    assert led(DeviationKind.TOO_FEW_HELD, LIA) == ({LIA, "unit:kommune"}, set())
    assert led(DeviationKind.NOT_HELD, None) == ({"unit:kommune"}, set())
    assert led(DeviationKind.DUTY_BREACHED, LIA, Service.PPT) == ({LIA}, {"ppt"})
