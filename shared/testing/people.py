"""Invented people. Their national numbers are synthetic: month + 80 (Skatteetaten's test population), never a real person's."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

FIRST_WEIGHTS: Final = (3, 7, 6, 1, 8, 9, 4, 5, 2)
SECOND_WEIGHTS: Final = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
SYNTHETIC: Final = 80
"""Added to the month of birth in a synthetic number."""
D_NUMBER: Final = 40
"""Added to the day of birth in the number of somebody who is not resident."""

_GIVEN: Final = (
    "Solstråle",
    "Fjellblom",
    "Havbris",
    "Skogsti",
    "Nordvind",
    "Regnbue",
    "Tyttebær",
    "Snøfnugg",
    "Kveldsol",
    "Bekkesus",
)
_FAMILY: Final = (
    "Eksempelsen",
    "Prøvedatter",
    "Testmoen",
    "Oppdiktstad",
    "Påfunnsen",
    "Skinnbakken",
    "Fantasidal",
    "Utkastlien",
)
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])(\d{6}) ?(\d{5})(?![0-9A-Za-z])")


def check_digits(first_nine: str) -> str | None:
    """Return the two check digits of a national number (modulus 11), or None when there is no number with this beginning."""
    first = -sum(int(digit) * weight for digit, weight in zip(first_nine, FIRST_WEIGHTS, strict=True)) % 11
    ten = f"{first_nine}{first}"
    if first == 10:
        return None
    second = -sum(int(digit) * weight for digit, weight in zip(ten, SECOND_WEIGHTS, strict=True)) % 11
    return None if second == 10 else f"{first}{second}"


def synthetic_number(born: date, rng: random.Random) -> str:
    """Return a synthetic national number for somebody born on that day: the month is 81 to 92, the check digits valid."""
    # Individual numbers tell the century: 000-499 before 2000, 500-999 from 2000 to 2039.
    low, high = (500, 999) if born.year >= 2000 else (0, 499)
    while True:
        nine = f"{born.day:02}{born.month + SYNTHETIC:02}{born.year % 100:02}{rng.randint(low, high):03}"
        digits = check_digits(nine)
        if digits is not None:
            return nine + digits


def ordinary_numbers(text: str) -> list[str]:
    """Return what in `text` could be a real person's national number or D-number: a real date and valid check digits."""
    return [number for match in _NUMBER.finditer(text) if _is_ordinary(number := match.group(1) + match.group(2))]


def _is_ordinary(number: str) -> bool:
    day, month, year = int(number[:2]), int(number[2:4]), int(number[4:6])
    day -= D_NUMBER if day > D_NUMBER else 0
    try:
        date(2000 + year, month, day)  # 2000 is a leap year: no day of any century is missed
    except ValueError:
        return False
    return check_digits(number[:9]) == number[9:]


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist."""

    given_name: str
    family_name: str
    born: date
    national_number: str

    @property
    def name(self) -> str:
        """The whole name."""
        return f"{self.given_name} {self.family_name}"

    @property
    def email(self) -> str:
        """An address that reaches nobody (RFC 2606 `.example`)."""
        return f"{self.national_number[-5:]}@{'guardian' if self.born.year < 2008 else 'child'}.example"


class People:
    """A population: the same one for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = random.Random(seed)
        self._used: set[str] = set()

    def child(self, on: date = date(2026, 9, 7), *, age: int = 5) -> Person:
        """Return a child who is `age` years old on that day."""
        return self._person(date(on.year - age, 1, 1) - timedelta(days=self._rng.randrange(1, 240)))

    def guardian(self) -> Person:
        """Return a grown-up."""
        return self._person(date(self._rng.randint(1980, 1997), 1, 1) + timedelta(days=self._rng.randrange(365)))

    def _person(self, born: date) -> Person:
        while (number := synthetic_number(born, self._rng)) in self._used:
            pass
        self._used.add(number)
        return Person(self._rng.choice(_GIVEN), self._rng.choice(_FAMILY), born, number)
