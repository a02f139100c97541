"""The five profiles say what their sources say, every rule that is data stands on a line, and a sixth is written without code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from services.meetings.configuration import read_profiles
from services.meetings.domain.arena import wanted_arenas
from services.meetings.domain.arena_rules import ArenaRules, ArenaType, Task
from services.meetings.domain.conformity import KnownMeeting, View, conformity, deviations
from services.meetings.domain.figures import FigureCode
from services.meetings.domain.lifting import way_up
from services.meetings.domain.meeting import Status
from services.meetings.domain.planning import OVERBOOKED, cost, plan, staff_of
from services.meetings.domain.profile import Profile
from services.meetings.domain.rhythm import AtLeastPerTerm, AtLeastPerYear, EveryWeeks, Larger, Monthly, Yearly
from services.meetings.domain.undertakings import Better, Reader
from services.meetings.domain.wheel import wishes
from services.meetings.settings import MeetingsSettings
from services.meetings.views import arena_view
from shared.clock import OSLO
from shared.contracts.codes import Service
from shared.contracts.deviations import DeviationKind
from shared.contracts.meetings import Guardians, ItemKind, ModePolicy, Place, Seat
from shared.profiles import rules_named_in
from shared.refs import ArenaRef, LogScope, MeetingRef, UnitId
from tests.coverage_table import numbers
from tests.unit.report_world import content

FOLDER: Final[Path] = MeetingsSettings.model_fields["municipalities_folder"].default
PROFILES: Final[Mapping[LogScope, Profile]] = read_profiles(FOLDER)
NORD_OSTERDAL: Final = tuple(PROFILES[LogScope(number)] for number in ("3424", "3429", "3427", "3428", "3426"))
SKIEN, RENNESOY, TONSBERG, NOTODDEN = (PROFILES[LogScope(number)] for number in ("4003", "1142", "3905", "4005"))
DAY: Final = date(2026, 9, 1)
DATA: Final = numbers("1-77, 108-115, 119, 124-128, 135-159, 163, 171-177, 183, 187")
"""The rules of meetings, of the seed rules."""


def arena(profile: Profile, arena_type: str) -> ArenaRules:
    """Return the arena, which is there."""
    found = profile.arena(arena_type)
    assert found is not None
    return found


def test_every_rule_of_meetings_is_on_a_line_of_a_profile() -> None:
    named = frozenset[int]().union(*(rules_named_in(profile) for profile in PROFILES.values()))
    assert sorted(DATA - named) == []


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_every_arena_names_the_rule_it_comes_from_and_every_line_in_it(profile: Profile) -> None:
    for rules in profile.arenas:
        lines = [*rules.members, *rules.windows, rules.frequency, rules.mode, rules.called_by]
        assert all(rules_named_in(line) for line in lines), rules.type


@pytest.mark.rule(52, 77)
def test_the_same_arenas_in_all_five_each_at_its_own_units() -> None:
    own = {
        profile.name: {unit.id for unit in profile.units if unit.municipality is not None} for profile in NORD_OSTERDAL
    }
    for profile in NORD_OSTERDAL:
        hosted = {"kommunedirektorforum", "arbeidsgruppe"} if profile.name == "Tynset" else set()
        shared = {rules.type for rules in NORD_OSTERDAL[0].arenas}
        assert {rules.type for rules in profile.arenas} == shared | hosted
        assert arena(profile, "tst") == arena(NORD_OSTERDAL[0], "tst")
        children = {unit.id for unit in profile.units if unit.kind in {"barnehage", "skole"}}
        assert children <= own[profile.name]
        assert {unit for rules, unit in wanted_arenas(profile, DAY) if rules.type == "tst"} == children
        assert {unit.service for unit in profile.units if unit.municipality is None} == {
            Service.BARNEVERN,
            Service.PPT,
            Service.NAV,
        }
    assert len(frozenset[str]().union(*own.values())) == sum(len(units) for units in own.values())


@pytest.mark.rule(53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 67, 68, 70, 71, 72, 73)
def test_tst_as_the_plan_states_it() -> None:
    team = arena(NORD_OSTERDAL[0], "tst")
    assert team.fixed == {Service.PPT, Service.HELSESTASJON, Service.BARNEVERN}
    assert all(team.duty_of(service, None) for service in team.fixed)
    # The barnehage or school is a fixed participant too, and is to be there.
    assert team.has_duty(Seat(service=Service.BARNEHAGE, unit=UnitId("unit:tynset-barnehage")))
    assert not team.duty_of(Service.NAV, None)
    assert Service.NAV in team.at_need
    assert team.place.at is Place.AT_THE_UNIT
    assert team.mandate is not None
    assert team.mandate.levels == {Task.SYSTEM, Task.INDIVIDUAL}
    assert team.shortest is not None
    assert team.shortest.minutes == 150
    assert team.template is not None
    assert team.template.elements == (ItemKind.GENERAL, ItemKind.GUIDANCE, ItemKind.OBSERVATION)
    assert team.authority is not None
    assert team.authority.design_measures
    assert team.authority.decide_for_service
    assert team.guardians_part is Guardians.INVITED
    assert team.chair is not None
    assert team.lifts_to is not None
    assert team.lifts_to.to == "tst-kommune"
    ref = ArenaRef("arn_" + "b" * 26)
    assert arena_view(ref, None, team, team.fixed).lifts_to == "tst-kommune", "and whoever reads of the arena is told"
    assert arena_view(ref, None, arena(NORD_OSTERDAL[0], "tst-kommune"), team.fixed).lifts_to is None


@pytest.mark.rule(64, 65, 66)
@pytest.mark.parametrize(("size", "least"), [(20, (2, 3)), (119, (2, 3)), (120, (3, 4)), (249, (3, 4)), (250, None)])
def test_tst_meets_by_the_units_size(size: int, least: tuple[int, int] | None) -> None:
    frequency = arena(NORD_OSTERDAL[0], "tst").frequency
    assert isinstance(frequency, AtLeastPerTerm)
    said = frequency.for_size(size)
    assert (tuple(each.times for each in said.terms) or None) == least
    assert (isinstance(said, Larger) and said.monthly) == (least is None)


@pytest.mark.rule(75)
def test_what_tst_replaced_meets_no_more_and_says_what_took_its_place() -> None:
    old = arena(NORD_OSTERDAL[0], "obs-team")
    assert old.retired is not None
    assert (old.meets_on(date(2023, 7, 31)), old.meets_on(date(2023, 8, 1))) == (True, False)
    assert old.retired.successor == "tst"
    assert "obs-team" not in {rules.type for rules, _ in wanted_arenas(NORD_OSTERDAL[0], DAY)}
    assert "obs-team" in {rules.type for rules, _ in wanted_arenas(NORD_OSTERDAL[0], date(2023, 5, 2))}


@pytest.mark.rule(75, 126)
def test_tst_meets_from_the_day_on_which_it_replaced_the_others_and_is_defined_before_it() -> None:
    team = arena(NORD_OSTERDAL[0], "tst")
    assert (team.meets_on(date(2023, 7, 31)), team.meets_on(date(2023, 8, 1))) == (False, True)
    ahead = {rules.type for rules, _ in wanted_arenas(NORD_OSTERDAL[0], date(2023, 5, 2))}
    assert {"tst", "tst-kommune"} <= ahead, "its first meeting can be called before it begins"
    ref = ArenaRef("arn_" + "b" * 26)
    told = [arena_view(ref, None, arena(NORD_OSTERDAL[0], each), ()) for each in ("tst", "obs-team")]
    assert [(each.begins, each.retired_from, each.successor) for each in told] == [
        (date(2023, 8, 1), None, None),
        (None, date(2023, 8, 1), "tst"),
    ]


@pytest.mark.rule(68, 75)
def test_what_is_lifted_goes_where_there_is_somebody_on_that_day() -> None:
    profile = NORD_OSTERDAL[0]
    lifts = arena(profile, "tst").model_copy(update={"type": ArenaType("skolens-team")})
    ways = {day: way_up(profile, lifts, None, day) for day in (date(2023, 7, 31), date(2023, 8, 1))}
    assert [way and way.rules.type for way in ways.values()] == ["but-team", "tst-kommune"]


@pytest.mark.rule(108, 109, 111, 112, 113, 114, 115, 123, 124, 125, 126, 127, 128)
def test_the_plan_of_nord_osterdal_beside_its_meetings() -> None:
    profile = NORD_OSTERDAL[2]
    steps = sorted((step.from_months, step.to_months) for step in profile.parent_guidance)
    assert (steps[0][0], steps[-1][1]) == (0, 216)
    assert all(ends == begins for (_, ends), (begins, _) in pairwise(steps))
    assert all(step.done_by for step in profile.parent_guidance)
    assert {report.code: report.by for report in profile.reports if Reader.POLITICAL in report.to} == {
        "structures": date(2023, 12, 31),
        "practice-and-gains": date(2024, 6, 30),
    }
    assert {one.code for one in profile.competence} >= {"leading-meetings", "own-field"}
    assert {one.arena for one in profile.steering} == {"kommunedirektorforum", "arbeidsgruppe"}
    assert [each.by for each in profile.milestones] == sorted(each.by for each in profile.milestones if each.by)


@pytest.mark.rule(119, *range(135, 160))
def test_skien_has_its_seven_measures_with_owner_start_resources_goal_and_indicator() -> None:
    assert [one.code for one in SKIEN.undertakings] == [f"tiltak-{number}" for number in range(1, 8)]
    starts = {one.code: one.starts for one in SKIEN.undertakings}
    assert (starts["tiltak-1"], starts["tiltak-3"]) == (date(2014, 1, 1), date(2014, 1, 1))
    assert (starts["tiltak-5"], starts["tiltak-6"], starts["tiltak-7"]) == (
        date(2013, 10, 1),
        date(2014, 8, 1),
        date(2013, 10, 1),
    )
    assert SKIEN.undertakings[0].resources[0].kroner == 100_000
    assert all(one.owners and one.indicators and one.anchored_in for one in SKIEN.undertakings)
    used = {code for one in SKIEN.undertakings for code in one.indicators}
    assert used == {one.code for one in SKIEN.indicators}
    directions = {one.code: one.better for one in SKIEN.indicators}
    assert directions["referrals-to-ppt"] is directions["high-level-measures"] is Better.FEWER
    assert {report.by for report in SKIEN.reports} == {date(2013, 1, 31), date(2013, 4, 15)}
    assert all(len(report.compared_with) == 6 for report in SKIEN.reports)
    assert arena(SKIEN, "overgangsmote").guardians_part is Guardians.REQUIRED
    assert isinstance(arena(SKIEN, "kompetanseheving").frequency, Yearly)
    [survey] = SKIEN.surveys
    assert {"overgangsmote", "foreldrekontakt"} <= set(survey.after)
    assert {question.rule for question in survey.questions} == {152, 153, 159}
    assert rules_named_in(SKIEN) >= set(range(135, 160)), "each rule of the report has its line"


@pytest.mark.rule(8, 10, 15, 16, 19, 40)
def test_every_meeting_to_which_notoddens_page_gives_a_time_is_in_its_year_wheel() -> None:
    asked = wishes(NOTODDEN, 2026)
    named = {"ressursteam", "overgang-barnehage-skole", "bup-samarbeid", "lederforum"}
    through = {"overgang-skole-skole-koordinator": {10}, "overgang-skole-skole-kontaktlaerer": {2, 3, 4}}
    assert {wish.key.arena_type for wish in asked} == named | through.keys()
    for arena_type, months in through.items():
        [between] = [wish for wish in asked if wish.key.arena_type == arena_type]
        assert {day.month for day in between.days} == months
        assert between.key.units == (UnitId("unit:tinnes-skole"), UnitId("unit:notodden-ungdomsskole"))


@pytest.mark.rule(163, 171, 172, 173, 174, 175, 176, 177)
def test_rennesoys_fagsenter_as_its_report_states_it() -> None:
    fagsenter = arena(RENNESOY, "fagsenter")
    assert fagsenter.mode.policy is ModePolicy.SYSTEM_ONLY
    assert fagsenter.mandate is not None
    assert fagsenter.mandate.levels == {Task.SYSTEM}
    assert fagsenter.seats is not None
    assert (len(fagsenter.members), fagsenter.seats.in_all, fagsenter.seats_per_organisation) == (12, 12, 1)
    assert {Service.PPT, Service.BUP} <= fagsenter.from_outside
    assert isinstance(fagsenter.frequency, Monthly)
    [hours] = RENNESOY.guidance_hours
    assert (hours.hours_a_week, sorted(hours.unit_kinds)) == (2, ["barnehage", "skole"])
    assert sum(one.kroner or 0 for one in RENNESOY.resources) == 150_000 + 360_000 + 200_000
    [hearing] = RENNESOY.hearings
    assert hearing.arena == "fagsenter"


@pytest.mark.rule(183, 184, 187)
def test_tonsbergs_meeting_places_with_their_numbers() -> None:
    said = {str(rules.type): rules.frequency for rules in TONSBERG.arenas}
    least = said["oppvekstledersamling"]
    assert isinstance(least, AtLeastPerYear)
    assert least.times == 4
    weekly = [said["ledermote"], said["ledermote-bou"]]
    assert all(isinstance(each, EveryWeeks) and each.weeks == 1 for each in weekly)
    assert isinstance(said["rektormote"], Monthly)
    assert isinstance(said["virksomhetsledermote-barnehager"], Monthly)
    assert said["tverrfaglig-mote"].kind == "regularly"
    assert len([each for each in TONSBERG.milestones if 187 in each.rules]) == 3


SIXTH: Final = """
municipality: "5001"
name: Den sjette

