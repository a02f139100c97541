"""Reports: what a profile lays out, whose rows a leader sees, what is compared, and the same numbers in every form."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from pathlib import Path
from string import Formatter
from typing import Final
from xml.etree import ElementTree as ET

import pytest
import yaml

from services.meetings.domain.conformity import KnownMeeting, View
from services.meetings.domain.figure_facts import (
    Attended,
    BodyAnswered,
    BodyCorrected,
    Fact,
    Happened,
    HearingShut,
    SeatsOf,
    fact_of,
)
from services.meetings.domain.figures import (
    COMPARED,
    COUNTED,
    IN_FULL,
    OF_UNITS,
    SEATED,
    Figure,
    FigureCode,
    of_gaps,
    of_meetings,
)
from services.meetings.domain.meeting import Status
from services.meetings.domain.profile import Profile, read_profiles_in
from services.meetings.domain.reports import Content, Known, compared_with, period_of, report_of
from services.meetings.domain.undertakings import ReportHeading
from services.meetings.domain.unit_register import Counted, RegisterState, Week
from services.meetings.errors import (
    FigureUnknownError,
    HolidaysUnknownError,
    PeriodNotOverError,
    PeriodUnknownError,
    ReportUnknownError,
)
from services.meetings.pages import report_texts
from services.meetings.pages.report_page import COLUMNS, REPORT, render_chart, render_csv, render_report
from services.meetings.pages.report_texts import REPORT_WORDS
from services.meetings.settings import MeetingsSettings
from shared.calendar import start_of_day
from shared.contracts import meetings as contracts
from shared.contracts.codes import Language, Role, Service
from shared.contracts.meetings import ArenaLevel
from shared.profiles import ProfileError
from shared.refs import ArenaRef, LogScope, MeetingRef, UnitId
from shared.small_numbers import THRESHOLD
from tests.unit.report_world import PROFILES, SKIEN, TYNSET, content, period, story, surveyed

SVG: Final = "{http://www.w3.org/2000/svg}"


def figures_of(told: Content) -> dict[FigureCode, Figure]:
    """Return its figures."""
    return {figure.code: figure for section in told.sections for figure in section.figures}


@pytest.mark.rule(123, 127, 128, 135, 136, 137, 138, 178)
def test_each_report_of_each_profile_has_what_its_profile_lays_out() -> None:
    laid_out = 0
    for profile in PROFILES.values():
        for report in profile.reports:
            told = content(profile, report.code)
            assert [len(section.figures) for section in told.sections] == [len(one.figures) for one in report.headings]
            assert [section.heading.nn for section in told.sections] == [one.nn for one in report.headings]
            assert any(section.figures or section.stated for section in told.sections), report.code
            laid_out += 1
    assert laid_out >= 4 + 2 + 1
    part_2 = content(SKIEN, "grenland-part-2")
    stated = {part.part.value: part.lines for section in part_2.sections for part in section.stated}
    assert stated.keys() == {"undertakings", "resources", "indicators"}
    assert all(line.owners for line in stated["undertakings"]), "responsibility is placed"
    assert all(line.goal and line.starts and line.shown_by for line in stated["undertakings"]), "and what shows effect"
    assert [len(line.takes) for line in stated["undertakings"]] == [2, 1, 2, 1, 1, 1, 1], "of each the report says it"
    assert {line.measure.en for line in stated["resources"] if line.measure} == {
        line.text.en for line in stated["undertakings"]
    }
    page = render_report(part_2, SKIEN, Language.EN)
    for words in ("goal: Guardians know", "anchored in: Strategic plan", "takes: The technical part: 100000 kroner"):
        assert words in page
    assert "shown by: Visits to the interactive page" in page
    assert any(line.kroner for line in stated["resources"])
    shown_by = {line.text.en: line.figure for line in stated["indicators"]}
    assert shown_by["Referrals to PPT"] is FigureCode.MEASURES_WITH_PPT
    assert shown_by["Visits to the interactive page"] is FigureCode.PAGE_VISITS
    assert shown_by["Calls to the service centre"] is None, "no event has it"


@pytest.mark.rule(164, 177, 178)
def test_the_report_to_the_state_says_hours_for_each_unit_and_what_shows_effect() -> None:
    rennesoy = PROFILES[LogScope("1142")]
    page = render_report(content(rennesoy, "to-the-state"), rennesoy, Language.EN)
    assert "150000 kroner; 2 hours a week at each barnehage" in page
    assert "5 hours a week at each school; 60 % of a post" in page
    assert "Special-education measures at barnehager, 40 % fewer" in page


@pytest.mark.rule(163, 177)
def test_hours_of_guidance_stand_in_rennesoys_report_against_two_a_week() -> None:
    rennesoy = PROFILES[LogScope("1142")]
    school, barnehage = UnitId("unit:vikevag-skole"), UnitId("unit:mosteroy-barnehage")
    weeks = (Week(code="cos", week=date(2026, 9, 7), minutes=120), Week(code="cos", week=date(2027, 2, 1), minutes=60))
    registers = {school: RegisterState(weeks=weeks)}
    told = figures_of(content(rennesoy, "to-the-state", registers=registers))[FigureCode.GUIDANCE_HOURS]
    rows = dict(zip(told.table.rows, told.table.cells, strict=True))
    assert rows.keys() == {unit.id for unit in rennesoy.units if unit.kind.value in {"barnehage", "skole"}}
    assert told.table.columns == ("minutes-due", "minutes-given")
    # Eighteen school weeks from 17 August to 20 December, less the autumn holidays' one.
    assert rows[school] == (17 * 120, 120), "the week in February is the next term's"
    assert rows[barnehage] == (17 * 120, 0), "nothing is recorded, and it is said"
    mine = figures_of(
        content(
            rennesoy,
            "to-the-state",
            view=View(everything=False, unit=school, service=Service.SKOLE),
            registers=registers,
        )
    )
    assert mine[FigureCode.GUIDANCE_HOURS].table.rows == (school,)
    page = render_report(content(rennesoy, "to-the-state", registers=registers), rennesoy, Language.NN)
    assert "Familierettleiing" in page
    assert "Minutt gjevne" in page
    with pytest.raises(HolidaysUnknownError):
        content(rennesoy, "to-the-state", code="2035-autumn")


@pytest.mark.rule(190)
def test_tonsbergs_completion_of_upper_secondary_stands_in_a_report_with_what_it_was() -> None:
    tonsberg = PROFILES[LogScope("3905")]
    page = render_report(content(tonsberg, "to-steering-group"), tonsberg, Language.NB)
    assert "76 % skoleåret 2011/2012" in page


@pytest.mark.rule(8, 64, 156, 158, 183)
def test_meetings_are_counted_against_what_was_due_and_attendance_is_seats() -> None:
    called = [
        KnownMeeting(
            meeting=MeetingRef(f"mtg_{number}"),
            arena_type="tst",
            unit=UnitId("unit:tynset-barnehage"),
            starts_at=start_of_day(date(2026, 9 + number, 8)),
            status=status,
            extra=False,
        )
        for number, status in enumerate((Status.HELD, Status.CALLED, Status.CANCELLED))
    ]
    told = figures_of(content(report="to-steering-group", meetings=called))
    meetings = told[FigureCode.MEETINGS]
    assert meetings.table.columns == ("due", "held", "not-held", "cancelled")
    due, *rest = meetings.table.cells[meetings.table.rows.index("tst")]
    assert rest == [None, None, None], "one of each is a small number"
    assert due is not None
    assert due > 5, "what is due is a rule"
    deviations = told[FigureCode.DEVIATIONS]
    assert {cells[0] for cells in deviations.table.cells} == {None}
    assert "duty-breached" not in deviations.table.rows, "who was absent is told as seats only"
    spring = figures_of(content(report="to-steering-group", meetings=called, code="2027-spring", facts=[]))
    assert spring[FigureCode.MEETINGS].table.column_totals[1:] == (None, None, None)
    arenas = figures_of(content(report="structures"))[FigureCode.ARENAS]
    assert dict(zip(arenas.table.rows, (cells[0] for cells in arenas.table.cells), strict=True))["tst"] == len(
        TYNSET.units_with(next(rules for rules in TYNSET.arenas if rules.type == "tst"))
    )
    few = figures_of(content(report="to-steering-group", facts=[seats("tst", 30, 2)]))[FigureCode.ATTENDANCE]
    assert few.table.cells[few.table.rows.index("tst")] == (None, None)


@pytest.mark.rule(8, 64, 183)
def test_meetings_held_are_told_against_what_was_due_and_subtraction_gives_no_small_number() -> None:
    arenas, due = ("tst", "ressursteam", "lederforum", "slt"), {"tst": 12, "ressursteam": 2}

    def told_of(*held: int) -> list[tuple[int | None, ...]]:
        met = {(arena, "held"): number for arena, number in zip(arenas, held, strict=True)}
        table = of_meetings(arenas, due, met).table
        return [*table.cells, table.column_totals]

    nothing = (None, None, None)
    assert told_of(9, 6, 0, 0) == [
        (12, 9, None, None),
        (2, *nothing),
        (0, *nothing),
        (0, *nothing),
        (14, 15, None, None),
    ], "six would say that the rest is nought"
    assert [row[1] for row in told_of(12, 7, 4, 2)] == [12, None, None, None, 25], (
        "nobody knows which are the small ones"
    )


@pytest.mark.rule(10, 15, 16, 29)
def test_where_units_meet_because_children_go_on_it_is_told_what_was_due_and_of_those_around_one_child_nothing() -> (
    None
):
    notodden = PROFILES[LogScope("4005")]

    def told(code: str) -> dict[str, int | None]:
        table = figures_of(content(notodden, "yearly-account", facts=[], code=code))[FigureCode.MEETINGS].table
        return {row: cells[0] for row, cells in zip(table.rows, table.cells, strict=True)}

    autumn, spring = told("2026-autumn"), told("2027-spring")
    assert autumn["overgang-skole-skole-koordinator"] == 1, "in October, between the two schools"
    assert spring["overgang-skole-skole-kontaktlaerer"] == 1
    assert not {"ansvarsgruppe", "overgang-barnehage-skole"} & (autumn.keys() | spring.keys())


@pytest.mark.rule(112, 117, 127)
def test_units_that_lack_a_competence_stand_against_those_that_are_to_have_it() -> None:
    code = TYNSET.competence[0].code
    to_have = [unit for unit in TYNSET.units if unit.seated_as in TYNSET.competence[0].services]
    have = Counted(staff=8, having=3, on=date(2026, 9, 1))

    def told_of(having: int, view: View | None = None) -> tuple[int | None, ...]:
        registers = {unit.id: RegisterState(competence={code: have}) for unit in to_have[:having]}
        table = figures_of(content(report="structures", registers=registers, facts=[], view=view))
        gaps = table[FigureCode.COMPETENCE_GAPS].table
        assert gaps.columns == ("to-have", "lacking")
        return gaps.cells[gaps.rows.index(code)]

    assert told_of(0)[0] == len(to_have) >= 6
    assert told_of(len(to_have) - 4)[1] is None, "four lack it"
    own = View(everything=False, unit=UnitId("unit:tynset-barnehage"), service=Service.BARNEHAGE)
    assert told_of(0, own) == told_of(0), "a leader is shown what everybody is"
    page = render_report(content(report="structures"), TYNSET, Language.EN)
    assert "Competence that is missing" in page
    assert TYNSET.competence[0].text.en in page


@pytest.mark.rule(112, 117)
def test_four_of_five_units_that_lack_a_competence_do_not_follow_from_how_many_are_to_have_it() -> None:
    codes = ("a", "b", "c", "d")
    to_have = dict(zip(codes, (5, 6, 6, 6), strict=True))

    def told_of(*lacking: int) -> list[int | None]:
        table = of_gaps(to_have, dict(zip(codes, lacking, strict=True))).table
        return [*(cells[1] for cells in table.cells), table.column_totals[1]]

    assert told_of(4, 6, 6, 6) == [None] * 5, (
        "of 22 of 23 only one row can lack one, and it is no secret which was under five"
    )
    assert told_of(0, 6, 6, 6) == [None, None, None, None, 18]
    assert told_of(5, 6, 6, 6) == [5, 6, 6, 6, 23]


@pytest.mark.rule(15, 16)
def test_where_no_more_than_is_due_is_counted_the_total_gives_no_small_number_away() -> None:
    arenas, due = ("one", "two", "three"), {"one": 5, "two": 6, "three": 6}
    met = dict.fromkeys(((arena, "held") for arena in arenas), 6) | {("one", "held"): 4}
    assert of_meetings(arenas, due, met).table.column_totals[1] == 16
    assert of_meetings(arenas, due, met, frozenset(arenas)).table.column_totals[1] is None


@pytest.mark.rule(173)
def test_how_bodies_answered_is_told_as_small_numbers_allow() -> None:
    def answered(in_time: int, late: int, corrected: int, unanswered: int) -> dict[str, int | None]:
        facts: list[Fact] = [BodyAnswered(late=number >= in_time) for number in range(in_time + late)]
        facts += [BodyCorrected(unit=UnitId(f"unit:b-{number}")) for number in range(corrected)]
        facts.append(HearingShut(unanswered=unanswered))
        told = [Happened("hea_b", number, period().begins, fact) for number, fact in enumerate(facts, start=1)]
        table = figures_of(content(PROFILES[LogScope("1142")], "to-the-state", facts=told))[FigureCode.HEARINGS].table
        return {**{row: cells[0] for row, cells in zip(table.rows, table.cells, strict=True)}, "total": table.total}

    assert answered(12, 6, 6, 5) == {"in-time": 12, "late": 6, "corrected-late": 6, "unanswered": 5, "total": 23}
    assert answered(12, 6, 9, 5)["corrected-late"] is None, "three of those in time did not correct it"
    assert answered(12, 6, 4, 5)["corrected-late"] is None
    assert set(answered(8, 0, 6, 0).items()) == {
        ("in-time", None),
        ("late", None),
        ("corrected-late", None),
        ("unanswered", None),
        ("total", 8),
    }


def seats(arena_type: str, present: int, absent: int) -> Happened:
    """Return a meeting's attendance."""
    at = period().begins
    return Happened("mtg_b", 1, at, Attended(arena_type=arena_type, present=present, absent=absent))


