"""A municipality's year: terms, windows that come back, school holidays, and the days on which an arena can meet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StringConstraints, model_validator

from shared.calendar import is_working_day
from shared.profiles import Line, Rule

_DAY: Final = re.compile(r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")
_ONE_DAY: Final = timedelta(days=1)
_LEAP: Final = 2028
"""A leap year: every day that there is."""


class DayOfYear(str):
    """A day that comes back every year, as `MM-DD`."""

    __slots__ = ()

    def within(self, year: int) -> date:
        """Return the day in `year`; 29 February is the 28th where there is none."""
        month, day = int(self[:2]), int(self[3:])
        if (month, day) == (2, 29):
            return date(year, 3, 1) - _ONE_DAY
        return date(year, month, day)


DayOfYearField = Annotated[str, StringConstraints(pattern=_DAY.pattern)]


class Span(Line):
    """A part of every year, both days included; it may go over New Year."""

    first: DayOfYearField
    last: DayOfYearField

    @model_validator(mode="after")
    def _real_days(self) -> Span:
        for day in (self.first, self.last):
            DayOfYear(day).within(_LEAP)
        return self

    def holds(self, day: date) -> bool:
        """Return whether `day` is in it."""
        first, last = DayOfYear(self.first).within(day.year), DayOfYear(self.last).within(day.year)
        return first <= day <= last if first <= last else day >= first or day <= last

    def around(self, day: date) -> tuple[date, date]:
        """Return the first and last day of the occurrence that holds `day`."""
        first, last = DayOfYear(self.first), DayOfYear(self.last)
        if first.within(day.year) <= last.within(day.year):
            return first.within(day.year), last.within(day.year)
        if day >= first.within(day.year):
            return first.within(day.year), last.within(day.year + 1)
        return first.within(day.year - 1), last.within(day.year)


class Before(StrEnum):
    """What a window comes before."""

    SCHOOL_START = "school-start"
    """It lies in the calendar year before the one in which the children start school (seed rule 10)."""


class Window(Span):
    """When in the year the arena meets (seed rules 10, 13, 15, 16)."""

    year_before: Before | None = None
    rule: Rule


class Term(Span):
    """A school term (termin)."""

    name: str = Field(min_length=1, max_length=60)


class SchoolHoliday(Line):
    """Days without school, both included."""

    name: str = Field(min_length=1, max_length=60)
    first: date
    last: date
    once: bool = False
    """It does not come back: a day that the schools are closed in this year only."""

    @model_validator(mode="after")
    def _in_order(self) -> SchoolHoliday:
        if self.last < self.first:
            raise ValueError("the last day is before the first")
        return self


@dataclass(frozen=True, slots=True)
class SchoolYear:
    """A school year, both days included."""

    first: date
    last: date

    def days(self) -> Iterator[date]:
        """Yield every day of it."""
        day = self.first
        while day <= self.last:
            yield day
            day += _ONE_DAY

    def holds(self, day: date) -> bool:
        """Return whether `day` is in it."""
        return self.first <= day <= self.last


class Calendar(Line):
    """The municipality's year."""

    terms: tuple[Term, ...] = Field(min_length=1)
    """In order; the school year begins with the first one."""
    school_holidays: tuple[SchoolHoliday, ...] = ()

    @model_validator(mode="after")
    def _one_term_a_day(self) -> Calendar:
        for year in (_LEAP, _LEAP + 1):
            day = date(year, 1, 1)
            while day.year == year:
                holding = [term.name for term in self.terms if term.holds(day)]
                if len(holding) > 1:
                    raise ValueError(f"{day:%m-%d} is in two terms: {holding[0]} and {holding[1]}")
                day += _ONE_DAY
        leap_day = date(_LEAP, 2, 29)
        if self.term(leap_day) is None and self.term(leap_day - _ONE_DAY) and self.term(leap_day + _ONE_DAY):
            raise ValueError("02-29 is in no term, and the days around it are: let a term end on 02-29")
        return self

    def term(self, day: date) -> Term | None:
        """Return the term that holds `day`."""
        return next((term for term in self.terms if term.holds(day)), None)

    def school_year(self, begins: int) -> SchoolYear:
        """Return the school year that begins in the year `begins`."""
        first = DayOfYear(self.terms[0].first)
        return SchoolYear(first.within(begins), first.within(begins + 1) - _ONE_DAY)

    def school_year_of(self, day: date) -> SchoolYear:
        """Return the school year that holds `day`."""
        year = self.school_year(day.year)
        return year if day >= year.first else self.school_year(day.year - 1)

    def terms_of(self, year: SchoolYear) -> list[tuple[Term, date, date]]:
        """Return the terms of a school year with their first and last days, by time."""
        found = []
        for term in self.terms:
            first, last = DayOfYear(term.first), DayOfYear(term.last)
            begins = first.within(year.first.year)
            if begins < year.first:
                begins = first.within(year.last.year)
            ends = last.within(begins.year)
            found.append((term, begins, ends if ends >= begins else last.within(begins.year + 1)))
        return sorted(found, key=lambda each: each[1])

    def occurrences(self, window: Span, year: SchoolYear) -> tuple[date, date]:
        """Return the first and last day on which `window` lies in the school year."""
        first = DayOfYear(window.first).within(year.first.year)
        return window.around(first if first >= year.first else DayOfYear(window.first).within(year.last.year))

    def starts_school_in(self, window: Window, year: SchoolYear) -> int | None:
        """Return the year in which the children start school whom a window of that school year is for (seed rule 10)."""
        if window.year_before is not Before.SCHOOL_START:
            return None
        return self.occurrences(window, year)[0].year + 1

    def knows_holidays_of(self, year: SchoolYear) -> bool:
        """Return whether the profile says when the schools are closed in that school year: each of its holidays stands there."""
        return bool(self._begun_in(year)) and not self.missing_holidays(year)

    def missing_holidays(self, year: SchoolYear) -> tuple[str, ...]:
        """Return those of the profile's holidays that do not stand in the school year, by name.

        One that goes over from one school year to the next is asked for at both ends.
        """
        yearly = [each for each in self.school_holidays if not each.once]
        here = {each.name for each in self._begun_in(year)}
        goes_over = {each.name for each in yearly if self._goes_over(each)}
        at_first = {each.name for each in yearly if each.first <= year.first <= each.last}
        return tuple(sorted(({each.name for each in yearly} - here) | (goes_over - at_first)))

    def half_known(self) -> Iterator[tuple[int, SchoolYear, tuple[str, ...]]]:
        """Yield each school year in which only some of the holidays stand: the place of its first one, and which are missing."""
        for index, holiday in enumerate(self.school_holidays):
            year = self.school_year_of(holiday.first)
            if holiday in self._begun_in(year)[:1] and (missing := self.missing_holidays(year)):
                yield index, year, missing

    def _begun_in(self, year: SchoolYear) -> list[SchoolHoliday]:
        """Return the holidays that begin in the school year; what lies on its first day is the end of the year before."""
        return [each for each in self.school_holidays if year.first < each.first <= year.last]

    def _goes_over(self, holiday: SchoolHoliday) -> bool:
        return self.school_year_of(holiday.last).first >= holiday.first

    def open_days(self, year: SchoolYear) -> frozenset[date]:
        """Return the days on which an arena can meet: Monday to Friday, neither a public nor a school holiday."""
        closed = frozenset(
            holiday.first + timedelta(days=number)
            for holiday in self.school_holidays
            for number in range((holiday.last - holiday.first).days + 1)
        )
        return frozenset(day for day in year.days() if is_working_day(day, closed))
