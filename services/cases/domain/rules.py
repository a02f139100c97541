"""What the decisions take from outside: dated code lists and durations. All of it is data; see `deploy/codelists`."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from services.cases.domain.grantors import ConsentRules, in_force
from services.cases.domain.profile import CasesProfile
from services.cases.errors import MunicipalityUnknownError, NoLegalBasisError, NoProfileError
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.codes import InformationCategory, LegalBasis, Service
from shared.refs import LogScope, LogScopeField

CONSENT = "consent"
MEETS_FROM = 2
"""From this level on, a step up calls for a meeting (seed rule 68)."""
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
    overrides: bool = False
    """Whether confidentiality may be overridden on it: it binds or entitles, without anybody's consent."""
    used_by: frozenset[Service] = frozenset()
    """Which services may share on it; none named: any."""
    open_to: frozenset[Service] = frozenset()
    """With which services; none named: any."""
    at_most_days: int = Field(default=90, ge=1)
    """How long one override on it lasts at most."""


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


class MunicipalityRow(Model):
    """The numbers of a county's municipalities, from a day and until another."""

    county: str
    valid_from: date
    valid_to: date | None = None
    numbers: frozenset[LogScopeField]
    source: str


class Rules(Model):
    """Everything a decision looks up."""

    bases: tuple[BasisRow, ...]
    consent: ConsentRules
    insight: tuple[InsightRow, ...]
    profile: CasesProfile | None = None
    """What the municipality of the case decides; None until it is known which that is."""
    retention: tuple[RetentionRow, ...] = ()
    municipalities: tuple[MunicipalityRow, ...] = ()
    served: frozenset[LogScope] = frozenset()
    """The municipalities that this deployment has a profile of, whatever the list says of them."""
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
        row = self.basis_row(code, now)
        return LegalBasis(code=row.code, version=row.valid_from.isoformat())

    def basis_row(self, code: str, now: datetime) -> BasisRow:
        """Return the row of the legal basis `code` in force in Norway at `now`.

        Raises:
            NoLegalBasisError: the code list has no such row on that day.
        """
        for row in in_force(self.bases, oslo_day(now)):
            if row.code == code:
                return row
        raise NoLegalBasisError

    def require_municipality(self, number: LogScope, now: datetime) -> None:
        """Refuse a number that no municipality has in Norway at `now`: nobody could answer there (seed rule 107).

        Raises:
            MunicipalityUnknownError: neither the code list nor this deployment has it.
        """
        there = any(number in row.numbers for row in in_force(self.municipalities, oslo_day(now)))
        if not there and number not in self.served:
            raise MunicipalityUnknownError(extensions={"municipality": number})

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