@pytest.mark.rule(54, 156)
def test_a_held_meeting_is_told_as_seats_without_who_and_why() -> None:
    attendance = tuple(
        contracts.Attendance(
            service=service, role=Role.LEADER, present=present, absence_reason=None if present else "ill"
        )
        for service, present in ((Service.BARNEHAGE, True), (Service.PPT, False), (Service.BARNEVERN, True))
    )
    held = contracts.MeetingHeld(
        meeting=MeetingRef("mtg_" + "b" * 26),
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="tst",
        started_at=period().begins,
        ended_at=period().ends,
        chair=Role.LEADER,
        attendance=attendance,
        kinds_covered=frozenset(),
    )
    leaders = SeatsOf(role=Role.LEADER, present=2, absent=1)
    assert fact_of(held) == Attended(
        arena_type="tst", present=2, absent=1, guardians=False, barnehage=True, roles=(leaders,)
    )
    assert fact_of(contracts.MeetingClosed(meeting=held.meeting)) is None


@pytest.mark.rule(54, 156)
def test_attendance_is_told_by_role_with_the_sums_that_it_has_by_arena_and_no_small_number() -> None:
    def meeting(number: int, arena_type: str, roles: tuple[SeatsOf, ...], *, unknown: int = 0) -> Happened:
        present, absent = sum(each.present for each in roles), sum(each.absent for each in roles)
        said = Attended(arena_type=arena_type, present=present + unknown, absent=absent, roles=roles)
        return Happened(f"mtg_{number}", 1, period().begins, said)

    leaders = SeatsOf(role=Role.LEADER, present=8, absent=7)
    advisers = SeatsOf(role=Role.PPT_ADVISER, present=6, absent=9)
    nurse = SeatsOf(role=Role.HEALTH_NURSE, present=5, absent=3)
    teacher = SeatsOf(role=Role.TEACHER, present=1, absent=4)
    around_a_child, own = (
        next(rules.type for rules in SKIEN.arenas if (rules.level is ArenaLevel.CHILD) is wanted)
        for wanted in (True, False)
    )
    facts = [
        *(meeting(number, own, (leaders, advisers)) for number in range(3)),
        meeting(3, own, (nurse, teacher), unknown=4),
        meeting(4, around_a_child, (leaders,)),
    ]
    told = figures_of(content(SKIEN, "grenland-part-2", facts=facts))
    arenas, roles = told[FigureCode.ATTENDANCE].table, told[FigureCode.ATTENDANCE_BY_ROLE].table
    rows = dict(zip(roles.rows, zip(roles.cells, roles.row_totals, strict=True), strict=True))
    assert rows.keys() == set(SEATED), "a role that is left out would be known to have no seat"
    assert rows["leader"] == ((24, 21), 45), "around one child attendance is not told"
    assert rows["ppt-adviser"] == ((18, 27), 45)
    assert rows["health-nurse"] == ((None, None), 8)
    assert rows["teacher"] == rows["other"] == rows["coordinator"] == ((None, None), None)
    assert (roles.column_totals, roles.total) == (arenas.column_totals, arenas.total) == ((52, 55), 107)


