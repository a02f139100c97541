"""The lines of a year's messages: read from the file that a person typed, and compared with what came, both ways."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from shared.clock import OSLO

SCHOOL_YEAR: Final = 2026
"""From August of this year to July of the next."""
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WHEN: Final = re.compile(r"(?P<weekday>[A-Z][a-z]{2}) (?P<day>\d\d)\.(?P<month>\d\d) (?P<hour>\d\d):(?P<minute>\d\d)")
_RULES: Final = re.compile(r"(?:(?:\d{1,3}|law)(?:, (?!$)|$))+")
_LAST_RULE: Final = 193


class Line(NamedTuple):
    """One message to one person."""

    when: str
    to: str
    message: str
    language: str
    how: str

    def shown(self) -> str:
        """Return it as it stands in the file, without the rules."""
        return "| " + " | ".join(self) + " |"


def moment_of(when: str) -> datetime:
    """Return the moment of "Mon 07.09 09:00" in the school year, in Norway's time.

    Raises:
        ValueError: it is no such time, or that day is another day of the week.
    """
    found = _WHEN.fullmatch(when)
    if found is None:
        raise ValueError(f"{when!r} is no day and time")
    month = int(found["month"])
    year = SCHOOL_YEAR if month >= 8 else SCHOOL_YEAR + 1
    moment = datetime(year, month, int(found["day"]), int(found["hour"]), int(found["minute"]), tzinfo=OSLO)
    if DAYS[moment.weekday()] != found["weekday"]:
        raise ValueError(f"{when}: that is a {DAYS[moment.weekday()]}")
    return moment


def spoken(moment: datetime) -> str:
    """Return it as the file writes it."""
    local = moment.astimezone(OSLO)
    return f"{DAYS[local.weekday()]} {local:%d.%m %H:%M}"


def lines_of(text: str) -> list[Line]:
    """Return the lines of the file; every other table and word of it is for people.

    Raises:
        ValueError: a line has too few columns, a time that is none, or no rule.
    """
    found = []
    for row in text.splitlines():
        cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
        if not row.startswith("| ") or _WHEN.match(cells[0]) is None:
            continue
        if len(cells) != 6:
            raise ValueError(f"six columns: {row}")
        *told, rules = cells
        for when in [told[0], *(match.group() for match in _WHEN.finditer(told[4]))]:
            moment_of(when)
        if _RULES.fullmatch(rules) is None or any(int(each) > _LAST_RULE for each in re.findall(r"\d+", rules)):
            raise ValueError(f"which rules: {row}")
        found.append(Line(*told))
    return found


def differences(expected: Sequence[Line], came: Iterable[Line]) -> list[str]:
    """Return what was expected and did not come, and what came and was not expected, in the order of time; the same twice is two."""
    wanted, seen = Counter(expected), Counter(came)
    missing = [
        (moment_of(line.when), f"expected, and did not come: {line.shown()}") for line in (wanted - seen).elements()
    ]
    extra = [
        (moment_of(line.when), f"came, and is not expected:  {line.shown()}") for line in (seen - wanted).elements()
    ]
    return [shown for _, shown in sorted([*missing, *extra])]
