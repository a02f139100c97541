"""A municipality's profile: its units, its year, and its arenas with their rules. Data, so that five municipalities need no code.

Every line that states a rule names it (`rule`, `rules`: numbers of `docs/seed-rules`), and a profile that does not hold
together is refused with the line and the reason.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal, NewType

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.codes import Role, Service
from shared.contracts.meetings import ArenaLevel, Guardians, ModePolicy
from shared.profiles import Document, Line, Rule, Rules
from shared.refs import LogScope, LogScopeField, UnitId, UnitIdField

ArenaType = NewType("ArenaType", str)
ArenaTypeField = Annotated[ArenaType, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]
_DAY: Final = re.compile(r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")


class DayOfYear(str):
    """A day that comes back every year, as `MM-DD`."""

    __slots__ = ()

    def within(self, year: int) -> date:
        """Return the day in `year`; 29 February is the 28th where there is none."""
        month, day = int(self[:2]), int(self[3:])
        if (month, day) == (2, 29):
            return date(year, 3, 1) - timedelta(days=1)
        return date(year, month, day)


DayOfYearField = Annotated[str, StringConstraints(pattern=_DAY.pattern)]


class Span(Line):
    """A part of every year, both days included; it may go over New Year."""

    first: DayOfYearField
    last: DayOfYearField

    @model_validator(mode="after")
    def _real_days(self) -> Span:
        for day in (self.first, self.last):
            DayOfYear(day).within(2028)  # a leap year: every day that there is
        return self

    def holds(self, day: date) -> bool:
        """Return whether `day` is in it."""
        first, last = DayOfYear(self.first).within(day.year), DayOfYear(self.last).within(day.year)
        return first <= day <= last if first <= last else day >= first or day <= last

    def around(self, day: date) -> tuple[date, date]:
        """Return the first and last day of the occurrence that holds `day`."""
        first, last = DayOfYear(self.first), DayOfYear(self.last)
        if first.within(day.year) <= last.within(day.year):
            return first.within(day.year), last.within(day.year)
        if day >= first.within(day.year):
            return first.within(day.year), last.within(day.year + 1)
        return first.within(day.year - 1), last.within(day.year)


class Window(Span):
    """When in the year the arena meets (seed rules 10, 13, 15, 16)."""

    rule: Rule


class Term(Span):
    """A school term (termin)."""

    name: str = Field(min_length=1, max_length=60)


class SchoolHoliday(Line):
    """Days without school, both included."""

    name: str = Field(min_length=1, max_length=60)
    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> SchoolHoliday:
        if self.last < self.first:
            raise ValueError("the last day is before the first")
        return self


class Calendar(Line):
    """The municipality's year."""

    terms: tuple[Term, ...] = Field(min_length=1)
    school_holidays: tuple[SchoolHoliday, ...] = ()

    def term(self, day: date) -> Term | None:
        """Return the term that holds `day`."""
        return next((term for term in self.terms if term.holds(day)), None)


class UnitKind(StrEnum):
    """What a unit is."""

    BARNEHAGE = "barnehage"
    SKOLE = "skole"
    SERVICE = "service"
    """One that comes to others' arenas: PPT, helsestasjon, barnevern, BUP."""
    ADMINISTRATION = "administration"


OWN_SERVICE: Final = {UnitKind.BARNEHAGE: Service.BARNEHAGE, UnitKind.SKOLE: Service.SKOLE}
"""The units that have children, and so arenas of their own."""


class Unit(Line):
    """An organisational unit."""

    id: UnitIdField
    kind: UnitKind
    name: str = Field(min_length=1, max_length=120)


class Seat(StrEnum):
    """How a service belongs to an arena."""

    FIXED = "fixed"
    """Always invited."""
    AT_NEED = "at-need"


class Member(Line):
    """A service with a seat."""

    service: Service
    seat: Seat = Seat.FIXED
    role: Role | None = None
    """The role that takes the seat, where the rule says so."""
    duty: bool = False
    """Duty to attend (møteplikt): absence is a deviation that needs its reason (seed rule 54)."""
    rule: Rule


class PerTerm(Line):
    """A number of meetings in every term."""

    kind: Literal["per-term"]
    times: int = Field(ge=1, le=20)
    rule: Rule


class EveryWeeks(Line):
    """A weekday every so many weeks."""

    kind: Literal["every-weeks"]
    weeks: int = Field(ge=1, le=26)
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday"]
    rule: Rule


class Monthly(Line):
    """A weekday of every month, as a rule."""

    kind: Literal["monthly"]
    which: Literal["first", "second", "third", "fourth", "last"]
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday"]
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


Frequency = Annotated[PerTerm | EveryWeeks | Monthly | Yearly | Regularly, Field(discriminator="kind")]


class Place(StrEnum):
    """Where an arena meets."""

    AT_THE_UNIT = "at-the-unit"
    MUNICIPALITY = "municipality"
    HOSPITAL = "hospital"
    BY_AGREEMENT = "by-agreement"


class Mode(Line):
    """How children may be spoken of."""

    policy: ModePolicy
    rules: Rules


class Callers(Line):
    """Whose role it is to call the meetings and decide the agenda."""

    roles: frozenset[Role] = Field(min_length=1)
    rule: Rule


