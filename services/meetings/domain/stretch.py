"""The stretches of time that figures are entered for: months, terms, school years and years, each with its code, without end."""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from shared.contracts.base import Model

_DAY: Final = timedelta(days=1)
_CODE: Final = re.compile(r"(?P<year>20[0-9]{2}|21[0-9]{2})(-(?P<rest>[0-9]{2}|autumn|spring|[0-9]{4}))?", re.ASCII)


class Every(StrEnum):
    """How often a figure is entered."""

    MONTH = "month"
    TERM = "term"
    """August to December, and January to July."""
    SCHOOL_YEAR = "school-year"
    """August to July."""
    YEAR = "year"


class Stretch(Model):
    """One of them."""

    code: str
    first: date
    last: date
    """Both days are in it."""


def holding(every: Every, day: date) -> Stretch:
    """Return the one that holds `day`."""
    autumn = day.month >= 8
    match every:
        case Every.MONTH:
            first = day.replace(day=1)
            return Stretch(code=f"{first:%Y-%m}", first=first, last=(first + 31 * _DAY).replace(day=1) - _DAY)
        case Every.TERM if autumn:
            return Stretch(code=f"{day.year}-autumn", first=date(day.year, 8, 1), last=date(day.year, 12, 31))
        case Every.TERM:
            return Stretch(code=f"{day.year}-spring", first=date(day.year, 1, 1), last=date(day.year, 7, 31))
        case Every.SCHOOL_YEAR:
            year = day.year if autumn else day.year - 1
            return Stretch(code=f"{year}-{year + 1}", first=date(year, 8, 1), last=date(year + 1, 7, 31))
        case Every.YEAR:
            return Stretch(code=f"{day.year}", first=date(day.year, 1, 1), last=date(day.year, 12, 31))


def stretch(every: Every, code: str) -> Stretch | None:
    """Return the one with that code; None when it is none of its kind."""
    match = _CODE.fullmatch(code)
    if match is None:
        return None
    year, rest = int(match["year"]), match["rest"] or ""
    month = int(rest) if len(rest) == 2 else 8 if every is Every.SCHOOL_YEAR or rest == "autumn" else 1
    if not 1 <= month <= 12:
        return None
    found = holding(every, date(year, month, 1))
    return found if found.code == code else None


def before(every: Every, one: Stretch) -> Stretch:
    """Return the one before it."""
    return holding(every, one.first - _DAY)


def ended_in(every: Every, first: date, last: date) -> list[Stretch]:
    """Return those whose last day is one of these days, the earliest first."""
    found = []
    one = holding(every, last)
    if one.last > last:
        one = before(every, one)
    while one.last >= first:
        found.append(one)
        one = before(every, one)
    return found[::-1]
