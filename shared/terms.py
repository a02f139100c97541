"""The half-years that figures are told of: of one that is over nothing changes any more, and no two have a day in common."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final

from shared.calendar import start_of_day
from shared.contracts.base import Model

TERM: Final = "^(20[0-9]{2}|21[0-9]{2})-(autumn|spring)$"
_TERM: Final = re.compile(TERM)


class Period(Model):
    """A term: from a moment, and before another."""

    code: str
    begins: datetime
    ends: datetime


def term(code: str) -> Period | None:
    """Return the term `code`, for example `2026-autumn`: August to December, or January to July, in Norway; None: it is none."""
    match = _TERM.fullmatch(code)
    if match is None:
        return None
    year = int(match[1])
    first, after = (
        (date(year, 8, 1), date(year + 1, 1, 1)) if match[2] == "autumn" else (date(year, 1, 1), date(year, 8, 1))
    )
    return Period(code=code, begins=start_of_day(first), ends=start_of_day(after))
