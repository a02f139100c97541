"""How meetings keep to their rules: who sees it, what is counted, and every kind of deviation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from services.meetings.configuration import read_profiles
from services.meetings.domain.arena_rules import ArenaRules, ArenaType
from services.meetings.domain.calendar import Reader, read_in
from services.meetings.domain.conformity import (
    Absent,
    Deviation,
    HeldFacts,
    KnownMeeting,
    View,
    conformity,
    decide_view,
    deviations,
    key_of,
)
from services.meetings.domain.laid_out import Entry, FirstPlans, Sitting, laid_out, sharing
from services.meetings.domain.laid_out import key_of as by_time
from services.meetings.domain.meeting import Status
from services.meetings.domain.organisation import Unit, UnitKind
from services.meetings.domain.profile import Profile, read_profiles_in
from services.meetings.errors import HolidaysUnknownError, ReportsForbiddenError
from services.meetings.settings import MeetingsSettings
from shared.calendar import at_oslo
from shared.contracts.codes import Role, Service
from shared.contracts.deviations import DeviationKind
from shared.contracts.meetings import ArenaLevel, ItemKind
from shared.refs import ALPHABET, LogScope, MeetingRef, UnitId

FOLDER: Final[Path] = MeetingsSettings.model_fields["municipalities_folder"].default
PROFILES: Final = read_profiles(FOLDER)
NOTODDEN, TYNSET = PROFILES[LogScope("4005")], PROFILES[LogScope("3427")]
ALL: Final = View(everything=True)
LIA, BARNEHAGE = UnitId("unit:lia-barnehage"), UnitId("unit:tynset-barnehage")
AUTUMN: Final = date(2026, 9, 22)
SPRING: Final = date(2027, 7, 31)
NUMBERS: Final = count()
EVERYTHING: Final = frozenset({ItemKind.GENERAL, ItemKind.GUIDANCE, ItemKind.OBSERVATION})
AS_IT_SHOULD: Final = HeldFacts(minutes=150, chair=Role.LEADER, absent=(), kinds=EVERYTHING)


def meeting(
    arena_type: str,
    day: date,
    *,
    unit: UnitId | None = None,
    status: Status = Status.CALLED,
    extra: bool = False,
    held: HeldFacts | None = None,
) -> KnownMeeting:
    """Return a meeting at noon in Norway."""
    number = next(NUMBERS)
    name = "".join(ALPHABET[number // 20**place % 20] for place in range(26))
    return KnownMeeting(MeetingRef(f"mtg_{name}"), arena_type, unit, at_oslo(day, time(12)), status, extra, held)


def kinds(profile: Profile, known: list[KnownMeeting], today: date, begins: int = 2026) -> list[Deviation]:
    """Return what a coordinator sees of a school year."""
    return deviations(profile, profile.calendar.school_year(begins), known, today, ALL)


@pytest.mark.rule(95)
@pytest.mark.parametrize(
    ("roles", "service", "unit", "sees"),
    [
        ({Role.COORDINATOR}, None, "unit:kommune", {"lia", "haugen", "lederforum", "bup", "slt"}),
        ({Role.LEADER, Role.COORDINATOR}, Service.PPT, "unit:ppt", {"lia", "haugen", "lederforum", "bup", "slt"}),
        ({Role.LEADER}, Service.BARNEHAGE, "unit:lia-barnehage", {"lia", "lederforum"}),
        ({Role.LEADER}, Service.BARNEHAGE, "unit:haugen-barnehage", {"haugen", "lederforum"}),
        ({Role.LEADER}, Service.SKOLE, "unit:tinnes-skole", {"lederforum", "slt"}),
        ({Role.LEADER}, Service.PPT, "unit:ppt", {"bup", "lederforum"}),
        ({Role.LEADER}, Service.PPT, "unit:lia-barnehage", {"bup", "lederforum"}),
        ({Role.LEADER}, Service.LEDELSE, "unit:kommune", {"lederforum"}),
        ({Role.LEADER}, None, "unit:lia-barnehage", None),
        ({Role.TEACHER}, Service.BARNEHAGE, "unit:lia-barnehage", None),
        ({Role.HEALTH_NURSE}, Service.HELSESTASJON, "unit:helsestasjon", None),
        ({Role.AUDITOR}, None, None, None),
        ({Role.GUARDIAN}, None, None, None),
    ],
)
def test_who_sees_what(roles: set[Role], service: Service | None, unit: str | None, sees: set[str] | None) -> None:
    def decide(*, staff: bool) -> View:
        return decide_view(
            staff=staff, roles=frozenset(roles), service=service, unit=None if unit is None else UnitId(unit)
        )

    with pytest.raises(ReportsForbiddenError):
        decide(staff=False)
    if sees is None:
        with pytest.raises(ReportsForbiddenError):
            decide(staff=True)
        return
    view = decide(staff=True)
    asked = {
        "lia": ("ressursteam", LIA),
        "haugen": ("ressursteam", UnitId("unit:haugen-barnehage")),
        "lederforum": ("lederforum", None),
        "bup": ("bup-samarbeid", None),
        "slt": ("slt", None),
    }
    rules = {arena.type: arena for arena in NOTODDEN.arenas}
    assert {name for name, (kind, of) in asked.items() if view.shows(rules[ArenaType(kind)], of)} == sees


@pytest.mark.rule(8, 9)
def test_ordinary_meetings_are_counted_per_unit_and_term_and_extra_ones_beside_them() -> None:
    known = [
        meeting("ressursteam", AUTUMN, unit=LIA, extra=True),
        meeting("ressursteam", AUTUMN - timedelta(days=7), unit=LIA, status=Status.HELD),
        meeting("ressursteam", AUTUMN - timedelta(days=9), unit=LIA, status=Status.CANCELLED),
        meeting("ressursteam", AUTUMN - timedelta(days=1), unit=UnitId("unit:haugen-barnehage")),
        meeting("ressursteam", AUTUMN, unit=UnitId("unit:tinnes-skole")),
        meeting("ressursteam", date(2027, 2, 9), unit=LIA, status=Status.PLANNED),
    ]
    rows = conformity(NOTODDEN, NOTODDEN.calendar.school_year(2026), known, AUTUMN, ALL)
    counted = {
        (row.unit, row.period): (row.due, row.held, row.ahead, row.not_held, row.cancelled, row.conforms)
        for row in rows
        if row.arena_type == "ressursteam"
    }
    assert counted == {
        (LIA, "autumn"): (1, 1, 0, 0, 1, True),
        (LIA, "spring"): (1, 0, 1, 0, 0, True),
        ("unit:haugen-barnehage", "autumn"): (1, 0, 0, 1, 0, False),
        ("unit:haugen-barnehage", "spring"): (1, 0, 0, 0, 0, False),
        ("unit:tinnes-skole", "autumn"): (1, 0, 1, 0, 0, True),
        ("unit:tinnes-skole", "spring"): (1, 0, 0, 0, 0, False),
        ("unit:notodden-ungdomsskole", "autumn"): (1, 0, 0, 0, 0, False),
        ("unit:notodden-ungdomsskole", "spring"): (1, 0, 0, 0, 0, False),
    }
    assert {row.rule for row in rows if row.arena_type == "ressursteam"} == {8}


@pytest.mark.rule(40)
def test_what_has_days_of_its_own_is_due_as_often_as_they_come() -> None:
    rows = conformity(NOTODDEN, NOTODDEN.calendar.school_year(2026), [], AUTUMN, ALL)
    due = {(str(row.arena_type), row.period): row.due for row in rows if row.unit is None}
    assert (due["lederforum", "autumn"], due["lederforum", "spring"]) == (5, 6)
    assert (due["bup-samarbeid", "autumn"], due["bup-samarbeid", "spring"]) == (3, 5)


@pytest.mark.rule(40, 75)
def test_of_an_arena_that_is_retired_in_mid_term_what_was_due_before_that_is_still_due() -> None:
    gone = {"retired": {"from_day": date(2027, 3, 15), "rule": 75}}
    arenas = tuple(
        ArenaRules.model_validate({**arena.model_dump(), **gone})
        if arena.type in {"lederforum", "ressursteam"}
        else arena
        for arena in NOTODDEN.arenas
    )
    changed = NOTODDEN.model_copy(update={"arenas": arenas})
    held = meeting("lederforum", date(2027, 1, 28), status=Status.HELD)
    rows = conformity(changed, NOTODDEN.calendar.school_year(2026), [held], SPRING, ALL)
    counted = {(str(row.arena_type), row.period): (row.due, row.held) for row in rows}
    assert counted["lederforum", "spring"] == (2, 1)
    assert ("ressursteam", "autumn") in counted
    # One in the term was to be had at any time in it: nobody can say that it is missing.
    assert ("ressursteam", "spring") not in counted
    [found] = [each for each in kinds(changed, [held], date(2027, 8, 1)) if each.period == "spring" and each.due == 2]
    assert (found.kind, found.arena_type, found.found) == (DeviationKind.TOO_FEW_HELD, "lederforum", 1)


@pytest.mark.rule(40, 75, 183)
def test_of_an_arena_that_begins_in_mid_term_what_is_due_from_then_on_is_due() -> None:
    def begun(day: date) -> dict[tuple[str, str], int]:
        first = {"begins": {"from_day": day, "rule": 75}}
        arenas = tuple(ArenaRules.model_validate({**arena.model_dump(), **first}) for arena in NOTODDEN.arenas)
        changed = NOTODDEN.model_copy(update={"arenas": arenas})
        rows = conformity(changed, NOTODDEN.calendar.school_year(2026), [], SPRING, ALL)
        return {(str(row.arena_type), row.period): row.due for row in rows}

    mid = begun(date(2027, 3, 15))
    # The last Thursdays of March (moved before Easter), April, May and June; of those before there was no arena.
    assert (mid["lederforum", "spring"], mid.get(("lederforum", "autumn"))) == (4, None)
    assert not any(arena == "ressursteam" for arena, _ in mid), "one in a term was to be had at any time in it"
    assert begun(date(2026, 8, 17))["ressursteam", "autumn"] == 1, "it is there on every day with school"


def test_nothing_is_said_of_meetings_around_a_child() -> None:
    between = {"overgang-skole-skole-koordinator", "overgang-skole-skole-kontaktlaerer"}
    around = {arena.type for arena in NOTODDEN.arenas if arena.level is ArenaLevel.CHILD} - between
    known = [meeting(each, AUTUMN - timedelta(days=30)) for each in around]
    year = NOTODDEN.calendar.school_year(2026)
    assert not around & {row.arena_type for row in conformity(NOTODDEN, year, known, AUTUMN, ALL)}
    assert not around & {each.arena_type for each in kinds(NOTODDEN, known, SPRING)}
    shown = laid_out([NOTODDEN], 2026, {NOTODDEN.scope: known}, NOTODDEN.scope, AUTUMN, FirstPlans())
    assert {entry.meeting for entry in shown} == {None}


@pytest.mark.rule(15, 16, 17)
def test_units_that_children_go_between_meet_once_in_the_window_whoever_the_children_are() -> None:
    october, spring = "overgang-skole-skole-koordinator", "overgang-skole-skole-kontaktlaerer"
    tinnes, receiver = UnitId("unit:tinnes-skole"), UnitId("unit:notodden-ungdomsskole")
    both = frozenset({tinnes, receiver})
    known = [
        replace(meeting(october, day, status=status), units=units)
        for day, status, units in (
            (date(2026, 10, 6), Status.HELD, both),
            # Around a child, beside the one that is due: neither counted nor shown.
            (date(2026, 10, 20), Status.CALLED, both),
            (date(2026, 10, 21), Status.CALLED, frozenset({receiver})),
        )
    ]
    year = NOTODDEN.calendar.school_year(2026)
    rows = {row.arena_type: row for row in conformity(NOTODDEN, year, known, AUTUMN, ALL) if row.unit == receiver}
    counted = {kind: (row.first, row.last, row.due, row.held, row.ahead, row.conforms) for kind, row in rows.items()}
    assert counted[ArenaType(october)] == (date(2026, 10, 1), date(2026, 10, 31), 1, 1, 0, True)
    assert counted[ArenaType(spring)] == (date(2027, 2, 1), date(2027, 4, 30), 1, 0, 0, False)
    shown = laid_out([NOTODDEN], 2026, {NOTODDEN.scope: known}, NOTODDEN.scope, AUTUMN, FirstPlans())
    assert [each.meeting for each in shown if each.arena_type == october] == [known[0].meeting]
    assert [each.units for each in shown if each.arena_type == october] == [(tinnes, receiver)]

    def told(today: date) -> dict[str, tuple[DeviationKind, int | None, int | None, int]]:
        found = [each for each in kinds(NOTODDEN, known, today) if each.unit == receiver]
        return {each.arena_type: (each.kind, each.due, each.found, each.rule) for each in found}

    assert october not in told(AUTUMN)
    assert told(date(2027, 4, 30))[spring] == (DeviationKind.TOO_FEW_PLANNED, 1, 0, 16)
    assert told(date(2027, 5, 1))[spring] == (DeviationKind.TOO_FEW_HELD, 1, 0, 16)
    leader = View(everything=False, unit=receiver, service=Service.SKOLE)
    theirs = {row.unit for row in conformity(NOTODDEN, year, known, AUTUMN, leader) if row.arena_type == october}
    assert theirs == {receiver}


def test_a_meeting_lasts_as_long_as_it_was_called_for() -> None:
    known = replace(meeting("lederforum", date(2026, 11, 26)), minutes=180)
    shown = laid_out([NOTODDEN], 2026, {NOTODDEN.scope: [known]}, NOTODDEN.scope, AUTUMN, FirstPlans())
    lasts = {entry.meeting: entry.minutes for entry in shown if entry.arena_type == "lederforum"}
    assert lasts == {None: 120, known.meeting: 180}


@pytest.mark.rule(64, 65)
def test_at_least_so_many_counts_extra_ones_too() -> None:
    known = [
        meeting("tst", date(2026, 9, 22), unit=UnitId("unit:kvikne-barnehage"), status=Status.HELD, held=AS_IT_SHOULD),
        meeting("tst", date(2026, 11, 3), unit=UnitId("unit:kvikne-barnehage"), extra=True),
    ]
    rows = conformity(TYNSET, TYNSET.calendar.school_year(2026), known, AUTUMN, ALL)
    due = {(str(row.unit), row.period): (row.due, row.conforms) for row in rows if row.arena_type == "tst"}
    assert due["unit:kvikne-barnehage", "autumn"] == (2, True)
    assert due["unit:kvikne-barnehage", "spring"] == (3, False)
    assert due["unit:tynset-ungdomsskole", "autumn"] == (3, False)
    assert due["unit:tynset-barneskole", "autumn"][0] + due["unit:tynset-barneskole", "spring"][0] == 11


@pytest.mark.rule(8, 64)
def test_too_few_is_said_of_a_term_that_is_over_and_of_one_that_is_not() -> None:
    def said(today: date) -> set[tuple[str, int | None, int | None]]:
        known = [meeting("ressursteam", date(2027, 5, 4), unit=LIA, status=Status.CLOSED)]
        return {
            (f"{each.kind} {each.period}", each.due, each.found)
            for each in kinds(NOTODDEN, known, today)
            if each.unit == LIA
        }

    assert said(AUTUMN) == {("too-few-planned autumn", 1, 0)}
    assert said(date(2027, 1, 1)) == {("too-few-held autumn", 1, 0)}


@pytest.mark.rule(95)
def test_a_meeting_whose_day_is_over_was_held_or_cancelled() -> None:
    known = [
        meeting("slt", AUTUMN - timedelta(days=1), status=status)
        for status in (Status.PLANNED, Status.CALLED, Status.HELD, Status.CANCELLED)
    ]
    known.append(meeting("slt", AUTUMN))
    found = [each for each in kinds(NOTODDEN, known, AUTUMN) if each.arena_type == "slt"]
    assert [(each.kind, each.meeting) for each in found] == [
        (DeviationKind.NOT_HELD, ref) for ref in sorted(each.meeting for each in known[:2])
    ]


@pytest.mark.rule(53, 54, 59, 60, 61, 70)
@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (AS_IT_SHOULD, {}),
        (AS_IT_SHOULD.model_copy(update={"minutes": 149}), {DeviationKind.TOO_SHORT: 59}),
        (AS_IT_SHOULD.model_copy(update={"chair": Role.TEACHER}), {DeviationKind.CHAIR_NOT_ENTITLED: 61}),
        (
            AS_IT_SHOULD.model_copy(update={"kinds": EVERYTHING - {ItemKind.GUIDANCE}}),
            {DeviationKind.ELEMENT_MISSING: 60},
        ),
        (
            AS_IT_SHOULD.model_copy(update={"absent": (Absent(service=Service.PPT, reason="ill"),)}),
            {DeviationKind.DUTY_BREACHED: 54},
        ),
        # NAV comes at need: nobody has to be there.
        (AS_IT_SHOULD.model_copy(update={"absent": (Absent(service=Service.NAV, reason=None),)}), {}),
        (
            HeldFacts(
                minutes=30,
                chair=Role.PPT_ADVISER,
                absent=(Absent(service=Service.BARNEVERN, reason="other"),),
                kinds=frozenset(),
            ),
            {
                DeviationKind.TOO_SHORT: 59,
                DeviationKind.CHAIR_NOT_ENTITLED: 61,
                DeviationKind.ELEMENT_MISSING: 60,
                DeviationKind.DUTY_BREACHED: 54,
            },
        ),
    ],
)
def test_a_held_meeting_against_its_arenas_rules(held: HeldFacts, expected: dict[DeviationKind, int]) -> None:
    known = [meeting("tst", AUTUMN - timedelta(days=7), unit=BARNEHAGE, status=Status.CLOSED, held=held)]
    found = [each for each in kinds(TYNSET, known, AUTUMN) if each.meeting is not None]
    assert {each.kind: each.rule for each in found} == expected
    for each in found:
        assert (each.unit, each.period, each.day) == (BARNEHAGE, "autumn", AUTUMN - timedelta(days=7))
        if each.kind is DeviationKind.ELEMENT_MISSING:
            assert each.missing
        if each.kind is DeviationKind.DUTY_BREACHED:
            assert each.absent == held.absent


@pytest.mark.rule(52)
def test_a_unit_without_a_tst_is_reported_and_has_no_meetings_due() -> None:
    text = (FOLDER / "nord-osterdal.yaml").read_text(encoding="utf-8")
    text = text.replace("everywhere: {rule: 52}", 'everywhere: {not_yet: ["unit:kvikne-skole"], rule: 52}')
    tynset = read_profiles_in(text, "x.yaml")[2]
    [found] = [each for each in kinds(tynset, [], AUTUMN) if each.unit == "unit:kvikne-skole"]
    assert (found.kind, found.arena_type, found.rule, found.day) == (
        DeviationKind.UNIT_WITHOUT_ARENA,
        "tst",
        52,
        AUTUMN,
    )
    assert not [each for each in kinds(TYNSET, [], AUTUMN) if each.kind is DeviationKind.UNIT_WITHOUT_ARENA]


@pytest.mark.rule(41)
def test_of_a_unit_that_is_not_there_the_whole_term_nothing_is_due() -> None:
    text = (FOLDER / "notodden.yaml").read_text(encoding="utf-8")
    [opened] = read_profiles_in(text.replace("size: 54,", "size: 54, first_day: 2026-10-01,"), "x.yaml")
    rows = conformity(opened, opened.calendar.school_year(2026), [], AUTUMN, ALL)
    assert {row.period for row in rows if row.unit == LIA} == {"spring"}


def test_no_two_deviations_have_the_same_place_in_the_list() -> None:
    known = [
        meeting(
            "tst",
            AUTUMN,
            unit=BARNEHAGE,
            status=Status.HELD,
            held=HeldFacts(minutes=1, chair=Role.TEACHER, absent=(), kinds=frozenset()),
        )
        for _ in range(3)
    ]
    found = kinds(TYNSET, known, SPRING)
    assert len({key_of(each) for each in found}) == len(found)
    assert found == sorted(found, key=key_of)


# --- the year as it stands --------------------------------------------------------------------------------------------


def entries(known: list[KnownMeeting], today: date, begins: int = 2026) -> list[Entry]:
    """Return Notodden's school year."""
    return laid_out([NOTODDEN], begins, {NOTODDEN.scope: known}, NOTODDEN.scope, today, FirstPlans())


