"""How often an arena meets, as the sources say it (seed rules 8, 10, 15, 16, 19, 29, 40, 47, 64, 65, 119, 174, 183)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from shared.profiles import Line, Rule


class Weekday(StrEnum):
    """A day on which people meet."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"

    @property
    def number(self) -> int:
        """Return it as `date.weekday` does: 0 for Monday."""
        return list(Weekday).index(self)


class PerTerm(Line):
    """A number of meetings in every term."""

    kind: Literal["per-term"]
    times: int = Field(ge=1, le=20)
    rule: Rule


class InTerm(Line):
    """How many meetings a term has at least."""

    term: str = Field(min_length=1, max_length=60)
    """Its name in the calendar."""
    times: int = Field(ge=1, le=20)


class Larger(Line):
    """What large units do instead."""

    from_size: int = Field(ge=2, le=5000)
    """Children in the unit, at least."""
    terms: tuple[InTerm, ...] = ()
    monthly: bool = False
    rule: Rule

    @model_validator(mode="after")
    def _one_of_them(self) -> Larger:
        if self.monthly == bool(self.terms):
            raise ValueError("say either the terms or monthly")
        return self


class AtLeastPerTerm(Line):
    """At least so many meetings in each term, by the unit's size (seed rules 64, 65)."""

    kind: Literal["at-least-per-term"]
    terms: tuple[InTerm, ...] = Field(min_length=1)
    larger: tuple[Larger, ...] = ()
    """From the smallest size to the largest."""
    rule: Rule

    @model_validator(mode="after")
    def _in_order(self) -> AtLeastPerTerm:
        sizes = [each.from_size for each in self.larger]
        if sizes != sorted(set(sizes)):
            raise ValueError("the larger units stand from the smallest size to the largest")
        lists = [self.terms, *(each.terms for each in self.larger)]
        if any(len({each.term for each in said}) != len(said) for said in lists):
            raise ValueError("a term stands here twice")
        return self

    def for_size(self, size: int | None) -> AtLeastPerTerm | Larger:
        """Return what holds for a unit with so many children."""
        return next((each for each in reversed(self.larger) if size is not None and size >= each.from_size), self)

    @property
    def named_terms(self) -> frozenset[str]:
        """Return the terms that it speaks of."""
        return frozenset(each.term for each in (*self.terms, *(one for said in self.larger for one in said.terms)))


class AtLeastPerYear(Line):
    """At least so many meetings in a school year (seed rule 183)."""

    kind: Literal["at-least-per-year"]
    times: int = Field(ge=1, le=60)
    rule: Rule


class EveryWeeks(Line):
    """A weekday every so many weeks."""

    kind: Literal["every-weeks"]
    weeks: int = Field(ge=1, le=26)
    weekday: Weekday
    from_day: date | None = None
    """A day from which the weeks are counted; left out, the first such weekday of the school year."""
    rule: Rule

    @model_validator(mode="after")
    def _counted_from_its_weekday(self) -> EveryWeeks:
        if self.from_day is not None and self.from_day.weekday() != self.weekday.number:
            raise ValueError(f"{self.from_day} is no {self.weekday}")
        return self


class Monthly(Line):
    """A weekday of every month, as a rule."""

    kind: Literal["monthly"]
    which: Literal["first", "second", "third", "fourth", "last"]
    weekday: Weekday
    rule: Rule


class Yearly(Line):
    """A number of meetings in the arena's window of every year."""

    kind: Literal["yearly"]
    times: int = Field(ge=1, le=60)
    rule: Rule


class Regularly(Line):
    """Regularly, or when there is need: the source gives no number."""

    kind: Literal["regularly"]
    rule: Rule


Frequency = Annotated[
    PerTerm | AtLeastPerTerm | AtLeastPerYear | EveryWeeks | Monthly | Yearly | Regularly, Field(discriminator="kind")
]


class Moved(StrEnum):
    """Where a meeting goes whose day is a public or school holiday."""

    WEEK_BEFORE = "week-before"
    WEEK_AFTER = "week-after"
    """The same weekday, one or more weeks away."""
    NEAREST_DAY = "nearest-day"
    """The nearest day on which one can meet, the earlier of two as near."""
    LEFT_OUT = "left-out"
