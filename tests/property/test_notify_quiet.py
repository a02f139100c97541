"""When something may leave the house, over the changes of the clocks, holidays, and whatever hours somebody wants quiet."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain import policy
from services.notify.domain.quiet import DIGEST_AT, SOON, URGENT, USUAL, Habits, Quiet, is_quiet, is_urgent, when
from services.notify.texts import Texts
from shared.calendar import at_oslo, public_holidays
from shared.clock import OSLO

pytestmark = pytest.mark.rule(101)

Parts = tuple[int, int, int, int, int]
TEMPLATES = sorted(Texts().templates)
MOVED = [policy.MOVED, policy.FAMILY_MOVED]
ORDINARY = [each for each in TEMPLATES if each not in URGENT and each not in MOVED]
COLLECTED = [each for each in ORDINARY if each not in policy.WITH_CALENDAR]
TIMES = st.times().map(lambda each: each.replace(second=0, microsecond=0))
HOURS = st.builds(Quiet, begins=TIMES, ends=TIMES)
CHANGES = [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]
NEAR_A_CHANGE = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes), st.sampled_from(CHANGES), st.integers(-2000, 2000)
)
MOMENTS = NEAR_A_CHANGE | st.builds(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds), st.integers(0, 4 * 366 * 86400)
)


@given(st.sampled_from(ORDINARY), st.builds(Habits, quiet=HOURS, digest=st.booleans()), MOMENTS)
def test_nothing_ordinary_leaves_in_quiet_hours_nor_on_a_day_off(template: str, habits: Habits, now: datetime) -> None:
    moment = when(template, habits, now)
    local = moment.astimezone(OSLO)
    assert moment >= now
    assert not habits.quiet.at(local.time())
    assert local.weekday() != 6
    assert local.date() not in public_holidays(local.year)
    assert moment - now <= timedelta(days=8), "Easter and a Sunday are five days"


@given(st.sampled_from(ORDINARY), HOURS, MOMENTS, st.integers(0, 999))
def test_it_does_not_wait_longer_than_it_is_quiet(template: str, quiet: Quiet, now: datetime, part: int) -> None:
    """Whatever moment one looks at in between, it was quiet: the clocks change on Sundays, so that no end of it is left out."""
    moment = when(template, Habits(quiet=quiet), now)
    assert moment == now or is_quiet(quiet, now + (moment - now) * part / 1000)


@given(st.sampled_from(ORDINARY), HOURS, MOMENTS)
def test_asked_again_at_that_moment_it_goes(template: str, quiet: Quiet, now: datetime) -> None:
    habits = Habits(quiet=quiet)
    moment = when(template, habits, now)
    assert when(template, habits, moment) == moment


@given(st.sampled_from(COLLECTED), st.builds(Habits, quiet=HOURS, digest=st.just(True)), MOMENTS, st.integers(0, 300))
def test_all_of_a_day_meet_in_one_digest(template: str, habits: Habits, now: datetime, minutes: int) -> None:
    """Two messages have the same moment, unless the first one's lies before the second was written."""
    first, later = when(template, habits, now), now + timedelta(minutes=minutes)
    second = when(template, habits, later)
    assert first > now
    assert second == first or first <= later
    local = first.astimezone(OSLO)
    wanted = habits.quiet.ends if habits.quiet.at(DIGEST_AT) else DIGEST_AT
    assert first == at_oslo(local.date(), wanted)


@given(st.sampled_from(sorted(URGENT)), st.builds(Habits, quiet=HOURS, digest=st.booleans()), MOMENTS)
def test_what_is_urgent_waits_for_nothing(template: str, habits: Habits, now: datetime) -> None:
    assert when(template, habits, now) == now
    assert not habits.collects(template, now)


@given(st.sampled_from(MOVED), st.builds(Habits, quiet=HOURS, digest=st.booleans()), MOMENTS, st.integers(-100, 100))
def test_a_meeting_that_was_moved_is_urgent_when_it_is_soon(
    template: str, habits: Habits, now: datetime, hours: int
) -> None:
    due = now + timedelta(hours=hours)
    assert (when(template, habits, now, due) == now) or due - now >= SOON
    assert not habits.collects(template, now, due), "it brings an entry for the calendar"


@given(
    st.sampled_from([*MOVED, policy.INVITATION, policy.FAMILY_INVITED]),
    st.builds(Habits, quiet=HOURS, digest=st.booleans()),
    MOMENTS,
    st.integers(1, 10 * 24 * 60),
)
def test_whoever_is_called_to_a_meeting_hears_of_it_before_it_begins(
    template: str, habits: Habits, now: datetime, minutes: int
) -> None:
    due = now + timedelta(minutes=minutes)
    moment = when(template, habits, now, due)
    assert now <= moment < due
    assert when(template, habits, moment, due) == moment
    assert moment == now or not is_quiet(habits.quiet, moment)


