"""What a municipality decides about concerns, levels and measures: the `cases:` part of its profile. See `docs/profiles.md`.

The sources name offers, levels and teams, and leave to each municipality which offer belongs to which level, what counts
as a concern, and how long things may take. So all of it is data; every line that states a rule names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from services.cases.domain.form_profile import FormTemplate, check_forms
from services.cases.domain.state import SERVICES_WITH_MANY_UNITS
from services.cases.domain.team_profile import USUAL, TeamProfile
from services.cases.domain.watch import USUAL_WATCH, Watch
from shared.contracts.codes import Area, Service
from shared.profiles import Document, Heading, Line, Rule, Rules, Text
from shared.refs import LogScope, LogScopeField, UnitIdField

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]
Level = Annotated[int, Field(ge=0, le=3)]
"""A step of the ladder (tiltakstrapp): 0 for everybody, 3 with the most intensive help (seed rule 181)."""
HIGHEST_LEVEL = 3


class Coded(Line):
    """A word of the municipality's common vocabulary (seed rule 170): a code, and what people read."""

    code: Code
    text: Text
    rule: Rule


class Criterion(Coded):
    """When should we become concerned? (seed rule 83)."""

    areas: frozenset[Area] = Field(min_length=1)
    """What a concern by this criterion can be about."""


class Days(Line):
    """How many days something may take."""

    days: int = Field(ge=1, le=365)
    rule: Rule


class Weeks(Line):
    """How many weeks something may take at most."""

    weeks: int = Field(ge=1, le=104)
    rule: Rule


class Deadlines(Line):
    """How long a case may wait for what comes next."""

    act: Days
    """From concern to action (seed rule 79)."""
    decide: Days
    """From a case's opening to a decision on what to do (seed rule 144)."""
    meet: Days
    """From a step up to level 2 or 3 until the meeting (seed rule 68)."""
    evaluate: Weeks
    """From a measure's beginning, or its last evaluation, to the next: at most (seed rules 88, 89)."""


class RetiredBecause(StrEnum):
    """Why a type of measure is no longer offered (seed rule 166)."""

    NO_EFFECT = "no-effect"
    NOT_IN_USE = "not-in-use"
    REPLACED = "replaced"


class Retirement(Line):
    """A type of measure was discarded, deliberately (seed rule 166)."""

    from_day: date
    """The first day in Norway on which it is not offered."""
    because: RetiredBecause
    rule: Rule


class Offer(Line):
    """A type of measure on the ladder (seed rules 28, 162, 181, 182, 188)."""

    code: Code
    text: Text
    level: Level
    """The lowest level at which it is offered. The sources do not say it: the municipality does."""
    rules: Rules
    review_by: date | None = None
    """When it is to be decided again whether we believe in it (seed rule 166)."""
    retired: Retirement | None = None

    def offered_on(self, day: date) -> bool:
        """Return whether it is offered on `day` in Norway."""
        return self.retired is None or day < self.retired.from_day


class Overlap(Line):
    """Types of measures that do much the same: two units that do both do it twice (seed rules 49, 161)."""

    code: Code
    text: Text
    measures: tuple[Code, ...] = Field(min_length=1)
    rules: Rules


class TeamLevel(Line):
    """A team that a case at some levels is taken to, and the one it lifts to (seed rules 68, 69)."""

    code: Code
    """The type of the arena in which it meets."""
    at: Literal["child", "unit", "municipality"]
    levels: frozenset[Level] = Field(min_length=1)
    lifts_to: Code | None = None
    rule: Rule


class Competence(Line):
    """A service with the competence that a level asks for (seed rules 80, 81, 86)."""

    service: Service
    level: Annotated[int, Field(ge=1, le=3)]
    """The lowest level at which it takes part."""
    rule: Rule


class Tool(Coded):
    """A mapping tool (kartleggingsverktøy) or a method (tiltaksmetode) that was chosen (seed rules 169, 186)."""

    areas: frozenset[Area] = Field(min_length=1)


class CasesProfile(Line):
    """What one municipality decides about its cases."""

    criteria: tuple[Criterion, ...] = Field(min_length=1)
    deadlines: Deadlines
    offers: tuple[Offer, ...] = Field(min_length=1)
    teams: tuple[TeamLevel, ...] = Field(min_length=1)
    competence: tuple[Competence, ...] = Field(min_length=1)
    overlaps: tuple[Overlap, ...] = ()
    family_frame: tuple[Coded, ...] = Field(min_length=1)
    """The family's overall frame: housing, income, leisure (seed rule 105)."""
    mapping_tools: tuple[Tool, ...] = ()
    methods: tuple[Tool, ...] = ()
    forms: tuple[FormTemplate, ...] = ()
    """The transition forms, in `form_profile.py` (seed rules 13, 14)."""
    team: TeamProfile = USUAL
    """The team around the child, in `team_profile.py`."""
    protected: Watch = USUAL_WATCH
    """Who looks after the cases of children with a protected address, in `watch.py`."""

    def form(self, form_type: str) -> FormTemplate | None:
        """Return the template of that type of form; None when the profile has none such."""
        return next((one for one in self.forms if one.type == form_type), None)

    def criterion(self, code: str) -> Criterion | None:
        """Return the criterion; None when the profile has none such."""
        return next((one for one in self.criteria if one.code == code), None)

    def offer(self, code: str) -> Offer | None:
        """Return the offer, retired or not; None when the profile has none such."""
        return next((one for one in self.offers if one.code == code), None)

    def offers_at(self, level: int, day: date) -> list[Offer]:
        """Return what may be put in at `level` on `day` in Norway: what belongs to it or below, and is not retired."""
        return [one for one in self.offers if one.level <= level and one.offered_on(day)]

    def overlapping(self, one: str, other: str) -> Overlap | None:
        """Return the group to which both types of measures belong; None when they do different things."""
        return next((group for group in self.overlaps if {one, other} <= set(group.measures)), None)

    def team_at(self, level: int) -> TeamLevel | None:
        """Return the team that takes a case at `level`."""
        return next((one for one in self.teams if level in one.levels), None)

    def level_of(self, service: Service) -> int | None:
        """Return the lowest level at which `service` takes part; None when it takes part in none."""
        return min((one.level for one in self.competence if one.service is service), default=None)

    def services_at(self, level: int) -> frozenset[Service]:
        """Return the services whose competence comes in at exactly `level`."""
        return frozenset(one.service for one in self.competence if one.level == level)