@pytest.mark.rule(95)
def test_a_leader_sees_the_own_units_rows_with_the_very_numbers_that_everybody_is_shown() -> None:
    whole = figures_of(content())
    leader = View(everything=False, unit=UnitId("unit:tynset-barnehage"), service=Service.BARNEHAGE)
    mine = figures_of(content(view=leader))
    for code in OF_UNITS & mine.keys():
        table, all_of_it = mine[code].table, whole[code].table
        assert table.rows == ("unit:tynset-barnehage",)
        assert table.cells[0] == all_of_it.cells[all_of_it.rows.index("unit:tynset-barnehage")]
        assert (table.column_totals, table.total) == (all_of_it.column_totals, all_of_it.total)
    for code in (mine.keys() & COUNTED) - OF_UNITS:
        assert mine[code] == whole[code]
    manager = View(everything=False, unit=None, service=Service.LEDELSE)
    assert all(not figures_of(content(view=manager))[code].table.rows for code in OF_UNITS & mine.keys())


@pytest.mark.rule(8, 95, 112)
@pytest.mark.parametrize(("unit", "service"), [("unit:tynset-barnehage", Service.BARNEHAGE), ("unit:ppt", Service.PPT)])
def test_a_leaders_meetings_beside_everybodys_give_no_small_number_away(unit: str, service: Service) -> None:
    """Six that were not held in all, and one of them the own unit's: no sum of the leader's own stands beside everybody's."""
    called = [
        KnownMeeting(
            meeting=MeetingRef(f"mtg_{number}"),
            arena_type="tst",
            unit=UnitId("unit:tynset-barnehage" if number == 0 else "unit:tynset-barneskole"),
            starts_at=start_of_day(date(2026, 9, 8 + number)),
            status=Status.CANCELLED,
            extra=False,
        )
        for number in range(6)
    ]
    view = View(everything=False, unit=UnitId(unit), service=service)
    for report in ("to-steering-group", "structures"):
        whole = figures_of(content(report=report, meetings=called))
        mine = figures_of(content(report=report, meetings=called, view=view))
        for code in {FigureCode.MEETINGS, FigureCode.DEVIATIONS, FigureCode.COMPETENCE_GAPS} & mine.keys():
            table, all_of_it = mine[code].table, whole[code].table
            assert table.rows, code
            for row, cells in zip(table.rows, table.cells, strict=True):
                assert cells == all_of_it.cells[all_of_it.rows.index(row)]
            assert (table.column_totals, table.total) == (all_of_it.column_totals, all_of_it.total)
        if FigureCode.MEETINGS in mine:
            columns = whole[FigureCode.MEETINGS].table.columns
            assert whole[FigureCode.MEETINGS].table.column_totals[columns.index("cancelled")] == 6


