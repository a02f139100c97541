"""A municipality's profile: its units, its year, its arenas with their rules, and what else its sources say of its meetings.

Data, so that five municipalities need no code. Several municipalities may have one profile together (seed rule 77): each of
them has the same arenas, its own units, and the units that they share. Every line that states a rule names it (`rule`,
`rules`: numbers of `docs/seed-rules`), and a profile that does not hold together is refused with the line and the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.guide import Guide, unreadable
from services.meetings.domain.organisation import OWN_SERVICE, Chart, Unit
from services.meetings.domain.rhythm import AtLeastPerTerm
from services.meetings.domain.undertakings import (
    Competence,
    GuidanceStep,
    Hearing,
    Hours,
    Indicator,
    Milestone,
    Report,
    Resources,
    Steering,
    Survey,
    Undertaking,
)
from services.meetings.domain.year import Calendar
from shared.contracts.codes import NOT_PUBLIC, Service
from shared.contracts.meetings import ArenaLevel, ModePolicy
from shared.profiles import Document, Heading, Line
from shared.refs import LogScope, LogScopeField, UnitId


class Common(Line):
    """What a profile says, for whichever municipality."""

    calendar: Calendar
    organisation: Chart | None = None
    units: tuple[Unit, ...] = Field(min_length=1)
    arenas: tuple[ArenaRules, ...] = Field(min_length=1)
    milestones: tuple[Milestone, ...] = ()
    steering: tuple[Steering, ...] = ()
    hearings: tuple[Hearing, ...] = ()
    surveys: tuple[Survey, ...] = ()
    reports: tuple[Report, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    undertakings: tuple[Undertaking, ...] = ()
    resources: tuple[Resources, ...] = ()
    competence: tuple[Competence, ...] = ()
    parent_guidance: tuple[GuidanceStep, ...] = ()
    guidance_hours: tuple[Hours, ...] = ()
    guide: Guide | None = None
    """What the municipality's public page says; None: it has none, and nothing of the profile is public."""
    cases: dict[str, object] | None = None
    """The cases service's part; it is read and judged there."""


class Profile(Common):
    """One municipality."""

    municipality: LogScopeField
    name: str = Field(min_length=1, max_length=120)
    together: frozenset[LogScopeField] = frozenset()
    """Those that have this profile together, itself among them; none: it has one of its own."""

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

    def shared_with(self, other: Profile) -> frozenset[UnitId]:
        """Return the units that it shares with another municipality, which has this profile too (seed rule 77).

        A unit of the same name in another file is another one: each file names its own.
        """
        if other.scope == self.scope or other.scope not in self.together:
            return frozenset()
        return frozenset(unit.id for unit in self.units) & {unit.id for unit in other.units}

    def indicator(self, code: str) -> Indicator | None:
        """Return the indicator; None when the profile has none such."""
        return next((each for each in self.indicators if each.code == code), None)

    def own_service(self, unit: UnitId) -> Service | None:
        """Return the service of a barnehage or school; None for any other unit."""
        known = self.unit(unit)
        return OWN_SERVICE.get(known.kind) if known else None

    def receiving(self, units: Collection[UnitId]) -> frozenset[UnitId]:
        """Return those of the units to which another of them sends its children."""
        senders = [each for unit in units if (each := self.unit(unit)) is not None]
        return frozenset(units) & {to for sender in senders for to in sender.sends_to}

    def units_with(self, rules: ArenaRules, day: date | None = None) -> list[Unit]:
        """Return the units that have an arena of their own by `rules`; with a `day`, those that are there on it."""
        if rules.level is not ArenaLevel.UNIT:
            return []
        not_yet = rules.everywhere.not_yet if rules.everywhere else ()
        return [
            unit
            for unit in self.units
            if unit.kind in rules.unit_kinds and unit.id not in not_yet and (day is None or unit.there_on(day))
        ]


