"""Figures that people enter: who may, of what, what a number can be, and what of it a report shows, hides, and says is missing."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.meetings.domain.conformity import View
from services.meetings.domain.entered_figure import (
    FIGURE,
    EnteredTold,
    FigureSource,
    FigureState,
    Kept,
    Number,
    Place,
    Shown,
    asked,
    decide_correct,
    decide_enter,
    enters_as,
    line_key,
    lines_for,
    number_of,
    period_of,
    told_of,
)
from services.meetings.domain.profile import Profile, read_profile
from services.meetings.domain.reports import Known, content_of, report_of
from services.meetings.domain.stretch import Every, before, ended_in, holding, stretch
from services.meetings.domain.undertakings import Better, Entry, Indicator, Owner, Quantity, Source
from services.meetings.errors import (
    FigureEnteredError,
    FigureNotYoursError,
    FigurePeriodError,
    FigureUnitError,
    FigureUnknownError,
    FigureValueError,
    IndicatorUnknownError,
    PeriodNotOverError,
)
from services.meetings.pages.report_page import render_csv, render_entered_chart, render_report
from services.meetings.pages.report_texts import REPORT_WORDS
from services.meetings.settings import MeetingsSettings
from shared.contracts.codes import Language, Role, Service
from shared.contracts.entered_figures import FigureCorrected, FigureCorrection, FigureEntered
from shared.profiles import ProfileError, Text
from shared.refs import EnteredFigureRef, LogScope, UnitId
from tests.property.test_meetings_registers import actor
from tests.unit.report_world import PROFILES, SKIEN, period

RENNESOY, TONSBERG = PROFILES[LogScope("1142")], PROFILES[LogScope("3905")]
REF: Final = EnteredFigureRef("enf_" + "b" * 26)
TODAY: Final = date(2027, 1, 4)
BARNEHAGE, OTHER, SCHOOL = (
    UnitId("unit:vikevag-barnehage"),
    UnitId("unit:mosteroy-barnehage"),
    UnitId("unit:vikevag-skole"),
)
CALLS, LOW, HOMEPAGE = "service-centre-calls", "low-level-measures", "homepage-visits"
SPECIAL: Final = "special-education-barnehage"
SVG: Final = "{http://www.w3.org/2000/svg}"
DAYS: Final = st.dates(date(2001, 1, 1), date(2150, 12, 31))


def kept(*entered: tuple[str, str, UnitId | None, float], of: int | None = None, entries: int = 1) -> Kept:
    """Return figures as they were entered."""
    return {
        Place(indicator, code, unit): (
            EnteredFigureRef(f"enf_{index}"),
            Number(tenths=round(value * 10), of=of, source=FigureSource.OWN_COUNT),
            entries,
        )
        for index, (indicator, code, unit, value) in enumerate(entered)
    }


# --- stretches of time --------------------------------------------------------------------------------------------------


@given(st.sampled_from(Every), DAYS)
def test_a_stretch_holds_its_day_has_one_code_and_follows_on_the_one_before(every: Every, day: date) -> None:
    one = holding(every, day)
    assert one.first <= day <= one.last
    assert holding(every, one.first) == holding(every, one.last) == one
    earlier = before(every, one)
    assert earlier.last + timedelta(days=1) == one.first
    assert earlier.code != one.code
    assert stretch(every, one.code) == one
    for other in Every:
        if other is not every:
            assert stretch(other, one.code) is None, "a code is of one kind"


@given(st.sampled_from(Every), DAYS, st.integers(0, 1500))
def test_those_that_ended_in_a_time_are_all_that_did(every: Every, first: date, days: int) -> None:
    last = first + timedelta(days=days)
    found = ended_in(every, first, last)
    assert found == sorted(found, key=lambda one: one.first)
    brute = {holding(every, first + timedelta(days=day)).code for day in range(days + 1)}
    assert {one.code for one in found} == {code for code in brute if (one := stretch(every, code)) and one.last <= last}


@pytest.mark.parametrize(
    "code", ["", "2026-13", "2026-00", "2026-2028", "2026-winter", "26-01", "2026-1", "2026-09\n", "1999", "٢٠٢٦"]
)
def test_what_is_no_period_is_none(code: str) -> None:
    assert [every for every in Every if stretch(every, code) is not None] == []


# --- who enters what ----------------------------------------------------------------------------------------------------


@pytest.mark.rule(150, 151, 155, 164, 190)
def test_the_profiles_say_who_enters_which_figure() -> None:
    coordinator = actor("unit:skien-kommune", Role.COORDINATOR)
    welfare = actor("unit:skien-barnevern", Role.LEADER, service=Service.BARNEVERN)
    assert enters_as(asked(SKIEN, CALLS).entry, None, coordinator) is Role.COORDINATOR
    assert enters_as(asked(SKIEN, HOMEPAGE).entry, None, coordinator) is Role.COORDINATOR
    assert enters_as(asked(TONSBERG, "upper-secondary").entry, None, coordinator) is Role.COORDINATOR
    assert enters_as(asked(SKIEN, LOW).entry, None, welfare) is Role.LEADER
    leader = actor(BARNEHAGE, Role.LEADER, service=Service.BARNEHAGE)
    special = asked(RENNESOY, SPECIAL).entry
    assert enters_as(special, BARNEHAGE, leader) is Role.LEADER
    assert enters_as(special, BARNEHAGE, coordinator) is Role.COORDINATOR
    for entry, unit, no in (
        (asked(SKIEN, CALLS).entry, None, welfare),
        (asked(SKIEN, LOW).entry, None, coordinator),
        (asked(SKIEN, LOW).entry, None, actor("unit:skien-ppt", Role.LEADER, service=Service.PPT)),
        (special, OTHER, leader),
        (special, None, leader),
        (special, BARNEHAGE, actor(BARNEHAGE, Role.TEACHER, service=Service.BARNEHAGE)),
        (special, BARNEHAGE, actor(BARNEHAGE, Role.AUDITOR)),
        (special, BARNEHAGE, actor(None, Role.GUARDIAN)),
    ):
        with pytest.raises(FigureNotYoursError):
            enters_as(entry, unit, no)
    for counted in ("satisfaction", "page-visits", "attendance", "nothing"):
        with pytest.raises(IndicatorUnknownError):
            asked(SKIEN, counted)


@pytest.mark.rule(151, 164)
def test_a_figure_is_of_a_period_that_is_over_and_of_a_unit_that_was_there() -> None:
    calls, special = asked(SKIEN, CALLS).entry, asked(RENNESOY, SPECIAL).entry
    assert period_of(SKIEN, calls, "2026-12", None, TODAY).last == date(2026, 12, 31)
    assert period_of(RENNESOY, special, "2025-2026", BARNEHAGE, TODAY).first == date(2025, 8, 1)
    for code in ("2026-autumn", "2026", "2026-13", "calls"):
        with pytest.raises(FigurePeriodError):
            period_of(SKIEN, calls, code, None, TODAY)
    for code, today in (("2027-01", TODAY), ("2026-12", date(2026, 12, 31))):
        with pytest.raises(PeriodNotOverError):
            period_of(SKIEN, calls, code, None, today)
    with pytest.raises(FigureUnitError):
        period_of(SKIEN, calls, "2026-12", UnitId("unit:falkum-skole"), TODAY)
    closed = tuple(
        unit.model_copy(update={"last_day": date(2026, 6, 30)}) if unit.id == OTHER else unit for unit in RENNESOY.units
    )
    for profile, unit in (
        (RENNESOY, None),
        (RENNESOY, SCHOOL),
        (RENNESOY, UnitId("unit:nowhere")),
        (RENNESOY.model_copy(update={"units": closed}), OTHER),
    ):
        with pytest.raises(FigureUnitError):
            period_of(profile, special, "2025-2026", unit, TODAY)


@given(st.floats(-10, 2e9, allow_nan=False), st.none() | st.integers(1, 5000), st.sampled_from(Quantity), st.booleans())
def test_a_number_is_of_its_kind_or_refused(
    value: float, of: int | None, quantity: Quantity, of_children: bool
) -> None:
    entry = Entry(what=Text(nb="a", nn="a", en="a"), quantity=quantity, every=Every.YEAR, of_children=of_children)
    counts = quantity is Quantity.COUNT
    tenths = abs(value * 10 - round(value * 10)) <= 1e-6
    whole = tenths and round(value * 10) % 10 == 0
    right = value >= 0 and (
        (whole and of is None) if counts else (tenths and value <= 100.04 and round(value * 10) <= 1000)
    )
    if not counts and of_children and of is None:
        right = False
    try:
        number = number_of(entry, value, of, FigureSource.GSI)
    except FigureValueError:
        assert not right
    else:
        assert right
        assert (number.value, number.of) == (round(value, 1), of)


@pytest.mark.rule(151)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(FigureCorrection)), max_size=8))
def test_it_is_entered_once_and_each_correction_is_a_further_entry(
    corrections: list[tuple[int, FigureCorrection]],
) -> None:
    place = Place(CALLS, "2026-12", None)
    history = decide_enter(FigureState(), REF, place)
    assert history == [FigureEntered(figure=REF, indicator=CALLS, period="2026-12")]
    state, now = FIGURE.fold(FigureState(), history), Number(tenths=10, of=None, source=FigureSource.OWN_COUNT)
    for value, reason in corrections:
        new = now.model_copy(update={"tenths": value * 10})
        events = decide_correct(state, now, new, reason)
        assert bool(events) == (new != now), "the same again changes nothing"
        for event in events:
            assert isinstance(event, FigureCorrected)
            assert (event.number, event.reason) == (state.entries + 1, reason)
            assert "tenths" not in event.model_dump_json(), "no number is on the bus"
        state, now = FIGURE.fold(state, events), new
        history += events
    assert FIGURE.replay(history) == state
    assert (state.place, state.entries) == (place, len(history))
    with pytest.raises(FigureEnteredError) as refused:
        decide_enter(state, REF, place)
    assert refused.value.extensions["figure"] == REF


@pytest.mark.rule(151, 155)
def test_what_is_still_to_be_entered_is_listed_as_missing_and_late_when_it_is() -> None:
    coordinator = actor("unit:skien-kommune", Role.COORDINATOR)
    lines = lines_for(SKIEN, coordinator, kept((CALLS, "2026-11", None, 412.0), (CALLS, "2024-01", None, 500.0)), TODAY)
    assert lines == sorted(lines, key=line_key)
    assert {line.indicator for line in lines} == {CALLS, HOMEPAGE}, "the others are child welfare's"
    calls = {line.period: line for line in lines if line.indicator == CALLS}
    assert (calls["2026-11"].value, calls["2026-11"].overdue) == (412.0, False)
    assert (calls["2024-01"].value, calls["2024-01"].source) == (500.0, FigureSource.OWN_COUNT), (
        "what was entered stays"
    )
    december, november = calls["2026-12"], calls["2026-10"]
    assert (december.figure, december.value, december.due_by, december.overdue) == (
        None,
        None,
        date(2027, 1, 14),
        False,
    )
    assert (november.due_by, november.overdue) == (date(2026, 11, 14), True)
    assert "2027-01" not in calls
    assert "2025-10" not in calls
    own = lines_for(RENNESOY, actor(BARNEHAGE, Role.LEADER, service=Service.BARNEHAGE), {}, TODAY)
    assert {(line.indicator, line.unit) for line in own} == {(SPECIAL, BARNEHAGE)}
    assert lines_for(RENNESOY, actor(BARNEHAGE, Role.TEACHER, service=Service.BARNEHAGE), {}, TODAY) == []


# --- in a report --------------------------------------------------------------------------------------------------------


def told(
    profile: Profile, code: str, entered: Kept, term: str = "2026-autumn", only: UnitId | None = None
) -> EnteredTold:
    """Return what a report says of an indicator."""
    return told_of(profile, code, entered, period(term), only, all_units=only is None)


@pytest.mark.rule(151, 155)
def test_a_report_has_the_periods_that_ended_in_its_term_and_the_one_before_and_says_what_is_missing() -> None:
    calls = told(
        SKIEN, CALLS, kept((CALLS, "2026-08", None, 0.0), (CALLS, "2026-12", None, 3.0), (CALLS, "2027-01", None, 9.0))
    )
    assert calls.periods == ("2026-07", "2026-08", "2026-09", "2026-10", "2026-11", "2026-12")
    shown = {cell.period: (cell.standing, cell.number) for cell in calls.cells}
    assert shown["2026-08"] == (Shown.SHOWN, 0.0)
    assert shown["2026-12"] == (Shown.SHOWN, 3.0), "calls are no children"
    assert shown["2026-09"] == (Shown.MISSING, None)
    assert told(SKIEN, LOW, {}).periods == ("2025", "2026")
    assert told(SKIEN, LOW, {}, "2027-spring").periods == ("2026",), "no year ended in it"
    assert told(TONSBERG, "upper-secondary", {}, "2027-spring").periods == ("2025-2026", "2026-2027")
    few = told(SKIEN, LOW, kept((LOW, "2025", None, 4.0), (LOW, "2026", None, 5.0)))
    assert [(cell.standing, cell.number) for cell in few.cells] == [(Shown.HIDDEN, None), (Shown.SHOWN, 5.0)]


@pytest.mark.rule(164)
@given(st.lists(st.none() | st.integers(0, 12), min_size=2, max_size=2), st.lists(st.integers(0, 12), max_size=3))
def test_no_small_count_of_children_is_shown_and_none_follows_from_what_is_entered_or_corrected_later(
    numbers: list[int | None], later: list[int]
) -> None:
    """Each number is shown by itself alone: what others enter, before or after, changes nothing of it, and there is no sum."""
    units = (BARNEHAGE, OTHER)
    for first, second in ((numbers[0], numbers[1]), *((numbers[0], each) for each in later)):
        entered = kept(
            *(
                (SPECIAL, "2026-2027", unit, float(number))
                for unit, number in zip(units, (first, second), strict=True)
                if number is not None
            )
        )
        found = told(RENNESOY, SPECIAL, entered, "2027-spring")
        assert found.totals == ()
        shown = {cell.unit: cell for cell in found.cells if cell.period == "2026-2027"}
        for unit, number in zip(units, (first, second), strict=True):
            cell = shown[unit]
            if number is None:
                assert (cell.standing, cell.number) == (Shown.MISSING, None)
            elif number < 5:
                assert (cell.standing, cell.number, cell.of) == (Shown.HIDDEN, None, None)
            else:
                assert (cell.standing, cell.number) == (Shown.SHOWN, float(number))
        mine = told(RENNESOY, SPECIAL, entered, "2027-spring", BARNEHAGE)
        assert mine.units == (BARNEHAGE,)
        assert mine.cells == tuple(cell for cell in found.cells if cell.unit == BARNEHAGE)
        assert told(RENNESOY, SPECIAL, entered, "2027-spring", SCHOOL).cells == ()


@pytest.mark.rule(190)
@given(st.integers(0, 1000), st.integers(1, 400))
def test_a_part_of_children_is_shown_when_five_are_in_it_and_five_outside(tenths: int, of: int) -> None:
    entered = kept(("upper-secondary", "2026-2027", None, tenths / 10), of=of)
    [_, cell] = told(TONSBERG, "upper-secondary", entered, "2027-spring").cells
    inside = round(of * tenths / 1000)
    assert (cell.standing is Shown.SHOWN) == (inside >= 5 and of - inside >= 5)
    assert (cell.number is None) == (cell.standing is Shown.HIDDEN) == (cell.of is None)


def of_units(profile: Profile) -> Profile:
    """Return the profile with visits that each school counts: no children, so there is a sum."""
    return profile.model_copy(
        update={
            "indicators": tuple(
                one.model_copy(update={"entry": one.entry.model_copy(update={"of_children": False})})
                if one.code == SPECIAL and one.entry is not None
                else one
                for one in profile.indicators
            )
        }
    )


def test_a_sum_is_told_when_every_unit_has_entered_and_is_missing_before() -> None:
    one = kept((SPECIAL, "2026-2027", BARNEHAGE, 3.0))
    both = {**one, **kept(("", "", None, 0.0), (SPECIAL, "2026-2027", OTHER, 4.0))}
    for entered, total in ((one, (Shown.MISSING, None)), (both, (Shown.SHOWN, 7.0))):
        [_, found] = told(of_units(RENNESOY), SPECIAL, entered, "2027-spring").totals
        assert (found.standing, found.number) == total


@pytest.mark.rule(151, 155, 190)
@pytest.mark.parametrize("language", Language)
def test_page_file_and_picture_say_the_same_and_nothing_that_is_missing_is_nought(language: Language) -> None:
    words = REPORT_WORDS[language]
    entered = {
        **kept((CALLS, "2026-09", None, 1234.0), (LOW, "2025", None, 3.0), entries=2),
        **kept(("", "", None, 0.0), ("", "", None, 0.0), (LOW, "2026", None, 17.0)),
    }
    report = report_of(SKIEN, "grenland-part-2")
    content = content_of(report, Known(SKIEN, [], entered=entered), [], [], period(), View(everything=True))
    page = render_report(content, SKIEN, language)
    assert f">{words.missing}</td>" in page
    assert words.missing_here.format(count=5) in page
    assert words.entered_corrected.format(count=1) in page
    assert words.entry_sources[FigureSource.OWN_COUNT] in page
    rows = list(csv.DictReader(io.StringIO(render_csv(content, SKIEN, language).decode("utf-8-sig"))))
    said = {
        (row["figure"], row["row"]): (row["number"], row["shown"])
        for row in rows
        if row["figure"].startswith("entered/")
    }
    assert said["entered/service-centre-calls", "2026-09"] == ("1234", "true")
    assert said["entered/service-centre-calls", "2026-10"] == ("", "missing")
    assert said["entered/low-level-measures", "2025"] == ("", "false")
    assert said["entered/low-level-measures", "2026"] == ("17", "true")
    svg = ET.fromstring(render_entered_chart(content, SKIEN, LOW, language))
    labels = [each.text for each in svg if each.get("class") == "number"]
    assert labels == [words.hidden, "17"]
    calls = ET.fromstring(render_entered_chart(content, SKIEN, CALLS, language))
    assert [each.text for each in calls if each.get("class") == "number"].count(words.missing) == 5
    assert not [each for each in calls if each.get("class") == "hidden"], "a missing one has no box"
    with pytest.raises(FigureUnknownError):
        render_entered_chart(content, SKIEN, "satisfaction", language)
    assert "{" not in page.partition("</style>")[2]
    rennesoy = content_of(
        report_of(RENNESOY, "to-the-state"),
        Known(RENNESOY, [], entered=kept((SPECIAL, "2026-2027", BARNEHAGE, 21.0))),
        [],
        [],
        period("2027-spring"),
        View(everything=True),
    )
    text = render_report(rennesoy, RENNESOY, language)
    assert words.school_year.format(first="2026", last="2027") in text
    assert ">Vikevåg barnehage</th>" in text
    percent = kept(("upper-secondary", "2026-2027", None, 76.5), of=412)
    tonsberg = content_of(
        report_of(TONSBERG, "to-steering-group"),
        Known(TONSBERG, [], entered=percent),
        [],
        [],
        period("2027-spring"),
        View(everything=True),
    )
    number = words.percent_of.format(number=f"76{words.decimal}5", of=412)
    assert f">{number}</td>" in render_report(tonsberg, TONSBERG, language)


# --- the profile --------------------------------------------------------------------------------------------------------


def test_an_indicator_that_is_entered_says_how_and_one_that_is_counted_does_not() -> None:
    text = Text(nb="a", nn="a", en="a")
    entry = Entry(what=text, every=Every.MONTH)
    good = Indicator(code="calls", text=text, source=Source.ENTERED, better=Better.FEWER, entry=entry, rules=(151,))
    assert good.entry is not None
    with pytest.raises(ValueError, match="say with `entry` how"):
        Indicator(code="calls", text=text, source=Source.ENTERED, better=Better.FEWER, rules=(151,))
    with pytest.raises(ValueError, match="is counted, and not entered"):
        Indicator(code="calls", text=text, source=Source.CASES, better=Better.FEWER, entry=entry, rules=(151,))
    with pytest.raises(ValueError, match="nobody owes"):
        Entry(what=text, every=Every.MONTH, by=Owner(role=Role.AUDITOR))
    folder = MeetingsSettings.model_fields["municipalities_folder"].default
    skien = (folder / "skien.yaml").read_text(encoding="utf-8")
    for wrong, right, reason in (
        (
            "entered: [homepage-visits,",
            "entered: [satisfaction,",
            r"satisfaction is no indicator of this profile that is entered",
        ),
        (
            'unit: "unit:skien-barnevern"}, due_days',
            'unit: "unit:nowhere"}, due_days',
            r"entry\.by\.unit: unit:nowhere is no unit",
        ),
    ):
        assert wrong in skien
        with pytest.raises(ProfileError, match=reason):
            read_profile(skien.replace(wrong, right, 1), "skien.yaml")