def of_team(shown: list[Entry]) -> dict[str | None, Entry]:
    """Return Lia's ressursteam, by period."""
    return {entry.period: entry for entry in shown if entry.arena_type == "ressursteam" and entry.units == (LIA,)}


@pytest.mark.rule(8, 9)
def test_what_was_called_stands_where_it_is_and_the_rest_is_proposed() -> None:
    before = entries([], date(2026, 8, 1))
    assert {entry.status for entry in before} == {None}
    called = meeting("ressursteam", date(2026, 9, 1), unit=LIA)
    extra = meeting("ressursteam", date(2026, 9, 29), unit=LIA, extra=True)
    cancelled = meeting("ressursteam", date(2026, 9, 30), unit=LIA, status=Status.CANCELLED)
    after = entries([called, extra, cancelled], date(2026, 8, 1))
    team = of_team(after)
    assert (team["autumn"].meeting, team["autumn"].starts_at) == (called.meeting, called.starts_at)
    assert (team[None].meeting, team["spring"].meeting) == (extra.meeting, None)
    assert len(after) == len(before) + 1
    assert after == sorted(after, key=by_time)
    # Nothing else has moved.
    others = [entry for entry in before if entry.units != (LIA,) or entry.period != "autumn"]
    assert [entry for entry in after if entry.meeting is None] == others


