"""What a profile says beside the arenas: hearings, surveys, reports, indicators, measures with their owners, competence, guidance.

The sources name them; each line names the rule it comes from. Nothing here names a person, and no count is of a child.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StringConstraints, model_validator

from services.meetings.domain.arena_rules import ArenaTypeField
from services.meetings.domain.figures import FigureCode
from services.meetings.domain.organisation import UnitKind
from services.meetings.domain.stretch import Every
from services.meetings.domain.year import DayOfYear, Span
from shared.contracts.codes import Role, Service
from shared.profiles import Line, Rule, Rules, Text
from shared.refs import UnitIdField
from shared.small_numbers import THRESHOLD

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]
LEAST_SHOWN = THRESHOLD
"""No result of fewer answers is shown, as no other count of people is."""


class Milestone(Line):
    """Something that belongs in the year and is no meeting, for example the transition form in May (seed rules 13, 14)."""

    code: Code
    name: str = Field(min_length=1, max_length=120)
    window: Span | None = None
    """When in every year; or else:"""
    by: date | None = None
    """The day by which it is done, once."""
    rules: Rules

    @model_validator(mode="after")
    def _one_of_them(self) -> Milestone:
        if (self.window is None) == (self.by is None):
            raise ValueError("say either the window in every year or the day by which it is done")
        return self


class Hearing(Line):
    """In which matters a body is heard (høringsinstans), and how long each has to answer (seed rule 173)."""

    code: Code
    text: Text
    arena: ArenaTypeField
    """Where it is answered."""
    bodies: tuple[Service, ...] = Field(min_length=1)
    days: int = Field(ge=1, le=180)
    rule: Rule


class Question(Line):
    """A question of a survey, answered on a scale from 1 to 5."""

    code: Code
    text: Text
    rule: Rule


class Survey(Line):
    """A survey that opens when a meeting has been held (seed rules 74, 152, 153). Its answers are nobody's."""

    code: Code
    text: Text
    after: tuple[ArenaTypeField, ...] = Field(min_length=1)
    days: int = Field(ge=1, le=90)
    """How long it is open."""
    least: int = Field(default=LEAST_SHOWN, ge=LEAST_SHOWN, le=100)
    """Results of fewer answers are not shown."""
    questions: tuple[Question, ...] = Field(min_length=1)
    rules: Rules


class Reader(StrEnum):
    """To whom a report goes."""

    POLITICAL = "political"
    """Kommunestyret, or its committee."""
    STEERING_GROUP = "steering-group"
    STATE = "state"
    """Statsforvalteren."""
    LEADERS = "leaders"


class Stated(StrEnum):
    """What of the profile stands under a heading, as it is stated."""

    UNDERTAKINGS = "undertakings"
    """Measures of the municipality, with who is responsible and from when (seed rule 137)."""
    RESOURCES = "resources"
    """What it takes: money, hours, posts (seed rules 138, 177)."""
    INDICATORS = "indicators"
    """What shows effect, and where its numbers come from (seed rules 139, 141)."""


class ReportHeading(Text):
    """A heading, and what of it can be told by itself; what cannot is written by people."""

    figures: tuple[FigureCode, ...] = ()
    surveys: tuple[Code, ...] = ()
    """The surveys whose results stand there (seed rules 74, 152, 153)."""
    entered: tuple[Code, ...] = ()
    """The indicators whose figures people enter, that stand there (seed rules 150, 151, 155, 164, 190)."""
    stated: tuple[Stated, ...] = ()


class Owner(Line):
    """Who owes a report: sees all of it, is reminded of it, and says that it was delivered."""

    role: Role = Role.COORDINATOR
    unit: UnitIdField | None = None
    """Those of this unit only."""

    @model_validator(mode="after")
    def _few(self) -> Owner:
        if self.role in _OWE_NONE:
            raise ValueError(f"nobody owes a report as {self.role}")
        if self.role is not Role.COORDINATOR and self.unit is None:
            raise ValueError(f"say of which unit: there is a {self.role} in many")
        return self


_OWE_NONE: Final = frozenset(
    {Role.GUARDIAN, Role.CHILD, Role.PRIVACY_OFFICER, Role.AUDITOR, Role.OPERATOR, Role.SERVICE_ACCOUNT}
)
"""Private persons, programs, and those who oversee: figures are for those who work with children."""


class Report(Line):
    """A report with its headings and its deadline (seed rules 66, 123, 127, 128, 135, 136, 140, 178)."""

    code: Code
    text: Text
    to: tuple[Reader, ...] = Field(min_length=1)
    headings: tuple[ReportHeading, ...] = Field(min_length=1)
    compared_with: tuple[str, ...] = ()
    """Municipalities that use the same template, so that results can be compared (seed rule 135)."""
    by: date | None = None
    every_year: Span | None = None
    owner: Owner = Owner()
    rules: Rules

    @model_validator(mode="after")
    def _not_both(self) -> Report:
        if self.by is not None and self.every_year is not None:
            raise ValueError("say either the day by which it is due or when in every year")
        return self

    def due_after(self, day: date) -> date | None:
        """Return the day by which a report of what ended before `day` is due; None when the profile does not say."""
        if self.every_year is None:
            return self.by
        last = DayOfYear(self.every_year.last)
        return last.within(day.year) if last.within(day.year) >= day else last.within(day.year + 1)