class Extra(Line):
    """Extra meetings may be asked for (seed rule 9)."""

    rule: Rule


class GuardiansPart(Line):
    """Whether guardians take part."""

    part: Guardians
    rule: Rule


class ArenaRules(Line):
    """One kind of meeting place (arena) and its rules."""

    type: ArenaTypeField
    name: str = Field(min_length=1, max_length=120)
    level: ArenaLevel
    unit_kinds: frozenset[UnitKind] = frozenset()
    """At unit level: which units have one each. At child level: which units may host it."""
    rules: Rules
    mode: Mode
    members: tuple[Member, ...] = Field(min_length=1)
    guardians: GuardiansPart | None = None
    frequency: Frequency
    windows: tuple[Window, ...] = ()
    extra: Extra | None = None
    minutes: int = Field(ge=15, le=600)
    place: Place
    called_by: Callers
    seats_per_organisation: int | None = Field(default=None, ge=1, le=20)

    @model_validator(mode="after")
    def _holds_together(self) -> ArenaRules:
        services = [member.service for member in self.members]
        if len(services) != len(set(services)):
            raise ValueError("a service has one seat in an arena; one stands here twice")
        if self.level is ArenaLevel.MUNICIPALITY and self.unit_kinds:
            raise ValueError("a municipal arena belongs to no unit: leave unit_kinds out")
        if self.level is not ArenaLevel.MUNICIPALITY and not self.unit_kinds:
            raise ValueError("say which kinds of unit have this arena: unit_kinds")
        if not self.unit_kinds <= OWN_SERVICE.keys():
            raise ValueError("only barnehager and schools have arenas of their own")
        if self.guardians is not None and self.mode.policy is not ModePolicy.NAMED:
            raise ValueError("guardians take part only where their child is named")
        return self

    @property
    def fixed(self) -> frozenset[Service]:
        """Return the services that are always invited, the units' own apart."""
        return frozenset(member.service for member in self.members if member.seat is Seat.FIXED)

    @property
    def at_need(self) -> frozenset[Service]:
        """Return the services that may be invited."""
        return frozenset(member.service for member in self.members if member.seat is Seat.AT_NEED)

    @property
    def with_duty(self) -> frozenset[Service]:
        """Return the services with a duty to attend (seed rule 54)."""
        return frozenset(member.service for member in self.members if member.duty)

    @property
    def guardians_part(self) -> Guardians:
        """Return whether guardians take part."""
        return self.guardians.part if self.guardians else Guardians.NONE

    @property
    def version(self) -> str:
        """Return the hash of this definition: another one is another version."""
        return hashlib.sha256(repr(_in_order(self.model_dump())).encode()).hexdigest()[:32]


class Milestone(Line):
    """Something that belongs in the year and is no meeting, for example the transition form in May (seed rules 13, 14)."""

    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    name: str = Field(min_length=1, max_length=120)
    window: Span
    rules: Rules


class Profile(Line):
    """One municipality."""

    municipality: LogScopeField
    name: str = Field(min_length=1, max_length=120)
    calendar: Calendar
    units: tuple[Unit, ...] = Field(min_length=1)
    arenas: tuple[ArenaRules, ...] = Field(min_length=1)
    milestones: tuple[Milestone, ...] = ()
    cases: dict[str, object] | None = None
    """The cases service's part; it is read and judged there."""

    @property
    def scope(self) -> LogScope:
        """Return whose log the municipality's events belong to."""
        return self.municipality

    def arena(self, arena_type: str) -> ArenaRules | None:
        """Return the rules of an arena; None when the profile has none such."""
        return next((arena for arena in self.arenas if arena.type == arena_type), None)

    def unit(self, unit: UnitId) -> Unit | None:
        """Return the unit; None when the municipality has none such."""
        return next((each for each in self.units if each.id == unit), None)

    def own_service(self, unit: UnitId) -> Service | None:
        """Return the service of a barnehage or school; None for any other unit."""
        known = self.unit(unit)
        return OWN_SERVICE.get(known.kind) if known else None


def read_profile(text: str, name: str) -> Profile:
    """Return the profile that `text` (YAML) states; `name` is what to call it in a refusal.

    Raises:
        ProfileError: no YAML, an unknown or missing word, or rules that do not hold together: `name`, line and reason.
    """
    document = Document(text, name)
    profile = document.part(Profile)
    document.each_once(["units"], [unit.id for unit in profile.units])
    document.each_once(["arenas"], [each.type for each in profile.arenas])
    return profile


def states_meetings(text: str, name: str) -> bool:
    """Return whether the profile states meetings at all: a municipality may use the cases service only.

    Raises:
        ProfileError: it is no YAML.
    """
    content = Document(text, name).content
    cases_only = (
        isinstance(content, dict) and "cases" in content and content.keys() <= {"municipality", "name", "cases"}
    )
    return not cases_only


def _in_order(value: object) -> object:
    """Return `value` written the same way in every process: sets have no order of their own."""
    if isinstance(value, dict):
        return [(str(key), _in_order(value[key])) for key in sorted(value)]
    if isinstance(value, frozenset):
        return sorted(str(part) for part in value)
    if isinstance(value, tuple | list):
        return [_in_order(part) for part in value]
    return str(value)