class Stated(Heading, Common):
    """A profile as its file states it: of one municipality, or of several together."""

    def of_each(self) -> tuple[Profile, ...]:
        """Return the profile of each of its municipalities: its own units, and those that they share."""
        said = {name: getattr(self, name) for name in Common.model_fields}
        together = frozenset(each.number for each in self.together.municipalities) if self.together else frozenset()
        return tuple(
            Profile.model_validate(
                {
                    **said,
                    "municipality": each.number,
                    "name": each.name,
                    "together": together,
                    "units": tuple(unit for unit in self.units if unit.municipality in {None, each.number}),
                    "arenas": tuple(arena for arena in self.arenas if arena.hosted_by in {None, each.number}),
                }
            )
            for each in self.municipalities
        )


@lru_cache(maxsize=64)
def read_profiles_in(text: str, name: str) -> tuple[Profile, ...]:
    """Return the profiles that `text` (YAML) states, one for each of its municipalities; `name` is what to call it in a refusal.

    Raises:
        ProfileError: no YAML, an unknown or missing word, or rules that do not hold together: `name`, line and reason.
    """
    document = Document(text, name)
    stated = document.part(Stated)
    _check_names(document, stated)
    _check_holidays(document, stated)
    _check_units(document, stated)
    _check_arenas(document, stated)
    _check_lifting(document, stated)
    _check_undertakings(document, stated)
    _check_reports(document, stated)
    _check_guide(document, stated)
    return stated.of_each()


def read_profile(text: str, name: str) -> Profile:
    """Return the profile of the one municipality that `text` (YAML) is for.

    Raises:
        ProfileError: see `read_profiles_in`; or it is for several.
    """
    profiles = read_profiles_in(text, name)
    if len(profiles) != 1:
        raise Document(text, name).refusal(["together"], "this profile is for several municipalities")
    return profiles[0]


@lru_cache(maxsize=64)
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


def _check_names(document: Document, stated: Stated) -> None:
    document.each_once(["units"], [unit.id for unit in stated.units])
    document.each_once(["arenas"], [each.type for each in stated.arenas])
    lists: dict[str, Sequence[Milestone | Hearing | Survey | Report | Indicator | Undertaking | Competence | Hours]] = {
        "milestones": stated.milestones,
        "hearings": stated.hearings,
        "surveys": stated.surveys,
        "reports": stated.reports,
        "indicators": stated.indicators,
        "undertakings": stated.undertakings,
        "competence": stated.competence,
        "guidance_hours": stated.guidance_hours,
    }
    for name, lines in lists.items():
        document.each_once([name], [line.code for line in lines])
    document.each_once(["parent_guidance"], [step.code for step in stated.parent_guidance])
    if stated.together is not None:
        path = ["together", "municipalities"]
        document.each_once(path, [each.number for each in stated.together.municipalities])


def _check_holidays(document: Document, stated: Stated) -> None:
    for index, year, missing in stated.calendar.half_known():
        reason = f"the school year {year.first.year}-{year.last.year} has no {', '.join(missing)}"
        raise document.refusal(["calendar", "school_holidays", index], reason)


def _check_units(document: Document, stated: Stated) -> None:
    known = {unit.id: unit for unit in stated.units}
    numbers = {each.number for each in stated.municipalities}
    for index, municipality in enumerate(stated.together.municipalities if stated.together else ()):
        if not any(unit.municipality == municipality.number for unit in stated.units):
            raise document.refusal(["together", "municipalities", index], f"{municipality.name} has no unit of its own")
    for index, unit in enumerate(stated.units):
        if unit.municipality is not None and unit.municipality not in numbers:
            reason = f"{unit.municipality} is no municipality of this profile"
            raise document.refusal(["units", index, "municipality"], reason)
        if stated.together is not None and unit.kind in OWN_SERVICE and unit.municipality is None:
            raise document.refusal(["units", index], "a barnehage or school is in one municipality: say which")
        if unit.part_of is not None and unit.part_of not in known:
            raise document.refusal(["units", index, "part_of"], f"{unit.part_of} is no unit of this profile")
        for position, school in enumerate(unit.sends_to):
            if school not in known or known[school].seated_as is not Service.SKOLE:
                reason = f"{school} is no school of this profile"
                raise document.refusal(["units", index, "sends_to", position], reason)