def test_as_time_goes_only_what_is_past_is_proposed_anew_and_nothing_before_today() -> None:
    first = entries([], date(2026, 8, 1))
    today = date(2026, 11, 1)
    later = entries([], today)
    assert all(entry.starts_at >= datetime(2026, 10, 31, 23, tzinfo=UTC) for entry in later)
    # The ressursteam of the autumn can still be held in it; what has a day of its own cannot.
    assert date(2026, 11, 2) <= of_team(later)["autumn"].starts_at.date() <= date(2026, 12, 18)
    kept = [entry for entry in first if entry.starts_at >= datetime(2026, 11, 1, tzinfo=UTC)]
    assert all(entry in later for entry in kept)


@pytest.mark.rule(64)
def test_what_was_not_called_in_its_share_of_the_term_is_proposed_in_the_rest_of_it() -> None:
    together = sharing(PROFILES, TYNSET.scope)
    shown = laid_out(together, 2026, {}, TYNSET.scope, date(2026, 11, 16), FirstPlans())
    mine = [each for each in shown if each.arena_type == "tst" and each.units == (UnitId("unit:kvikne-barnehage"),)]
    autumn = [each.starts_at.date() for each in mine if each.period == "autumn"]
    assert len(autumn) == 2
    assert all(date(2026, 11, 16) <= day <= date(2026, 12, 31) for day in autumn)


