"""A municipality's school year as one page: the wheel, coming meetings, hearings, surveys, hours of guidance, deviations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from services.meetings.domain.conformity import Deviation
from services.meetings.domain.laid_out import Entry
from services.meetings.domain.profile import Profile
from services.meetings.domain.unit_register import CompetenceLine, GuidanceLine, HoursLine
from services.meetings.handlers.year import Year
from services.meetings.pages.drawing import wheel
from services.meetings.pages.texts import WORDS, Words
from services.meetings.views import ConsultationLine, SurveyResultView
from shared.clock import oslo_day, oslo_time
from shared.contracts.codes import Language
from shared.contracts.meetings import ArenaLevel
from shared.refs import UnitId
from shared.web.still import StillPage

_TEMPLATES: Final = Path(__file__).with_name("templates")
PAGE: Final = StillPage(_TEMPLATES / "year.html", _TEMPLATES / "year.css")


@dataclass(frozen=True, slots=True)
class MeetingRow:
    """A meeting, in words."""

    when: str
    what: str
    where: str
    how: str
    clash: str
    """Who has more meetings then than they can be in; empty where nobody has."""
    answer: str
    """Of the reader's own seat; empty where there is none, or nobody is asked yet."""


@dataclass(frozen=True, slots=True)
class DeviationRow:
    """A deviation, in words."""

    what: str
    where: str
    day: str
    sentence: str
    rule: str


def render_year(year: Year, now: datetime, language: Language) -> str:
    """Return the page."""
    words = WORDS[language]
    drawn = wheel(year.entries, year.profile.calendar, year.school_year, oslo_day(now))
    span = {"first": year.school_year.first.year, "last": year.school_year.last.year}
    coming = [entry for entry in year.entries if entry.starts_at >= now]
    return PAGE.render(
        language=language.value,
        words=words,
        title=words.title.format(municipality=year.profile.name, **span),
        picture_of=words.picture_of.format(count=len(year.entries), **span),
        drawn=drawn,
        periods=_periods(words, year),
        coming=[_meeting(words, year, entry) for entry in coming],
        deviations=None
        if year.deviations is None
        else [_deviation(words, year.profile, each) for each in year.deviations],
        guidance=[_guidance(words, language, year.profile, each) for each in year.guidance],
        hearings=[_hearing(words, language, year.profile, each) for each in year.hearings],
        results=[row for each in year.results for row in _results(words, language, year.profile, each)],
        hours=[_hours(words, language, year.profile, each) for each in year.hours],
        gaps=None
        if year.gaps is None or not year.profile.competence
        else [_gap(words, language, year.profile, each) for each in year.gaps],
    )


@dataclass(frozen=True, slots=True)
class GuidanceRow:
    """Guidance of an age step at a unit, in words."""

    age: str
    themes: str
    where: str
    given: str


@dataclass(frozen=True, slots=True)
class GapRow:
    """Competence that is missing at a unit, in words."""

    what: str
    where: str
    sentence: str


@dataclass(frozen=True, slots=True)
class HearingRow:
    """A hearing, in words."""

    what: str
    answer_by: str
    how: str
    answered: str


@dataclass(frozen=True, slots=True)
class ResultRow:
    """What a question of a survey gave in a term, in words; or that too few answered the survey."""

    survey: str
    term: str
    question: str
    answers: str
    mean: str


@dataclass(frozen=True, slots=True)
class HoursRow:
    """Hours of guidance at a unit in a term, in words."""

    what: str
    where: str
    term: str
    given: str


def _hearing(words: Words, language: Language, profile: Profile, line: ConsultationLine) -> HearingRow:
    named = (each.text.in_(language) for each in profile.hearings if each.code == line.kind)
    answered = [words.answered_of.format(count=len(line.answered), of=len(line.bodies))]
    answered += [words.answered_late.format(count=len(line.late))] if line.late else []
    answered += [words.answered_corrected.format(count=len(line.corrected_late))] if line.corrected_late else []
    return HearingRow(
        what=next(named, line.kind),
        answer_by=_day(words, oslo_day(line.answer_by)),
        how=words.consultation_statuses[line.status],
        answered=", ".join(answered),
    )


def _results(words: Words, language: Language, profile: Profile, result: SurveyResultView) -> list[ResultRow]:
    form = next((each for each in profile.surveys if each.code == result.form), None)
    survey = result.form if form is None else form.text.in_(language)
    term = f"{_day(words, result.first)} – {_day(words, result.last)}"
    if result.answers is None:
        return [ResultRow(survey, term, words.too_few, "–", "–")]
    asked = {} if form is None else {each.code: each.text.in_(language) for each in form.questions}
    return [
        ResultRow(
            survey=survey,
            term=term,
            question=asked.get(each.question, each.question),
            answers=str(result.answers),
            mean=_number(words, each.mean),
        )
        for each in result.results
    ]