calendar:
  terms:
    - {name: høst, first: "08-15", last: "12-31"}
    - {name: vinter, first: "01-01", last: "03-31"}
    - {name: vår, first: "04-01", last: "08-14"}
  school_holidays:
    - {name: jul, first: 2026-12-21, last: 2027-01-03}

units:
  - {id: "unit:den-sjette-skole", kind: skole, name: Skolen, size: 90}
  - {id: "unit:den-sjette-ppt", kind: service, service: ppt, name: PPT}

arenas:
  - type: helt-annet-mote
    name: Et møte som ingen av kildene har
    level: unit
    unit_kinds: [skole]
    rules: [47]
    mode: {policy: anonymous-only, rules: [2]}
    members:
      - {service: ppt, rule: 3}
    frequency:
      kind: at-least-per-term
      terms: [{term: høst, times: 1}, {term: vinter, times: 2}, {term: vår, times: 1}]
      rule: 64
    minutes: 45
    place: {at: at-the-unit}
    called_by: {roles: [leader], rule: 6}
"""


def test_a_sixth_municipality_is_a_file_and_no_code(tmp_path: Path) -> None:
    (tmp_path / "sixth.yaml").write_text(SIXTH, encoding="utf-8")
    [sixth] = read_profiles(tmp_path).values()
    assert [(rules.type, unit) for rules, unit in wanted_arenas(sixth, DAY)] == [
        ("helt-annet-mote", "unit:den-sjette-skole")
    ]
    assert [term.name for term, _, _ in sixth.calendar.terms_of(sixth.calendar.school_year(2026))] == [
        "høst",
        "vinter",
        "vår",
    ]


@pytest.mark.rule(64)
def test_the_sixth_is_planned_and_counted_in_the_three_terms_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "sixth.yaml").write_text(SIXTH, encoding="utf-8")
    [sixth] = read_profiles(tmp_path).values()
    year, asked = sixth.calendar.school_year(2026), wishes(sixth, 2026)
    placed = plan(asked, staff_of([sixth]))
    assert placed.keys() == {wish.key for wish in asked}
    assert cost(asked, placed, staff_of([sixth]), {}) < OVERBOOKED
    assert {slot.day for slot in placed.values()} <= sixth.calendar.open_days(year)
    ends = {"høst": (date(2026, 8, 15), date(2026, 12, 31)), "vinter": (date(2027, 1, 1), date(2027, 3, 31))}
    ends["vår"] = (date(2027, 4, 1), date(2027, 8, 14))
    for key, slot in placed.items():
        first, last = ends[key.period]
        assert first <= slot.day <= last, key
    # All of them are held but the second one of the winter, and that is what the unit is told.
    known = [
        KnownMeeting(
            MeetingRef(f"mtg_{'b' * 25}{'bcdf'[number]}"),
            ArenaType("helt-annet-mote"),
            UnitId("unit:den-sjette-skole"),
            slot.moment,
            Status.CANCELLED if (key.period, key.nth) == ("vinter", 2) else Status.HELD,
            extra=False,
        )
        for number, (key, slot) in enumerate(placed.items())
    ]
    everything, over = View(everything=True), date(2027, 8, 15)
    rows = conformity(sixth, year, known, over, everything)
    assert [(row.period, (row.first, row.last), row.due, row.held, row.conforms) for row in rows] == [
        ("høst", ends["høst"], 1, 1, True),
        ("vinter", ends["vinter"], 2, 1, False),
        ("vår", ends["vår"], 1, 1, True),
    ]
    [few] = [
        each for each in deviations(sixth, year, known, over, everything) if each.kind is DeviationKind.TOO_FEW_HELD
    ]
    assert (few.unit, few.period, few.due, few.found) == ("unit:den-sjette-skole", "vinter", 2, 1)


ITS_REPORT: Final = """
reports:
  - code: held
    text: {nb: Holdt, nn: Halde, en: Held}
    to: [political]
    headings:
      - {nb: Holdt, nn: Halde, en: Held, figures: [meetings, deviations]}
    rules: [64]