def test_nothing_is_proposed_for_today_nor_for_the_day_on_which_it_was_called_off() -> None:
    first = entries([], date(2026, 8, 1))
    today = of_team(first)["autumn"].starts_at.date()
    assert of_team(entries([], today))["autumn"].starts_at.date() > today, (
        "nobody comes to what is called for the same day"
    )
    off = meeting("ressursteam", today, unit=LIA, status=Status.CANCELLED)
    assert of_team(entries([off], date(2026, 8, 1)))["autumn"].starts_at.date() != today
    # What has a day of its own has no other.
    forum = next(each for each in first if each.arena_type == "lederforum")
    cancelled = meeting("lederforum", forum.starts_at.date(), status=Status.CANCELLED)
    assert [each for each in first if each not in entries([cancelled], date(2026, 8, 1))] == [forum]


@pytest.mark.rule(9, 77)
@pytest.mark.parametrize("arena_type", ["tst", "tst-kommune"])
def test_a_meeting_beside_those_that_are_due_keeps_its_services_busy_in_every_municipality(arena_type: str) -> None:
    together = sharing(PROFILES, TYNSET.scope)
    begins, plans = date(2026, 8, 1), FirstPlans()
    alvdal = PROFILES[LogScope("3428")]
    before = laid_out(together, 2026, {}, alvdal.scope, begins, plans)
    there = next(each for each in before if each.arena_type == "tst")
    unit = BARNEHAGE if arena_type == "tst" else None
    # PPT and child welfare can be in two meetings at once: with two of Tynset's beside those due, in none of Alvdal's.
    beside = [
        replace(
            meeting(arena_type, there.starts_at.date(), unit=unit, extra=arena_type == "tst"), starts_at=there.starts_at
        )
        for _ in range(2)
    ]
    after = laid_out(together, 2026, {TYNSET.scope: beside}, alvdal.scope, begins, plans)
    [moved] = [each for each in before if each not in after]
    assert moved == there
    assert len(after) == len(before)
    ours = laid_out(together, 2026, {TYNSET.scope: beside}, TYNSET.scope, begins, plans)
    assert [each.meeting for each in ours if each.meeting] == sorted(each.meeting for each in beside)