@pytest.mark.rule(89, 154, 179)
def test_no_report_shows_a_small_number_about_people() -> None:
    for profile in PROFILES.values():
        for report in profile.reports:
            for size in (3, 40):
                told = content(profile, report.code, facts=story(profile, 3, size, period().begins))
                for figure in figures_of(told).values():
                    table = figure.table
                    assert figure.protected == (figure.code not in IN_FULL)
                    # How many are due is a rule, and no count of what happened.
                    told_of = [at for at, column in enumerate(table.columns) if column not in {"due", "to-have"}]
                    numbers = [row[at] for row in table.cells for at in told_of]
                    numbers += [*table.row_totals, *(table.column_totals[at] for at in told_of if table.column_totals)]
                    assert not figure.protected or all(one is None or one >= THRESHOLD for one in numbers)


def grenland(number: str, name: str, compares: tuple[str, ...]) -> Profile:
    """Return another municipality with Skien's template."""
    reports = tuple(one.model_copy(update={"compared_with": compares}) for one in SKIEN.reports)
    return SKIEN.model_copy(update={"municipality": LogScope(number), "name": name, "reports": reports})


@pytest.mark.rule(135)
def test_municipalities_with_the_same_template_are_set_side_by_side_and_never_added_up() -> None:
    porsgrunn, bamble = grenland("4001", "Porsgrunn", ("4003",)), grenland("4012", "Bamble", ("4001",))
    stranger = PROFILES[LogScope("4005")]
    known = {one.scope: one for one in (SKIEN, porsgrunn, bamble, stranger)}
    report = report_of(SKIEN, "grenland-part-2")
    assert compared_with(report, SKIEN, known) == [porsgrunn], "both must have agreed to it"
    theirs = story(porsgrunn, 11, 150, period().begins)
    told = content(SKIEN, "grenland-part-2", others=[Known(porsgrunn, theirs)])
    alone = figures_of(content(porsgrunn, "grenland-part-2", facts=theirs))
    mine = figures_of(told)
    assert {each.figure for each in told.compared} == mine.keys() & COMPARED
    for each in told.compared:
        assert [beside.name for beside in each.municipalities] == [SKIEN.name, "Porsgrunn"]
        assert each.municipalities[0].column_totals == mine[each.figure].table.column_totals
        assert each.municipalities[1].column_totals == alone[each.figure].table.column_totals
    assert content(SKIEN, "grenland-part-2").compared == ()
    page = render_report(told, SKIEN, Language.EN)
    assert ">Beside other municipalities</h2>" in page
    assert '<th scope="row">Porsgrunn</th>' in page


