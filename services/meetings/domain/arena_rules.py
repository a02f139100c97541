"""One kind of meeting place (arena) with its rules, as a profile states it. Every line that states a rule names it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import date, time
from enum import StrEnum
from typing import Annotated, Final, NewType

from pydantic import Field, StringConstraints, model_validator

from services.meetings.domain.organisation import OWN_SERVICE, UnitKind
from services.meetings.domain.rhythm import Frequency, Moved
from services.meetings.domain.year import Before, Window
from shared.contracts.codes import Function, Role, Service
from shared.contracts.meetings import ArenaLevel, Guardians, ItemKind, ModePolicy, Place
from shared.contracts.meetings import Seat as InvitedSeat
from shared.profiles import Line, Rule, Rules
from shared.refs import LogScopeField, UnitId, UnitIdField

ArenaType = NewType("ArenaType", str)
ArenaTypeField = Annotated[ArenaType, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""What clocks in Norway show, `HH:MM`."""
NOON: Final = "12:00"
_CAME_LATER: Final = frozenset({"begins", "due_for"})
"""Lines that profiles had not from the first. Where one says nothing the arena is what it was: it is not defined anew."""
TAKES_NO_SEAT: Final = frozenset(
    {Role.GUARDIAN, Role.CHILD, Role.PRIVACY_OFFICER, Role.AUDITOR, Role.OPERATOR, Role.SERVICE_ACCOUNT}
)
"""Roles in which nobody sits for a service."""


class Seat(StrEnum):
    """How a service belongs to an arena."""

    FIXED = "fixed"
    """Always invited."""
    AT_NEED = "at-need"


class Said(Line):
    """Something that a rule says, and the profile only points at."""

    rule: Rule


class Member(Line):
    """A service with a seat."""

    service: Service
    seat: Seat = Seat.FIXED
    role: Role | None = None
    """The role that takes the seat, where the rule says so; left out, anybody who works there."""
    receiver: Role | Function | None = None
    """The role or function that takes it of the unit to which the children go on, where that is another (seed rule 15)."""
    unit: UnitIdField | None = None
    """Which of the service's units it is, where the rule says so; left out, whichever comes."""
    duty: Said | None = None
    """Duty to attend (møteplikt): absence is a deviation that needs its reason (seed rule 54)."""
    external: bool = False
    """A professional environment from outside, with so many seats as the arena gives each such (seed rule 171)."""
    rule: Rule

    @model_validator(mode="after")
    def _can_be_taken(self) -> Member:
        for role in (self.role, self.receiver):
            if role in TAKES_NO_SEAT:
                raise ValueError(f"nobody sits for a service as {role}")
        if self.unit is not None and self.service in OWN_SERVICE.values():
            raise ValueError("a barnehage or school has its own seat: leave unit out")
        if self.receiver is not None and (self.role is None or self.service not in OWN_SERVICE.values()):
            raise ValueError(
                "a receiver is a barnehage's or school's, beside the role of whoever the children come from"
            )
        return self


class Own(Line):
    """The seat of the unit whose arena it is: its leader decides who comes (seed rules 6, 53)."""

    duty: Said | None = None
    """Duty to attend (møteplikt), as of a member (seed rule 54)."""
    rule: Rule


class Seats(Line):
    """How many sit in an arena."""

    in_all: int | None = Field(default=None, ge=2, le=60)
    per_organisation: int | None = Field(default=None, ge=1, le=20)
    """For each professional environment from outside."""
    rules: Rules


class Where(Line):
    """Where an arena meets, with the rule where one says so."""

    at: Place
    rule: Rule | None = None


class Shortest(Line):
    """How long members set aside at least for each meeting (seed rule 59)."""

    minutes: int = Field(ge=15, le=600)
    rule: Rule


class Mode(Line):
    """How children may be spoken of."""

    policy: ModePolicy
    rules: Rules


class Task(StrEnum):
    """On which level an arena works."""

    SYSTEM = "system"
    """On how the services and the unit work."""
    INDIVIDUAL = "individual"
    """On what a child and its guardians need."""