def _check_arenas(document: Document, stated: Stated) -> None:
    known = {arena.type for arena in stated.arenas}
    terms, numbers = {term.name for term in stated.calendar.terms}, {each.number for each in stated.municipalities}
    for index, arena in enumerate(stated.arenas):
        here: list[int | str] = ["arenas", index]
        if arena.hosted_by is not None and arena.hosted_by not in numbers:
            raise document.refusal([*here, "hosted_by"], f"{arena.hosted_by} is no municipality of this profile")
        _check_members(document, here, arena)
        _check_seats(document, here, arena, stated.units)
        if arena.lifts_to is not None:
            _there(document, [*here, "lifts_to", "to"], arena.lifts_to.to, known)
            _check_way_up(document, here, arena, {each.type: each for each in stated.arenas})
        if arena.retired is not None and arena.retired.successor is not None:
            _there(document, [*here, "retired", "successor"], arena.retired.successor, known)
            if arena.retired.successor == arena.type:
                raise document.refusal([*here, "retired", "successor"], "an arena does not take its own place")
            _check_succession(document, here, arena, stated.arenas)
        for position, unit in enumerate(arena.everywhere.not_yet if arena.everywhere else ()):
            if not any(each.id == unit and each.kind in arena.unit_kinds for each in stated.units):
                reason = f"{unit} is no unit that would have this arena"
                raise document.refusal([*here, "everywhere", "not_yet", position], reason)
        if not isinstance(arena.frequency, AtLeastPerTerm):
            continue
        if strange := sorted(arena.frequency.named_terms - terms):
            raise document.refusal([*here, "frequency"], f"{strange[0]} is no term of this profile")
        for unit_index, unit_line in enumerate(stated.units):
            if arena.frequency.larger and unit_line.kind in arena.unit_kinds and unit_line.size is None:
                raise document.refusal(["units", unit_index], f"{arena.type} meets by the unit's size: say its size")


def _check_succession(
    document: Document, here: list[int | str], arena: ArenaRules, arenas: Iterable[ArenaRules]
) -> None:
    """Refuse a time between an arena and its successor: what is lifted then would come to nobody (seed rules 68, 75)."""
    assert arena.retired is not None
    for each in arenas:
        begins = None if each.begins is None else each.begins.from_day
        if each.type == arena.retired.successor and begins is not None and begins > arena.retired.from_day:
            reason = f"{each.type} begins on {begins}, and this one is no more from {arena.retired.from_day}"
            raise document.refusal([*here, "retired", "successor"], reason)


def _check_way_up(
    document: Document, here: list[int | str], arena: ArenaRules, known: Mapping[str, ArenaRules]
) -> None:
    """Refuse a way up that leads to no meeting, or round in a circle: what is lifted must come to somebody (seed rule 68)."""
    seen = {arena.type}
    at = arena
    while at.lifts_to is not None and at.lifts_to.to in known:
        at = known[at.lifts_to.to]
        if at.type in seen:
            raise document.refusal([*here, "lifts_to", "to"], "lifting goes round in a circle")
        seen.add(at.type)
    assert arena.lifts_to is not None
    above = known[arena.lifts_to.to]
    if above.level is ArenaLevel.CHILD or arena.level is ArenaLevel.CHILD:
        reason = "of meetings around a child none is the next: a case gets there by its level"
        raise document.refusal([*here, "lifts_to", "to"], reason)
    if above.level is ArenaLevel.UNIT and not (arena.level is ArenaLevel.UNIT and arena.unit_kinds <= above.unit_kinds):
        raise document.refusal([*here, "lifts_to", "to"], f"not every unit that lifts has {above.type} of its own")
    if above.hosted_by is not None:
        raise document.refusal(
            [*here, "lifts_to", "to"], f"{above.type} is another municipality's: a child's case stays"
        )


def _check_members(document: Document, here: list[int | str], arena: ArenaRules) -> None:
    if arena.mode.policy not in {ModePolicy.NAMED, ModePolicy.ANONYMOUS_BY_DEFAULT}:
        return
    for position, member in enumerate(arena.members):
        if member.service in NOT_PUBLIC:
            reason = f"{member.service} hears no name, and here children are named (seed rule 45)"
            raise document.refusal([*here, "members", position], reason)


