"""Figures for leaders: counts of a term that is over, none under five, and none that subtraction would reveal.

A term does not change once it is over, so that nobody learns one child's story from what two askings differ by.
"""

from __future__ import annotations

from datetime import datetime

from services.cases.domain.acting import Acting
from services.cases.errors import FiguresForbiddenError, PeriodNotOverError, PeriodUnknownError
from shared.contracts.base import Model
from shared.contracts.codes import Role
from shared.refs import UnitId
from shared.small_numbers import THRESHOLD
from shared.terms import Period, term


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
    period = term(code)
    if period is None:
        raise PeriodUnknownError
    if now < period.ends:
        raise PeriodNotOverError
    return period


def median(values: list[float]) -> float | None:
    """Return the middle of `values`, rounded to whole days; None under five of them."""
    if len(values) < THRESHOLD:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    both = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return float(round(both))
