"""The year's page: the picture's numbers, and the same words in three languages."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import Final
from xml.etree import ElementTree as ET

import pytest
import yaml

from services.meetings.configuration import read_profiles
from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.conformity import View, deviations
from services.meetings.domain.consultation import Status as ConsultationStatus
from services.meetings.domain.laid_out import Entry, FirstPlans, laid_out
from services.meetings.domain.meeting import Status
from services.meetings.domain.unit_register import RegisterState, Week, hours_lines
from services.meetings.handlers.year import Year
from services.meetings.pages import texts
from services.meetings.pages.drawing import INNER, MIDDLE, RIM, Wheel, wheel
from services.meetings.pages.texts import WORDS
from services.meetings.pages.year_page import PAGE, render_year
from services.meetings.settings import MeetingsSettings
from services.meetings.views import ConsultationLine, QuestionResultView, SurveyResultView
from shared.calendar import start_of_day
from shared.clock import oslo_day
from shared.contracts.codes import Language
from shared.refs import ConsultationRef, LogScope, MeetingRef, SurveyRoundRef, UnitId

FOLDER: Final[Path] = MeetingsSettings.model_fields["municipalities_folder"].default
PROFILES: Final = read_profiles(FOLDER)
NOTODDEN: Final = PROFILES[LogScope("4005")]
TODAY: Final = date(2026, 10, 1)
SVG: Final = re.compile(r"<svg class=\"wheel\".*?</svg>", re.DOTALL)


def year_of(municipality: str, today: date = TODAY) -> Year:
    """Return a municipality's school year with nothing called yet."""
    profile = PROFILES[LogScope(municipality)]
    year = profile.calendar.school_year(2026)
    entries = laid_out([profile], 2026, {}, profile.scope, today, FirstPlans())
    return Year(profile, year, entries, deviations(profile, year, [], today, View(everything=True)))


def full_year() -> Year:
    """Return Notodden's school year with Rennesøy's hearings and hours and Skien's surveys: something of everything on the page."""
    year, rennesoy, skien = year_of("4005"), PROFILES[LogScope("1142")], PROFILES[LogScope("4003")]
    others = {"hearings": rennesoy.hearings, "guidance_hours": rennesoy.guidance_hours, "surveys": skien.surveys}
    profile = year.profile.model_copy(update=others)
    first, last = date(2026, 8, 17), date(2026, 12, 18)
    [cos] = profile.guidance_hours
    unit = next(unit for unit in profile.units if unit.kind in cos.unit_kinds)
    weeks = tuple(
        Week(code=cos.code, week=date(2026, 8, 24) + timedelta(days=7 * number), minutes=90) for number in (0, 1)
    )
    round_ = SurveyRoundRef("srd_" + "b" * 26)
    few = SurveyResultView(
        round=round_, form="after-guardian-meeting", first=first, last=last, too_few=True, answers=None, results=()
    )
    return replace(
        year,
        profile=profile,
        hearings=[
            ConsultationLine(
                consultation=ConsultationRef("hrg_" + "b" * 26),
                kind=profile.hearings[0].code,
                answer_by=start_of_day(date(2026, 10, 30)),
                status=ConsultationStatus.OVERDUE,
                bodies=(unit.id, UnitId("unit:other")),
                answered=(unit.id,),
                late=(),
                corrected_late=(unit.id,),
            )
        ],
        results=[
            few,
            few.model_copy(
                update={
                    "too_few": False,
                    "answers": 7,
                    "results": (QuestionResultView(question="satisfied", mean=4.3),),
                }
            ),
        ],
        hours=hours_lines(profile, [unit], {unit.id: RegisterState(weeks=weeks)}, year.school_year, TODAY),
    )


def drawn(entries: list[Entry]) -> Wheel:
    """Return Notodden's picture."""
    return wheel(entries, NOTODDEN.calendar, NOTODDEN.calendar.school_year(2026), TODAY)


