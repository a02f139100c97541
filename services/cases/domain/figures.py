"""Figures for leaders: counts of a term that is over, none under five, and none that subtraction would reveal.

A term does not change once it is over, so that nobody learns one child's story from what two askings differ by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, TypeVar

from services.cases.domain.acting import Acting
from services.cases.errors import FiguresForbiddenError, PeriodNotOverError, PeriodUnknownError
from shared.calendar import start_of_day
from shared.contracts.base import Model
from shared.contracts.codes import Role
from shared.refs import UnitId

THRESHOLD: Final = 5
"""No count under this is shown, and none that follows from others."""
_TERM: Final = re.compile(r"^(20[0-9]{2}|21[0-9]{2})-(autumn|spring)$")

K = TypeVar("K", bound=str)


class Period(Model):
    """A term: from a moment, and before another."""

    code: str
    begins: datetime
    ends: datetime


class Counts(Model):
    """A count and its parts; what is None is not shown."""

    total: int | None
    parts: dict[str, int | None]

    def shown_only(self) -> Counts:
        """Return it without the parts that are not shown: that there is such a part would say that it is not zero."""
        return Counts(total=self.total, parts={key: count for key, count in self.parts.items() if count is not None})


class View(Model):
    """Whose figures somebody sees: one unit's, or the municipality's with each unit's."""

    unit: UnitId | None


def decide_view(by: Acting) -> View:
    """Return whose figures `by` may see (seed rules 95, 179): the coordinator all, a leader the unit's.

    Raises:
        FiguresForbiddenError: neither.
    """
    if by.kind == "user" and Role.COORDINATOR in by.roles:
        return View(unit=None)
    if by.kind == "user" and Role.LEADER in by.roles and by.unit is not None:
        return View(unit=by.unit)
    raise FiguresForbiddenError


def period_of(code: str, now: datetime) -> Period:
    """Return the term `code`, for example `2026-autumn`: August to December, or January to July, in Norway.

    Raises:
        PeriodUnknownError: it is no term.
        PeriodNotOverError: it is not over.
    """
    match = _TERM.match(code)
    if match is None:
        raise PeriodUnknownError
    year = int(match[1])
    first, after = (
        (date(year, 8, 1), date(year + 1, 1, 1)) if match[2] == "autumn" else (date(year, 1, 1), date(year, 8, 1))
    )
    period = Period(code=code, begins=start_of_day(first), ends=start_of_day(after))
    if now < period.ends:
        raise PeriodNotOverError
    return period


def suppress(parts: Mapping[K, int]) -> Counts:
    """Return the counts that may be shown: none under five, and no single one that the total and the others give away.

    Where one is hidden, all that are as small as the smallest shown one are hidden with it, so that who knows this rule does not
    know which of them is the small one; and so on until together they are at least five. Zero is hidden like one.
    """
    total = sum(parts.values())
    if total < THRESHOLD:
        return Counts(total=None, parts=dict.fromkeys(parts))
    limit = THRESHOLD
    hidden = {key for key, count in parts.items() if count < limit}
    left = sorted({count for count in parts.values() if count >= limit})
    while hidden and left and (limit == THRESHOLD or sum(parts[key] for key in hidden) < THRESHOLD):
        limit = left.pop(0) + 1
        hidden = {key for key, count in parts.items() if count < limit}
    return Counts(total=total, parts={key: None if key in hidden else count for key, count in parts.items()})


def median(values: list[float]) -> float | None:
    """Return the middle of `values`, rounded to whole days; None under five of them."""
    if len(values) < THRESHOLD:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    both = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return float(round(both))