"""


@pytest.mark.rule(64)
def test_each_of_the_sixths_three_terms_stands_in_one_report_also_the_one_that_goes_over_the_first_of_august(
    tmp_path: Path,
) -> None:
    (tmp_path / "sixth.yaml").write_text(SIXTH + ITS_REPORT, encoding="utf-8")
    [sixth] = read_profiles(tmp_path).values()
    meetings = [
        KnownMeeting(
            MeetingRef(f"mtg_{'b' * 25}{letter}"),
            ArenaType("helt-annet-mote"),
            UnitId("unit:den-sjette-skole"),
            datetime.combine(day, time(10), OSLO),
            Status.HELD,
            extra=False,
        )
        for letter, day in zip(
            "bcdfghjk",
            [date(2026, 9, 1), date(2027, 2, 2), *(date(2027, 5, 1 + number) for number in range(5)), date(2027, 9, 1)],
            strict=True,
        )
    ]

    def told(code: str) -> tuple[int | None, ...]:
        report = content(sixth, "held", meetings=meetings, code=code, facts=[])
        [figure] = [each for section in report.sections for each in section.figures if each.code is FigureCode.MEETINGS]
        return figure.table.column_totals[:2]

    assert told("2026-autumn") == (1, None), "of the school year before nothing is known, and nothing is said"
    assert told("2027-spring") == (2, None), "the winter's two, of which one was held"
    # The spring ends on 14 August: it is told with the autumn in which it ends, and so is every year's end.
    with_the_next = SIXTH + ITS_REPORT
    next_year = "    - {name: jul, first: 2027-12-20, last: 2028-01-02}\n\nunits:"
    (tmp_path / "sixth.yaml").write_text(with_the_next.replace("\nunits:", next_year, 1), encoding="utf-8")
    [sixth] = read_profiles(tmp_path).values()
    assert told("2027-autumn") == (2, 6), "the spring's five and the autumn's one"
