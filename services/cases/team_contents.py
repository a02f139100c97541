"""What is answered out of the vault of the work around the child: only after the look's record is committed."""

from __future__ import annotations

from services.cases.views_team import AskedView, PlanView, ReportView
from shared.contracts.base import Model
from shared.contracts.codes import GrantorClass
from shared.refs import CaseRef, GoalRef


class PlanGoal(Model):
    """A goal of the plan; its words stand here, in a measure's goal, or in the minutes that decided it."""

    goal: GoalRef
    text: str | None


class PlanContent(PlanView):
    """The individual plan with the words that this reader may see."""

    basis: str
    words: tuple[PlanGoal, ...]


class NeedContent(Model):
    """How one of the family is spoken with, and what they read."""

    person: GrantorClass
    ordinal: int
    language: str
    interpreter: str
    written_material: bool


class LanguageNeeds(Model):
    """How the family is spoken with."""

    case: CaseRef
    needs: tuple[NeedContent, ...]


class AskedContent(AskedView):
    """A request to contribute with what is asked, in words."""

    text: str


class ReportContent(ReportView):
    """A concern report as it was written."""

    ground: str
    text: str
    not_informed_because: str | None
    child_heard_by: str | None
    child_said: str | None
    not_heard_because: str | None