def test_only_a_term_that_is_over_and_a_report_that_there_is() -> None:
    assert period_of("2026-autumn", date(2027, 1, 1)).code == "2026-autumn"
    with pytest.raises(PeriodNotOverError):
        period_of("2026-autumn", date(2026, 12, 31))
    for nothing in ("2026", "2026-winter", "1999-autumn", "2026-autumn\n", ""):
        with pytest.raises(PeriodUnknownError):
            period_of(nothing, date(2027, 8, 1))
    with pytest.raises(ReportUnknownError):
        report_of(TYNSET, "grenland-part-1")
    with pytest.raises(HolidaysUnknownError):
        content(report="to-steering-group", code="2035-autumn", facts=[])
    assert content(SKIEN, "grenland-part-2", code="2035-autumn", facts=[]).period == "2035-autumn", (
        "what is not due by the year can be told of any"
    )


@pytest.mark.rule(123, 128)
def test_a_report_is_due_on_the_profiles_next_day_for_it() -> None:
    yearly = report_of(TYNSET, "to-steering-group")
    assert yearly.due_after(date(2027, 1, 1)) == date(2027, 6, 30)
    assert yearly.due_after(date(2027, 8, 1)) == date(2028, 6, 30)
    assert content(report="to-steering-group").due == date(2027, 6, 30)
    assert content(report="practice-and-gains").due is None, "its day was in 2024"