class _Team(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str
    lifts_to: str | None = None


class _Teams(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    teams: tuple[_Team, ...] = ()


def _check_lifting(document: Document, stated: Stated) -> None:
    """Refuse that a case is lifted elsewhere by the cases service than its team says here (seed rules 68, 69)."""
    try:
        teams = {team.code: team.lifts_to for team in _Teams.model_validate(stated.cases or {}).teams}
    except ValidationError:
        return  # The cases service says what is wrong with its part.
    for index, arena in enumerate(stated.arenas):
        if arena.lifts_to is None or arena.type not in teams:
            continue
        if teams[arena.type] != arena.lifts_to.to:
            reason = f"the team of this arena lifts to {teams[arena.type]}, and the arena to {arena.lifts_to.to}"
            raise document.refusal(["arenas", index, "lifts_to", "to"], reason)


def _check_seats(document: Document, here: list[int | str], arena: ArenaRules, units: Sequence[Unit]) -> None:
    for position, member in enumerate(arena.members):
        own = any(unit.id == member.unit and unit.seated_as is member.service for unit in units)
        if member.unit is not None and not own:
            reason = f"{member.unit} is no unit of {member.service} in this profile"
            raise document.refusal([*here, "members", position, "unit"], reason)


def _check_undertakings(document: Document, stated: Stated) -> None:
    arenas = {arena.type for arena in stated.arenas}
    indicators = {each.code for each in stated.indicators}
    for index, hearing in enumerate(stated.hearings):
        _there(document, ["hearings", index, "arena"], hearing.arena, arenas)
    for index, survey in enumerate(stated.surveys):
        for position, arena in enumerate(survey.after):
            _there(document, ["surveys", index, "after", position], arena, arenas)
    for index, steering in enumerate(stated.steering):
        _there(document, ["steering", index, "arena"], steering.arena, arenas)
    for index, competence in enumerate(stated.competence):
        if competence.arena is not None:
            _there(document, ["competence", index, "arena"], competence.arena, arenas)
    for index, undertaking in enumerate(stated.undertakings):
        for position, arena in enumerate(undertaking.arenas):
            _there(document, ["undertakings", index, "arenas", position], arena, arenas)
        for position, code in enumerate(undertaking.indicators):
            if code not in indicators:
                reason = f"{code} is no indicator of this profile"
                raise document.refusal(["undertakings", index, "indicators", position], reason)


def _check_reports(document: Document, stated: Stated) -> None:
    surveys, units = {each.code for each in stated.surveys}, {unit.id for unit in stated.units}
    entered = {each.code for each in stated.indicators if each.entry is not None}
    for index, indicator in enumerate(stated.indicators):
        if indicator.entry is not None and indicator.entry.by.unit not in {None, *units}:
            reason = f"{indicator.entry.by.unit} is no unit of this profile"
            raise document.refusal(["indicators", index, "entry", "by", "unit"], reason)
    for index, report in enumerate(stated.reports):
        if report.owner.unit is not None and report.owner.unit not in units:
            reason = f"{report.owner.unit} is no unit of this profile"
            raise document.refusal(["reports", index, "owner", "unit"], reason)
        for position, heading in enumerate(report.headings):
            if strange := sorted(set(heading.entered) - entered):
                reason = f"{strange[0]} is no indicator of this profile that is entered"
                raise document.refusal(["reports", index, "headings", position, "entered"], reason)
            if strange := sorted(set(heading.surveys) - surveys):
                reason = f"{strange[0]} is no survey of this profile"
                raise document.refusal(["reports", index, "headings", position, "surveys"], reason)


def _check_guide(document: Document, stated: Stated) -> None:
    if stated.guide is None:
        return
    if unreadable(stated.cases):
        raise document.refusal(["cases"], "the public page cannot tell its offers and forms")
    seated = {unit.seated_as for unit in stated.units}
    for index, contact in enumerate(stated.guide.contacts):
        for position, service in enumerate(contact.services):
            if service not in seated:
                reason = f"no unit of this profile is {service}: nobody could be contacted"
                raise document.refusal(["guide", "contacts", index, "services", position], reason)


def _there(document: Document, path: list[int | str], arena: str, known: Iterable[str]) -> None:
    if arena not in known:
        raise document.refusal(path, f"{arena} is no arena of this profile")