@pytest.mark.rule(54, 77)
def test_who_would_have_to_be_in_more_meetings_than_they_can_is_told() -> None:
    together, begins = sharing(PROFILES, TYNSET.scope), date(2026, 8, 1)
    first = laid_out(together, 2026, {}, TYNSET.scope, begins, FirstPlans())
    assert {each.double_booked for each in first} == {()}, "nobody, as it is proposed"
    at = at_oslo(date(2026, 10, 6), time(9))
    others = [UnitId(f"unit:{each}") for each in ("kvikne-barnehage", "kvikne-skole", "tynset-barnehage")]
    called = [replace(meeting("tst", date(2026, 10, 6), unit=unit), starts_at=at) for unit in others]
    alvdal = PROFILES[LogScope("3428")].scope
    elsewhere = replace(meeting("tst-kommune", date(2026, 10, 6)), starts_at=at + timedelta(minutes=149))
    known = {TYNSET.scope: called, alvdal: [elsewhere]}
    shown = laid_out(together, 2026, known, TYNSET.scope, begins, FirstPlans())
    # Child welfare and PPT are in two meetings at most, the municipality's health centre in one.
    assert {each.units[0]: each.double_booked for each in shown if each.meeting} == dict.fromkeys(
        others, ("unit:barnevern-nord-osterdal", "unit:ppt-nord-osterdal", "unit:tynset-helsestasjon")
    )
    assert {each.double_booked for each in shown if not each.meeting} == {()}
    [theirs] = [each for each in laid_out(together, 2026, known, alvdal, begins, FirstPlans()) if each.meeting]
    assert theirs.double_booked == ("unit:barnevern-nord-osterdal", "unit:ppt-nord-osterdal")
    one_less = {TYNSET.scope: called[:2], alvdal: [replace(elsewhere, starts_at=at + timedelta(minutes=150))]}
    free = laid_out(together, 2026, one_less, alvdal, begins, FirstPlans())
    assert {each.double_booked for each in free} == {()}, "one that begins as the others end is no other at once"