def _hours(words: Words, language: Language, profile: Profile, line: HoursLine) -> HoursRow:
    named = (each.text.in_(language) for each in profile.guidance_hours if each.code == line.code)
    given = words.hours_of.format(given=_number(words, line.minutes / 60), due=_number(words, line.due_minutes / 60))
    return HoursRow(
        what=next(named, line.code),
        where=words.all_units if line.unit is None else _units(words, profile, (line.unit,)),
        term=f"{_day(words, line.first)} – {_day(words, line.last)}",
        given=f"{given}, {words.weeks.format(recorded=line.recorded, weeks=line.weeks)}",
    )


def _number(words: Words, number: float) -> str:
    return f"{number:.1f}".removesuffix(".0").replace(".", words.decimal)


def _guidance(words: Words, language: Language, profile: Profile, line: GuidanceLine) -> GuidanceRow:
    whole = line.from_months % 12 == line.to_months % 12 == 0
    first, last = (line.from_months // 12, line.to_months // 12) if whole else (line.from_months, line.to_months)
    return GuidanceRow(
        age=(words.years if whole else words.short_months).format(first=first, last=last),
        themes=", ".join(theme.in_(language) for theme in line.themes),
        where=_units(words, profile, (line.unit,)),
        given=words.not_given if line.given_on is None else _day(words, line.given_on),
    )


def _gap(words: Words, language: Language, profile: Profile, line: CompetenceLine) -> GapRow:
    text = next(each.text.in_(language) for each in profile.competence if each.code == line.competence)
    return GapRow(what=text, where=_units(words, profile, (line.unit,)), sentence=words.missing[line.standing])


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """A part of the year in which something belongs, in words."""

    what: str
    first: str
    last: str


def _periods(words: Words, year: Year) -> list[PeriodRow]:
    """Return when meetings around a child and what is no meeting belong (seed rules 10, 13, 15, 16), by time."""
    calendar, found = year.profile.calendar, []
    for rules in year.profile.arenas:
        if rules.level is ArenaLevel.CHILD:
            spans = [calendar.occurrences(window, year.school_year) for window in rules.windows]
            found += [(*span, rules.name) for span in spans if rules.meets_within(*span)]
    for milestone in year.profile.milestones:
        if milestone.window is not None:
            found.append((*calendar.occurrences(milestone.window, year.school_year), milestone.name))
        elif milestone.by is not None and year.school_year.holds(milestone.by):
            found.append((milestone.by, milestone.by, milestone.name))
    return [PeriodRow(what, _day(words, first), _day(words, last)) for first, last, what in sorted(found)]


def _meeting(words: Words, year: Year, entry: Entry) -> MeetingRow:
    standing = None if entry.meeting is None else year.standings.get(entry.meeting)
    return MeetingRow(
        when=_moment(words, entry.starts_at),
        what=entry.name,
        where=_units(words, year.profile, entry.units),
        how=words.proposed if entry.status is None else words.statuses[entry.status],
        clash=words.double_booked.format(units=_units(words, year.profile, entry.double_booked))
        if entry.double_booked
        else "",
        answer="" if standing is None else words.standings[standing],
    )


def _deviation(words: Words, profile: Profile, deviation: Deviation) -> DeviationRow:
    rules = profile.arena(deviation.arena_type)
    uncounted = deviation.kind in words.around and deviation.due is None
    sentence = (words.around if uncounted else words.kinds)[deviation.kind].format(
        found=deviation.found,
        due=deviation.due,
        absent=", ".join(words.services[each.service] for each in deviation.absent),
        missing=", ".join(words.elements[each] for each in deviation.missing),
    )
    return DeviationRow(
        what=rules.name if rules else deviation.arena_type,
        where=_units(words, profile, () if deviation.unit is None else (deviation.unit,)),
        day=_day(words, deviation.day),
        sentence=sentence,
        rule=words.rule.format(rule=deviation.rule),
    )


def _units(words: Words, profile: Profile, units: Sequence[UnitId]) -> str:
    known = [unit.name if (unit := profile.unit(each)) else each for each in units]
    return ", ".join(known) or words.municipality


def _moment(words: Words, moment: datetime) -> str:
    local = oslo_time(moment)
    return words.day.format(
        day=local.day, month=words.months[local.month - 1], year=local.year, hour=f"{local:%H}", minute=f"{local:%M}"
    )


def _day(words: Words, day: date) -> str:
    return f"{day.day}. {words.months[day.month - 1]} {day.year}"