DUES = st.none() | st.integers(-2 * 24 * 60, 10 * 24 * 60)


@given(
    st.sampled_from(TEMPLATES),
    st.builds(Habits, quiet=HOURS, digest=st.booleans()),
    MOMENTS,
    DUES,
    DUES,
)
def test_nothing_is_held_back_past_its_use_and_only_that_leaves_in_quiet_hours(
    template: str, habits: Habits, now: datetime, due_in: int | None, expected_in: int | None
) -> None:
    """Its use ends at the first moment ahead of it: the one that it is about, or the one at which somebody would still come."""
    due, expected = (None if each is None else now + timedelta(minutes=each) for each in (due_in, expected_in))
    moment = when(template, habits, now, due, expected)
    ahead = [each for each in (due, expected) if each is not None and each > now]
    assert all(now <= moment < each for each in ahead)
    if is_quiet(habits.quiet, moment) and not is_urgent(template, now, due):
        first_loud = when(template, Habits(quiet=habits.quiet), now)
        assert moment == now
        assert any(each <= first_loud for each in ahead), "it could have waited"
    assert when(template, habits.model_copy(update={"digest": False}), moment, due, expected) == moment


@given(st.sampled_from(COLLECTED), HOURS, MOMENTS, st.integers(1, 10 * 24 * 60))
def test_what_is_over_before_the_digest_does_not_wait_for_it(
    template: str, quiet: Quiet, now: datetime, minutes: int
) -> None:
    daily, due = Habits(quiet=quiet, digest=True), now + timedelta(minutes=minutes)
    digest = when(template, daily, now)
    assert daily.collects(template, now, due) == (digest < due)
    assert when(template, daily, now, due) == (
        digest if digest < due else when(template, Habits(quiet=quiet), now, due)
    )


@given(st.sampled_from(MOVED), HOURS, MOMENTS, st.integers(1, 10 * 24 * 60), st.integers(25, 24 * 30))
def test_who_would_come_at_the_old_time_hears_before_it(
    template: str, quiet: Quiet, now: datetime, minutes: int, hours: int
) -> None:
    """Nobody stands at a closed door, however late the new time is."""
    before = now + timedelta(minutes=minutes)
    assert now <= when(template, Habits(quiet=quiet), now, before + timedelta(hours=hours), before) < before


@given(HOURS, MOMENTS)
def test_hours_that_begin_when_they_end_are_none(quiet: Quiet, now: datetime) -> None:
    none = Quiet(begins=quiet.begins, ends=quiet.begins)
    local = now.astimezone(OSLO)
    assert is_quiet(none, now) == (local.weekday() == 6 or local.date() in public_holidays(local.year))


@pytest.mark.parametrize(
    ("now", "moment"),
    [
        ((2026, 9, 7, 20, 59), (2026, 9, 7, 20, 59)),
        ((2026, 9, 7, 21, 0), (2026, 9, 8, 7, 0)),
        ((2026, 9, 8, 3, 0), (2026, 9, 8, 7, 0)),
        ((2026, 9, 5, 22, 0), (2026, 9, 7, 7, 0)),  # from Saturday night over Sunday
        ((2026, 3, 28, 22, 0), (2026, 3, 30, 7, 0)),  # over the night in which clocks go forward
        ((2026, 10, 24, 22, 0), (2026, 10, 26, 7, 0)),  # and back
        ((2027, 3, 24, 22, 0), (2027, 3, 27, 7, 0)),  # Maundy Thursday, Good Friday
        ((2026, 5, 16, 22, 0), (2026, 5, 18, 7, 0)),  # 17 May, a Sunday
        ((2026, 12, 24, 22, 0), (2026, 12, 28, 7, 0)),  # Christmas, then a Sunday
    ],
)
def test_as_usual(now: Parts, moment: Parts) -> None:
    def at(year: int, month: int, day: int, hour: int, minute: int) -> datetime:
        return at_oslo(date(year, month, day), time(hour, minute))

    assert when("consent-request", Habits(), at(*now)) == at(*moment)
    assert USUAL.at(time(6, 59))
    assert not USUAL.at(time(7))


def test_every_exception_has_its_reason_and_its_text() -> None:
    assert set(URGENT) <= set(TEMPLATES)
    assert all(URGENT.values())