@pytest.mark.parametrize("language", Language)
def test_page_file_and_picture_say_the_same_numbers(language: Language) -> None:
    told, words = content(), REPORT_WORDS[language]
    page = render_report(told, TYNSET, language)
    assert f'<html lang="{language.value}">' in page
    assert "{" not in page.replace(REPORT.style, ""), "every word was put in"
    assert "None" not in page
    rows = list(csv.DictReader(io.StringIO(render_csv(told, TYNSET, language).decode("utf-8-sig"))))
    for code, figure in figures_of(told).items():
        table = figure.table
        numbers = [*(one for cells in table.cells for one in cells), *table.row_totals, *table.column_totals]
        numbers += [table.total] if table.row_totals else []
        lines = [row for row in rows if row["figure"] == code.value]
        assert sorted((row["number"], row["shown"]) for row in lines) == sorted(
            ("" if one is None else str(one), str(one is not None).lower()) for one in numbers
        )
        svg = ET.fromstring(render_chart(told, TYNSET, code, language))
        assert svg.get("role") == "img"
        assert svg.findtext(f"{SVG}title") == words.figures[code].name
        assert svg.findtext(f"{SVG}desc")
        bars = [each for each in svg if each.get("class", "").startswith(("bar", "hidden"))]
        labels = [each.text or "" for each in svg if each.get("class") == "number"]
        assert len(bars) == len(labels) > 0
        hidden = [each for each in bars if each.get("class") == "hidden"]
        assert sum(words.hidden in label for label in labels) == len(hidden)
        assert page.count(f"<caption>{words.caption.format(figure=words.figures[code].name)}</caption>") == 1
    assert page.count("<svg") == page.count("<table") == len(figures_of(told))
    with pytest.raises(FigureUnknownError):
        render_chart(told, TYNSET, FigureCode.MEETINGS, language)


