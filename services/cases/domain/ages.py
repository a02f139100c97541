"""What a child's age brings, found by looking every day: a deadline at a birthday would be the birthday, in the clear.

Born dates come from the vault and go no further than these functions. What is kept of a look is only its day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from services.cases.domain import ending
from services.cases.domain.grantors import birthday
from shared.clock import oslo_day
from shared.contracts.cases import ReassessmentReason


@dataclass(frozen=True, slots=True)
class Passed:
    """What the days since the last look have brought."""

    reasons: tuple[ReassessmentReason, ...] = ()
    """Why it is to be asked anew who may consent, the youngest age first."""
    soon_of_age: bool = False
    """The holder is to be told that the child will be of age; late, if nobody looked before it was, and then first of all."""
    of_age: bool = False

    def __bool__(self) -> bool:
        """Return whether anything has."""
        return bool(self.reasons) or self.soon_of_age or self.of_age


def passed(born: date, since: date, today: date, ages: Mapping[int, ReassessmentReason]) -> Passed:
    """Return what has come after `since` and up to `today`, both days in Norway.

    Looks of which each begins where the one before ended miss nothing, and repeat nothing.
    """
    told, of_age = oslo_day(ending.told_at(born)), birthday(born, ending.OF_AGE)
    return Passed(
        reasons=tuple(ages[age] for age in sorted(ages) if since < birthday(born, age) <= today),
        soon_of_age=since < told <= today,
        of_age=since < of_age <= today,
    )


def nothing_to_come(born: date, today: date, ages: Mapping[int, ReassessmentReason]) -> bool:
    """Return whether no birthday that matters is ahead, so that nobody need look any more."""
    return birthday(born, max([*ages, ending.OF_AGE])) <= today