class Source(StrEnum):
    """Where an indicator's numbers come from."""

    MEETINGS = "meetings"
    CASES = "cases"
    SURVEY = "survey"
    PAGE = "page"
    """Visits to the public page, as they are counted here (seed rule 150)."""
    NATIONAL = "national"
    """KOSTRA, Ungdata, GSI and the like: entered by hand."""
    ENTERED = "entered"


class Better(StrEnum):
    """Which way an indicator is to go."""

    MORE = "more"
    FEWER = "fewer"


class Quantity(StrEnum):
    """What kind of number it is."""

    COUNT = "count"
    PERCENT = "percent"


class Entry(Line):
    """How people enter an indicator's figures: what, how often, of whom, by whom (seed rules 132, 150, 151, 155, 164, 190)."""

    what: Text
    """What is counted, or of what it is a part: calls, measures, pupils."""
    quantity: Quantity = Quantity.COUNT
    every: Every
    of_children: bool = False
    """Whether it counts children, or what is done for single ones: then no small number is shown."""
    unit_kinds: frozenset[UnitKind] = frozenset()
    """Each unit of these kinds has a figure of its own, entered by its leader; left out, the municipality has one."""
    by: Owner = Owner()
    """Who enters the municipality's; and any unit's, beside its leader."""
    due_days: int | None = Field(default=None, ge=1, le=365)
    """Days after the period within which it is to be entered."""

    def due_by(self, last: date) -> date | None:
        """Return the last day on which a figure of a period that ended on `last` is in time; None: the profile says none."""
        return None if self.due_days is None else last + timedelta(days=self.due_days)


class Indicator(Line):
    """What shows whether a measure has effect (seed rules 141, 150-158)."""

    code: Code
    text: Text
    source: Source
    better: Better
    figure: FigureCode | None = None
    """The figure that shows it; None: its numbers are not in any event."""
    entry: Entry | None = None
    """How people enter its figures; None: nobody does."""
    rules: Rules

    @model_validator(mode="after")
    def _from_somewhere(self) -> Indicator:
        by_hand = self.source in {Source.ENTERED, Source.NATIONAL}
        if self.entry is not None and not by_hand:
            raise ValueError(f"what is from {self.source} is counted, and not entered")
        if self.entry is None and self.source is Source.ENTERED:
            raise ValueError("say with `entry` how it is entered")
        return self


class Resources(Line):
    """What something takes: money, hours, posts (seed rules 138, 177)."""

    text: Text
    kroner: int | None = Field(default=None, ge=0)
    hours_a_week: float | None = Field(default=None, gt=0, le=40)
    for_each: UnitKind | None = None
    """The hours are for each unit of this kind."""
    post_percent: int | None = Field(default=None, ge=1, le=1000)
    rules: Rules


class Undertaking(Line):
    """A measure (tiltak) of the municipality with who is responsible, when, what it takes and what shows its effect.

    (Seed rules 137, 138, 141-147.)
    """

    code: Code
    text: Text
    goal: Text
    owners: tuple[Text, ...] = Field(min_length=1)
    anchored_in: tuple[Text, ...] = ()
    """Political plans, budget, units' plans (seed rule 137)."""
    starts: date | None = None
    """The day on which it starts at the latest."""
    resources: tuple[Resources, ...] = ()
    indicators: tuple[Code, ...] = ()
    arenas: tuple[ArenaTypeField, ...] = ()
    """In whose meetings it is carried out."""
    rules: Rules


class Competence(Line):
    """Competence that is to be there, and who is to have it (seed rules 112, 115, 118, 119)."""

    code: Code
    text: Text
    services: frozenset[Service] = Field(min_length=1)
    renewed_months: int | None = Field(default=None, ge=1, le=120)
    arena: ArenaTypeField | None = None
    """Where it is raised and shared (seed rules 113, 114)."""
    rules: Rules


class GuidanceStep(Line):
    """Who guides all parents in what, when their child has come so far (seed rules 108, 109)."""

    code: Code
    from_months: int = Field(ge=0, le=216)
    to_months: int = Field(ge=1, le=216)
    """The child's age in months: from the one, before the other."""
    themes: tuple[Text, ...] = Field(min_length=1)
    done_by: tuple[Service, ...] = Field(min_length=1)
    rules: Rules

    @model_validator(mode="after")
    def _in_order(self) -> GuidanceStep:
        if self.to_months <= self.from_months:
            raise ValueError("the step ends before it begins")
        return self


class Hours(Line):
    """Hours of guidance a week at every unit of a kind (seed rule 163)."""

    code: Code
    text: Text
    unit_kinds: frozenset[UnitKind] = Field(min_length=1)
    hours_a_week: float = Field(gt=0, le=40)
    rule: Rule


class Steering(Line):
    """Who steers and who works, and for how long (seed rules 76, 123, 124, 187)."""

    arena: ArenaTypeField
    roles: frozenset[Role] = Field(min_length=1)
    until: Text
    rules: Rules