class Mandate(Line):
    """What an arena is for (seed rules 57, 58, 172)."""

    levels: frozenset[Task] = Field(min_length=1)
    rules: Rules


class Template(Line):
    """The common template that drives the agenda (seed rules 60, 67): an item of each of these kinds in every meeting."""

    elements: tuple[ItemKind, ...] = Field(min_length=1)
    rules: Rules


class Chair(Line):
    """Who may lead the meetings (seed rules 61, 70)."""

    roles: frozenset[Role] = Field(min_length=1)
    rules: Rules


class Callers(Line):
    """Whose role it is to call the meetings and decide the agenda."""

    roles: frozenset[Role] = Field(min_length=1)
    services: frozenset[Service] = frozenset()
    """Of which of the members they are; left out, of any. A coordinator is of none."""
    rule: Rule


class GuardiansPart(Line):
    """Whether guardians take part."""

    part: Guardians
    rule: Rule


class Authority(Line):
    """What members may decide at the table, on behalf of their service (seed rules 62, 71, 72)."""

    design_measures: bool
    decide_for_service: bool
    rules: Rules


class Lifting(Line):
    """Where this arena takes what it cannot solve itself (seed rules 68, 69)."""

    to: ArenaTypeField
    rules: Rules


class Everywhere(Line):
    """Every unit of the arena's kinds has one (seed rule 52); until then the unit is reported."""

    not_yet: tuple[UnitIdField, ...] = ()
    rule: Rule


class Begins(Line):
    """The arena is new: before this day there is none (seed rule 75)."""

    from_day: date
    """The first day in Norway on which it meets."""
    rule: Rule


class Children(StrEnum):
    """For which children, or units, the meetings of an arena at child level are due."""

    WITH_A_GROUP = "with-a-group"
    """Those around whom a group (ansvarsgruppe) is coordinated, or who have an individual plan (seed rules 23, 29, 37)."""
    STARTING_SCHOOL = "starting-school"
    """Those for whom a transition form to school was written for the next autumn (seed rules 10, 11, 13)."""
    OF_THE_UNITS = "of-the-units"
    """Nobody in particular: the units through which children go on meet, whoever the children are (seed rules 15-17)."""


class DueFor(Line):
    """For whom the meetings of an arena at child level are due; without it they are called as there is need, and not counted."""

    children: Children
    rule: Rule


class Retired(Line):
    """The arena is no longer, and what took its place (seed rule 75)."""

    from_day: date
    """The first day in Norway on which it no longer meets."""
    successor: ArenaTypeField | None = None
    rule: Rule


