"""Who must consent, and when that changes: dated tables over age, parental responsibility, area of law and kind of care.

All of it is data (`deploy/codelists/consent-grantors.yaml`, `consent-times.yaml`); here is only how it is read. Where a scope falls
under several areas of law, the strictest row counts for each class of grantors (law-and-standards 3.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from itertools import product
from typing import Literal, Protocol, TypeVar

from pydantic import Field

from services.cases.errors import NoLegalBasisError
from shared.contracts.base import Model
from shared.contracts.cases import ReassessmentReason
from shared.contracts.codes import GrantorClass, InformationCategory, Scope, Service


class AreaOfLaw(StrEnum):
    """By which law a sharing is judged."""

    HEALTH = "health"
    CHILD_WELFARE = "child-welfare"
    EDUCATION = "education"
    DATA_PROTECTION = "data-protection"


class Responsibility(StrEnum):
    """Who has the say over the child."""

    PARENTS = "parents"
    """Those with parental responsibility, or a guardian appointed in their place, who decides as they do (vergemålsloven § 16)."""
    CARE_ORDER = "care-order"
    """The child welfare service has taken over care (barnevernsloven § 5-1)."""
    NONE = "none"
    """Nobody is known: a guardian must be appointed first."""


class Care(StrEnum):
    """What the consent is for."""

    ORDINARY = "ordinary"
    DAILY = "daily"
    """A part of daily care, or necessary so that the child comes to no harm (pbrl § 4-4): where one holder may be enough."""


class Standing(Model):
    """Who may answer for a child now: from the vault, without who they are."""

    guardians: frozenset[int]
    """The ordinals of those with parental responsibility, or who are appointed."""
    responsibility: Responsibility

    @classmethod
    def of(cls, guardians: Iterable[int], *, care_order: bool = False) -> Standing:
        """Return the standing of these guardians."""
        known = frozenset(guardians)
        if care_order:
            return cls(guardians=known, responsibility=Responsibility.CARE_ORDER)
        if not known:
            return cls(guardians=known, responsibility=Responsibility.NONE)
        return cls(guardians=known, responsibility=Responsibility.PARENTS)


class AreaRow(Model):
    """What falls under an area of law: these kinds of information, or anything to these services."""

    area: AreaOfLaw
    valid_from: date
    valid_to: date | None = None
    categories: frozenset[InformationCategory] = frozenset()
    services: frozenset[Service] = frozenset()
    source: str


class GrantorRow(Model):
    """Who must grant for a child of these ages (law-and-standards 3.3)."""

    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    valid_from: date
    valid_to: date | None = None
    areas: frozenset[AreaOfLaw]
    responsibility: frozenset[Responsibility]
    care: frozenset[Care] = frozenset(Care)
    from_age: int = Field(ge=0)
    below_age: int | None = None
    guardians: Literal["all", "one", "none"]
    child: bool
    """Whether the child itself must grant."""
    child_welfare: bool = False
    """Whether the child welfare service, which has the care, must grant."""
    source: str


class ReassessmentRow(Model):
    """What makes it necessary to ask anew who may consent, and how long the consent stands meanwhile."""

    reason: ReassessmentReason
    valid_from: date
    valid_to: date | None = None
    age: int | None = Field(default=None, ge=1, le=30)
    """The birthday on which it is due; none: another event."""
    within_days: int = Field(ge=0)
    """Days in Norway to confirm it; 0: nothing is shared until it is confirmed."""
    anew: bool = False
    """All must say it again, also who has granted before."""
    source: str


class ConsentTimes(Model):
    """How long what takes."""

    valid_from: date
    valid_to: date | None = None
    answer_within_days: int = Field(ge=1)
    """From the request until it lapses."""
    warn_before_days: int = Field(ge=1)
    """Before the last day."""
    review_within_days: int = Field(ge=1)
    """At most, from an override of confidentiality until a leader has judged it."""


class _Dated(Protocol):
    @property
    def valid_from(self) -> date: ...
    @property
    def valid_to(self) -> date | None: ...


D = TypeVar("D", bound=_Dated)


class ConsentRules(Model):
    """Everything that decisions on consents look up."""

    areas: tuple[AreaRow, ...]
    grantors: tuple[GrantorRow, ...]
    reassessments: tuple[ReassessmentRow, ...]
    times: tuple[ConsentTimes, ...]

    def needed(
        self, *, born: date, day: date, scope: Scope, standing: Standing, care: Care = Care.ORDINARY
    ) -> dict[GrantorClass, int]:
        """Return how many of each class must grant.

        Args:
            born: the child's birth date, from the vault; it goes no further than this function.
            day: the day in Norway on which consent is asked for.
            scope: what the consent is to cover; the strictest row of any of its areas of law counts.
            standing: who may answer for the child.
            care: whether it is for daily care.

        Raises:
            NoLegalBasisError: the code list has no row for this on that day.
        """
        age = age_on(born, day)
        holders = len(standing.guardians)
        needed = dict.fromkeys(GrantorClass, 0)
        for area in self.areas_of(scope, day):
            for row in self._rows(area, age, day, standing.responsibility, care):
                guardians = {"all": holders, "one": 1, "none": 0}[row.guardians]
                demanded = {
                    GrantorClass.GUARDIAN: guardians,
                    GrantorClass.CHILD: int(row.child),
                    GrantorClass.CHILD_WELFARE: int(row.child_welfare),
                }
                needed = {kind: max(count, demanded[kind]) for kind, count in needed.items()}
        return {kind: count for kind, count in needed.items() if count}

    def areas_of(self, scope: Scope, day: date) -> frozenset[AreaOfLaw]:
        """Return the areas of law that `scope` falls under: for each service and category all that fit, else data protection."""
        rows = in_force(self.areas, day)
        areas: set[AreaOfLaw] = set()
        for service, category in product(scope.services, scope.categories):
            fitting = {row.area for row in rows if category in row.categories or service in row.services}
            areas |= fitting or {AreaOfLaw.DATA_PROTECTION}
        return frozenset(areas)

    def reassessment(self, reason: ReassessmentReason, day: date) -> ReassessmentRow:
        """Return what follows from `reason` on `day`.

        Raises:
            NoLegalBasisError: the code list has no such row on that day.
        """
        for row in in_force(self.reassessments, day):
            if row.reason is reason:
                return row
        raise NoLegalBasisError

    def ages(self, day: date) -> Mapping[int, ReassessmentReason]:
        """Return the ages at which it is asked anew who may consent."""
        return {row.age: row.reason for row in in_force(self.reassessments, day) if row.age is not None}

    def time(self, day: date) -> ConsentTimes:
        """Return how long what takes on `day`.

        Raises:
            NoLegalBasisError: the code list has no such row on that day.
        """
        for row in in_force(self.times, day):
            return row
        raise NoLegalBasisError

    def _rows(
        self, area: AreaOfLaw, age: int, day: date, responsibility: Responsibility, care: Care
    ) -> list[GrantorRow]:
        fitting = [
            row
            for row in in_force(self.grantors, day)
            if area in row.areas
            and responsibility in row.responsibility
            and care in row.care
            and row.from_age <= age
            and (row.below_age is None or age < row.below_age)
        ]
        if not fitting:
            raise NoLegalBasisError
        return fitting


def in_force(rows: Iterable[D], day: date) -> list[D]:
    """Return the rows that hold on `day` in Norway."""
    return [row for row in rows if row.valid_from <= day and (row.valid_to is None or day <= row.valid_to)]


def age_on(born: date, day: date) -> int:
    """Return the age in whole years on `day`; born on 29 February, a year is full on 1 March where there is no such day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def birthday(born: date, age: int) -> date:
    """Return the day on which somebody born on `born` has lived `age` whole years: the first on which `age_on` says so."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)
