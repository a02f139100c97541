"""The year's page: the picture's numbers, and the same words in three languages."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import Final
from xml.etree import ElementTree as ET

import pytest
import yaml

from services.meetings.configuration import read_profiles
from services.meetings.domain.conformity import View, deviations
from services.meetings.domain.laid_out import Entry, FirstPlans, laid_out
from services.meetings.domain.meeting import Status
from services.meetings.handlers.year import Year
from services.meetings.pages import texts
from services.meetings.pages.drawing import INNER, MIDDLE, RIM, Wheel, wheel
from services.meetings.pages.texts import WORDS
from services.meetings.pages.year_page import PAGE, render_year
from services.meetings.settings import MeetingsSettings
from shared.calendar import start_of_day
from shared.clock import oslo_day
from shared.contracts.codes import Language
from shared.refs import LogScope, MeetingRef

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
    assert len(picture.closed) == 5
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