def test_every_meeting_stands_on_its_arenas_ring_and_the_year_goes_round_with_the_clock() -> None:
    entries = list(year_of("4005").entries)
    picture = drawn(entries)
    radius = {name: ring.radius for ring in picture.rings for name in ring.names}
    assert len(picture.marks) == len(entries)
    for mark, entry in zip(picture.marks, entries, strict=True):
        distance = ((mark.at.x - MIDDLE) ** 2 + (mark.at.y - MIDDLE) ** 2) ** 0.5
        assert abs(distance - radius[entry.name]) < 0.2
        # From August to January on the right, from February to July on the left.
        first_half = oslo_day(entry.starts_at) < date(2027, 1, 30)
        assert (mark.at.x > MIDDLE) == first_half, entry
    assert INNER <= min(radius.values()) <= max(radius.values()) < RIM
    assert [month.number for month in picture.months] == [8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 7]
    # The end of one summer, and the beginning of the next.
    assert len(picture.closed) == 6
    assert picture.today is not None


def test_more_arenas_than_rings_share_the_innermost_and_a_form_tells_how_far_a_meeting_has_come() -> None:
    first = year_of("4005").entries[0]
    several = [
        first.model_copy(update={"arena_type": f"arena-{number:02}", "name": f"Arena {number}"}) for number in range(12)
    ]
    picture = drawn(several)
    assert [len(ring.names) for ring in picture.rings] == [1] * 8 + [4]
    states = (None, Status.PLANNED, Status.CALLED, Status.HELD, Status.CLOSED)
    told = [
        first.model_copy(
            update={"status": status, "meeting": None if status is None else MeetingRef("mtg_" + "b" * 26)}
        )
        for status in states
    ]
    assert [mark.shape for mark in drawn(told).marks] == ["ring", "dot", "dot", "square", "square"]
    assert drawn([]).rings == []


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("municipality", ["4005", "1142", "4003", "3905"])
def test_the_page_says_in_words_what_the_picture_shows(municipality: str, language: Language) -> None:
    year = year_of(municipality)
    now = start_of_day(TODAY) + timedelta(hours=9)
    page = render_year(year, now, language)
    picture = SVG.search(page)
    assert picture is not None
    svg = ET.fromstring(picture.group())
    marks = [each for each in svg if each.get("class") in {"proposed", "called", "held"}]
    assert len(marks) == len(year.entries) > 0
    assert str(len(year.entries)) in (svg.findtext("title") or "")
    coming = [entry for entry in year.entries if entry.starts_at >= now]
    assert page.count('<th scope="row">') == len(coming)
    assert all(entry.name.replace("&", "&amp;") in page for entry in coming)
    assert f'<html lang="{language.value}">' in page
    assert year.deviations is not None
    assert page.count("<strong>") == len(year.deviations)
    assert "{" not in page.replace(PAGE.style, ""), "every word was put in"
    assert "None" not in page


@pytest.mark.rule(74, 152, 153, 163, 173)
@pytest.mark.parametrize("language", Language)
def test_the_page_shows_hearings_what_surveys_gave_and_hours_of_guidance_to_whom_they_are_for(
    language: Language,
) -> None:
    words, year = WORDS[language], full_year()
    page = render_year(year, start_of_day(TODAY), language)
    tables = re.findall(r'<section aria-labelledby="(hearings|results|hours)">.*?</section>', page, re.DOTALL)
    assert tables == ["hearings", "results", "hours"]
    rows = [
        [html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row)]
        for row in re.findall(r'<tr><th scope="row">.*?</tr>', page[page.index('aria-labelledby="hearings"') :])
    ]
    assert rows[0][1:] == [
        f"30. {words.months[9]} 2026",
        words.consultation_statuses[ConsultationStatus.OVERDUE],
        f"{words.answered_of.format(count=1, of=2)}, {words.answered_corrected.format(count=1)}",
    ]
    # Of too few answers it is told that they were, and no number.
    assert (rows[1][0], rows[1][3:]) == (words.too_few, ["–", "–"])
    assert rows[2][3:] == ["7", f"4{words.decimal}3"]
    assert rows[2][0] == next(each.text.in_(language) for each in year.profile.surveys[0].questions)
    [autumn, _] = rows[3:5]
    weeks = year.hours[0].weeks
    assert (
        autumn[3] == f"{words.hours_of.format(given=3, due=2 * weeks)}, {words.weeks.format(recorded=2, weeks=weeks)}"
    )
    assert weeks > 0 == year.hours[1].weeks
    assert "{" not in page.replace(PAGE.style, "")
    none = render_year(year_of("1142"), start_of_day(TODAY), language)
    assert not re.search(r'id="(hearings|results|hours)"', none)


