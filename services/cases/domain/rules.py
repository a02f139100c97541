"""What the decisions take from outside: dated code lists and durations. All of it is data; see `deploy/codelists`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal

from pydantic import Field

from services.cases.domain.profile import CasesProfile
from services.cases.errors import NoLegalBasisError, NoProfileError
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.codes import GrantorClass, InformationCategory, LegalBasis

CONSENT = "consent"
OWN_TASK = "own-task"
PARENTAL_RESPONSIBILITY = "parental-responsibility"
ACCESS_BY_CHILD = "access-by-the-child"
REACH_GUARDIANS = "reach-guardians"
ANONYMISED = "anonymised"
REPORT = "bvl-13-2"


class BasisRow(Model):
    """One wording of one legal basis, from a day and until another."""

    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    valid_from: date
    valid_to: date | None = None
    """The last day, or none."""
    section: str
    """Where in the law, as a person reads it."""
    title: str
    source: str


class GrantorRow(Model):
    """Who must grant for a child of these ages (law-and-standards 3.3)."""

    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    valid_from: date
    valid_to: date | None = None
    from_age: int = Field(ge=0)
    below_age: int | None = None
    health_only: bool = False
    """The row holds for information about health, and then goes before a row that holds for everything."""
    guardians: Literal["all", "one", "none"]
    child: bool
    """Whether the child itself must grant."""
    source: str


class InsightRow(Model):
    """Who may ask who has seen what of a child of these ages (law-and-standards 3.3, 3.4)."""

    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    valid_from: date
    valid_to: date | None = None
    from_age: int = Field(ge=0)
    below_age: int | None = None
    guardian: bool
    child: bool
    withheld: frozenset[InformationCategory] = frozenset()
    """What a guardian is not told of: the child decides over it alone."""
    source: str


class RetentionRow(Model):
    """How many years a class of ended cases is kept, from a day and until another."""

    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    valid_from: date
    valid_to: date | None = None
    years: int = Field(ge=0, le=100)
    by_law: bool = False
    """A law demands that it is kept so long: no request shortens it (GDPR art. 17 (3) b)."""
    source: str


class Rules(Model):
    """Everything a decision looks up."""

    bases: tuple[BasisRow, ...]
    grantors: tuple[GrantorRow, ...]
    insight: tuple[InsightRow, ...]
    profile: CasesProfile | None = None
    """What the municipality of the case decides; None until it is known which that is."""
    retention: tuple[RetentionRow, ...] = ()
    end_within_days_of_age: int = 90
    """To close or hand on the case of a child that has come of age."""
    act_within_days: int = 14
    """From concern to action (seed rule 79)."""
    decide_within_days: int = 14
    """From a case's opening to a decision on what to do (seed rule 144)."""
    meet_within_days: int = 14
    """From a step up to level 2 or 3 until the meeting (seed rule 68)."""
    answer_within_days_at_most: int = 30
    """To answer a handover; the usual time is that of its kind (`kinds.py`; seed rule 107)."""

    def of(self, profile: CasesProfile) -> Rules:
        """Return the rules as they are in one municipality."""
        times = profile.deadlines
        return self.model_copy(
            update={
                "profile": profile,
                "act_within_days": times.act.days,
                "decide_within_days": times.decide.days,
                "meet_within_days": times.meet.days,
            }
        )

    @property
    def municipal(self) -> CasesProfile:
        """Return what the municipality decides.

        Raises:
            NoProfileError: it has said nothing.
        """
        if self.profile is None:
            raise NoProfileError
        return self.profile

    def basis(self, code: str, now: datetime) -> LegalBasis:
        """Return the wording of the legal basis `code` in force in Norway at `now`.

        Raises:
            NoLegalBasisError: the code list has no such row on that day.
        """
        day = oslo_day(now)
        for row in self.bases:
            if row.code == code and row.valid_from <= day and (row.valid_to is None or day <= row.valid_to):
                return LegalBasis(code=row.code, version=row.valid_from.isoformat())
        raise NoLegalBasisError

    def needed_grantors(
        self, *, born: date, day: date, categories: Iterable[InformationCategory], guardians: int
    ) -> dict[GrantorClass, int]:
        """Return how many of each class must grant (law-and-standards 3.3).

        Args:
            born: the child's birth date, from the vault; it goes no further than this function.
            day: the day in Norway on which consent is asked for.
            categories: what kinds of information the consent is to cover; the strictest row of any of them counts.
            guardians: how many hold parental responsibility.

        Raises:
            NoLegalBasisError: the code list has no row for this age on that day.
        """
        age = age_on(born, day)
        needed: dict[GrantorClass, int] = {}
        for category in categories:
            row = self._grantor_row(age, day, category)
            count = {"all": guardians, "one": min(1, guardians), "none": 0}[row.guardians]
            needed[GrantorClass.GUARDIAN] = max(needed.get(GrantorClass.GUARDIAN, 0), count)
            needed[GrantorClass.CHILD] = max(needed.get(GrantorClass.CHILD, 0), int(row.child))
        return {grantor: count for grantor, count in needed.items() if count}

    def retention_row(self, code: str, now: datetime) -> RetentionRow:
        """Return how long a case of that class is kept that ends at `now`.

        Raises:
            NoLegalBasisError: the code list has no such row on that day.
        """
        day = oslo_day(now)
        for row in self.retention:
            if row.code == code and row.valid_from <= day and (row.valid_to is None or day <= row.valid_to):
                return row
        raise NoLegalBasisError

    def insight_row(self, age: int, day: date) -> InsightRow:
        """Return who may ask who has seen what, for a child of that age on `day` in Norway.

        Raises:
            NoLegalBasisError: the code list has no row for this age on that day.
        """
        for row in self.insight:
            of_age = row.from_age <= age and (row.below_age is None or age < row.below_age)
            if of_age and row.valid_from <= day and (row.valid_to is None or day <= row.valid_to):
                return row
        raise NoLegalBasisError

    def _grantor_row(self, age: int, day: date, category: InformationCategory) -> GrantorRow:
        fitting = [
            row
            for row in self.grantors
            if row.from_age <= age
            and (row.below_age is None or age < row.below_age)
            and row.valid_from <= day
            and (row.valid_to is None or day <= row.valid_to)
            and (category is InformationCategory.HEALTH or not row.health_only)
        ]
        if not fitting:
            raise NoLegalBasisError
        return max(fitting, key=lambda row: row.health_only)


def age_on(born: date, day: date) -> int:
    """Return the age in whole years on `day`; born on 29 February, a year is full on 1 March where there is no such day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