class MunicipalProfile(Line):
    """One municipality with its `cases:` part."""

    municipality: LogScopeField
    name: str
    cases: CasesProfile

    @property
    def scope(self) -> LogScope:
        """Return the municipality."""
        return self.municipality


def read_cases(document: Document) -> tuple[MunicipalProfile, ...]:
    """Return what the profile says about cases, for each of its municipalities; nothing when it says nothing.

    Raises:
        ProfileError: an unknown or missing word, or rules that do not hold together: file, line and reason.
    """
    content = document.content
    if not isinstance(content, dict) or "cases" not in content:
        return ()
    heading = document.pick(Heading)
    document.each_once(["together", "municipalities"], [each.number for each in heading.municipalities])
    profile = document.part(CasesProfile, "cases")
    _check_codes(document, profile)
    _check_ladder(document, profile)
    _check_teams(document, profile)
    check_forms(document, profile.forms)
    _check_watch(document, profile.protected)
    return tuple(
        MunicipalProfile(municipality=each.number, name=each.name, cases=profile) for each in heading.municipalities
    )


def _check_codes(document: Document, profile: CasesProfile) -> None:
    lists: dict[str, Sequence[Coded | Offer | Overlap | TeamLevel]] = {
        "criteria": profile.criteria,
        "offers": profile.offers,
        "overlaps": profile.overlaps,
        "teams": profile.teams,
        "family_frame": profile.family_frame,
        "mapping_tools": profile.mapping_tools,
        "methods": profile.methods,
    }
    for name, lines in lists.items():
        document.each_once(["cases", name], [line.code for line in lines])
    document.each_once(["cases", "competence"], [one.service for one in profile.competence])


def _check_ladder(document: Document, profile: CasesProfile) -> None:
    missing = _missing(one.level for one in profile.offers)
    if missing:
        raise document.refusal(["cases", "offers"], f"the ladder has no offer at level {missing[0]}")
    for index, group in enumerate(profile.overlaps):
        for position, code in enumerate(group.measures):
            if profile.offer(code) is None:
                reason = f"{code} is no offer of this profile"
                raise document.refusal(("cases", "overlaps", index, "measures", position), reason)


def _check_teams(document: Document, profile: CasesProfile) -> None:
    """Every level has one team, and lifting comes to an end."""
    known = {team.code: team for team in profile.teams}
    missing = _missing(level for team in profile.teams for level in team.levels)
    if [level for level in missing if level > 0]:
        raise document.refusal(["cases", "teams"], f"no team takes a case at level {missing[-1]}")
    taken: set[int] = set()
    for index, team in enumerate(profile.teams):
        if taken & team.levels:
            raise document.refusal(
                ["cases", "teams", index, "levels"], "another team takes cases at this level already"
            )
        taken |= team.levels
        if team.lifts_to is not None and team.lifts_to not in known:
            raise document.refusal(["cases", "teams", index, "lifts_to"], f"{team.lifts_to} is no team of this profile")
    for index, team in enumerate(profile.teams):
        passed, at = {team.code}, team
        while at.lifts_to is not None:
            at = known[at.lifts_to]
            if at.code in passed:
                raise document.refusal(["cases", "teams", index, "lifts_to"], "lifting goes round in a circle")
            passed.add(at.code)


class _Unit(Line):
    """A unit of the meetings' part, as far as it matters here."""

    model_config = ConfigDict(extra="ignore")

    id: UnitIdField
    kind: str


class _Units(Line):
    units: tuple[_Unit, ...] = ()


def _check_watch(document: Document, watch: Watch) -> None:
    """A duty for all protected cases lies with no barnehage or school: it would be somebody's own case, and its leader's name."""
    near_the_child = {unit.id for unit in document.pick(_Units).units if unit.kind in SERVICES_WITH_MANY_UNITS}
    if watch.unit in near_the_child:
        raise document.refusal(["cases", "protected", "unit"], f"{watch.unit} is a barnehage or school")


def _missing(levels: Iterable[int]) -> list[int]:
    there = set(levels)
    return [level for level in range(HIGHEST_LEVEL + 1) if level not in there]