@pytest.mark.rule(10, 13, 15, 16)
@pytest.mark.story(1)
def test_the_page_says_when_transitions_belong() -> None:
    page = render_year(year_of("4005"), start_of_day(TODAY), Language.NB)
    said = re.findall(r"<li>([^<]+): (\d[^<]+)</li>", page)
    assert said == [
        ("Overføringsmøte skole og skole, spesialpedagogisk koordinator", "1. oktober 2026 – 31. oktober 2026"),
        ("Overføringsmøte barnehage og skole", "1. oktober 2026 – 30. november 2026"),
        ("Overføringsmøte 7. og 8. trinn", "1. februar 2027 – 30. april 2027"),
        ("Overgangsskjema fra barnehage til skole, godkjent av foreldrene", "1. mai 2027 – 31. mai 2027"),
    ]


def test_who_does_not_see_deviations_has_no_heading_for_them() -> None:
    year = year_of("4005")
    hidden = Year(year.profile, year.school_year, year.entries, None)
    page = render_year(hidden, start_of_day(TODAY), Language.NB)
    assert WORDS[Language.NB].deviations not in page
    nothing = Year(year.profile, year.school_year, [], [])
    page = render_year(nothing, start_of_day(date(2027, 7, 31)), Language.NB)
    assert WORDS[Language.NB].no_deviations in page
    assert WORDS[Language.NB].nothing_coming in page


def _leaves(value: object, path: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        return {name: text for key, part in value.items() for name, text in _leaves(part, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {
            name: text for index, part in enumerate(value) for name, text in _leaves(part, f"{path}.{index}").items()
        }
    return {path: str(value)}


def test_every_language_puts_the_same_in_the_same_places() -> None:
    folder = Path(texts.__file__).with_name("texts")
    read = [_leaves(yaml.safe_load((folder / f"{each.value}.yaml").read_text(encoding="utf-8"))) for each in Language]
    for one in read[1:]:
        assert one.keys() == read[0].keys()
    for path in read[0]:
        said = [{name for _, name, _, _ in Formatter().parse(one[path]) if name} for one in read]
        assert said[0] == said[1] == said[2], path


def test_a_moment_is_said_as_clocks_in_norway_show_it() -> None:
    entry = (
        year_of("4005").entries[0].model_copy(update={"starts_at": datetime.fromisoformat("2027-01-05T11:00:00+00:00")})
    )
    year = year_of("4005")
    page = render_year(Year(year.profile, year.school_year, [entry], None), start_of_day(TODAY), Language.NN)
    assert "5. januar 2027 kl. 12.00" in page


@pytest.mark.rule(54, 77)
@pytest.mark.parametrize("language", Language)
def test_a_meeting_for_which_somebody_has_too_many_says_who(language: Language) -> None:
    year, now = year_of("3427"), start_of_day(TODAY)
    coming = [index for index, entry in enumerate(year.entries) if entry.starts_at >= now]
    entries = list(year.entries)
    entries[coming[0]] = entries[coming[0]].model_copy(update={"double_booked": (UnitId("unit:ppt-nord-osterdal"),)})
    said = WORDS[language].double_booked.format(units="PP-tjenesten i Nord-Østerdal")
    assert said not in render_year(year, now, language)
    assert render_year(replace(year, entries=entries), now, language).count(said) == 1


@pytest.mark.rule(10, 75)
@pytest.mark.parametrize(
    ("changes", "there"),
    [
        ({}, True),
        ({"retired": {"from_day": date(2026, 10, 1), "rule": 75}}, False),
        ({"retired": {"from_day": date(2026, 10, 2), "rule": 75}}, True),
        ({"begins": {"from_day": date(2026, 11, 30), "rule": 75}}, True),
        ({"begins": {"from_day": date(2026, 12, 1), "rule": 75}}, False),
    ],
)
def test_a_transition_belongs_in_its_window_while_there_is_such_an_arena(
    changes: dict[str, object], there: bool
) -> None:
    year = year_of("4005")
    arenas = tuple(
        ArenaRules.model_validate({**each.model_dump(), **changes}) if each.type == "overgang-barnehage-skole" else each
        for each in year.profile.arenas
    )
    shown = render_year(
        replace(year, profile=year.profile.model_copy(update={"arenas": arenas})), start_of_day(TODAY), Language.NB
    )
    [transition] = [each for each in arenas if each.type == "overgang-barnehage-skole"]
    # It is around a child, and so it stands nowhere else.
    periods = shown.partition(f">{WORDS[Language.NB].periods}<")[2].partition("</section>")[0]
    assert (transition.name in periods) is there