@pytest.mark.rule(54, 77)
def test_whoever_calls_a_meeting_is_told_who_is_in_others_then() -> None:
    at = at_oslo(date(2026, 10, 6), time(9))
    others = [UnitId(f"unit:{each}") for each in ("kvikne-barnehage", "kvikne-skole")]
    called = [replace(meeting("tst", date(2026, 10, 6), unit=unit), starts_at=at) for unit in others]
    alvdal = PROFILES[LogScope("3428")].scope
    elsewhere = replace(meeting("tst-kommune", date(2026, 10, 6)), starts_at=at + timedelta(minutes=149))
    new = replace(meeting("tst", date(2026, 10, 6), unit=BARNEHAGE), starts_at=at)
    asked = Sitting(TYNSET, new, [BARNEHAGE])
    assert {TYNSET.scope, alvdal} <= set(asked.scopes(PROFILES))

    def busy(new: KnownMeeting, known: list[KnownMeeting]) -> tuple[UnitId, ...]:
        return replace(asked, meeting=new).double_booked(
            PROFILES, {TYNSET.scope: [asked.meeting, *known], alvdal: [elsewhere]}
        )

    # As the wheel says it; the meeting itself counts once, where it is to be.
    assert busy(new, called) == ("unit:barnevern-nord-osterdal", "unit:ppt-nord-osterdal", "unit:tynset-helsestasjon")
    assert busy(new, []) == ()
    assert busy(replace(new, starts_at=at + timedelta(minutes=150)), called) == ()
    off = [replace(each, status=Status.CANCELLED) for each in called]
    assert busy(new, off) == (), "whose meeting was called off is free"


