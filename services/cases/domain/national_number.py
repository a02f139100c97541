"""Norwegian national numbers: whether one is valid, and on which day its owner was born. Synthetic ones are valid too.

Ordinary fødselsnummer; D-number (day + 40); synthetic test populations (month + 80 Skatteetaten, + 65 NAV, + 40 others).
"""

from __future__ import annotations

import re
from datetime import date

from services.cases.errors import NationalNumberError

_FIRST_WEIGHTS = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_SECOND_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_D_NUMBER = 40
_MONTH_SHIFTS = (80, 65, 40)
_ELEVEN_DIGITS = re.compile(r"[0-9]{11}")


def born_on(number: str) -> date:
    """Return the birth date in a national number of eleven digits (folkeregisterforskriften § 2-2-1).

    Raises:
        NationalNumberError: not eleven digits, no such day, or the check digits do not fit.
    """
    if not _ELEVEN_DIGITS.fullmatch(number):
        raise NationalNumberError
    digits = [int(digit) for digit in number]
    if _remainder(digits, _FIRST_WEIGHTS) or _remainder(digits, _SECOND_WEIGHTS):
        raise NationalNumberError
    day, month, year, individual = int(number[:2]), int(number[2:4]), int(number[4:6]), int(number[6:9])
    day -= _D_NUMBER if day > _D_NUMBER else 0
    month -= next((shift for shift in _MONTH_SHIFTS if month > shift), 0)
    try:
        return date(_century(year, individual) + year, month, day)
    except ValueError:
        raise NationalNumberError from None


def _remainder(digits: list[int], weights: tuple[int, ...]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False)) % 11


def _century(year: int, individual: int) -> int:
    """Tell the century by the individual number's range."""
    if individual < 500:
        return 1900
    if year < 40:
        return 2000
    if individual >= 900:
        return 1900
    if individual < 750 and year >= 54:
        return 1800
    raise NationalNumberError