def test_no_cell_of_the_file_is_a_formula() -> None:
    unit = TYNSET.units[0].model_copy(update={"name": '=HYPERLINK("https://example.org")'})
    evil = TYNSET.model_copy(update={"units": (unit, *TYNSET.units[1:])})
    file = render_csv(content(evil), evil, Language.NB)
    assert file.startswith(b"\xef\xbb\xbf")
    assert file.count(b"\r\n") == len(file.splitlines())
    rows = list(csv.reader(io.StringIO(file.decode("utf-8-sig"))))
    assert tuple(rows[0]) == COLUMNS
    assert any(one.startswith("'=HYPERLINK") for row in rows for one in row)
    assert not any(one.lstrip()[:1] in {"=", "+", "-", "@"} for row in rows for one in row)


def test_a_report_is_the_same_bytes_again() -> None:
    for language in Language:
        one, two = content(), content()
        assert render_report(one, TYNSET, language) == render_report(two, TYNSET, language)
        assert render_csv(one, TYNSET, language) == render_csv(two, TYNSET, language)


def test_no_reference_of_a_case_or_meeting_stands_in_any_form() -> None:
    for profile in (TYNSET, SKIEN):
        for report in profile.reports:
            told = content(profile, report.code)
            said = told.model_dump_json() + render_report(told, profile, Language.NB)
            assert not re.search(r"\b(cas|con|cst|mea|mtg|act)_", said)


def test_every_language_puts_the_same_in_the_same_places() -> None:
    folder = Path(report_texts.__file__).with_name("texts")
    read = [
        _leaves(yaml.safe_load((folder / f"report-{one.value}.yaml").read_text(encoding="utf-8"))) for one in Language
    ]
    for one in read[1:]:
        assert one.keys() == read[0].keys()
    for path in read[0]:
        said = [{name for _, name, _, _ in Formatter().parse(one[path]) if name} for one in read]
        assert said[0] == said[1] == said[2], path