@pytest.mark.rule(54, 77)
def test_whoever_calls_a_meeting_is_told_of_none_around_a_child() -> None:
    around, team = (meeting(arena, AUTUMN, unit=None) for arena in ("overgang-barnehage-skole", "ressursteam"))
    team = replace(team, unit=LIA)
    known = {NOTODDEN.scope: [around, team]}
    assert Sitting(NOTODDEN, team, [LIA]).double_booked(PROFILES, known) == ()
    # Whoever calls the one around a child reads of the other in the year wheel.
    both = Sitting(NOTODDEN, around, [LIA, UnitId("unit:tinnes-skole")]).double_booked(PROFILES, known)
    assert both == (LIA, "unit:ppt")


@pytest.mark.rule(77)
def test_a_unit_of_the_same_name_in_another_file_is_shared_with_nobody() -> None:
    """A file that was copied for other municipalities, as it stands, names units as the first one does."""
    text = (FOLDER / "nord-osterdal.yaml").read_text(encoding="utf-8")
    copied = {each.scope: each for each in read_profiles_in(text.replace('"34', '"99'), "copy.yaml")}
    profiles = {**PROFILES, **copied}
    ppt = UnitId("unit:ppt-nord-osterdal")
    assert TYNSET.unit(ppt) == copied[LogScope("9927")].unit(ppt)
    five = set(TYNSET.together)
    assert len(five) == 5
    reader = Reader(Service.PPT, ppt, coordinator=False)
    called = Sitting(TYNSET, meeting("tst-kommune", AUTUMN), [])
    for found in (
        {each.scope for each in sharing(profiles, TYNSET.scope)},
        set(called.scopes(profiles)),
        {each.scope for each, _ in read_in(profiles, TYNSET.scope, reader)},
    ):
        assert found == five
    # It is the unit's seats that are shown: not those of another service, nor where the municipality has one of its own.
    nurse = replace(reader, service=Service.HELSESTASJON)
    assert [each.scope for each, _ in read_in(profiles, TYNSET.scope, nurse)] == [TYNSET.scope]
    own = Unit(id=UnitId("unit:own"), kind=UnitKind.SERVICE, name="PPT", service=Service.PPT, municipality="3428")
    alvdal = PROFILES[LogScope("3428")]
    profiles[alvdal.scope] = alvdal.model_copy(update={"units": (*alvdal.units, own)})
    assert {each.scope for each, _ in read_in(profiles, TYNSET.scope, reader)} == five - {alvdal.scope}


@pytest.mark.rule(77)
def test_who_shares_a_service_is_planned_together() -> None:
    assert {profile.name for profile in sharing(PROFILES, TYNSET.scope)} == {
        "Rendalen",
        "Folldal",
        "Tynset",
        "Alvdal",
        "Tolga",
    }
    assert [profile.name for profile in sharing(PROFILES, NOTODDEN.scope)] == ["Notodden"]
    together = sharing(PROFILES, TYNSET.scope)
    ours = laid_out(together, 2026, {}, TYNSET.scope, date(2026, 8, 1), FirstPlans())
    units = {unit.id for unit in TYNSET.units}
    assert {unit for entry in ours for unit in entry.units} <= units
    with pytest.raises(HolidaysUnknownError):
        laid_out(together, 2031, {}, TYNSET.scope, date(2026, 8, 1), FirstPlans())