class ArenaRules(Line):
    """One kind of meeting place (arena) and its rules."""

    type: ArenaTypeField
    name: str = Field(min_length=1, max_length=120)
    level: ArenaLevel
    unit_kinds: frozenset[UnitKind] = frozenset()
    """At unit level: which units have one each. At child level: which units may host it."""
    everywhere: Everywhere | None = None
    hosted_by: LogScopeField | None = None
    """The municipality that has it for all that have the profile together; left out, each has its own."""
    rules: Rules
    mandate: Mandate | None = None
    mode: Mode
    members: tuple[Member, ...] = Field(min_length=1)
    own: Own | None = None
    """At unit level: what is said of the unit's own seat; left out, it has one, and need not be there."""
    seats: Seats | None = None
    authority: Authority | None = None
    guardians: GuardiansPart | None = None
    child: GuardiansPart | None = None
    """Whether the child or youth takes part (seed rules 73, 99)."""
    chair: Chair | None = None
    """Left out: whoever is there, or calls the meeting."""
    template: Template | None = None
    frequency: Frequency
    due_for: DueFor | None = None
    """At child level: for whom so many meetings are due."""
    evaluated: Said | None = None
    """How often it meets is tried out and evaluated every year (seed rule 66)."""
    windows: tuple[Window, ...] = ()
    moved: Moved = Moved.WEEK_AFTER
    starts: tuple[ClockTime, ...] = Field(default=(NOON,), min_length=1)
    """When it may begin, the usual time first."""
    extra: Said | None = None
    """Extra meetings may be asked for (seed rule 9)."""
    minutes: int = Field(ge=15, le=600)
    shortest: Shortest | None = None
    place: Where
    called_by: Callers
    lifts_to: Lifting | None = None
    begins: Begins | None = None
    """Left out: it has always been there."""
    retired: Retired | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> ArenaRules:
        services = [member.service for member in self.members]
        if len(services) != len(set(services)):
            raise ValueError("a service has one seat in an arena; one stands here twice")
        if not self.called_by.services <= self.fixed:
            raise ValueError("only fixed members call the meetings: called_by names a service that is none")
        if self.level is ArenaLevel.MUNICIPALITY and self.unit_kinds:
            raise ValueError("a municipal arena belongs to no unit: leave unit_kinds out")
        if self.level is not ArenaLevel.MUNICIPALITY and not self.unit_kinds:
            raise ValueError("say which kinds of unit have this arena: unit_kinds")
        if not self.unit_kinds <= OWN_SERVICE.keys():
            raise ValueError("only barnehager and schools have arenas of their own")
        if self.everywhere is not None and self.level is not ArenaLevel.UNIT:
            raise ValueError("only an arena at unit level can be at every unit")
        if self.own is not None and self.level is not ArenaLevel.UNIT:
            raise ValueError("only an arena at unit level is a unit's own")
        if self.hosted_by is not None and self.level is not ArenaLevel.MUNICIPALITY:
            raise ValueError("only a municipal arena can be one for several municipalities")
        if self.begins is not None and self.is_over_on(self.begins.from_day):
            raise ValueError("it is no more before it begins")
        self._is_due_for_somebody()
        return self

    @property
    def counted(self) -> bool:
        """Return whether its meetings are counted against its frequency.

        Around a child only where it is said for which children they are due: a contact with the guardians of each child all the way
        through (seed rule 148) is due for children of whom no case tells.
        """
        return self.frequency.kind != "regularly" and (self.level is not ArenaLevel.CHILD or self.due_for is not None)

    def _is_due_for_somebody(self) -> None:
        if self.due_for is None:
            return
        if self.level is not ArenaLevel.CHILD:
            raise ValueError(
                "only of an arena around a child it is said for whom its meetings are due: leave due_for out"
            )
        if self.frequency.kind not in {"per-term", "at-least-per-term", "at-least-per-year", "yearly"}:
            raise ValueError("its frequency gives no number for a term or a year: leave due_for out")
        if self.due_for.children is not Children.WITH_A_GROUP and self.frequency.kind != "yearly":
            raise ValueError("a transition is once a year: only yearly meetings are due for those who go on")
        before = any(window.year_before is Before.SCHOOL_START for window in self.windows)
        if (self.due_for.children is Children.STARTING_SCHOOL) != before:
            raise ValueError("starting-school goes with a window in the year before school-start, and only such a one")

    @model_validator(mode="after")
    def _says_what_it_does(self) -> ArenaRules:
        policy = self.mode.policy
        if (self.guardians or self.child) and policy not in {ModePolicy.NAMED, ModePolicy.ANONYMOUS_BY_DEFAULT}:
            raise ValueError("guardians and children take part only where their child may be named")
        if self.mandate is not None and (self.mandate.levels == {Task.SYSTEM}) != (policy is ModePolicy.SYSTEM_ONLY):
            raise ValueError(
                "an arena on system level only takes no child, and only such a one takes none: system-only"
            )
        if self.shortest is not None and self.minutes < self.shortest.minutes:
            raise ValueError("it usually lasts less than the shortest that the rule allows")
        if self.template is not None and len(set(self.template.elements)) != len(self.template.elements):
            raise ValueError("an element of the template stands here twice")
        if self.seats is not None and self.seats.in_all is not None and len(self.fixed) > self.seats.in_all:
            raise ValueError("there are more fixed members than seats")
        return self

    @property
    def fixed(self) -> frozenset[Service]:
        """Return the services that are always invited, the units' own apart."""
        return frozenset(member.service for member in self.members if member.seat is Seat.FIXED)

    @property
    def at_need(self) -> frozenset[Service]:
        """Return the services that may be invited."""
        return frozenset(member.service for member in self.members if member.seat is Seat.AT_NEED)

    def member(self, service: Service) -> Member | None:
        """Return what is said of the service's seat; None when it has none of its own."""
        return next((member for member in self.members if member.service is service), None)

    def roles_of(
        self, service: Service, unit: UnitId | None = None, receiving: Collection[UnitId] = frozenset()
    ) -> frozenset[Role | Function]:
        """Return the roles or functions that take a service's or unit's seat; none where anybody who works there does.

        `receiving` are the units to which the others in the meeting send their children: of these it may be another role. Where
        that is not known of any, it is either.
        """
        member = self.member(service)
        if member is None or member.role is None:
            return frozenset()
        if member.receiver is None:
            return frozenset({member.role})
        if not receiving:
            return frozenset({member.role, member.receiver})
        return frozenset({member.receiver if unit in receiving else member.role})

    def is_fixed(self, seat: InvitedSeat) -> bool:
        """Return whether the seat is a fixed one: always invited, and spoken of whenever the meeting was held."""
        return seat.service in self.fixed or (self.own is not None and seat.unit is not None)

    def duty_of(self, service: Service, unit: UnitId | None) -> Said | None:
        """Return the duty to attend of a service's seat, or of the unit's own; None when it has none (seed rule 54)."""
        for member in self.members:
            if member.service is service and member.duty is not None:
                return member.duty
        return self.own.duty if self.own is not None and unit is not None else None

    def has_duty(self, seat: InvitedSeat) -> bool:
        """Return whether the seat has a duty to attend."""
        return self.duty_of(seat.service, seat.unit) is not None

    @property
    def duty_to_attend(self) -> bool:
        """Return whether anybody has a duty to attend (seed rule 54)."""
        said = [member.duty for member in self.members] + ([self.own.duty] if self.own is not None else [])
        return any(each is not None for each in said)

    @property
    def from_outside(self) -> frozenset[Service]:
        """Return the services from outside, whose seats are counted (seed rule 171)."""
        return frozenset(member.service for member in self.members if member.external)

    @property
    def seats_per_organisation(self) -> int | None:
        """Return how many seats an organisation from outside has; None where nobody counts."""
        return self.seats.per_organisation if self.seats else None

    @property
    def guardians_part(self) -> Guardians:
        """Return whether guardians take part."""
        return self.guardians.part if self.guardians else Guardians.NONE

    @property
    def clock_times(self) -> tuple[time, ...]:
        """Return when it may begin, the usual time first."""
        return tuple(time.fromisoformat(start) for start in self.starts)

    @property
    def version(self) -> str:
        """Return the hash of this definition: another one is another version."""
        said = {
            name: value for name, value in self.model_dump().items() if name not in _CAME_LATER or value is not None
        }
        return hashlib.sha256(repr(_in_order(said)).encode()).hexdigest()[:32]

    def meets_on(self, day: date) -> bool:
        """Return whether there is such an arena on `day` in Norway (seed rule 75)."""
        return (self.begins is None or self.begins.from_day <= day) and not self.is_over_on(day)

    def meets_within(self, first: date, last: date) -> bool:
        """Return whether there is such an arena on any day between these, both included."""
        return (self.begins is None or self.begins.from_day <= last) and not self.is_over_on(first)

    def is_over_on(self, day: date) -> bool:
        """Return whether the arena is no more on `day` in Norway; one that is still to begin is not over."""
        return self.retired is not None and self.retired.from_day <= day


def _in_order(value: object) -> object:
    """Return `value` written the same way in every process: sets have no order of their own."""
    if isinstance(value, dict):
        return [(str(key), _in_order(value[key])) for key in sorted(value)]
    if isinstance(value, frozenset):
        return sorted(str(part) for part in value)
    if isinstance(value, tuple | list):
        return [_in_order(part) for part in value]
    return str(value)