def _leaves(value: object, path: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        return {name: text for key, part in value.items() for name, text in _leaves(part, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {
            name: text for index, part in enumerate(value) for name, text in _leaves(part, f"{path}.{index}").items()
        }
    return {path: str(value)}


def test_a_heading_without_figures_is_written_by_people() -> None:
    plain = ReportHeading(nb="Erfaringer", nn="Erfaringar", en="Experiences")
    report = TYNSET.reports[0].model_copy(update={"headings": (plain,)})
    profile = TYNSET.model_copy(update={"reports": (report,)})
    assert REPORT_WORDS[Language.NN].written_by_people in render_report(
        content(profile, report.code), profile, Language.NN
    )


def test_a_heading_asks_for_figures_that_there_are() -> None:
    name = "nord-osterdal.yaml"
    text = (MeetingsSettings.model_fields["municipalities_folder"].default / name).read_text(encoding="utf-8")
    line = next(number for number, one in enumerate(text.splitlines(), start=1) if "Møter holdt mot krav" in one)
    wrong = text.replace("figures: [meetings, attendance, ", "figures: [meetings, happiness, ", 1)
    with pytest.raises(ProfileError, match=rf"{name}, line {line}: reports\.0\.headings\.0\.figures\.1: "):
        read_profiles_in(wrong, name)


@pytest.mark.rule(123)
@pytest.mark.parametrize(
    ("owner", "reason"),
    [
        ("{role: privacy-officer}", "nobody owes a report as privacy-officer"),
        ("{role: leader}", "say of which unit: there is a leader in many"),
        ('{role: leader, unit: "unit:nowhere"}', "unit:nowhere is no unit of this profile"),
    ],
)
def test_who_owes_a_report_is_somebody_of_the_municipality(owner: str, reason: str) -> None:
    text = (MeetingsSettings.model_fields["municipalities_folder"].default / "nord-osterdal.yaml").read_text("utf-8")
    before = "  - code: to-steering-group\n"
    assert all(report.owner.role is Role.COORDINATOR for report in TYNSET.reports), "where nothing is said"
    named = text.replace(before, f'{before}    owner: {{role: leader, unit: "unit:ppt-nord-osterdal"}}\n', 1)
    [read, *_] = read_profiles_in(named, "named.yaml")
    assert {report.code: report.owner.unit for report in read.reports}["to-steering-group"] == "unit:ppt-nord-osterdal"
    with pytest.raises(ProfileError, match=reason):
        read_profiles_in(text.replace(before, f"{before}    owner: {owner}\n", 1), "wrong.yaml")


# --- surveys ------------------------------------------------------------------------------------------------------------


def surveys_in(told: Content) -> list[tuple[int | None, list[float | None]]]:
    """Return the number of answers and the means of each round that a report tells of."""
    rounds = [each for section in told.sections for survey in section.surveys for each in survey.rounds]
    return [(each.answers, [asked.mean for asked in each.questions]) for each in rounds]


@pytest.mark.rule(74, 152, 153)
@pytest.mark.parametrize("language", Language)
def test_a_survey_is_told_of_in_the_term_in_which_it_ended_and_in_every_form(language: Language) -> None:
    given = [surveyed(7), surveyed(9, last=date(2026, 6, 19)), surveyed(8, form="another")]
    told = content(SKIEN, "grenland-part-2", results=given)
    means = [4.3, 4.2, 4.1, 4.0]
    assert surveys_in(told) == [(7, means)]
    words = REPORT_WORDS[language]
    page = render_report(told, SKIEN, language)
    for mean in means:
        assert f">{mean}".replace(".", words.decimal) + "</td>" in page
    assert f'<td data-column="{words.survey_answers}">7</td>' in page
    rows = list(csv.DictReader(io.StringIO(render_csv(told, SKIEN, language).decode("utf-8-sig"))))
    lines = [row for row in rows if row["figure"] == "after-guardian-meeting"]
    assert [(row["column"], row["number"], row["shown"]) for row in lines] == [
        *(("mean", f"{mean}", "true") for mean in means),
        ("answers", "7", "true"),
    ]
    none = content(SKIEN, "grenland-part-2")
    assert surveys_in(none) == []
    assert words.survey_none in render_report(none, SKIEN, language)


@pytest.mark.rule(74, 152, 153)
def test_of_fewer_answers_than_the_profile_says_nothing_is_told_and_never_of_fewer_than_any_other_count() -> None:
    told = content(SKIEN, "grenland-part-2", results=[surveyed(None)])
    assert surveys_in(told) == [(None, [None] * 4)]
    assert "4,3" not in render_report(told, SKIEN, Language.NB)
    file = list(csv.DictReader(io.StringIO(render_csv(told, SKIEN, Language.NB).decode("utf-8-sig"))))
    lines = [row for row in file if row["figure"] == "after-guardian-meeting"]
    assert {(row["number"], row["shown"]) for row in lines} == {("", "false")}
    [form] = SKIEN.surveys
    assert form.least == THRESHOLD
    strict = SKIEN.model_copy(update={"surveys": (form.model_copy(update={"least": 8}),)})
    assert surveys_in(content(strict, "grenland-part-2", results=[surveyed(7)])) == [(None, [None] * 4)]
    assert surveys_in(content(strict, "grenland-part-2", results=[surveyed(8)]))[0][0] == 8


def test_a_heading_has_surveys_of_the_profile_only() -> None:
    folder: Path = MeetingsSettings.model_fields["municipalities_folder"].default
    text = (folder / "skien.yaml").read_text(encoding="utf-8")
    with pytest.raises(ProfileError, match="nothing-such is no survey of this profile"):
        read_profiles_in(text.replace("surveys: [after-guardian-meeting]", "surveys: [nothing-such]"), "skien.yaml")
